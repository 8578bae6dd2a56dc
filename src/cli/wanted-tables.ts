/** Which tables a command line names: by config name, S3 path, target name or glob. */
import type { Config } from "../config/config.ts";
import { selectTables } from "../config/table-names.ts";
import type { TableFilter } from "../load/discover.ts";

/** undefined: all. */
export function wantedTables(config: Config, names: readonly string[]): TableFilter | undefined {
  if (names.length === 0) return undefined;
  const select = selectTables(config.tables, names);
  return { wants: (table, folder) => select(table.config, table.name, folder), listed: () => select.requireAllFound() };
}
