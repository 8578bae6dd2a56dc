/**
 * What a merge is told, as a job, and the terms that its statements are made of. One merge, three uses: its target is a
 * parameter (the main table, plan's temporary clone, later refresh's shadow). test/golden/merge-*.sql shows them whole.
 */
import { type CastTarget, castForms } from "./cast.ts";
import { ident, literal } from "./identifier.ts";
import { ordinalShift } from "./staging.ts";

export interface MergeColumn {
  /** Column of the target. */
  readonly column: string;
  /** SQL that yields the cell's text from staging row `s`; undefined: the source has no such column now, it is NULL. */
  readonly cell: string | undefined;
  /** The same where an empty cell is not yet NULL, for tests of every cell: what no cell needs costs as much as the test. */
  readonly tested?: string | undefined;
  /** SQL that is true where the record does not say the cell: the row keeps its own. undefined: each record says it. */
  readonly kept?: string | undefined;
  /** SQL that yields the value itself where it is JSON in staging: no cast form applies. */
  readonly value: string | undefined;
  readonly target: CastTarget;
  /** With modifier. */
  readonly type: string;
  readonly collation: string | undefined;
  /** Operator by which keys compare. */
  readonly equals: string;
  /** Every staged cell was seen to pass the strict form unchanged: the lenient one, ten times as slow, is not needed. */
  readonly sound?: boolean | undefined;
  /** False: can be inserted, never set (generated always as identity). */
  readonly settable: boolean;
}

export interface MergeObject {
  /** Position in the unit: the high bits of `_n`. */
  readonly ordinal: number;
  readonly historyId: bigint;
  /** `_version` of its records; by `order_by` what decides between change records of one value. */
  readonly version: bigint;
}

/** `order_by`: the column of change records whose digits say which is newer. */
export interface MergeOrder {
  readonly column: string;
  /** SQL of the staged cell. */
  readonly cell: string;
}

/** Before images of key columns: a U whose key differs from them is a D of the old key, too. */
export interface KeyChange {
  /** Staging columns, as those below. */
  readonly op: string;
  /** What the D takes over from its U. */
  readonly kept: readonly string[];
  /** `before`: SQL of the before image, NULL where it is not filled; undefined: the column has none. */
  readonly key: readonly { readonly column: string; readonly before: string | undefined }[];
}

