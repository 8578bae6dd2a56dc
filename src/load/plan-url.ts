/** `plan` of what lies below a URL: without a config, without a warehouse, from a listing and the heads of a few objects. */
import type { Config } from "../config/config.ts";
import { startingTable } from "../config/starting-config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { specOf } from "./exported-columns.ts";
import { type HeadPlan, planHeads } from "./plan-heads.ts";
import { type SourceUrl, seenFromAbove } from "./source-url.ts";
import { type FoundTables, findTables, type TableFolder } from "./table-folders.ts";
import type { TableSpec } from "./table-spec.ts";

export interface UrlPlanSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly url: SourceUrl;
  /** Tables that are planned; the others are counted alone. */
  readonly mostTables: number;
  /** Objects that are listed. */
  readonly mostObjects: number;
  /** Records read of a table. */
  readonly mostRecords: number;
  readonly signal: AbortSignal | undefined;
}

export interface UrlPlan {
  readonly url: string;
  /** Every table that was found. */
  readonly found: readonly TableFolder[];
  /** The first of them. */
  readonly tables: readonly HeadPlan[];
  readonly others: ReadonlyMap<string, number>;
  readonly listed: number;
  /** False: more objects are there than were listed. */
  readonly whole: boolean;
  /** Bytes asked of the source. */
  readonly bytes: number;
  readonly milliseconds: number;
}

/** Throws SOURCE_EMPTY when there is no object of DMS. */
export async function planUrl(settings: UrlPlanSettings): Promise<UrlPlan> {
  const began = performance.now();
  const { config, url, signal } = settings;
  const source = seenFromAbove(settings.source, url);
  const found = await tablesBelow(source, url, settings.mostObjects, signal);
  const tables: HeadPlan[] = [];
  for (const table of found.tables.slice(0, settings.mostTables)) {
    signal?.throwIfAborted();
    const heads = { source, limits: config.limits, most: settings.mostRecords, signal };
    tables.push(await planHeads(startingSpec(config, table.folder), table, heads));
  }
  return {
    url: url.url,
    found: found.tables,
    tables,
    others: found.others,
    listed: found.listed,
    whole: found.whole,
    bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
    milliseconds: performance.now() - began,
  };
}

/**
 * With as many of the URL's own levels in the folders' names as a table needs: a schema and its own. `root` is what is left of the URL,
 * the source.url of those folders. Throws SOURCE_EMPTY.
 */
export async function tablesBelow(
  source: ObjectSource,
  url: SourceUrl,
  most: number,
  signal?: AbortSignal,
): Promise<FoundTables & { readonly root: string }> {
  const found = await findTables(source, "", most, signal);
  if (found.tables.length === 0) throw nothingFound(url, found.others, found.listed);
  const lifted = url.above === "" ? 0 : url.above.split("/").length;
  const shallowest = Math.min(...found.tables.map(({ folder }) => folder.split("/").length));
  const spare = Math.min(lifted, Math.max(0, shallowest - 2));
  const short = (folder: string) => folder.split("/").slice(spare).join("/");
  return {
    ...found,
    root: url.url
      .split("/")
      .slice(0, url.url.split("/").length - (lifted - spare))
      .join("/"),
    tables: found.tables.map((table) => ({ ...table, folder: short(table.folder) })),
    others: summed([...found.others].map(([folder, count]) => [short(folder).split("/").slice(0, 2).join("/"), count])),
  };
}

function summed(counts: readonly (readonly [string, number])[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
}

/** A table as it would be loaded by an entry that says nothing. */
export function startingSpec(config: Config, folder: string): TableSpec {
  return specOf(config, startingTable(config, folder), folder);
}

function nothingFound({ url, object }: SourceUrl, others: ReadonlyMap<string, number>, listed: number): DrayageError {
  const where = [...others]
    .slice(0, 5)
    .map(([folder, count]) => `${folder === "" ? "(top)" : folder}  ${count} objects`);
  if (object !== undefined)
    return new DrayageError("SOURCE_EMPTY", { message: `There is no object ${object} in that folder`, lines: [url] });
  return listed === 0
    ? new DrayageError("SOURCE_EMPTY", { message: `Nothing at all lies below ${url}` })
    : new DrayageError("SOURCE_EMPTY", {
        message: `None of the ${listed} objects below ${url} is called as DMS calls them`,
        lines: where,
      });
}
