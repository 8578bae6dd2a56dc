/**
 * Objects that a run knew and that are gone before they were loaded. A full load that a newer one replaced needs nobody; a change that
 * nobody has loaded is lost, and says so until a full load covers it or somebody marks it.
 */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { failGone, type OpenEntry, openEntries, supersedeEntries } from "../warehouse/open-entries.ts";
import type { Session } from "../warehouse/session.ts";
import { type SourceObject, type TableFilter, tableOfPath } from "./discover.ts";
import { newTableReport, type TableReport } from "./report.ts";

export interface VanishedSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  /** undefined: every table was listed. */
  readonly wanted: TableFilter | undefined;
  /** Full loads that are listed, by table. */
  readonly fullLoads: ReadonlyMap<string, { readonly fullLoads: readonly SourceObject[] }>;
}

function goneText({ wasLoaded }: OpenEntry): string {
  return `the object is gone from the source, and ${wasLoaded ? "cannot be loaded again" : "was never loaded"}`;
}

function isKnown(entry: OpenEntry): boolean {
  return entry.errorCode === "OBJECT_GONE" && entry.error === goneText(entry);
}

/**
 * What was open before the listing began, less what is listed. Taken at no other moment: an entry that a backfill or a mark opens while
 * the run works was listed as one that is final.
 */
export class OpenBefore {
  readonly #left: Map<string, OpenEntry[]>;
  readonly #again = new Set<OpenEntry>();

  private constructor(entries: readonly OpenEntry[]) {
    this.#left = new Map();
    for (const entry of entries) this.#left.set(entry.key, [...(this.#left.get(entry.key) ?? []), entry]);
  }

  static async read(session: Session, { config, source }: Pick<VanishedSettings, "config" | "source">) {
    return new OpenBefore(await openEntries(session, config.warehouse.stateSchema, source.base));
  }

  /** A page of the listing. */
  list(objects: readonly SourceObject[]): void {
    if (this.#left.size === 0) return;
    for (const { key, etag, lastModified } of objects) {
      const own = this.#left.get(key);
      if (own === undefined) continue;
      const isThis = (entry: OpenEntry) =>
        entry.etag === etag && entry.lastModified.getTime() === lastModified.getTime();
      for (const entry of own) if (entry.lastModified < lastModified) this.#again.add(entry);
      this.#left.set(
        key,
        own.filter((entry) => !isThis(entry)),
      );
    }
  }

  /** Of tables that were listed as a whole. */
  gone({ config, source, wanted }: VanishedSettings): OpenEntry[] {
    return [...this.#left.values()].flat().filter((entry) => {
      // A table that is off, or that this run was not asked about, was not looked at.
      const reads = tableOfPath(config, entry.key.slice(source.base.prefix.length));
      return reads?.spec.name === entry.table && (wanted === undefined || wanted.wants(reads.spec, reads.folder));
    });
  }

  /** Whether its key is listed with a newer version. */
  cameAgain(entry: OpenEntry): boolean {
    return this.#again.has(entry);
  }
}

/** Only after a listing of all that the tables have. Adds what needs somebody to the reports, which it returns. */
export async function noteVanished(
  session: Session,
  before: OpenBefore,
  reports: readonly TableReport[],
  settings: VanishedSettings,
): Promise<readonly TableReport[]> {
  const { stateSchema } = settings.config.warehouse;
  const entries = before.gone(settings);
  if (entries.length === 0) return reports;
  const replaced = entries.filter((entry) => isReplaced(entry, before.cameAgain(entry), settings));
  await supersedeEntries(
    session,
    stateSchema,
    replaced.map((entry) => entry.id),
  );
  const lost = entries.filter((entry) => !replaced.includes(entry));
  const news = lost.filter((entry) => !isKnown(entry));
  for (const text of new Set(news.map(goneText))) {
    const own = news.filter((entry) => goneText(entry) === text);
    const ids = own.map((entry) => entry.id);
    await failGone(session, stateSchema, ids, text);
  }
  const all = new Map(reports.map((report) => [report.table, report]));
  for (const entry of lost) {
    const report = all.get(entry.table) ?? reportOf(entry, settings);
    all.set(entry.table, report);
    if (isKnown(entry)) report.waiting.push({ key: entry.key, code: "OBJECT_GONE", reason: goneText(entry) });
    else
      report.failures.push({
        key: entry.key,
        error: new DrayageError("OBJECT_GONE", {
          message: goneText(entry).replace("the", "The"),
          place: { table: entry.table, object: entry.key },
          next: `Deliver it again; if it is not needed, \`drayage mark ${entry.wasLoaded ? "loaded" : "skipped"} ${entry.table} --object ${entry.key}\`. A newer full load covers it.`,
        }),
      });
  }
  return [...all.values()].sort((a, b) => (a.table < b.table ? -1 : 1));
}

/** A full load is replaced by what was written since, a change by a newer version of its key; changed rows alone by nothing. */
function isReplaced(entry: OpenEntry, cameAgain: boolean, { config, source, fullLoads }: VanishedSettings): boolean {
  const reads = tableOfPath(config, entry.key.slice(source.base.prefix.length));
  if (entry.kind === "full_load" && reads?.spec.config.fullLoad === "changes") return false;
  if (entry.replaced || cameAgain) return true;
  const newer = fullLoads.get(entry.table)?.fullLoads ?? [];
  return entry.kind === "full_load" && newer.some((object) => object.lastModified > entry.lastModified);
}

function reportOf(entry: OpenEntry, { config, source }: VanishedSettings): TableReport {
  const reads = tableOfPath(config, entry.key.slice(source.base.prefix.length));
  return newTableReport(entry.table, reads?.spec.target ?? { schema: config.warehouse.schema, table: entry.table });
}
