/** A session for commands that read the state schema, and the state's names of the tables that a command line names. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { namedTables } from "../load/discover.ts";
import { stateTableNames } from "../warehouse/history-rows.ts";
import { hasStateSchema } from "../warehouse/migrate.ts";
import { Session } from "../warehouse/session.ts";
import { wantedTables } from "./wanted-tables.ts";

/** undefined: nothing was ever loaded, there is no state schema. */
export async function withState<T>(
  config: Config,
  command: string,
  work: (session: Session) => Promise<T>,
): Promise<T | undefined> {
  const session = await Session.connect(config.warehouse, command, config.source.timezone);
  try {
    return (await hasStateSchema(session, config.warehouse.stateSchema)) ? await work(session) : undefined;
  } finally {
    await session.close();
  }
}

/** Names in the state schema; empty: all. A name that only the state knows (its table left the config) is taken too. */
export async function stateNames(session: Session, config: Config, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const known = await stateTableNames(session, config.warehouse.stateSchema);
  const own = names.filter((name) => known.includes(name));
  const others = names.filter((name) => !known.includes(name));
  const wanted = others.length === 0 ? undefined : wantedTables(config, others);
  const found =
    wanted === undefined
      ? []
      : namedTables(config)
          .filter((table) => wanted.wants(table, table.config.prefixes[0] ?? ""))
          .map((table) => table.name);
  if (own.length + found.length === 0)
    throw new DrayageError("TABLE_UNKNOWN", { message: `No table of that name was ever loaded: ${names.join(", ")}` });
  return [...own, ...found];
}
