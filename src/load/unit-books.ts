/** The port by which a merge writes its unit down: whatever it stands for commits with its rows. */
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import type { RecordCounts } from "../warehouse/record-counts.ts";
import type { StagedObject } from "./staged-unit.ts";

/** How a merged unit is written down: as objects that were loaded (load-books.ts), or as rejects that were replayed. */
export interface UnitBooks {
  /** Under the table's lock, before anything is merged: throws when the unit is no longer the caller's. */
  fence(): Promise<void>;
  /** How many records of an object may be rejected: what looks for them one by one is stopped there. Default any number. */
  mostRejects?(object: StagedObject): number;
  /** After the rows, in their transaction: what became of the records. Returns the rejects by reason; throws to roll back. */
  close(merged: MergedRecords): Promise<ReadonlyMap<string, number>>;
}

export interface MergedRecords {
  /** By ordinal. */
  readonly counts: ReadonlyMap<number, RecordCounts>;
  /** Staged records that were rejected. */
  readonly bad: readonly BadRecord[];
  readonly mergeMs: number;
}
