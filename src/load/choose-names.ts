/** Chooses the main table's column for each path: as stored, as configured, as it is called there, else a new name. */
import { DrayageError } from "../errors.ts";
import { uniqueNames } from "../rows/column-name.ts";
import { isSameName } from "../rows/known-names.ts";
import type { MainColumn } from "../warehouse/catalog.ts";
import { ident, literal, qualified } from "../warehouse/identifier.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import { storedSegments } from "./stored-path.ts";
import { ruleFor, type TableSpec } from "./table-spec.ts";

export const systemNames = [
  "_loaded_at",
  "_op_ts",
  "_object",
  "_record",
  "_version",
  "_deleted_at",
  "_op",
  "_rescued",
  "_n",
] as const;
const reserved: ReadonlySet<string> = new Set([...systemNames, "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);

export interface NamedPath {
  /** As in `columns.path`. */
  readonly path: string;
  readonly segments: readonly string[];
}

/** Column by path. Stored names stay; then the config's `as`, then a main column of that name, then a new name. */
export function chooseNames(
  table: TableSpec,
  wanted: readonly NamedPath[],
  stored: ReadonlyMap<string, StoredColumn>,
  main: ReadonlyMap<string, MainColumn>,
): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>([...stored.values()].map((column) => column.column));
  const open: NamedPath[] = [];
  for (const one of wanted) {
    const rule = ruleFor(table.config, one.segments);
    const as = rule?.kind === "column" ? rule.as : undefined;
    const before = stored.get(one.path);
    if (before !== undefined) {
      if (as !== undefined && as !== before.column) throw renamed(table, one.path, before.column, as);
      names.set(one.path, before.column);
    } else if (as !== undefined) names.set(one.path, as);
    else open.push(one);
  }
  for (const name of names.values()) taken.add(name);
  const naming = { separator: table.config.flatten.separator, naming: table.config.flatten.naming };
  const joined = (one: NamedPath) => one.segments.join(table.config.flatten.separator);
  const spelled = new Set(open.map(joined));
  const fresh: NamedPath[] = [];
  for (const one of open) {
    const name = joined(one);
    const match = main.has(name) ? name : [...main.keys()].find((column) => isSameName(column, name));
    // `userId` must not take the column `user_id` from a field of that very name.
    const isOthers = match === undefined || (match !== name && spelled.has(match));
    if (!isOthers && !taken.has(match) && !reserved.has(match)) {
      names.set(one.path, match);
      taken.add(match);
    } else fresh.push(one);
  }
  for (const name of main.keys()) taken.add(name);
  // A path of a document may read like a column beside it, which then has the plain name.
  const isField = (one: NamedPath) => storedSegments(one.path) === undefined;
  for (const group of [fresh.filter(isField), fresh.filter((one) => !isField(one))]) {
    const paths = group.map((one) => one.segments);
    for (const [i, name] of uniqueNames(paths, taken, reserved, naming).entries()) {
      names.set(group[i]!.path, name);
      taken.add(name);
    }
  }
  return names;
}

function renamed(table: TableSpec, path: string, from: string, to: string): DrayageError {
  return new DrayageError("CONTRACT", {
    message: `The config renames a column that is loaded already: ${path} feeds ${from}, \`as\` says ${to}`,
    place: { table: table.name, column: from },
    lines: [
      `alter table ${qualified(table.target.schema, table.target.table)} rename column ${ident(from)} to ${ident(to)};`,
      `-- and in the state schema: update columns set column_name = ${literal(to)} where table_name = ${literal(table.name)} and column_name = ${literal(from)};`,
    ],
    next: "Run the statements printed above, or take `as` back.",
  });
}
