/**
 * The statements that decide what becomes of each staged record, and those that count it. Order inside a unit: what the config
 * ignores is left out, what cannot be cast is in `drayage_bad`, then the newest record of each key is classified against row
 * and tombstone.
 */
import { castForms } from "./cast.ts";
import { ident, literal } from "./identifier.ts";
import { orderDigits } from "./main-table.ts";
import {
  appliedVerdict,
  badTable,
  type CastMode,
  columnValue,
  isOlder,
  isOwn,
  keyValue,
  type MergeJob,
  type MergeOrder,
  newestFirst,
  notBad,
  record,
  stagedObjects,
  standingOf,
  verdictTable,
} from "./merge-sql.ts";
import { ordinalShift } from "./staging.ts";

/** One pass over staging that says whether the optimistic form is safe. Columns: total, bad_op, deletes, null_key, s0 ... */
export function scanStatement(job: MergeJob, suspects: readonly { test: string }[]): string {
  const counts = [
    "count(*) as total",
    job.op === undefined
      ? "0 as bad_op"
      : `count(*) filter (where ${job.op} is null or ${job.op} not in ('I', 'U', 'D')) as bad_op`,
    job.op === undefined ? "0 as deletes" : `count(*) filter (where ${job.op} = 'D') as deletes`,
    job.key.length === 0 ? "0 as null_key" : `count(*) filter (where ${nullKey(job)}) as null_key`,
    ...(job.order === undefined ? [] : [`count(*) filter (where ${hasNoOrder(job.order)}) as no_order`]),
    ...suspects.map(({ test }, i) => `count(*) filter (where ${test}) as s${i}`),
  ];
  return `select ${counts.join(",\n  ")}\nfrom ${job.staging} s`;
}

/** The columns whose strict cast could change a cell, with the test that finds such cells. */
export function suspectColumns(job: MergeJob): { column: string; test: string }[] {
  return job.columns.flatMap((column) => {
    if (column.cell === undefined || column.value !== undefined) return [];
    const { suspect } = castForms(column.target, column.tested ?? column.cell);
    return suspect === undefined ? [] : [{ column: column.column, test: suspect }];
  });
}

function nullKey(job: MergeJob): string {
  return job.key.map((column) => `${column.cell ?? "null"} is null`).join(" or ");
}

/** Digits alone sort as numbers; a stream position (`mysql-bin.000003:...`) sorts as nothing. */
function hasNoOrder({ cell }: MergeOrder): string {
  return `${cell} is null or ${cell} !~ '^[0-9]{1,${orderDigits}}$'`;
}

