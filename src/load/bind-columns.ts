/** Decides which staged cell feeds which column of the main table: by what is stored, by the config, by name; else a new column. */
import type { ColumnRule } from "../config/config.ts";
import { joinTypes, typeOfKinds } from "../rows/kinds.ts";
import { isSameName } from "../rows/known-names.ts";
import type { MainColumn, MainTable } from "../warehouse/catalog.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import type { Binding, Feed, Rescue, StagedColumns } from "./binding.ts";
import { chooseKey } from "./choose-key.ts";
import { chooseNames } from "./choose-names.ts";
import { rescueKey, ruleSegments, storedPath, storedRule, storedSegments } from "./stored-path.ts";
import { beforeImageOf, ruleFor, rulePath, type TableSpec } from "./table-spec.ts";

interface Wanted {
  readonly path: string;
  readonly segments: readonly string[];
  readonly from: Feed["from"];
  readonly kinds: number;
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
  const rescues: Rescue[] = [];
  const homeless: Wanted[] = [];
  for (const one of wanted) {
    const column = names.get(one.path);
    if (column === undefined) continue;
    const known = mainBy.get(column);
    if (known?.generated === true) continue;
    const rule = ruleFor(table.config, one.segments);
    const declared = rule?.kind === "column" ? rule : undefined;
    // Who names a column in the config has decided about it.
    if (known === undefined && main !== undefined && declared === undefined) homeless.push(one);
    const before = storedBy.get(one.path);
    const isOfDocument = storedSegments(one.path) !== undefined;
    const feed: Feed = {
      path: one.path,
      segments: one.segments,
      column,
      from: one.from,
      type: known?.type ?? declared?.type ?? (isFixed(declared) ? "text" : one.inferred),
      kinds: one.kinds,
      timezone: declared?.timezone,
      hash: declared?.hash === true,
      using: declared?.using,
      made: !isFixed(declared) && isOfDocument && (before?.made ?? known === undefined),
      main: known,
    };
    feeds.push(feed);
    const strange = strangeOf(feed);
    if (strange !== undefined) rescues.push(strange);
  }
  const mode = table.config.contract.columns;
  const tooMany = mode === "evolve" && homeless.length > staged.room;
  const left = mode === "rescue" || mode === "discard" || tooMany ? homeless : [];
  const leftPaths = new Set(left.map((one) => one.path));
  const isLate = (feed: Feed) => staged.closed !== undefined && main !== undefined && feed.main === undefined;
  const open = feeds.filter((feed) => !leftPaths.has(feed.path));
  const bound = open.filter((feed) => !isLate(feed));
  const excess = mode === "discard" ? [] : left.flatMap(wholeRescue);
  const late = open.filter(isLate).flatMap((feed): Rescue[] => {
    const { path, column, type, from } = feed;
    return from.kind === "absent" ? [] : [{ key: rescueKey(path), path, column, late: staged.closed, from, type }];
  });
  return {
    feeds: [...bound, ...absentFeeds(table, bound, stored, mainBy)],
    rescues: [...rescues, ...excess, ...late],
    discarded: mode === "discard" ? left.map((one) => one.path) : [],
    tooMany: tooMany ? excess : [],
    key: chooseKey(table, bound, stored, main),
    opIndex: staged.fields.find((field) => field.role === "op")?.index,
    timestampIndex: staged.fields.find((field) => field.role === "timestamp")?.index,
    order: orderField(table, staged),
    before: beforeImages(table, staged),
    rescued: mode === "discard" ? undefined : staged.rescued,
    hasDocuments: staged.fields.some((field) => field.role === "document"),
  };
}

/** Whether the config decides the type, or makes the value. */
function isFixed(rule: Extract<ColumnRule, { kind: "column" }> | undefined): boolean {
  return rule !== undefined && (rule.type !== undefined || rule.hash === true || rule.using !== undefined);
}

/** Values that the column, as it is, does not take. */
function strangeOf(feed: Feed): Rescue | undefined {
  if (feed.from.kind !== "path" || feed.main === undefined) return undefined;
  const { column } = feed.from;
  const type = joinTypes(feed.main.type, column.strangeKinds);
  if (column.strangeIndex === undefined || type === undefined || type === feed.main.type) return undefined;
  const wanted = joinTypes(feed.main.type, feed.kinds) ?? type;
  const from = { kind: "strange", column } as const;
  return { key: rescueKey(feed.path), path: feed.path, column: feed.column, from, type: wanted };
}

function wholeRescue({ path, from, inferred }: Wanted): Rescue[] {
  if (from.kind === "absent") return [];
  return [{ key: rescueKey(path), path, column: undefined, from, type: inferred }];
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
  const expected = new Map(staged.expected.map((one) => [one.path, one]));
  const isTableMode = !staged.fields.some((field) => field.role === "document") && staged.fields.some(isOfTableMode);
  for (const { name, role, index } of staged.fields) {
    if (role !== "column" || images.has(index) || ruleFor(table.config, [name])?.kind === "ignore") continue;
    expected.delete(name);
    const inferred = isTableMode && name.startsWith("array__") ? "jsonb" : "text";
    const segments = isTableMode ? name.split(".") : [name];
    wanted.push({ path: name, segments, from: { kind: "field", index }, kinds: 0, inferred });
  }
  const add = (document: string, below: readonly string[], from: Feed["from"], kinds: number) => {
    const segments = rulePath(table.config, document, below);
    const inferred = typeOfKinds(kinds) ?? "text";
    wanted.push({ path: storedPath(document, below), segments, from, kinds, inferred });
  };
  for (const { document, column } of staged.paths) {
    const path = storedPath(document, column.path);
    const kinds = column.kinds | (expected.get(path)?.kinds ?? 0);
    expected.delete(path);
    // Made for a document that was then rejected: the path never had a value.
    if (kinds !== 0) add(document, column.path, { kind: "path", column }, kinds);
  }
  for (const { path, kinds } of expected.values()) {
    const below = storedSegments(path);
    if (storedRule(table, path)?.kind === "ignore") continue;
    if (below !== undefined) add(path.slice(0, path.indexOf(":")), below, { kind: "absent" }, kinds);
    else wanted.push({ path, segments: [path], from: { kind: "absent" }, kinds, inferred: "text" });
  }
  return wanted;
}

/** Columns that DMS makes of documents in table mode: ObjectIds and arrays have a prefix, nested fields a dotted name. */
function isOfTableMode({ name }: { readonly name: string }): boolean {
  return name.startsWith("oid__") || name.startsWith("array__");
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
        segments: ruleSegments(table.config, column.path),
        column: column.column,
        from: { kind: "absent" },
        type: known.type,
        kinds: column.kinds,
        timezone: undefined,
        hash: false,
        using: undefined,
        made: column.made,
        main: known,
      },
    ];
  });
}

function isIgnored(table: TableSpec, path: string): boolean {
  return storedRule(table, path)?.kind === "ignore";
}