/** `unchanged_token`: records that leave cells out. */
export interface PartialRecords {
  /** What a cell holds that is left out, as SQL. */
  readonly token: string;
  /** Staging columns that may hold it: of source columns, and of documents, of which all paths are left out at once. */
  readonly fields: readonly string[];
  readonly documents: readonly string[];
  /** Objects after which others may have been loaded: none of their records may meet a row that is newer. By ordinal. */
  readonly late: readonly number[];
  /** Objects that were loaded before: so may none of their open rejects. `rejects`: that table, as SQL. */
  readonly again: readonly number[];
  readonly rejects: string | undefined;
  /** Columns of the target that can be written: a row that moves takes all of them along. */
  readonly columns: readonly string[];
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
  /** undefined: the object's version orders its records, as it always does in full loads. */
  readonly order: MergeOrder | undefined;
  readonly keyChange: KeyChange | undefined;
  /** undefined: every record of the unit is whole, and none comes late to a table of which others are not. */
  readonly partial?: PartialRecords | undefined;
  /** Type of `_version`. */
  readonly versionType: string;
  readonly deletes: "hard" | "soft" | "ignore";
  /** A trigger or policy of the target may refuse rows without an error. */
  readonly mayRefuse: boolean;
  /** A policy may refuse them with one that reads like a lack of privileges. */
  readonly rowSecurity: boolean;
  readonly overridingIdentity: boolean;
  /** How many staged records of each object may be bad before the loops that look for them are stopped; undefined: any number. */
  readonly rejectLimits?: readonly { readonly ordinal: number; readonly most: number }[] | undefined;
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
/** Places of records in the source's own order; made for the form that applies them one by one. */
export const stepTable = "pg_temp.drayage_step";

/** Made once per session, outside any transaction that may roll back. */
export const sessionTables = `
create temporary table if not exists drayage_bad (
  _n bigint primary key, round integer not null, sqlstate text, reason text, column_name text, constraint_name text, message text
);
create temporary table if not exists drayage_verdict (_n bigint not null, round integer not null, place bigint, verdict text not null);
create temporary table if not exists drayage_step (place bigint not null, _n bigint not null);
create index if not exists drayage_step_place on pg_temp.drayage_step (place);
`;

/**
 * Set in `_n` of a D that stands for the old key of a U: above every record number, which is an integer. The D is no record of
 * its own: it stands at its U's place in the order, shares its fate when one of the two is bad, and is in no count.
 */
export const derived = 2n ** BigInt(ordinalShift - 1);

/** Number of the record in its object, from 1. */
export const record = `(s._n & ${derived - 1n})::integer`;

/** Whether a row is of a record, not of one's old key. */
export function isOwn(alias: string): string {
  return `(${alias}._n & ${derived}) = 0`;
}

/** `_n` of the record that a row is of. */
export function ownNumber(n: string): string {
  return `(${n} & ~${derived}::bigint)`;
}

/** The same job where the strict form is known to do for every cell. */
export function soundJob(job: MergeJob): MergeJob {
  const columns = job.columns.map((column) => ({ ...column, sound: true }));
  const key = job.key.map((column) => columns[job.columns.indexOf(column)] ?? { ...column, sound: true });
  return { ...job, columns, key };
}

export function columnValue(column: MergeColumn, mode: CastMode): string {
  if (column.value !== undefined) return column.value;
  if (column.cell === undefined) return `null::${column.type}`;
  const forms = castForms(column.target, column.cell);
  return mode === "strict" || column.sound === true ? forms.strict : forms.lenient;
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

/**
 * `_object`, `_version` of a staged row: constants for one object, else a join by the ordinal. By `order_by` the version is the
 * value and, after its point, the object's own version: records of one value in two objects would tie, and the end depend on
 * arrival. `value`: SQL of it, where it is not the staged cell.
 */
export function stagedObjects(job: MergeJob, value: string | undefined = job.order?.cell): StagedObjects {
  const [only] = job.objects;
  const constant = (version: bigint) =>
    job.order === undefined ? `${typed(version)}::${job.versionType}` : literal(`.${version}`);
  const versionOf = (own: string) => (job.order === undefined ? own : `(${value} || ${own})::${job.versionType}`);
  if (job.objects.length === 1 && only !== undefined) {
    return { join: "", id: `${only.historyId}::bigint`, version: versionOf(constant(only.version)) };
  }
  const rows = job.objects
    .map((object) => `(${object.ordinal}, ${object.historyId}::bigint, ${constant(object.version)})`)
    .join(", ");
  return {
    join: `\njoin (values ${rows}) as o (ordinal, id, version) on o.ordinal = s._n >> ${ordinalShift}`,
    id: "o.id",
    version: versionOf("o.version"),
  };
}

/** A cast binds closer than a minus. */
function typed(version: bigint): string {
  return version < 0n ? `(${version})` : String(version);
}

/** Where a record stands among those of its unit; `seq` is the numeric of its order_by. */
export interface Standing {
  readonly seq: string;
  readonly n: string;
}

/** Of a row of candidates, which have `_n` and `seq`. */
export function standingOf(alias: string): Standing {
  return { seq: `${alias}.seq`, n: `${alias}._n` };
}

/** What is compared, in order. A key that differs from its before image in spelling alone is one key: its U wins over its D. */
function terms(job: MergeJob, { seq, n }: Standing): string[] {
  const place = job.keyChange === undefined ? [n] : [ownNumber(n), `-${n}`];
  return job.order === undefined ? place : [seq, ...place];
}

export function isOlder(job: MergeJob, a: Standing, b: Standing): string {
  const [left, right] = [terms(job, a), terms(job, b)];
  return left.length === 1 ? `${left[0]} < ${right[0]}` : `(${left.join(", ")}) < (${right.join(", ")})`;
}

/** ORDER BY terms: the source's own order, both halves of a key change at one place. */
export function sourceOrder(job: MergeJob, { seq, n }: Standing): string {
  const place = job.keyChange === undefined ? n : ownNumber(n);
  return job.order === undefined ? place : `${seq}, ${place}`;
}

/** ORDER BY terms, the oldest record first. */
export function oldestFirst(job: MergeJob, standing: Standing): string {
  return terms(job, standing).join(", ");
}

/** ORDER BY terms, the newest record first. */
export function newestFirst(job: MergeJob, standing: Standing): string {
  return terms(job, standing)
    .map((term) => `${term} desc`)
    .join(", ");
}

export function notBad(job: MergeJob): string {
  const n = job.keyChange === undefined ? "s._n" : ownNumber("s._n");
  return `not exists (select from ${badTable} b where b._n = ${n})`;
}

export function appliedVerdict(alias: string): string {
  return `not exists (select from ${badTable} b where b._n = ${alias}._n)`;
}

export function matchKey(job: MergeJob, mode: CastMode, alias: string): string {
  return job.key
    .map((column) => `${alias}.${ident(column.column)} ${column.equals} ${keyValue(column, mode)}`)
    .join(" and ");
}
