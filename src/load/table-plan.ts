/** What `plan` says of one table. */
import type { DrayageError } from "../errors.ts";
import type { RecordCounts } from "../warehouse/record-counts.ts";
import type { PlannedColumn } from "./plan-columns.ts";
import type { PlannedRescue } from "./plan-rescues.ts";

export interface TablePlan {
  readonly table: string;
  /** Where its lines belong in the config. */
  readonly entry: string;
  readonly target: string;
  readonly exists: boolean;
  readonly objects: { readonly fullLoads: number; readonly changes: number; readonly bytes: number };
  /** Objects and records that were looked at. */
  readonly read: { objects: number; records: number };
  readonly key: readonly string[];
  readonly columns: readonly PlannedColumn[];
  readonly proposals: readonly { readonly path: string; readonly line: string; readonly why: string }[];
  readonly statements: readonly string[];
  /** What would have no place in a column, and how it gets one. */
  readonly rescued: readonly PlannedRescue[];
  readonly counts: RecordCounts;
  readonly rejects: ReadonlyMap<string, number>;
  readonly dialect: readonly string[];
  readonly notes: readonly string[];
  readonly errors: readonly DrayageError[];
}
