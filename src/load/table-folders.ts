/** Finds the tables below a URL by their objects' names alone: what `init` and `plan` with a URL know before there is a config. */
import { parseObjectKey } from "../source/object-key.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";

/** A listed object that its name says is DMS output. */
export interface NamedObject extends ListedObject {
  readonly kind: "full_load" | "change";
  readonly gzip: boolean;
}

/** A folder of one table, with what is below it: partitions of a full load, dates of changes. */
export interface TableFolder {
  /** Below source.url: `shop/orders`. */
  readonly folder: string;
  readonly fullLoads: number;
  readonly changes: number;
  readonly bytes: number;
  /** Some of its objects, the first of each kind and the newest: enough to see what it holds. Full loads come first. */
  readonly samples: readonly NamedObject[];
  /** Whether LOAD objects came in more than one sitting: hourly sets, or partitions under one name. */
  readonly loadTimes: { readonly first: Date | undefined; readonly last: Date | undefined };
}

export interface FoundTables {
  /** By folder. */
  readonly tables: readonly TableFolder[];
  /** Objects whose names DMS does not write, by their first levels. */
  readonly others: ReadonlyMap<string, number>;
  readonly listed: number;
  /** False: there was more than `most` objects, and what came after was not looked at. */
  readonly whole: boolean;
}

/** Sizes from which a sample is worth reading come first: an empty object says nothing. */
const samplesOfKind = 2;

interface Gathered {
  fullLoads: NamedObject[];
  changes: NamedObject[];
  counts: { fullLoads: number; changes: number; bytes: number };
  first: Date | undefined;
  last: Date | undefined;
}

/** Lists what is below `folder` of the source, at most `most` objects. */
export async function findTables(
  source: ObjectSource,
  folder: string,
  most: number,
  signal?: AbortSignal,
): Promise<FoundTables> {
  const found = new Map<string, Gathered>();
  const others = new Map<string, number>();
  let listed = 0;
  let whole = true;
  listing: for await (const page of source.list(folder)) {
    signal?.throwIfAborted();
    for (const object of page) {
      if (listed === most) {
        whole = false;
        break listing;
      }
      listed++;
      const own = object.path.slice(0, Math.max(0, object.path.lastIndexOf("/")));
      const key = parseObjectKey(object.path, { fileTimezone: "UTC", lastModified: object.lastModified });
      if (isControlFolder(own)) continue;
      // Full loads stay in the table's own folder: a partition may well be called 2024.
      const home = key?.kind === "change" ? withoutDates(own) : own;
      if (key === undefined || home === "") others.set(topOf(own), (others.get(topOf(own)) ?? 0) + 1);
      else gather(found, home, { ...object, kind: key.kind, gzip: key.gzip });
    }
  }
  return { tables: tablesOf(found), others, listed, whole };
}

function gather(found: Map<string, Gathered>, folder: string, object: NamedObject): void {
  let one = found.get(folder);
  if (one === undefined) {
    one = {
      fullLoads: [],
      changes: [],
      counts: { fullLoads: 0, changes: 0, bytes: 0 },
      first: undefined,
      last: undefined,
    };
    found.set(folder, one);
  }
  one.counts.bytes += object.size;
  if (object.kind === "full_load") {
    one.counts.fullLoads++;
    if (one.first === undefined || object.lastModified < one.first) one.first = object.lastModified;
    if (one.last === undefined || object.lastModified > one.last) one.last = object.lastModified;
  } else one.counts.changes++;
  keepSample(object.kind === "full_load" ? one.fullLoads : one.changes, object);
}

/** The first, and the last: the newest object has the columns of today. */
function keepSample(samples: NamedObject[], object: NamedObject): void {
  if (object.size === 0) return;
  if (samples.length < samplesOfKind) samples.push(object);
  else samples[samplesOfKind - 1] = object;
}

function tablesOf(found: ReadonlyMap<string, Gathered>): TableFolder[] {
  const homes = homeOf([...found.keys()]);
  const joined = new Map<string, Gathered>();
  for (const [folder, one] of found) {
    const home = homes.get(folder) ?? folder;
    const known = joined.get(home);
    joined.set(home, known === undefined ? one : together(known, one));
  }
  return [...joined]
    .map(([folder, { fullLoads, changes, counts, first, last }]) => ({
      folder,
      ...counts,
      samples: [...fullLoads, ...changes],
      loadTimes: { first, last },
    }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

function together(a: Gathered, b: Gathered): Gathered {
  const some = (one: readonly NamedObject[], other: readonly NamedObject[]) =>
    [...one, ...other].slice(0, samplesOfKind);
  const times = [a.first, b.first, a.last, b.last].flatMap((time) => time?.getTime() ?? []);
  return {
    fullLoads: some(a.fullLoads, b.fullLoads),
    changes: some(a.changes, b.changes),
    counts: {
      fullLoads: a.counts.fullLoads + b.counts.fullLoads,
      changes: a.counts.changes + b.counts.changes,
      bytes: a.counts.bytes + b.counts.bytes,
    },
    first: times.length === 0 ? undefined : new Date(Math.min(...times)),
    last: times.length === 0 ? undefined : new Date(Math.max(...times)),
  };
}

/**
 * The table folder of each folder with objects. A full load by partitions lies one level deeper (`shop/orders/p1`): below a folder
 * that has objects itself, or where the folder beside it is a table's and most tables are as deep as that.
 */
function homeOf(folders: readonly string[]): Map<string, string> {
  const all = new Set(folders);
  const homes = new Map<string, string>();
  const depths = new Map<number, number>();
  for (const folder of folders) depths.set(depthOf(folder), (depths.get(depthOf(folder)) ?? 0) + 1);
  const usual = [...depths].sort((a, b) => b[1] - a[1] || a[0] - b[0])[0]?.[0] ?? 2;
  const schemas = new Set(folders.filter((folder) => depthOf(folder) === usual).map(parentOf));
  for (const folder of folders) {
    let home = folder;
    for (let above = parentOf(folder); above !== ""; above = parentOf(above)) if (all.has(above)) home = above;
    const parent = parentOf(folder);
    if (home === folder && depthOf(folder) === usual + 1 && schemas.has(parentOf(parent))) home = parent;
    homes.set(folder, home);
  }
  return homes;
}

/** DMS's date partitions of changes: 2026/03/01, 2026-03-01, 20260301, 2026_03 and so on, below the table's own folder. */
function withoutDates(folder: string): string {
  const levels = folder.split("/");
  while (
    levels.length > 1 &&
    /^(?:\d{2}|\d{4}|\d{6}|\d{8}|\d{10}|\d{2,4}(?:[-_]\d{2,4}){1,3})$/.test(levels.at(-1) ?? "")
  )
    levels.pop();
  return levels.join("/");
}

function isControlFolder(folder: string): boolean {
  return /(^|\/)(awsdms_[^/]*|s3_validation_failures)(\/|$)/.test(folder);
}

/** Two levels that name a table, below two of a URL at the most. */
function topOf(folder: string): string {
  return folder.split("/").slice(0, 4).join("/");
}

function depthOf(folder: string): number {
  return folder.split("/").length;
}

function parentOf(folder: string): string {
  return folder.slice(0, Math.max(0, folder.lastIndexOf("/")));
}
