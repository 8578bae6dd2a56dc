/** What an export of the source's catalog says of one table, beneath what the config says of it. */
import { exportedTable } from "../config/columns-export.ts";
import type { ColumnRule, Config, TableConfig } from "../config/config.ts";
import { targetOf } from "../config/table-names.ts";
import { isSameName } from "../rows/known-names.ts";
import type { TableSpec } from "./table-spec.ts";

/** The table of a folder that the entry claims. */
export function specOf(config: Config, table: TableConfig, folder: string): TableSpec {
  const { schema, table: target, name } = targetOf(table, folder, config.warehouse.schema);
  return { name, target: { schema, table: target }, config: withExport(table, folder) };
}

// A listing asks for each of its folders, and some callers compare what they got.
const known = new WeakMap<TableConfig, Map<string, TableConfig>>();

/** The entry as it holds for the folder: names and order, types, key, each where the config names none. */
export function withExport(entry: TableConfig, folder: string): TableConfig {
  if (entry.columnsFrom === undefined) return entry;
  const byFolder = known.get(entry) ?? new Map<string, TableConfig>();
  known.set(entry, byFolder);
  const made = byFolder.get(folder) ?? merged(entry, folder);
  byFolder.set(folder, made);
  return made;
}

function merged(entry: TableConfig, folder: string): TableConfig {
  // Gone from the result: another table's line in the file changes nothing about this one's objects.
  const plain = { ...entry, columnsFrom: undefined };
  const table = entry.columnsFrom === undefined ? undefined : exportedTable(entry.columnsFrom, folder);
  if (table === undefined) return plain;
  const rules = new Map<string, ColumnRule>();
  const own = [...entry.columns];
  for (const { name, type } of table.columns) {
    if (type === undefined || entry.documents.some((document) => isSameName(document, name))) continue;
    const rule = own.find(([written]) => written === name) ?? own.find(([written]) => isSameName(written, name));
    if (rule === undefined) rules.set(name, { kind: "column", type, as: undefined, timezone: undefined, line: 0 });
    // `as` and `timezone` alone leave the type open.
    else if (rule[1].kind === "column" && rule[1].type === undefined) rules.set(rule[0], { ...rule[1], type });
  }
  return {
    ...plain,
    columnList: entry.columnList ?? table.columns.map(({ name }) => name),
    columns: new Map([...own, ...rules]),
    primaryKey: entry.primaryKey ?? (table.key.length > 0 ? table.key : undefined),
  };
}
