/** Decides which staged cell feeds which column of the main table: by what is stored, by the config, by name; else a new column. */
import { DrayageError } from "../errors.ts";
import { pathText, uniqueNames } from "../rows/column-name.ts";
import { typeOfKinds } from "../rows/kinds.ts";
import { isSameName } from "../rows/known-names.ts";
import type { PathColumn } from "../rows/path-column.ts";
import type { MainColumn, MainTable } from "../warehouse/catalog.ts";
import { ident, literal, qualified } from "../warehouse/identifier.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import { chooseKey } from "./choose-key.ts";
import { beforeImageOf, ruleFor, type TableSpec } from "./table-spec.ts";

/** What one unit staged, by cell. */
export interface StagedColumns {
  readonly fields: readonly StagedField[];
  readonly paths: readonly StagedPath[];
  /** Cell of the rescued paths, when there were any. */
  readonly rescued: number | undefined;
}

export interface StagedField {
  /** Position in the record: cell c(index + 1). */
  readonly index: number;
  readonly name: string;
  readonly role: "op" | "timestamp" | "column" | "document";
}

export interface StagedPath {
  /** The document's source column. */
  readonly document: string;
  readonly column: PathColumn;
}

export interface Feed {
  /** As in `columns.path` of the state schema. */
  readonly path: string;
  readonly column: string;
  readonly from:
    | { readonly kind: "field"; readonly index: number }
    | { readonly kind: "path"; readonly column: PathColumn }
    | { readonly kind: "absent" };
  /** Type that the column has, or gets. */
  readonly type: string;
  readonly timezone: string | undefined;
  /** Whether drayage made the column and may widen it. */
  readonly made: boolean;
  readonly main: MainColumn | undefined;
}

export interface Binding {
  readonly feeds: readonly Feed[];
  /** Columns of the key, in its order. */
  readonly key: readonly string[];
  readonly opIndex: number | undefined;
  readonly timestampIndex: number | undefined;
  /** The source column that order_by names, when the object has it. */
  readonly order: { readonly column: string; readonly index: number } | undefined;
  /** Of a column with a before image: index of that, by the column's own index. Before images feed no column. */
  readonly before: ReadonlyMap<number, number>;
  readonly rescued: number | undefined;
}

/** `_doc:address.city`. */
export function storedPath(document: string, path: readonly string[]): string {
  return `${document}:${pathText(path)}`;
}

/** The segments of a stored path below its document; undefined for a source column. */
export function storedSegments(path: string): string[] | undefined {
  return /^[^:]*:(.*)$/s
    .exec(path)?.[1]
    ?.split(/(?<!\\)\./)
    .map((part) => part.replaceAll(/\\(.)/g, "$1"));
}

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

interface Wanted {
  readonly path: string;
  readonly segments: readonly string[];
  readonly from: Feed["from"];
  readonly inferred: string;
}

export function bindColumns(
  table: TableSpec,
  staged: StagedColumns,
  stored: readonly StoredColumn[],
  main: MainTable | undefined,
): Binding {
  const wanted = wantedColumns(table, staged);
  const storedBy = new Map(stored.map((column) => [column.path, column]));
  const mainBy = new Map((main?.columns ?? []).map((column) => [column.name, column]));
  const names = chooseNames(table, wanted, storedBy, mainBy);
  const feeds: Feed[] = [];
  for (const one of wanted) {
    const column = names.get(one.path);
    if (column === undefined) continue;
    const known = mainBy.get(column);
    if (known?.generated === true) continue;
    const rule = ruleFor(table.config, one.segments);
    const declared = rule?.kind === "column" ? rule : undefined;
    const before = storedBy.get(one.path);
    feeds.push({
      path: one.path,
      column,
      from: one.from,
      type: known?.type ?? declared?.type ?? one.inferred,
      timezone: declared?.timezone,
      made: declared?.type === undefined && one.from.kind === "path" && (before?.made ?? known === undefined),
      main: known,
    });
  }
  return {
    feeds: [...feeds, ...absentFeeds(table, feeds, stored, mainBy)],
    key: chooseKey(table, feeds, stored, main),
    opIndex: staged.fields.find((field) => field.role === "op")?.index,
    timestampIndex: staged.fields.find((field) => field.role === "timestamp")?.index,
    order: orderField(table, staged),
    before: beforeImages(table, staged),
    rescued: staged.rescued,
  };
}

