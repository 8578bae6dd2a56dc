/** Keeps what a run sees of each table, so that its end can note it in the state schema for status and alerts. */
import { tableFolder } from "../config/table-names.ts";
import type { RunSightings, TableSighting } from "../warehouse/sightings.ts";
import type { SourceObject } from "./discover.ts";
import { exitOfCode } from "./load-errors.ts";
import type { TableReport } from "./report.ts";
import type { TableSpec } from "./table-spec.ts";

interface Sighting {
  readonly spec: TableSpec;
  folder: string;
  lastModified: Date;
  fileTime: Date | undefined;
}

export interface RunEnd {
  readonly tables: readonly TableReport[];
  readonly unclaimed: ReadonlyMap<string, number>;
}

export class Sightings {
  readonly #tables = new Map<string, Sighting>();

  /** A page of the listing: what is new in it and what is not. */
  add(spec: TableSpec, objects: readonly SourceObject[]): void {
    const [first] = objects;
    if (first === undefined) return;
    let seen = this.#tables.get(spec.name);
    if (seen === undefined) {
      const folder = first.path.slice(0, Math.max(0, first.path.lastIndexOf("/")));
      seen = {
        spec,
        folder: tableFolder(spec.config, folder),
        lastModified: first.lastModified,
        fileTime: first.fileTime,
      };
      this.#tables.set(spec.name, seen);
    }
    for (const { lastModified, fileTime } of objects) {
      if (lastModified > seen.lastModified) seen.lastModified = lastModified;
      if (fileTime !== undefined && (seen.fileTime === undefined || fileTime > seen.fileTime)) seen.fileTime = fileTime;
    }
  }

  /**
   * `scope`: the whole source was listed, only some tables, or only objects that were named (which say nothing about the rest of
   * their tables).
   */
  of(end: RunEnd, scope: "source" | "tables" | "objects"): RunSightings {
    const reports = new Map(end.tables.map((table) => [table.table, table]));
    const tables = [...this.#tables.values()].map(
      ({ spec, folder, lastModified, fileTime }): TableSighting => ({
        table: spec.name,
        folder,
        lastModified,
        fileTime,
        loaded: (reports.get(spec.name)?.objects.length ?? 0) > 0,
      }),
    );
    return {
      complete: scope === "source",
      tables,
      unclaimed: end.unclaimed,
      decisions: end.tables.flatMap(decisionsOf),
      settled:
        scope === "objects" ? [] : tables.map(({ table }) => table).filter((table) => isJudged(reports.get(table))),
    };
  }
}

/** Without a report the table has no open object. One that could not be looked at, or is paused, keeps what it waits for. */
function isJudged(report: TableReport | undefined): boolean {
  if (report === undefined) return true;
  const broken = report.failures.some(({ key, error }) => key === undefined && error.exit !== 6);
  return !report.paused && !broken && report.held.length === 0;
}

function decisionsOf(report: TableReport): RunSightings["decisions"] {
  const failures = report.failures
    .filter(({ error }) => error.exit === 6)
    .map(({ key, error }) => ({
      code: error.code as string,
      message: error.message,
      object: key ?? error.place.object,
    }));
  const waiting = report.waiting
    .filter(({ code }) => exitOfCode(code) === 6)
    .map(({ key, code, reason }) => ({ code, message: reason, object: key }));
  return [...failures, ...waiting].map((decision) => ({ table: report.table, ...decision }));
}
