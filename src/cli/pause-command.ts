/** `drayage pause` and `resume`: loads leave a table alone, and say so, until it is resumed or the time has come. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { namedTables } from "../load/discover.ts";
import { pauseTable, resumeTable } from "../warehouse/marks.ts";
import { migrate } from "../warehouse/migrate.ts";
import { Session } from "../warehouse/session.ts";
import { ensureTableState } from "../warehouse/table-state.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { parseMoment } from "./moment.ts";
import { stateNames } from "./state-session.ts";
import { print, safeText } from "./terminal.ts";
import { wantedTables } from "./wanted-tables.ts";

export interface PauseOptions extends GlobalOptions {
  readonly reason?: string;
  readonly until?: string;
}

export async function runPause(host: Host, name: string, options: PauseOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const now = new Date();
  const until = options.until === undefined ? undefined : parseMoment(options.until, now, "future");
  if (until !== undefined && until <= now)
    throw new DrayageError("USAGE", {
      message: `--until ${options.until} is over`,
      next: "Give a time to come: 3d, or 2027-01-01T06:00 (UTC).",
    });
  const config = configOf(host, options);
  const reason = options.reason?.trim() === "" ? undefined : options.reason;
  const tables = await withTables(config, "pause", name, async (session, table) => {
    await pauseTable(session, config.warehouse.stateSchema, table, { reason, until });
    return table;
  });
  if (terminal.json) {
    const json = { format: 1, command: "pause", exit: 0, tables, reason: reason ?? null, until: until ?? null };
    host.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
  } else {
    const end = until === undefined ? "until it is resumed" : `until ${when(until)}`;
    for (const table of tables)
      print(
        terminal,
        `${safeText(table)}: paused ${end}${reason === undefined ? "" : ` (${safeText(reason)})`}. Its objects wait; every load says so.\n  the way back: drayage resume ${safeText(table)}`,
      );
  }
  return 0;
}

export async function runResume(host: Host, name: string, options: GlobalOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const ended = await withTables(config, "resume", name, async (session, table) => ({
    table,
    pause: await resumeTable(session, config.warehouse.stateSchema, table),
  }));
  if (terminal.json) {
    const tables = ended.map(({ table, pause }) => ({
      table,
      paused_since: pause?.since ?? null,
      reason: pause?.reason ?? null,
    }));
    host.stdout.write(`${JSON.stringify({ format: 1, command: "resume", exit: 0, tables }, undefined, 2)}\n`);
  } else {
    for (const { table, pause } of ended) {
      const reason = pause?.reason === undefined ? "" : ` (${safeText(pause.reason)})`;
      print(
        terminal,
        pause === undefined
          ? `${safeText(table)}: was not paused.`
          : `${safeText(table)}: resumed; it was paused since ${when(pause.since)}${reason}. The next load takes what waits.`,
      );
    }
  }
  return 0;
}

function when(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Each table of that name, noted in the state schema when it never was loaded. */
async function withTables<T>(
  config: Config,
  command: string,
  name: string,
  work: (session: Session, table: string) => Promise<T>,
): Promise<T[]> {
  const { stateSchema } = config.warehouse;
  const session = await Session.connect(config.warehouse, command, config.source.timezone);
  try {
    await migrate(session, stateSchema);
    const wanted = wantedOf(config, name);
    for (const spec of namedTables(config))
      if (wanted?.wants(spec, spec.config.prefixes[0] ?? "") === true)
        await ensureTableState(session, stateSchema, { name: spec.name, ...spec.target });
    const done: T[] = [];
    for (const table of await stateNames(session, config, [name])) done.push(await work(session, table));
    return done;
  } catch (error) {
    throw warehouseError(error, `${command} the table`);
  } finally {
    await session.close();
  }
}

/** undefined: no table of the config; the state schema may still know it. */
function wantedOf(config: Config, name: string) {
  try {
    return wantedTables(config, [name]);
  } catch (error) {
    if (error instanceof DrayageError && error.code === "TABLE_UNKNOWN") return undefined;
    throw error;
  }
}
