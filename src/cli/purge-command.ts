/** `drayage rejects purge`: says how many rejects would go, and with --yes lets them go. */
import { DrayageError } from "../errors.ts";
import { formatCount } from "../observe/progress.ts";
import { countPurge, purgeRejects } from "../warehouse/purge-rejects.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { parseMoment } from "./moment.ts";
import { stateNames, withState } from "./state-session.ts";
import { print } from "./terminal.ts";

export interface PurgeOptions extends GlobalOptions {
  readonly before?: string;
  readonly replayed?: boolean;
}

export async function runRejectsPurge(host: Host, names: readonly string[], options: PurgeOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const { replayed = false } = options;
  if (options.before === undefined && !replayed)
    throw new DrayageError("USAGE", {
      message: "It is not said which rejects",
      next: "Give --replayed (those that are in), --before TIME, or both.",
    });
  const before = options.before === undefined ? undefined : parseMoment(options.before, new Date());
  const config = configOf(host, options);
  const { stateSchema } = config.warehouse;
  const purged = await withState(config, "rejects purge", async (session) => {
    const selection = { tables: await stateNames(session, config, names), before, replayed };
    const found = await countPurge(session, stateSchema, selection);
    if (found.rejects > 0 && options.yes !== true)
      throw new DrayageError("USAGE", {
        message: `${counted(found.rejects)} would be deleted${openText(found.open)}`,
        next: "Give --yes to delete them.",
      });
    return { ...found, rejects: await purgeRejects(session, stateSchema, selection) };
  });
  const { rejects, open } = purged ?? { rejects: 0, open: 0 };
  if (terminal.json)
    host.stdout.write(
      `${JSON.stringify({ format: 1, command: "rejects purge", exit: 0, deleted: rejects, open }, undefined, 2)}\n`,
    );
  else print(terminal, rejects === 0 ? "No such rejects." : `${counted(rejects)} deleted${openText(open)}.`);
  return 0;
}

function openText(open: number): string {
  return open === 0 ? "" : `, ${formatCount(open)} of them open: those records are in no table`;
}

function counted(count: number): string {
  return `${formatCount(count)} reject${count === 1 ? "" : "s"}`;
}
