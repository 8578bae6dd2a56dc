/** Decides which staged cell feeds which column of the main table: by what is stored, by the config, by name; else a new column. */
import { pathText } from "../rows/column-name.ts";
import { joinTypes, typeOfKinds } from "../rows/kinds.ts";
import { isSameName } from "../rows/known-names.ts";
import type { MainColumn, MainTable } from "../warehouse/catalog.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import type { Binding, Feed, Rescue, StagedColumns } from "./binding.ts";
import { chooseKey } from "./choose-key.ts";
import { chooseNames } from "./choose-names.ts";
import { beforeImageOf, ruleFor, type TableSpec } from "./table-spec.ts";

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

interface Wanted {
  readonly path: string;
  readonly segments: readonly string[];
  readonly from: Feed["from"];
  readonly kinds: number;
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
      column,
      from: one.from,
      type: known?.type ?? declared?.type ?? typeOfKinds(one.kinds) ?? "text",
      kinds: one.kinds,
      timezone: declared?.timezone,
      made: declared?.type === undefined && isOfDocument && (before?.made ?? known === undefined),
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

function wholeRescue({ path, from, kinds }: Wanted): Rescue[] {
  if (from.kind === "absent") return [];
  return [{ key: rescueKey(path), path, column: undefined, from, type: typeOfKinds(kinds) ?? "text" }];
}

/** As it stands in `_rescued`: the path, without DMS's own name for the document. */
export function rescueKey(path: string): string {
  return path.replace(/^_doc:/, "");
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
  for (const field of staged.fields) {
    if (field.role !== "column" || images.has(field.index) || ruleFor(table.config, [field.name])?.kind === "ignore")
      continue;
    expected.delete(field.name);
    wanted.push({ path: field.name, segments: [field.name], from: { kind: "field", index: field.index }, kinds: 0 });
  }
  for (const { document, column } of staged.paths) {
    const path = storedPath(document, column.path);
    const kinds = column.kinds | (expected.get(path)?.kinds ?? 0);
    expected.delete(path);
    // Made for a document that was then rejected: the path never had a value.
    if (kinds !== 0) wanted.push({ path, segments: column.path, from: { kind: "path", column }, kinds });
  }
  for (const one of expected.values())
    if (ruleFor(table.config, one.segments)?.kind !== "ignore") wanted.push({ ...one, from: { kind: "absent" } });
  return wanted;
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
        kinds: column.kinds,
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
