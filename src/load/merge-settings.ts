/** What the merge of a unit is told beside the unit itself. */
import type { Config } from "../config/config.ts";
import type { ObjectSource } from "../source/object-source.ts";

export interface MergeSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly runId: bigint;
  readonly tableId: number;
  readonly allowDeletes: boolean;
  /** Replaces both of the table's reject limits. */
  readonly rejectLimit: number | undefined;
  /** By which the unit's objects were sorted: under a newer one they may be older than the table. undefined: it does not matter. */
  readonly generation?: number | undefined;
  /** Other workers merge full loads of the table at the same time: under a shared lock, as long as plain inserts do. */
  readonly sideBySide?: boolean | undefined;
}
