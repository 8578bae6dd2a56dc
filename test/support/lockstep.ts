/** Many tables of one workplace that are loaded together, step by step: a load costs more than one more table in it. */
import { utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { outcomes, type RecordCounts } from "../../src/warehouse/record-counts.ts";
import { type LoadedHere, type LoadHereOptions, loadHere, planHere } from "./load-here.ts";
import type { Workplace } from "./workplace.ts";

export interface LockstepTable {
  readonly name: string;
  readonly entry: object;
  /** Statements that make the main table, with `TABLE` for its name. */
  readonly create?: string | undefined;
}

/** Makes the main tables and writes the config. */
export async function openTables(place: Workplace, tables: readonly LockstepTable[]): Promise<void> {
  for (const { name, create } of tables) {
    if (create === undefined) continue;
    await place.client.query(create.replaceAll("TABLE", `public.${name}`));
    await place.client.query(`alter table public.${name} owner to ${place.role}`);
  }
  place.config(
    JSON.stringify({
      source: { url: place.source },
      warehouse: { url: place.url, schema: "public" },
      tables: Object.fromEntries(tables.map(({ name, entry }) => [name, { prefix: name, ...entry }])),
    }),
  );
}

/** Writes an object that was last modified then. */
export function putAt(place: Workplace, path: string, body: string, modified: Date): void {
  place.put(path, body);
  utimesSync(fileURLToPath(`${place.source}/${path}`), modified, modified);
}

export interface LoadedTogether {
  readonly failures: LoadedHere["failures"];
  /** Of each table: `1 inserted, 2 stale`. */
  readonly buckets: ReadonlyMap<string, string>;
  readonly lanes: LoadedHere["lanes"];
}

export async function loadTogether(place: Workplace, options: LoadHereOptions = {}): Promise<LoadedTogether> {
  const { report, failures, lanes } = await loadHere(place, { concurrency: 2, ...options });
  const buckets = new Map(
    report.tables.map(({ table, objects }) => [table, bucketText(objects.map(({ counts }) => counts))]),
  );
  return { failures, lanes, buckets };
}

/** What `plan` says that a load would do. */
export async function planTogether(place: Workplace): Promise<ReadonlyMap<string, string>> {
  const { tables } = await planHere(place);
  return new Map(tables.map(({ table, counts }) => [table, bucketText([counts])]));
}

function bucketText(counts: readonly RecordCounts[]): string {
  const sums = outcomes.map((outcome) => ({ outcome, sum: counts.reduce((sum, one) => sum + one[outcome], 0) }));
  return sums.flatMap(({ outcome, sum }) => (sum > 0 ? [`${sum} ${outcome}`] : [])).join(", ");
}