/** Records that no cast needs to look at: an op that is none, a key that is NULL, no value to order it by. */
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
      `insert into ${badTable} (_n, round, reason, column_name) select s._n, 0, 'null_key', ${column} from ${job.staging} s where (${nullKey(job)}) and ${notBad(job)}`,
    );
  }
  if (job.order !== undefined) {
    statements.push(
      `insert into ${badTable} (_n, round, reason, column_name) select s._n, 0, 'no_order', ${literal(job.order.column)} from ${job.staging} s where (${hasNoOrder(job.order)}) and ${notBad(job)}`,
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

function ignoresDeletes(job: MergeJob): string {
  if (job.op === undefined || job.deletes !== "ignore") return "";
  // The old key of a row that lives on is no delete.
  return job.keyChange === undefined ? ` and ${job.op} <> 'D'` : ` and (${job.op} <> 'D' or not ${isOwn("s")})`;
}

/**
 * The staged records of a round that may be applied: not bad, not ignored; after round 0 only older records of keys whose record of
 * the round before failed, or was refused.
 */
export function candidates(job: MergeJob, mode: CastMode, round: number, cells: readonly string[] = []): string {
  const same = job.key.map((column, i) => `f.k${i} ${column.equals} ${keyValue(column, mode)}`).join(" and ");
  const own = { seq: `(${job.order?.cell})::numeric`, n: "s._n" };
  const failed =
    round === 0
      ? ""
      : ` and exists (
      select from (select ${candidateColumns(job, mode)} from ${failedRecords(job, round)} b join ${job.staging} s on s._n = b._n) f
      where ${isOlder(job, own, standingOf("f"))} and ${same}
    )`;
  return `select ${[candidateColumns(job, mode), ...cells.map((cell) => `s.${cell}`)].join(", ")}
    from ${job.staging} s
    where ${notBad(job)}${ignoresDeletes(job)}${failed}`;
}

/** `_n`, op, the key as k0, k1 ..., and with order_by its value: what decides about a record. */
export function candidateColumns(job: MergeJob, mode: CastMode): string {
  const keys = job.key.map((column, i) => `${keyValue(column, mode)} as k${i}`).join(", ");
  const seq = job.order === undefined ? "" : `, (${job.order.cell})::numeric as seq`;
  return `s._n, ${job.op ?? "'I'"} as op, ${keys}${seq}`;
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
  const place = placed ? "row_number() over (order by s.op <> 'D', s._n)" : "null";
  return verdictsOf(job, candidates(job, mode, round), `${round}, ${place}`);
}

/** Of candidates; `where` are a verdict's round and place. */
export function verdictsOf(job: MergeJob, records: string, where: string): string {
  const keys = keyNames(job);
  const o = stagedObjects(job, "s.seq::text");
  const version = `(${o.version}, ${record})`;
  const first = job.key[0];
  if (first === undefined) throw new RangeError("classify needs a key");
  const present = `m.${ident(first.column)} is not null`;
  // A soft delete that came again finds the row that it left.
  const again = job.deletes === "soft" ? ` and (m._version, m._record) is distinct from ${version}` : "";
  const tombstone = job.tombstones === undefined ? "" : `\n    when (t._version, t._record) > ${version} then 'stale'`;
  const inserted =
    job.floor === undefined ? "'inserted'" : `case when ${o.version} > ${job.floor} then 'inserted' else 'stale' end`;
  return `insert into ${verdictTable} (_n, round, place, verdict)
select s._n, ${where},
  case${tombstone}
    when (m._version, m._record) > ${version} then 'stale'
    when s.op = 'D' then case when ${present}${again} then 'deleted' else 'absent' end
    when not (${present}) then ${inserted}
    when (m._version, m._record) = ${version} then 'same'
    else 'updated'
  end
from (
  select distinct on (${keys}) * from (
    ${records}
  ) c
  order by ${keys}, ${newestFirst(job, { seq: "seq", n: "_n" })}
) s${o.join}
left join ${job.target} m on ${matchStaged(job, "m", "s")}${
    job.tombstones === undefined ? "" : `\nleft join ${job.tombstones} t on ${matchStaged(job, "t", "s")}`
  }`;
}

export function keyNames(job: MergeJob): string {
  return job.key.map((_, i) => `k${i}`).join(", ");
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
from c l join w on ${same} and ${isOlder(job, standingOf("l"), standingOf("w"))}${ownOnly(job, "l")}
group by 1, 2`;
}

/** How many records each verdict of an object counts. */
export function countVerdicts(job: MergeJob): string {
  return `select (v._n >> ${ordinalShift})::integer as ordinal, v.verdict, count(*)::integer as count
from ${verdictTable} v where ${appliedVerdict("v")}${ownOnly(job, "v")} group by 1, 2`;
}

function ownOnly(job: MergeJob, alias: string): string {
  return job.keyChange === undefined ? "" : ` and ${isOwn(alias)}`;
}

/** How many deletes the config ignores, by ordinal. */
export function countIgnored(job: MergeJob): string {
  return `select (s._n >> ${ordinalShift})::integer as ordinal, 'ignored' as verdict, count(*)::integer as count
from ${job.staging} s where ${job.op} = 'D' and ${notBad(job)}${ownOnly(job, "s")} group by 1`;
}

/** Append: every record that is not bad is a row of its own. */
export function classifyAppend(job: MergeJob): string {
  return `insert into ${verdictTable} (_n, round, place, verdict)
select s._n, 0, row_number() over (order by s._n), 'inserted' from ${job.staging} s where ${notBad(job)}`;
}
