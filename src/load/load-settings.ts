/** What the loading of one table is told. */
import type { Config } from "../config/config.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { Again } from "../warehouse/load-history.ts";
import type { MergedUnit } from "./merge-unit.ts";
import type { ObjectReport } from "./report.ts";
import type { Lane, StagedUnit } from "./staged-unit.ts";
import type { TableListing } from "./table-listing.ts";
import type { Worker } from "./worker.ts";

export interface LoadSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly runId: bigint;
  readonly signal: AbortSignal | undefined;
  readonly allowDeletes: boolean;
  readonly rejectLimit: number | undefined;
  /** Objects that wait for a change are tried too: somebody named them. */
  readonly force: boolean;
  /** What was listed of the table beside the open objects. */
  readonly listing: TableListing;
  readonly now: () => Date;
  /** A backfill: what is final is loaded again. */
  readonly again?: Again | undefined;
  /** Workers that no other table needs, for objects that may be loaded side by side. */
  readonly spare: SpareWorkers;
  /** Tests alone. */
  readonly lane?: Lane | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onRecords?: ((count: number) => void) | undefined;
  readonly onUnit?: ((table: string, unit: StagedUnit, merged: MergedUnit) => void) | undefined;
  /** Called once for each object that this run loaded, after its commit; also where the answer to COMMIT was lost. */
  readonly onObject?: ((table: string, object: ObjectReport) => void) | undefined;
}

export interface SpareWorkers {
  /** How many there may be, with the one that the table has. */
  readonly most: number;
  /** undefined: all are at work. Give it back. */
  take(): Promise<Worker> | undefined;
  give(worker: Worker): void;
}
