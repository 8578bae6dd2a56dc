/**
 * What a merge is told, as a job, and the terms that its statements are made of. One merge, three uses: its target is a
 * parameter (the main table, plan's temporary clone, later refresh's shadow). test/golden/merge-*.sql shows them whole.
 */
import { type CastTarget, castForms } from "./cast.ts";
import { ident } from "./identifier.ts";
import { ordinalShift } from "./staging.ts";

export interface MergeColumn {
  /** Column of the target. */
  readonly column: string;
  /** SQL that yields the cell's text from staging row `s`; undefined: the source has no such column now, it is NULL. */
  readonly cell: string | undefined;
  /** SQL that yields the value itself where it is JSON in staging: no cast form applies. */
  readonly value: string | undefined;
  readonly target: CastTarget;
  /** With modifier. */
  readonly type: string;
  readonly collation: string | undefined;
  /** Operator by which keys compare. */
  readonly equals: string;
  /** False: can be inserted, never set (generated always as identity). */
  readonly settable: boolean;
}

export interface MergeObject {
  /** Position in the unit: the high bits of `_n`. */
  readonly ordinal: number;
  readonly historyId: bigint;
  readonly version: bigint;
}

export interface MergeJob {
  /** As SQL. */
  readonly target: string;
  /** As SQL; undefined: the table has never seen a delete. */
  readonly tombstones: string | undefined;
  /** At or below this version no row is made: tombstones up to it were dropped. undefined: none ever was. */
  readonly floor: string | undefined;
  readonly staging: string;
  /** Columns of staging that joins and the collapse look at: without statistics the planner takes them for a handful of keys. */
  readonly analyzed: readonly string[];
  /** Columns of the key, in its order; empty for append. */
  readonly key: readonly MergeColumn[];
  /** Every column that is written, those of the key included. */
  readonly columns: readonly MergeColumn[];
  /** SQL of the op cell; undefined: every record is an insert. */
  readonly op: string | undefined;
  /** SQL of the timestamp cell. */
  readonly opTimestamp: string | undefined;
  /** Which of the optional system columns the target has. */
  readonly system: {
    readonly loadedAt: boolean;
    readonly object: boolean;
    readonly opTimestamp: boolean;
    readonly deletedAt: boolean;
    readonly op: boolean;
  };
  readonly objects: readonly MergeObject[];
  readonly deletes: "hard" | "soft" | "ignore";
  /** A trigger or policy of the target may refuse rows without an error. */
  readonly mayRefuse: boolean;
  readonly overridingIdentity: boolean;
}

/** Casts of the optimistic pass, or of the pass after something was suspect or failed. */
export type CastMode = "strict" | "lenient";

/** Limits a statement to verdicts of a round and places: the loop that finds bad records applies them piece by piece. */
export interface Slice {
  readonly round: number;
  /** SQL of the first and last place; undefined: the whole round. */
  readonly places: readonly [string, string] | undefined;
}

export const badTable = "pg_temp.drayage_bad";
export const verdictTable = "pg_temp.drayage_verdict";

/** Made once per session, outside any transaction that may roll back. */
export const sessionTables = `
create temporary table if not exists drayage_bad (
  _n bigint primary key, round integer not null, sqlstate text, reason text, column_name text, constraint_name text, message text
);
create temporary table if not exists drayage_verdict (_n bigint not null, round integer not null, place bigint, verdict text not null);
`;

/** Number of the record in its object, from 1. */
export const record = `(s._n & ${2n ** BigInt(ordinalShift) - 1n})::integer`;

export function columnValue(column: MergeColumn, mode: CastMode): string {
  if (column.value !== undefined) return column.value;
  if (column.cell === undefined) return `null::${column.type}`;
  const forms = castForms(column.target, column.cell);
  return mode === "strict" ? forms.strict : forms.lenient;
}

/** The key in the column's own type and collation: equality must be the main table's, not text's. */
export function keyValue(column: MergeColumn, mode: CastMode): string {
  const value = columnValue(column, mode);
  return column.collation === undefined ? value : `(${value}) collate ${column.collation}`;
}

export interface StagedObjects {
  readonly join: string;
  readonly id: string;
  readonly version: string;
}

/** `_object`, `_version` of a staged row: constants for one object, else a join by the ordinal. */
export function stagedObjects(job: MergeJob): StagedObjects {
  const [only] = job.objects;
  if (job.objects.length === 1 && only !== undefined) {
    return { join: "", id: `${only.historyId}::bigint`, version: `${only.version}::bigint` };
  }
  const rows = job.objects
    .map((object) => `(${object.ordinal}, ${object.historyId}::bigint, ${object.version}::bigint)`)
    .join(", ");
  return {
    join: `\njoin (values ${rows}) as o (ordinal, id, version) on o.ordinal = s._n >> ${ordinalShift}`,
    id: "o.id",
    version: "o.version",
  };
}

export const notBad = `not exists (select from ${badTable} b where b._n = s._n)`;

export function appliedVerdict(alias: string): string {
  return `not exists (select from ${badTable} b where b._n = ${alias}._n)`;
}

export function matchKey(job: MergeJob, mode: CastMode, alias: string): string {
  return job.key
    .map((column) => `${alias}.${ident(column.column)} ${column.equals} ${keyValue(column, mode)}`)
    .join(" and ");
}
