/** Renders a bound unit as a merge job: which SQL yields each column's value from its staged cell. */
import { DrayageError } from "../errors.ts";
import type { PathColumn } from "../rows/path-column.ts";
import { isTextType, stagedCell } from "../warehouse/cast.ts";
import type { MainColumn, MainTable } from "../warehouse/catalog.ts";
import { literal } from "../warehouse/identifier.ts";
import { sha256Text, usingValue } from "../warehouse/made-value.ts";
import { versionType } from "../warehouse/main-table.ts";
import type { KeyChange, MergeColumn, MergeJob, PartialRecords } from "../warehouse/merge-sql.ts";
import type { Binding, Feed, Rescue } from "./binding.ts";
import type { PartialUnit } from "./partial-records.ts";
import { jsonValue, plainText, takesStrange } from "./path-cell.ts";
import type { NullRule, StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";

export interface JobTarget {
  /** As SQL. */
  readonly table: string;
  readonly main: MainTable;
  /** As SQL; undefined: no delete was ever seen. */
  readonly tombstones: string | undefined;
  /** `tables.floor`, as digits. */
  readonly floor: string | undefined;
  readonly partial: PartialUnit | undefined;
}

export function mergeJob(table: TableSpec, unit: StagedUnit, binding: Binding, target: JobTarget): MergeJob {
  if (unit.staging === undefined)
    throw new DrayageError("INTERNAL", { message: "A unit without records has nothing to merge" });
  const has = new Set(target.main.columns.map((column) => column.name));
  const token = target.partial?.holds === true ? target.partial.token : undefined;
  const cells = { nulls: unit.nulls, token };
  const left = token === undefined ? undefined : leftOut(unit, token);
  const columns = binding.feeds.map((feed) => {
    const isKey = binding.key.includes(feed.column);
    const column = mergeColumn(feed, columnOf(target.main, feed.column), cells, isKey);
    return left === undefined || isKey ? column : { ...column, kept: left(feed) };
  });
  // Set by every record that has a row: what an older version of it had there must not stay.
  if (has.has("_rescued")) {
    const column = rescuedColumn(binding, cells);
    columns.push(left === undefined ? column : { ...column, kept: left("documents") });
  }
  return {
    target: target.table,
    tombstones: target.tombstones,
    floor: target.floor,
    staging: unit.staging.name,
    analyzed: ["_n", ...binding.feeds.filter((feed) => binding.key.includes(feed.column)).flatMap(stagedName)],
    key: binding.key.map((name) => {
      const column = columns.find((candidate) => candidate.column === name);
      if (column === undefined)
        throw new DrayageError("KEY_COLUMN_ABSENT", { place: { table: table.name, column: name } });
      return column;
    }),
    columns,
    op: binding.opIndex === undefined ? undefined : stagedCell(binding.opIndex),
    opTimestamp: binding.timestampIndex === undefined ? undefined : `nullif(${stagedCell(binding.timestampIndex)}, '')`,
    system: {
      loadedAt: has.has("_loaded_at"),
      object: has.has("_object"),
      opTimestamp: has.has("_op_ts"),
      deletedAt: has.has("_deleted_at") && table.config.deletes === "soft",
      op: has.has("_op") && table.config.writeMode === "append",
    },
    ...versions(table, unit, binding),
    keyChange: keyChange(binding, cells),
    partial: partialRecords(target, unit, binding),
    deletes: table.config.deletes,
    rowSecurity: target.main.rowSecurity,
    mayRefuse: target.main.rowTriggers || target.main.rowSecurity,
    overridingIdentity: binding.feeds.some((feed) => feed.main?.identity === "always"),
  };
}

/** By order_by all full loads are below zero, and change records are what their column says. */
function versions(
  table: TableSpec,
  unit: StagedUnit,
  binding: Binding,
): Pick<MergeJob, "objects" | "order" | "versionType"> {
  const ordered = table.config.orderBy !== undefined;
  const isFullLoad = unit.objects.every(({ claim }) => claim.object.kind === "full_load");
  const objects = unit.objects
    .filter((object) => object.staged > 0)
    .map(({ ordinal, claim }) => {
      const { version } = claim.object;
      return { ordinal, historyId: claim.id, version: ordered && isFullLoad ? version - 2n ** 62n : version };
    });
  if (!ordered || isFullLoad) return { objects, order: undefined, versionType: versionType(ordered) };
  if (binding.order === undefined) {
    throw new DrayageError("COLUMN_UNKNOWN", {
      message: `A change object has no column ${table.config.orderBy}, which order_by names`,
      place: { table: table.name, column: table.config.orderBy },
      next: "Correct order_by in the config, or the DMS task that left the column out.",
    });
  }
  const { column, index } = binding.order;
  return { objects, order: { column, cell: stagedCell(index) }, versionType: versionType(true) };
}

/** Of key columns that are source columns: a document has no before image. */
function keyChange(
  { feeds, key, opIndex, timestampIndex, order, before }: Binding,
  cells: CellRule,
): KeyChange | undefined {
  const columns = key.flatMap((name) => {
    const from = feeds.find((feed) => feed.column === name)?.from;
    if (from?.kind !== "field") return [];
    const image = before.get(from.index);
    return [
      { column: `c${from.index + 1}`, before: image === undefined ? undefined : filled(stagedCell(image), cells) },
    ];
  });
  if (opIndex === undefined || columns.length < key.length || columns.every((one) => one.before === undefined))
    return undefined;
  const own = new Set(columns.map((one) => one.column));
  const kept = [timestampIndex, order?.index].flatMap((index) => (index === undefined ? [] : [`c${index + 1}`]));
  return { op: `c${opIndex + 1}`, kept: [...new Set(kept)].filter((column) => !own.has(column)), key: columns };
}

/** A before image that DMS did not fill is empty, whatever means NULL elsewhere. */
function filled(cell: string, rule: CellRule): string {
  return `nullif(${textOf(cell, rule)}, '')`;
}

/** What a staged text may stand for besides itself. */
interface CellRule {
  readonly nulls: NullRule;
  /** `unchanged_token` as SQL, where the unit holds any: no cast may see it. */
  readonly token: string | undefined;
}

function textOf(cell: string, { nulls: { castToken }, token }: CellRule): string {
  const value = castToken === undefined ? cell : `nullif(${cell}, ${literal(castToken)})`;
  return token === undefined ? value : `nullif(${value}, ${token})`;
}

/** When a record leaves out what feeds a column, as SQL: its own field, or the whole document. */
function leftOut(unit: StagedUnit, token: string): (feed: Feed | "documents") => string | undefined {
  const test = (index: number) => `coalesce(${stagedCell(index)} = ${token}, false)`;
  const documents = new Map<PathColumn, number>();
  for (const [index, flattener] of unit.documents) for (const column of flattener.columns) documents.set(column, index);
  return (feed) => {
    if (feed === "documents") return [...unit.documents.keys()].map(test).join(" or ") || undefined;
    if (feed.from.kind === "field") return test(feed.from.index);
    const document = feed.from.kind === "path" ? documents.get(feed.from.column) : documentOf(unit, feed.path);
    return document === undefined ? undefined : test(document);
  };
}

/** The document that had the path in an earlier object. */
function documentOf({ documents, shape }: StagedUnit, path: string): number | undefined {
  return [...documents.keys()].find((index) => path.startsWith(`${shape.fields[index]?.name ?? ""}:`));
}

function partialRecords(
  { partial, main }: JobTarget,
  unit: StagedUnit,
  { feeds, key }: Binding,
): PartialRecords | undefined {
  if (partial === undefined) return undefined;
  const { token, holds, late, again, rejects } = partial;
  const fields = feeds.flatMap(({ column, from }) =>
    holds && from.kind === "field" && !key.includes(column) ? [`c${from.index + 1}`] : [],
  );
  const documents = holds ? [...unit.documents.keys()].map((index) => `c${index + 1}`) : [];
  const columns = main.columns.filter((column) => !column.generated).map((column) => column.name);
  return { token, fields, documents, late, again, rejects, columns };
}

function stagedName({ from }: Feed): string[] {
  if (from.kind === "absent") return [];
  return [`c${(from.kind === "field" ? from.index : from.column.index) + 1}`];
}

function columnOf(main: MainTable, name: string): MainColumn {
  const column = main.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new DrayageError("INTERNAL", { message: `The main table has no column ${name}` });
  return column;
}

function mergeColumn(feed: Feed, main: MainColumn, rule: CellRule, isKey: boolean): MergeColumn {
  const target = { baseType: main.baseType, modifier: main.modifier, timezone: feed.timezone };
  const common = {
    column: feed.column,
    target,
    type: main.type,
    collation: main.collation,
    equals: main.equals,
    settable: main.identity !== "always",
  };
  const { from } = feed;
  if (from.kind === "absent") return { ...common, cell: undefined, value: undefined };
  const isMade = feed.hash || feed.using !== undefined;
  if (from.kind === "field") {
    const cell = fieldCell(stagedCell(from.index), main, rule, isKey);
    if (isMade) return { ...common, ...madeValue(feed, main, cell) };
    const tested = isTextType(main.baseType) ? cell : textOf(stagedCell(from.index), rule);
    return { ...common, cell, tested, value: undefined };
  }
  if (isMade) return { ...common, ...madeValue(feed, main, plainText(from.column)) };
  const isJson = main.baseType === "jsonb" || main.baseType === "json";
  // What the column did not take when the unit was staged, and takes now that it has grown.
  const joined = takesStrange(from.column, main) ? `${stagedCell(from.column.strangeIndex)}::jsonb` : undefined;
  if (isJson) {
    const value = jsonValue(from.column, main.baseType);
    const all = joined === undefined ? value : `coalesce((${joined})::${main.baseType}, ${value})`;
    return { ...common, cell: stagedCell(from.column.index), value: all };
  }
  const text = plainText(from.column);
  return { ...common, cell: joined === undefined ? text : `coalesce(${joined} #>> '{}', ${text})`, value: undefined };
}

/** What the config makes of the cell's text: its hash, the expression's value, or itself. */
function madeValue({ hash, using }: Feed, main: MainColumn, cell: string): Pick<MergeColumn, "cell" | "value"> {
  if (using !== undefined) return { cell, value: usingValue(using, main.baseType, cell) };
  return { cell: hash ? sha256Text(cell) : cell, value: undefined };
}

/**
 * An empty field is NULL in every column that is not text; in text by the tokens, except that a NOT NULL or key column gets ''.
 */
function fieldCell(cell: string, main: MainColumn, rule: CellRule, isKey: boolean): string {
  const { nulls, token } = rule;
  const value = textOf(cell, rule);
  if (!isTextType(main.baseType)) return nulls.tokens.includes("") ? value : `nullif(${value}, '')`;
  if (!nulls.tokens.includes("") || !(main.notNull || isKey)) return value;
  const filled = `coalesce(${value}, '')`;
  // A key that is left out is none, not the empty one.
  return isKey && token !== undefined ? `case when ${cell} = ${token} then null else ${filled} end` : filled;
}

/** JSON; NULL when there is nothing to rescue. */
function rescuedValue(from: Rescue["from"], rule: CellRule): string {
  if (from.kind === "path") return jsonValue(from.column, "jsonb");
  if (from.kind === "strange") return `${stagedCell(from.column.strangeIndex ?? from.column.index)}::jsonb`;
  return `to_jsonb(${textOf(stagedCell(from.index), rule)})`;
}

/** An object of the paths that have no column, or whose column does not take the value; NULL when there are none. */
function rescuedColumn({ rescued, rescues }: Binding, rule: CellRule): MergeColumn {
  const none = literal("{}");
  const staged = rescued === undefined ? undefined : `${stagedCell(rescued)}::jsonb`;
  const cells = rescues.map(({ key, from }) => `(${literal(key)}, ${rescuedValue(from, rule)})`);
  // One aggregate: hundreds of `||` in a row cost their square.
  const made =
    cells.length === 0
      ? undefined
      : `(select jsonb_object_agg(v.k, v.j) from (values ${cells.join(", ")}) v (k, j) where v.j is not null)`;
  const value =
    staged === undefined || made === undefined
      ? (staged ?? made ?? "null::jsonb")
      : `nullif(coalesce(${staged}, ${none}) || coalesce(${made}, ${none}), ${none})`;
  return {
    column: "_rescued",
    cell: undefined,
    value,
    target: { baseType: "jsonb", modifier: undefined, timezone: undefined },
    type: "jsonb",
    collation: undefined,
    equals: "=",
    settable: true,
  };
}
