/** Lists the source and gives each object to the table whose folder it lies in; what belongs to none is counted, never dropped. */
import type { Config, TableConfig } from "../config/config.ts";
import { isPattern, trimSlashes } from "../config/folder-names.ts";
import { leadingRegExp } from "../config/glob.ts";
import { nearest } from "../config/suggest.ts";
import { checkTargets, claimTable, type FoundFolder, tableFolder } from "../config/table-names.ts";
import { type ObjectKey, objectVersion, parseObjectKey } from "../source/object-key.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";
import type { HistoryObject } from "../warehouse/load-history.ts";
import { specOf } from "./exported-columns.ts";
import type { TableSpec } from "./table-spec.ts";

/** A listed object that its name says is DMS output. */
export interface SourceObject extends ListedObject, HistoryObject {
  readonly gzip: boolean;
  /** `_version` of its records. */
  readonly version: bigint;
  /** Order of loading inside the table. */
  readonly sequence: bigint;
}

export interface Discovery {
  readonly tables: readonly DiscoveredTable[];
  /** Folders that no table reads, with their number of objects. */
  readonly unclaimed: ReadonlyMap<string, number>;
  /** Objects in claimed folders whose names DMS does not write. */
  readonly ignored: number;
  /** Folders in the config in which there is no object, beside an unclaimed one that is spelled much alike. */
  readonly hints: readonly string[];
  readonly listed: number;
  /** Whether every object below the folders was listed: what is not among them is gone. */
  readonly whole: boolean;
}

export interface DiscoveredTable {
  readonly spec: TableSpec;
  readonly objects: readonly SourceObject[];
}

/** Which tables a command is about. */
export interface TableFilter {
  wants(table: TableSpec, folder: string): boolean;
  /** Called when everything was listed; throws TABLE_UNKNOWN for a name that no table bore. */
  listed(): void;
}

/** Called with each page of a table's objects as they are listed; returns those to keep. */
export type PageFilter = (table: TableSpec, objects: readonly SourceObject[]) => Promise<readonly SourceObject[]>;

/**
 * Reads the listing page by page; `keep` (the anti-join with the history) bounds what is held in memory. `wanted` limits it to
 * some tables: then only their folders are listed, where they are plain prefixes. `splits`: see ObjectSource.list.
 */
export async function discover(
  config: Config,
  source: ObjectSource,
  wanted: TableFilter | undefined,
  keep: PageFilter,
  splits: readonly string[] = [],
): Promise<Discovery> {
  const found = new Map<string, { spec: TableSpec; objects: SourceObject[] }>();
  const places = new Places(config);
  const unclaimed = new Map<string, number>();
  let ignored = 0;
  let listed = 0;
  const take = async (byTable: ReadonlyMap<TableSpec, readonly SourceObject[]>) => {
    for (const [spec, objects] of byTable) {
      const kept = await keep(spec, objects);
      const table = found.get(spec.name) ?? { spec, objects: [] };
      table.objects.push(...kept);
      found.set(spec.name, table);
    }
  };
  const behind = new OneBehind();
  for (const folder of foldersToList(config, wanted)) {
    for await (const page of behind.of(source.list(folder, splits))) {
      listed += page.length;
      const byTable = new Map<TableSpec, SourceObject[]>();
      for (const object of page) {
        const place = places.of(object.path.slice(0, Math.max(0, object.path.lastIndexOf("/"))));
        if (place.kind === "unclaimed" && !isIgnored(config, object.path))
          unclaimed.set(place.folder, (unclaimed.get(place.folder) ?? 0) + 1);
        if (place.kind !== "table") continue;
        const { fileTimezone } = place.spec.config.dialect;
        const key = parseObjectKey(object.path, { fileTimezone, lastModified: object.lastModified });
        if (key === undefined) ignored++;
        else if (wanted === undefined || wanted.wants(place.spec, place.folder)) {
          const objects = byTable.get(place.spec);
          const placed = new PlacedObject(object, key, place.spec.config.fullLoad === "changes");
          if (objects === undefined) byTable.set(place.spec, [placed]);
          else objects.push(placed);
        }
      }
      await behind.next(() => take(byTable));
    }
  }
  wanted?.listed();
  for (const { objects } of found.values())
    objects.sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : a.path < b.path ? -1 : 1));
  const tables = [...found.values()].sort((a, b) => (a.spec.name < b.spec.name ? -1 : 1));
  const hints = wanted === undefined ? misspelledFolders(config, tables, unclaimed) : [];
  return { tables, unclaimed, hints, ignored, listed, whole: true };
}

function misspelledFolders(
  config: Config,
  found: readonly DiscoveredTable[],
  unclaimed: ReadonlyMap<string, number>,
): string[] {
  const read = new Set(found.map(({ spec }) => spec.name));
  return namedTables(config).flatMap(({ name, config: { prefixes, line } }) => {
    const [prefix = ""] = prefixes;
    const near = read.has(name) || prefixes.length > 1 ? undefined : nearest(prefix, unclaimed.keys());
    return near === undefined
      ? []
      : [`There is no object below ${prefix} (line ${line} of the config); did you mean ${near}?`];
  });
}

/** Work on a page while the next one comes: one after another, at most one in waiting, and none left when the listing ends or fails. */
class OneBehind {
  #last: Promise<void> = Promise.resolve();

