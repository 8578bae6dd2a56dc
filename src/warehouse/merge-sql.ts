/**
 * The statements of a merge, rendered from a job. One merge, three uses: its target is a parameter (the main table, plan's
 * temporary clone, later refresh's shadow). test/golden/merge-*.sql shows them whole.
 *
 * Order inside a unit: what the config ignores is left out, what cannot be cast is in `drayage_bad`, then the newest record
 * of each key is classified against row and tombstone; deletes, updates, inserts follow the verdicts.
 */
import { type CastTarget, castForms, isTextType } from "./cast.ts";
import { ident, identList, literal } from "./identifier.ts";
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

const record = `(s._n & ${2n ** BigInt(ordinalShift) - 1n})::integer`;

export function columnValue(column: MergeColumn, mode: CastMode): string {
  if (column.value !== undefined) return column.value;
  if (column.cell === undefined) return `null::${column.type}`;
  const forms = castForms(column.target, column.cell);
  return mode === "strict" ? forms.strict : forms.lenient;
}

/** The key in the column's own type and collation: equality must be the main table's, not text's. */
function keyValue(column: MergeColumn, mode: CastMode): string {
  const value = columnValue(column, mode);
  return column.collation === undefined ? value : `(${value}) collate ${column.collation}`;
}

/** `_object`, `_version` of a staged row: constants for one object, else a join by the ordinal. */
function objects(job: MergeJob): { join: string; id: string; version: string } {
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

const notBad = `not exists (select from ${badTable} b where b._n = s._n)`;

function ignoresDeletes(job: MergeJob): string {
  return job.op !== undefined && job.deletes === "ignore" ? ` and ${job.op} <> 'D'` : "";
}

/** One pass over staging that says whether the optimistic form is safe. Columns: total, bad_op, deletes, null_key, s0 ... */
export function scanStatement(job: MergeJob, suspects: readonly { test: string }[]): string {
  const counts = [
    "count(*) as total",
    job.op === undefined
      ? "0 as bad_op"
      : `count(*) filter (where ${job.op} is null or ${job.op} not in ('I', 'U', 'D')) as bad_op`,
    job.op === undefined ? "0 as deletes" : `count(*) filter (where ${job.op} = 'D') as deletes`,
    job.key.length === 0 ? "0 as null_key" : `count(*) filter (where ${nullKey(job)}) as null_key`,
    ...suspects.map(({ test }, i) => `count(*) filter (where ${test}) as s${i}`),
  ];
  return `select ${counts.join(",\n  ")}\nfrom ${job.staging} s`;
}

/** The columns whose strict cast could change a cell, with the test that finds such cells. */
export function suspectColumns(job: MergeJob): { column: string; test: string }[] {
  return job.columns.flatMap((column) => {
    if (column.cell === undefined || column.value !== undefined) return [];
    const { suspect } = castForms(column.target, column.cell);
    return suspect === undefined ? [] : [{ column: column.column, test: suspect }];
  });
}

function nullKey(job: MergeJob): string {
  return job.key.map((column) => `${column.cell ?? "null"} is null`).join(" or ");
}

/** Records that no cast needs to look at: an op that is none, a key that is NULL. */
export function markStructuralBad(job: MergeJob): string[] {
  const statements: string[] = [];
  if (job.op !== undefined) {
    statements.push(
      `insert into ${badTable} (_n, round, reason) select s._n, 0, 'bad_op' from ${job.staging} s where ${job.op} is null or ${job.op} not in ('I', 'U', 'D')`,
    );
  }
  if (job.key.length > 0) {
    const column = job.key.length === 1 && job.key[0] !== undefined ? literal(job.key[0].column) : "null";
    statements.push(
      `insert into ${badTable} (_n, round, reason, column_name) select s._n, 0, 'null_key', ${column} from ${job.staging} s where (${nullKey(job)}) and ${notBad}`,
    );
  }
  return statements;
}

/** Keys that a lenient cast makes NULL (zero dates); undefined where none can. Once the records that no cast takes are out of staging. */
export function markNullKeys(job: MergeJob): string | undefined {
  const dates = job.key.filter((column) => /^(date|timestamp)/.test(column.target.baseType));
  if (dates.length === 0) return undefined;
  return `insert into ${badTable} (_n, round, reason, column_name)
select s._n, 0, 'null_key', ${dates.length === 1 && dates[0] !== undefined ? literal(dates[0].column) : "null"} from ${job.staging} s
where ${dates.map((column) => `(${columnValue(column, "lenient")}) is null`).join(" or ")}`;
}

/** The fresh and the append form: every staged record that is not bad becomes a row. */
export function insertAll(job: MergeJob, mode: CastMode): string {
  const o = objects(job);
  return `${insertHead(job)}
select ${insertValues(job, mode, o)}
from ${job.staging} s${o.join}
where ${notBad}`;
}

function insertHead(job: MergeJob): string {
  const names = [...job.columns.map((column) => column.column), ...systemColumns(job)];
  return `insert into ${job.target} (${identList(names)})${job.overridingIdentity ? " overriding system value" : ""}`;
}

function systemColumns(job: MergeJob): string[] {
  return [
    "_version",
    "_record",
    ...(job.system.object ? ["_object"] : []),
    ...(job.system.loadedAt ? ["_loaded_at"] : []),
    ...(job.system.opTimestamp ? ["_op_ts"] : []),
    ...(job.system.deletedAt ? ["_deleted_at"] : []),
    ...(job.system.op ? ["_op"] : []),
  ];
}

function systemValues(job: MergeJob, o: { id: string; version: string }): string[] {
  return [
    o.version,
    record,
    ...(job.system.object ? [o.id] : []),
    ...(job.system.loadedAt ? ["now()"] : []),
    ...(job.system.opTimestamp ? [opTimestamp(job)] : []),
    ...(job.system.deletedAt ? ["null::timestamptz"] : []),
    ...(job.system.op ? [job.op ?? "'I'"] : []),
  ];
}

function opTimestamp(job: MergeJob): string {
  return job.opTimestamp === undefined ? "null::timestamptz" : `(${job.opTimestamp})::timestamptz`;
}

function insertValues(job: MergeJob, mode: CastMode, o: { id: string; version: string }): string {
  return [...job.columns.map((column) => columnValue(column, mode)), ...systemValues(job, o)].join(", ");
}

/**
 * The staged records of a round that may be applied: not bad, not ignored; after round 0 only older records of keys whose record of
 * the round before failed, or was refused.
 */
function candidates(job: MergeJob, mode: CastMode, round: number): string {
  const keys = job.key.map((column, i) => `${keyValue(column, mode)} as k${i}`).join(", ");
  const same = job.key.map((column, i) => `f.k${i} ${column.equals} ${keyValue(column, mode)}`).join(" and ");
  const failed =
    round === 0
      ? ""
      : ` and exists (
      select from (select s._n, ${keys} from ${failedRecords(job, round)} b join ${job.staging} s on s._n = b._n) f
      where s._n < f._n and ${same}
    )`;
  return `select s._n, ${job.op ?? "'I'"} as op, ${keys}
    from ${job.staging} s
    where ${notBad}${ignoresDeletes(job)}${failed}`;
}

function failedRecords(job: MergeJob, round: number): string {
  const bad = `select _n from ${badTable} where round = ${round}`;
  return job.mayRefuse
    ? `(${bad} union all select _n from ${verdictTable} where round = ${round - 1} and verdict = 'ignored')`
    : `(${bad})`;
}

/** The keys of the staged records that are not bad, as k0, k1 ... */
export function keysOfStaged(job: MergeJob, mode: CastMode): string {
  return candidates(job, mode, 0);
}

/** Key of a table against k0, k1 ... of candidates. */
export function matchStaged(job: MergeJob, table: string, candidate: string): string {
  return job.key
    .map((column, i) => `${table}.${ident(column.column)} ${column.equals} ${candidate}.k${i}`)
    .join(" and ");
}

/** A verdict for the newest record of each key. `placed` numbers them, deletes first, for the loop. */
export function classify(job: MergeJob, mode: CastMode, round: number, placed: boolean): string {
  const keys = job.key.map((_, i) => `k${i}`).join(", ");
  const o = objects(job);
  const version = `(${o.version}, ${record})`;
  const first = job.key[0];
  if (first === undefined) throw new RangeError("classify needs a key");
  const present = `m.${ident(first.column)} is not null`;
  // A soft delete that came again finds the row that it left.
  const again = job.deletes === "soft" ? ` and (m._version, m._record) is distinct from ${version}` : "";
  const tombstone = job.tombstones === undefined ? "" : `\n    when (t._version, t._record) > ${version} then 'stale'`;
  return `insert into ${verdictTable} (_n, round, place, verdict)
select s._n, ${round}, ${placed ? "row_number() over (order by s.op <> 'D', s._n)" : "null"},
  case${tombstone}
    when (m._version, m._record) > ${version} then 'stale'
    when s.op = 'D' then case when ${present}${again} then 'deleted' else 'absent' end
    when not (${present}) then 'inserted'
    when (m._version, m._record) = ${version} then 'same'
    else 'updated'
  end
from (
  select distinct on (${keys}) * from (
    ${candidates(job, mode, round)}
  ) c
  order by ${keys}, _n desc
) s${o.join}
left join ${job.target} m on ${matchStaged(job, "m", "s")}${
    job.tombstones === undefined ? "" : `\nleft join ${job.tombstones} t on ${matchStaged(job, "t", "s")}`
  }`;
}

/** How many records lost to a later record of their key, by ordinal: superseded when that one was applied, else as stale as it. */
export function countLosers(job: MergeJob, mode: CastMode): string {
  const same = job.key.map((column, i) => `l.k${i} ${column.equals} w.k${i}`).join(" and ");
  return `with c as (
    ${candidates(job, mode, 0)}
  ), w as (
    select c.*, v.verdict from c join ${verdictTable} v on v._n = c._n where ${appliedVerdict("v")} and v.verdict <> 'ignored'
  )
select (l._n >> ${ordinalShift})::integer as ordinal, case when w.verdict = 'stale' then 'stale' else 'superseded' end as verdict, count(*)::integer as count
from c l join w on ${same} and l._n < w._n
group by 1, 2`;
}

/** How many records each verdict of an object counts. */
export function countVerdicts(): string {
  return `select (v._n >> ${ordinalShift})::integer as ordinal, v.verdict, count(*)::integer as count
from ${verdictTable} v where ${appliedVerdict("v")} group by 1, 2`;
}

/** How many deletes the config ignores, by ordinal. */
export function countIgnored(job: MergeJob): string {
  return `select (s._n >> ${ordinalShift})::integer as ordinal, 'ignored' as verdict, count(*)::integer as count
from ${job.staging} s where ${job.op} = 'D' and ${notBad} group by 1`;
}

/** Append: every record that is not bad is a row of its own. */
export function classifyAppend(job: MergeJob): string {
  return `insert into ${verdictTable} (_n, round, place, verdict)
select s._n, 0, row_number() over (order by s._n), 'inserted' from ${job.staging} s where ${notBad}`;
}

function appliedVerdict(alias: string): string {
  return `not exists (select from ${badTable} b where b._n = ${alias}._n)`;
}

function sliceOf(slice: Slice): string {
  const places = slice.places === undefined ? "" : ` and v.place between ${slice.places[0]} and ${slice.places[1]}`;
  return `v.round = ${slice.round}${places}`;
}

function from(job: MergeJob, o: { join: string }): string {
  return `${verdictTable} v\njoin ${job.staging} s on s._n = v._n${o.join}`;
}

function matchKey(job: MergeJob, mode: CastMode, alias: string): string {
  return job.key
    .map((column) => `${alias}.${ident(column.column)} ${column.equals} ${keyValue(column, mode)}`)
    .join(" and ");
}

/** What applies the verdicts of a slice, in order. `has` leaves out statements that would find nothing. */
export function applyStatements(job: MergeJob, mode: CastMode, slice: Slice, has: ReadonlySet<string>): string[] {
  const o = objects(job);
  const statements: string[] = [];
  const deletes = has.has("deleted") || has.has("absent");
  if (deletes && job.tombstones !== undefined) statements.push(writeTombstones(job, mode, slice, o));
  if (has.has("deleted"))
    statements.push(job.deletes === "soft" ? softDelete(job, mode, slice, o) : hardDelete(job, mode, slice));
  if (has.has("updated") || has.has("same")) statements.push(update(job, mode, slice, o, has.has("same")));
  if (has.has("inserted")) {
    statements.push(`${insertHead(job)}
select ${insertValues(job, mode, o)}
from ${from(job, o)}
where v.verdict = 'inserted' and ${sliceOf(slice)}`);
  }
  if (job.tombstones !== undefined && (has.has("inserted") || has.has("updated"))) {
    statements.push(`delete from ${job.tombstones} t using ${verdictTable} v, ${job.staging} s
where s._n = v._n and v.verdict in ('inserted', 'updated') and ${sliceOf(slice)} and ${matchKey(job, mode, "t")}`);
  }
  return statements;
}

function writeTombstones(job: MergeJob, mode: CastMode, slice: Slice, o: ReturnType<typeof objects>): string {
  const names = identList(job.key.map((column) => column.column));
  return `insert into ${job.tombstones} as t (${names}, _version, _record, deleted_at)
select ${job.key.map((column) => keyValue(column, mode)).join(", ")}, ${o.version}, ${record}, now()
from ${from(job, o)}
where v.verdict in ('deleted', 'absent') and ${sliceOf(slice)}
on conflict (${names}) do update set _version = excluded._version, _record = excluded._record, deleted_at = excluded.deleted_at
where (t._version, t._record) <= (excluded._version, excluded._record)`;
}

function hardDelete(job: MergeJob, mode: CastMode, slice: Slice): string {
  return `delete from ${job.target} m using ${verdictTable} v, ${job.staging} s
where s._n = v._n and v.verdict = 'deleted' and ${sliceOf(slice)} and ${matchKey(job, mode, "m")}`;
}

/** The last values stay; the version advances, so that an older record does not undo it. */
function softDelete(job: MergeJob, mode: CastMode, slice: Slice, o: ReturnType<typeof objects>): string {
  const when = job.opTimestamp === undefined ? "now()" : `coalesce(${opTimestamp(job)}, now())`;
  const sets = ["_version", "_record", "_object", "_loaded_at"].flatMap((name, i) => {
    const value = [o.version, record, job.system.object ? o.id : undefined, job.system.loadedAt ? "now()" : undefined][
      i
    ];
    return value === undefined ? [] : [`${ident(name)} = ${value}`];
  });
  return `update ${job.target} m set ${[...sets, `"_deleted_at" = ${when}`].join(", ")}
from ${from(job, o)}
where v.verdict = 'deleted' and ${sliceOf(slice)} and ${matchKey(job, mode, "m")}`;
}

/**
 * The version always advances, with equal cells too: else a late older record would win. Only a record that is the stored row's
 * own (`same`) is left alone when its cells are equal, by image: `is distinct from` misses citext case and 1.0 against 1.00.
 */
function update(job: MergeJob, mode: CastMode, slice: Slice, o: ReturnType<typeof objects>, same: boolean): string {
  const isKey = new Set(job.key.map((column) => column.column));
  const set = [
    ...job.columns
      .filter((column) => !isKey.has(column.column) && column.settable)
      .map((column) => `${ident(column.column)} = ${columnValue(column, mode)}`),
    ...systemColumns(job).map((name, i) => `${ident(name)} = ${systemValues(job, o)[i]}`),
  ].join(",\n  ");
  const compared = job.columns.filter((column) => isKey.has(column.column) || column.settable);
  const differs = `not record_image_eq(row(${compared.map((column) => `m.${ident(column.column)}`).join(", ")}), row(${compared
    .map((column) => `(${columnValue(column, mode)})::${column.type}`)
    .join(", ")}))`;
  const wanted = same ? `(v.verdict = 'updated' or (v.verdict = 'same' and ${differs}))` : "v.verdict = 'updated'";
  const statement = `update ${job.target} m set
  ${set}
from ${from(job, o)}
where ${wanted} and ${sliceOf(slice)} and ${matchKey(job, mode, "m")}`;
  if (!same) return statement;
  return `with changed as (
${statement}
returning v._n, v.verdict
)
update ${verdictTable} v set verdict = 'updated' from changed where changed._n = v._n and changed.verdict = 'same'`;
}

/** Verdicts of a round that a trigger or a policy refused: a row that is not there afterwards, or, deleted, still is. */
export function markRefused(job: MergeJob, mode: CastMode, round: number): string {
  const o = objects(job);
  const own = `(m._version, m._record) = (${o.version}, ${record})`;
  const present = (match: readonly string[]) => `exists (select from ${job.target} m where ${match.join(" and ")})`;
  const key = job.key.length === 0 ? [] : [matchKey(job, mode, "m")];
  const written = job.deletes === "soft" ? "('inserted', 'updated', 'deleted')" : "('inserted', 'updated')";
  const kept = job.deletes === "soft" ? "" : ` or (v.verdict = 'deleted' and ${present(key)})`;
  return `update ${verdictTable} v set verdict = 'ignored'
from ${job.staging} s${o.join}
where s._n = v._n and v.round = ${round} and ${appliedVerdict("v")}
  and ((v.verdict in ${written} and not ${present([...key, own])})${key.length === 0 ? "" : kept})`;
}

/** A delete that was refused leaves no tombstone: the record before it, in another unit, would have been applied. */
export function dropRefusedTombstones(job: MergeJob, mode: CastMode, round: number): string {
  const o = objects(job);
  return `delete from ${job.tombstones} t using ${from(job, o)}
where v.verdict = 'ignored' and v.round = ${round} and ${matchKey(job, mode, "t")} and (t._version, t._record) = (${o.version}, ${record})`;
}

/** Whether the column's cell is text to PostgreSQL, where an empty field is not by itself NULL. */
export function isTextColumn(column: Pick<MergeColumn, "target">): boolean {
  return isTextType(column.target.baseType);
}
