/** Chooses the columns that identify a row: as configured, else the main table's primary key, else a document's `_id`. */
import { didYouMean } from "../config/suggest.ts";
import { DrayageError } from "../errors.ts";
import { isSameName } from "../rows/known-names.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import type { TableSpec } from "./table-spec.ts";

/** A column that the source feeds. */
interface KeyFeed {
  /** As in `columns.path` of the state schema. */
  readonly path: string;
  readonly column: string;
}

/** Columns of the key, in its order; empty for append. */
export function chooseKey(
  table: TableSpec,
  feeds: readonly KeyFeed[],
  stored: readonly StoredColumn[],
  main: MainTable | undefined,
): string[] {
  if (table.config.writeMode === "append") return [];
  const place = { table: table.name };
  const exact = new Map<string, string>();
  // A document's key path may be missing from a unit of deletes; a source column that is missing is a wrong object.
  const paths = stored.filter(({ path }) => path.includes(":"));
  for (const { path, column } of [...paths, ...feeds.flatMap((feed) => [{ ...feed, path: feed.column }, feed])]) {
    exact.set(path.replace(/^[^:]*:/, ""), column);
  }
  const configured = table.config.primaryKey;
  if (configured !== undefined) {
    return configured.map((name) => {
      // As spelled first: beside `user_id`, `userId` is another column.
      const column = exact.get(name) ?? [...exact].reverse().find(([path]) => isSameName(path, name))?.[1];
      if (column !== undefined) return column;
      throw new DrayageError("KEY_COLUMN_ABSENT", {
        message: `The key column ${name} is not among the object's columns: ${list(feeds.map((feed) => feed.column))}${didYouMean(name, exact.keys())}`,
        place: { ...place, column: name },
      });
    });
  }
  if (main !== undefined && main.primaryKey.length > 0) {
    const missing = main.primaryKey.find(
      (name) => !feeds.some((feed) => feed.column === name) && !stored.some((column) => column.column === name),
    );
    if (missing === undefined) return [...main.primaryKey];
    throw new DrayageError("KEY_COLUMN_ABSENT", {
      message: `The main table's primary key column ${missing} is not among the object's columns: ${list(feeds.map((feed) => feed.column))}`,
      place: { ...place, column: missing },
    });
  }
  const id =
    feeds.find((feed) => feed.path === "_id" || feed.path.endsWith(":_id")) ??
    feeds.find((feed) => ["oid__id", "oid_id"].includes(feed.path));
  if (id !== undefined) return [id.column];
  // DMS writes its timestamp first, and the time of a transfer is nobody's key.
  const columns = feeds.map((feed) => feed.column);
  const likely = columns.find((name) => /(^|_)(id|no|number|key|code)$/.test(name)) ?? columns[0] ?? "id";
  throw new DrayageError("KEY_MISSING", {
    place,
    lines: ["tables:", `  ${table.config.name}:`, `    primary_key: [${likely}]   # of: ${list(columns)}`],
  });
}

function list(names: readonly string[]): string {
  return names.length <= 12 ? names.join(", ") : `${names.slice(0, 12).join(", ")} and ${names.length - 12} more`;
}
