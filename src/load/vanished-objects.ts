/**
 * Objects that a run knew and that are gone before they were loaded. A full load that a newer one replaced needs nobody; a change that
 * nobody has loaded is lost, and says so until a full load covers it or somebody marks it.
 */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { OpenObject } from "../warehouse/load-history.ts";
import { failGone, type OpenEntry, openEntries, supersedeEntries } from "../warehouse/open-entries.ts";
import type { Session } from "../warehouse/session.ts";
import { type SourceObject, type TableFilter, tableOfPath } from "./discover.ts";
import { newTableReport, type TableReport } from "./report.ts";

export interface VanishedSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  /** undefined: every table was listed. */
  readonly wanted: TableFilter | undefined;
  /** By table: what was listed and is open. */
  readonly open: ReadonlyMap<string, readonly OpenObject<SourceObject>[]>;
  /** The newest entry before the listing began: what another run noted since may have come since. */
  readonly lastEntry: bigint;
  /** Keys of full loads that are listed, by table. */
  readonly fullLoads: ReadonlyMap<string, { readonly fullLoads: readonly SourceObject[] }>;
}

const goneText = "the object is gone from the source, and was never loaded";

/** Only after a listing of all that the tables have. Adds what needs somebody to the reports, which it returns. */
export async function noteVanished(
  session: Session,
  reports: readonly TableReport[],
  settings: VanishedSettings,
): Promise<readonly TableReport[]> {
  const { config, source } = settings;
  const { stateSchema } = config.warehouse;
  const entries = (await openEntries(session, stateSchema, source.base, settings.lastEntry)).filter((entry) =>
    isGone(entry, settings),
  );
  if (entries.length === 0) return reports;
  const replaced = entries.filter((entry) => isReplaced(entry, settings));
  await supersedeEntries(
    session,
    stateSchema,
    replaced.map((entry) => entry.id),
  );
  const lost = entries.filter((entry) => !replaced.includes(entry));
  const isKnown = ({ errorCode, error }: OpenEntry) => errorCode === "OBJECT_GONE" && error === goneText;
  await failGone(
    session,
    stateSchema,
    lost.filter((entry) => !isKnown(entry)).map((entry) => entry.id),
    goneText,
  );
  const all = new Map(reports.map((report) => [report.table, report]));
  for (const entry of lost) {
    const report = all.get(entry.table) ?? reportOf(entry, settings);
    all.set(entry.table, report);
    if (isKnown(entry)) report.waiting.push({ key: entry.key, code: "OBJECT_GONE", reason: goneText });
    else
      report.failures.push({
        key: entry.key,
        error: new DrayageError("OBJECT_GONE", {
          message: "The object is gone from the source, and was never loaded",
          place: { table: entry.table, object: entry.key },
          next: `Deliver it again; if it is not needed, \`drayage mark skipped ${entry.table} --object ${entry.key}\`. A newer full load covers it.`,
        }),
      });
  }
  return [...all.values()].sort((a, b) => (a.table < b.table ? -1 : 1));
}

function isGone(entry: OpenEntry, { config, source, wanted, open }: VanishedSettings): boolean {
  const listed = (open.get(entry.table) ?? []).some(
    ({ object }) =>
      object.key === entry.key &&
      object.etag === entry.etag &&
      object.lastModified.getTime() === entry.lastModified.getTime(),
  );
  if (listed) return false;
  // A table that is off, or that this run was not asked about, was not looked at.
  const reads = tableOfPath(config, entry.key.slice(source.base.prefix.length));
  return reads?.spec.name === entry.table && (wanted === undefined || wanted.wants(reads.spec, reads.folder));
}

/** A full load is replaced by what was written since; of changed rows alone, by nothing. */
function isReplaced(entry: OpenEntry, { config, source, fullLoads }: VanishedSettings): boolean {
  const reads = tableOfPath(config, entry.key.slice(source.base.prefix.length));
  if (entry.kind === "full_load" && reads?.spec.config.fullLoad === "changes") return false;
  if (entry.replaced) return true;
  const newer = fullLoads.get(entry.table)?.fullLoads ?? [];
  return entry.kind === "full_load" && newer.some((object) => object.lastModified > entry.lastModified);
}

function reportOf(entry: OpenEntry, { config, source }: VanishedSettings): TableReport {
  const reads = tableOfPath(config, entry.key.slice(source.base.prefix.length));
  return newTableReport(entry.table, reads?.spec.target ?? { schema: config.warehouse.schema, table: entry.table });
}