  async *of<T>(pages: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* pages;
      await this.#last;
    } finally {
      await this.#last.catch(() => undefined);
    }
  }

  /** Fails with what came before it. */
  async next(work: () => Promise<void>): Promise<void> {
    const before = this.#last;
    this.#last = before.then(work);
    // Awaited by the next one; until then its failure must not count as unhandled.
    this.#last.catch(() => undefined);
    await before;
  }
}

/** Every table whose folder holds no object yet is still a table: the ones that plain entries name. */
export function namedTables(config: Config): TableSpec[] {
  return config.tables.flatMap((table) => {
    const folder = table.prefixes[0];
    if (!table.enabled || folder === undefined || isPattern(folder)) return [];
    return [specOf(config, table, folder)];
  });
}

/** What a folder is: a table's, one that no table reads, or a table's that is off. */
type Place =
  | { readonly kind: "table"; readonly spec: TableSpec; readonly folder: string }
  | { readonly kind: "unclaimed"; readonly folder: string }
  | { readonly kind: "silent" };

/** Finds a folder's place once: a listing has thousands of objects in each. */
class Places {
  readonly #config: Config;
  readonly #specs = new Map<string, { readonly spec: TableSpec; readonly found: FoundFolder }>();
  #last: { readonly folder: string; readonly place: Place } | undefined;

  constructor(config: Config) {
    this.#config = config;
  }

  /** Keys are listed folder by folder. */
  of(folder: string): Place {
    if (this.#last?.folder !== folder) this.#last = { folder, place: this.#find(folder) };
    return this.#last.place;
  }

  #find(folder: string): Place {
    const table = claimTable(this.#config.tables, folder);
    if (table === undefined) return { kind: "unclaimed", folder: unclaimedFolder(folder) };
    if (!table.enabled) return { kind: "silent" };
    const own = tableFolder(table, folder);
    return { kind: "table", spec: this.#spec(table, own), folder: own };
  }

  #spec(table: TableConfig, folder: string): TableSpec {
    const id = `${table.name}\0${folder}`;
    const known = this.#specs.get(id);
    if (known !== undefined) return known.spec;
    const spec = specOf(this.#config, table, folder);
    this.#specs.set(id, { spec, found: { folder, target: spec.target, table } });
    checkTargets([...this.#specs.values()].map(({ found }) => found));
    return spec;
  }
}

/** `_version` is worked out where it is asked for: of a hundred thousand listed objects fifty are new. */
class PlacedObject implements SourceObject {
  readonly bucket: string;
  readonly key: string;
  readonly path: string;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  readonly storageClass: string | undefined;
  readonly kind: SourceObject["kind"];
  readonly gzip: boolean;
  readonly restored: boolean | undefined;
  readonly fileTime: Date | undefined;
  /** A full load of changed rows is a change object of the time at which it came. */
  readonly #key: ObjectKey;
  #version: bigint | undefined;

  constructor(listed: ListedObject, key: ObjectKey, isChanged: boolean) {
    this.bucket = listed.bucket;
    this.key = listed.key;
    this.path = listed.path;
    this.etag = listed.etag;
    this.size = listed.size;
    this.lastModified = listed.lastModified;
    this.storageClass = listed.storageClass;
    this.kind = key.kind;
    this.gzip = key.gzip;
    this.restored = listed.restored;
    this.fileTime = key.fileTime === undefined ? undefined : new Date(Number(key.fileTime / 10n));
    const fileTime = key.fileTime ?? (isChanged ? BigInt(listed.lastModified.getTime()) * 10n : undefined);
    this.#key = fileTime === key.fileTime ? key : { ...key, fileTime };
  }

  /** Full loads by segment and counter before changes by their times. */
  get sequence(): bigint {
    return this.#key.fileTime === undefined ? this.#key.sequence : 2n ** 62n + this.#key.fileTime;
  }

  get version(): bigint {
    this.#version ??= objectVersion(this.path, this.#key);
    return this.#version;
  }
}

/** The table that reads an object of this path, with its folder; undefined: none, or one that is off. */
export function tableOfPath(config: Config, path: string): { spec: TableSpec; folder: string } | undefined {
  const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  const table = claimTable(config.tables, folder);
  if (table?.enabled !== true) return undefined;
  const own = tableFolder(table, folder);
  return { spec: specOf(config, table, own), folder: own };
}

/** DMS's own bookkeeping and whatever the config lists. */
function isIgnored(config: Config, path: string): boolean {
  if (/(^|\/)(awsdms_[^/]*|s3_validation_failures)\//.test(path)) return true;
  return config.source.ignore.some((glob) => leadingRegExp(trimSlashes(glob)).test(path));
}

/** DMS writes schema/table/...: two levels name the table. */
function unclaimedFolder(folder: string): string {
  return folder.split("/").slice(0, 2).join("/");
}

function foldersToList(config: Config, wanted: TableFilter | undefined): string[] {
  if (wanted === undefined) return [""];
  const patterns = config.tables.some((table) => table.enabled && table.prefixes.some(isPattern));
  const named = config.tables.filter((table) => table.enabled && !table.prefixes.some(isPattern));
  const folders = named.flatMap((table) =>
    table.prefixes.filter((prefix) => wanted.wants(specOf(config, table, prefix), prefix)),
  );
  return folders.length > 0 && !patterns ? [...new Set(folders)] : [""];
}
