/** A session for commands that read the state schema, and the state's names of the tables that a command line names. */
import type { Config } from "../config/config.ts";
import { claimTable, targetOf } from "../config/table-names.ts";
import { DrayageError } from "../errors.ts";
import { namedTables } from "../load/discover.ts";
import { stateTables } from "../warehouse/history-rows.ts";
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
  const tables = await stateTables(session, config.warehouse.stateSchema);
  const known = new Set(tables.map((table) => table.name));
  const found = new Set(names.filter((name) => known.has(name)));
  const others = names.filter((name) => !known.has(name));
  const wanted = others.length === 0 ? undefined : wantedTables(config, others);
  if (wanted !== undefined) {
    for (const spec of namedTables(config)) if (wanted.wants(spec, spec.config.prefixes[0] ?? "")) found.add(spec.name);
    for (const { name, folder } of tables) {
      const entry = folder === undefined ? undefined : claimTable(config.tables, folder);
      if (folder === undefined || entry === undefined) continue;
      const { schema, table, name: targetName } = targetOf(entry, folder, config.warehouse.schema);
      const spec = { name, target: { schema, table }, config: entry };
      if (targetName === name && wanted.wants(spec, folder)) found.add(name);
    }
  }
  if (found.size === 0)
    throw new DrayageError("TABLE_UNKNOWN", { message: `No table of that name was ever loaded: ${names.join(", ")}` });
  return [...found];
}
