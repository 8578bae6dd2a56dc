/** `drayage status`: what needs attention first, each with the command that mends it, one line for the rest. */
import { setTimeout as sleep } from "node:timers/promises";
import { DrayageError } from "../errors.ts";
import { readStatusFacts } from "../load/status-facts.ts";
import type { Attention } from "../observe/attention.ts";
import { evaluate } from "../observe/evaluate.ts";
import { migrate } from "../warehouse/migrate.ts";
import { configOf, type GlobalOptions, type Host, terminalOf, withSignals } from "./context.ts";
import { type StatusNow, statusJson, statusText } from "./render-status.ts";
import { stateNames, withState } from "./state-session.ts";
import { printResult } from "./terminal.ts";

export interface StatusOptions extends GlobalOptions {
  readonly watch?: boolean;
}

const redrawMs = 5_000;
const clearScreen = "\u001b[H\u001b[2J\u001b[3J";

export async function runStatus(host: Host, names: readonly string[], options: StatusOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const watch = options.watch === true;
  if (watch && !terminal.interactive)
    throw new DrayageError("USAGE", {
      message: "--watch draws on a terminal, and there is none here",
      next: "Run `drayage status --json` as often as you like.",
    });
  const exit = await withState(config, "status", async (session) => {
    // The first status after an upgrade may come before the first load.
    await migrate(session, config.warehouse.stateSchema);
    const read = async (): Promise<StatusNow> => {
      const { facts, now } = await readStatusFacts(session, config);
      const named = names.length === 0 ? undefined : new Set(await stateNames(session, config, names));
      const attention = evaluate(facts, now).filter((one) => isAbout(one, named));
      return { facts, attention, now, named };
    };
    if (watch)
      return withSignals(async (signal) => {
        for (;;) {
          const text = statusText(terminal, await read());
          terminal.out.write(`${clearScreen}${text}\n`);
          await sleep(redrawMs, undefined, { signal });
        }
      });
    const status = await read();
    const code = status.attention.length === 0 ? 0 : 7;
    if (terminal.json) host.stdout.write(`${JSON.stringify(statusJson(status, code), undefined, 2)}\n`);
    else printResult(terminal, statusText(terminal, status));
    return code;
  });
  if (exit !== undefined) return exit;
  if (terminal.json)
    host.stdout.write(
      `${JSON.stringify({ format: 1, command: "status", exit: 0, attention: [], tables: [] }, undefined, 2)}\n`,
    );
  else printResult(terminal, "Nothing was ever loaded: there is no state schema yet. Run `drayage load`.");
  return 0;
}

/** What concerns no table (a run, the source) concerns each; a folder that no table reads concerns none. */
function isAbout(one: Attention, named: ReadonlySet<string> | undefined): boolean {
  if (named === undefined) return true;
  return one.table === undefined ? one.folder === undefined : named.has(one.table);
}