/** Columns even where the key is missing: the plan shows them beside the error. */
export function bindForDisplay(
  table: TableSpec,
  staged: StagedColumns,
  known: { readonly stored: readonly StoredColumn[]; readonly main: MainTable | undefined },
): readonly Feed[] {
  const config = { ...table.config, writeMode: "append" as const };
  return bindColumns({ ...table, config }, staged, known.stored, known.main).feeds;
}

function orderField(table: TableSpec, staged: StagedColumns): Binding["order"] {
  const { orderBy } = table.config;
  if (orderBy === undefined) return undefined;
  const fields = staged.fields.filter((field) => field.role === "column");
  const field =
    fields.find((candidate) => candidate.name === orderBy) ??
    fields.find((candidate) => isSameName(candidate.name, orderBy));
  return field === undefined ? undefined : { column: field.name, index: field.index };
}

/** DMS's add-before-image-columns: `BI_id` beside `id`, with the prefix BI_. */
function beforeImages(table: TableSpec, staged: StagedColumns): Map<number, number> {
  const images = new Map<number, number>();
  for (const image of staged.fields) {
    const of = image.role === "column" ? beforeImageOf(table, image.name) : undefined;
    const column = of === undefined ? undefined : staged.fields.find((field) => field.name === of);
    if (column !== undefined) images.set(column.index, image.index);
  }
  return images;
}

function wantedColumns(table: TableSpec, staged: StagedColumns): Wanted[] {
  const wanted: Wanted[] = [];
  const images = new Set(beforeImages(table, staged).values());
  for (const field of staged.fields) {
    if (field.role !== "column" || images.has(field.index) || ruleFor(table.config, [field.name])?.kind === "ignore")
      continue;
    wanted.push({
      path: field.name,
      segments: [field.name],
      from: { kind: "field", index: field.index },
      inferred: "text",
    });
  }
  for (const { document, column } of staged.paths) {
    // Made for a document that was then rejected: the path never had a value.
    if (column.kinds === 0) continue;
    wanted.push({
      path: storedPath(document, column.path),
      segments: column.path,
      from: { kind: "path", column },
      inferred: typeOfKinds(column.kinds) ?? "text",
    });
  }
  return wanted;
}

/** Column by path. Stored names stay; then the config's `as`, then a main column of that name, then a new name. */
function chooseNames(
  table: TableSpec,
  wanted: readonly Wanted[],
  stored: ReadonlyMap<string, StoredColumn>,
  main: ReadonlyMap<string, MainColumn>,
): Map<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>([...stored.values()].map((column) => column.column));
  const open: Wanted[] = [];
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
  const joined = (one: Wanted) => one.segments.join(table.config.flatten.separator);
  const spelled = new Set(open.map(joined));
  const fresh: Wanted[] = [];
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
  const made = uniqueNames(
    fresh.map((one) => one.segments),
    new Set([...taken, ...main.keys()]),
    reserved,
    naming,
  );
  fresh.forEach((one, i) => {
    const name = made[i];
    if (name !== undefined) names.set(one.path, name);
  });
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

/** Columns that the source had and this object lacks are NULL; what never came from the source is not touched. */
function absentFeeds(
  table: TableSpec,
  feeds: readonly Feed[],
  stored: readonly StoredColumn[],
  main: ReadonlyMap<string, MainColumn>,
): Feed[] {
  const fed = new Set(feeds.map((feed) => feed.column));
  return stored.flatMap((column): Feed[] => {
    const known = main.get(column.column);
    if (known === undefined || fed.has(column.column) || isIgnored(table, column.path)) return [];
    return [
      {
        path: column.path,
        column: column.column,
        from: { kind: "absent" },
        type: known.type,
        timezone: undefined,
        made: column.made,
        main: known,
      },
    ];
  });
}

function isIgnored(table: TableSpec, path: string): boolean {
  return ruleFor(table.config, storedSegments(path) ?? [path])?.kind === "ignore";
}
