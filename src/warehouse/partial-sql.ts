/**
 * Records that leave cells out (`unchanged_token`), as statements: which of them cannot be made whole, what earlier records of the
 * unit say of the cells that they leave out, and what only the source's own steps can settle.
 */
import { sliceOf } from "./apply-sql.ts";
import { candidates, keyNames, matchStaged } from "./classify-sql.ts";
import { ident, identList } from "./identifier.ts";
import {
  badTable,
  type CastMode,
  isOwn,
  keyValue,
  type MergeJob,
  matchKey,
  newestFirst,
  oldestFirst,
  ownNumber,
  type PartialRecords,
  record,
  type Slice,
  stagedObjects,
  stepTable,
  verdictTable,
} from "./merge-sql.ts";
import { ordinalShift } from "./staging.ts";

function stagedCells({ fields, documents }: PartialRecords): string[] {
  return [...fields, ...documents];
}

/** False where the job is about late records alone. */
export function holdsPartial({ partial }: MergeJob): boolean {
  return partial !== undefined && stagedCells(partial).length > 0;
}

/** Whether staging row `alias` leaves a cell out, its op aside. */
function leavesOut(partial: PartialRecords, alias: string): string {
  const tests = stagedCells(partial).map((cell) => `${alias}.${cell} = ${partial.token}`);
  return tests.length === 0 ? "false" : `coalesce(${tests.join(" or ")}, false)`;
}

function partialOf(job: MergeJob): PartialRecords {
  if (job.partial === undefined) throw new RangeError("no record of the job is partial");
  return job.partial;
}

/** A row that was deleted softly has the cells of what was deleted, not of what comes after it. */
function isThere(job: MergeJob): string {
  const [first] = job.key;
  if (first === undefined) throw new RangeError("partial records need a key");
  const present = `m.${ident(first.column)} is not null`;
  return job.deletes === "soft" && job.system.deletedAt ? `${present} and m._deleted_at is null` : present;
}

/**
 * A record that comes after its row was changed by a newer one. Whole records are no better: the newer one may have kept cells of the
 * row that this one would have changed, so neither the row nor the record has all cells right.
 */
export function markLate(job: MergeJob, mode: CastMode): string | undefined {
  const { late, again, rejects } = partialOf(job);
  const ordinal = `s._n >> ${ordinalShift}`;
  const o = stagedObjects(job, "s.seq::text");
  const those = [
    ...(late.length === 0 ? [] : [`${ordinal} in (${late.join(", ")})`]),
    ...(again.length === 0 || rejects === undefined
      ? []
      : [
          `(${ordinal} in (${again.join(", ")}) and exists (select from ${rejects} r where r.history_id = ${o.id} and r.record_no = ${record} and r.replayed_at is null))`,
        ]),
  ];
  if (those.length === 0) return undefined;
  return `insert into ${badTable} (_n, round, reason)
select s._n, 0, 'late_partial'
from (
    ${candidates(job, mode, 0)}
) s${o.join}
join ${job.target} m on ${matchStaged(job, "m", "s")}
where s.op <> 'D' and ${isThere(job)} and (m._version, m._record) > (${o.version}, ${record}) and (${those.join(" or ")})`;
}

/** Candidates that are newer than row and tombstone of their key: what is not is in the row already, or stale. */
function newRecords(job: MergeJob, mode: CastMode): string {
  const partial = partialOf(job);
  const cells = stagedCells(partial);
  const o = stagedObjects(job, "s.seq::text");
  const version = `(${o.version}, ${record})`;
  const [first] = job.key;
  if (first === undefined) throw new RangeError("partial records need a key");
  const newer = [
    `coalesce((m._version, m._record) < ${version}, true)`,
    ...(job.tombstones === undefined ? [] : [`coalesce((t._version, t._record) < ${version}, true)`]),
    ...(job.floor === undefined ? [] : [`(m.${ident(first.column)} is not null or ${o.version} > ${job.floor})`]),
  ];
  return `select s.*, s.op <> 'D' and ${leavesOut(partial, "s")} as partial, coalesce(${isThere(job)}, false) as there
  from (
    ${candidates(job, mode, 0, cells)}
  ) s${o.join}
  left join ${job.target} m on ${matchStaged(job, "m", "s")}${
    job.tombstones === undefined ? "" : `\n  left join ${job.tombstones} t on ${matchStaged(job, "t", "s")}`
  }
  where ${newer.join(" and ")}`;
}

const own = { seq: "seq", n: "_n" };

/** Records whose cells nobody knows: no row is there, and no whole record came before them since the key's last delete. */
export function markUnknown(job: MergeJob, mode: CastMode): string {
  const keys = keyNames(job);
  const order = oldestFirst(job, own);
  return `with r as (
  ${newRecords(job, mode)}
), e as (
  select r.*, count(*) filter (where op = 'D') over (partition by ${keys} order by ${order}) as deletes from r
), f as (
  select e.*, count(*) filter (where op <> 'D' and not partial) over (partition by ${keys}, deletes order by ${order}) as wholes from e
)
insert into ${badTable} (_n, round, reason)
select _n, 0, 'partial_unknown_key' from f where partial and wholes = 0 and not (there and deletes = 0)`;
}

/** The newest record of each key, and how many of the key are newer than its last delete. */
function newestOf(job: MergeJob, mode: CastMode): string {
  return `r as (
  ${newRecords(job, mode)}
), e as (
  select r.*, row_number() over w as place, count(*) filter (where op = 'D') over w as deletes
  from r window w as (partition by ${keyNames(job)} order by ${newestFirst(job, own)})
)`;
}

/** Gives the newest record of each key, in staging, the cells that it leaves out and an earlier record of the unit has. */
export function carryForward(job: MergeJob, mode: CastMode): string | undefined {
  const { token, fields } = partialOf(job);
  if (fields.length === 0) return undefined;
  const last = (cell: string) =>
    `case when bool_or(${cell} is distinct from ${token}) then (array_agg(${cell} order by place) filter (where ${cell} is distinct from ${token}))[1] else ${token} end as ${cell}`;
  return `with ${newestOf(job, mode)}, g as (
  select max(_n) filter (where place = 1) as n, ${fields.map(last).join(",\n    ")}
  from e where deletes = 0 group by ${keyNames(job)} having count(*) > 1 and bool_or(place = 1 and partial)
)
update ${job.staging} s set ${fields.map((cell) => `${cell} = g.${cell}`).join(", ")} from g where s._n = g.n`;
}

/**
 * Whether only the source's own steps are right: cells of a document are of more than one form in staging, and a row that takes its
 * cells along to another key can be had from the main table alone. Columns: steps.
 */
export function needsSteps(job: MergeJob, mode: CastMode): string | undefined {
  const partial = partialOf(job);
  const tests: string[] = [];
  if (partial.documents.length > 0) {
    const left = partial.documents.map((cell) => `${cell} = ${partial.token}`).join(" or ");
    tests.push(`exists (
  with ${newestOf(job, mode)}
  select from e where deletes = 0 group by ${keyNames(job)} having count(*) > 1 and bool_or(place = 1 and (${left}))
)`);
  }
  if (job.keyChange !== undefined && stagedCells(partial).length > 0)
    tests.push(`exists (
  select from ${job.staging} d join ${job.staging} s on s._n = ${ownNumber("d._n")} where not ${isOwn("d")} and ${leavesOut(partial, "s")}
)`);
  return tests.length === 0 ? undefined : `select ${tests.join(" or ")} as steps`;
}

/** Rows of staging whose verdict would make a row, or bring one back, of cells that nobody knows. */
export function unknownVerdicts(job: MergeJob, mode: CastMode, slice: Slice): string {
  const buried = `v.verdict = 'updated' and exists (select from ${job.target} m where ${matchKey(job, mode, "m")} and m._deleted_at is not null)`;
  const made = ["v.verdict = 'inserted'", ...(job.deletes === "soft" && job.system.deletedAt ? [buried] : [])];
  return `select from ${verdictTable} v join ${job.staging} s on s._n = v._n
where ${sliceOf(slice)} and (${made.join(" or ")}) and ${leavesOut(partialOf(job), "s")}`;
}

/** Of the step form: whether some places can only be applied one by one. What a chunk collapses loses the cells of its older records. */
export function crowded(job: MergeJob, places: readonly [string, string]): string {
  const partial = partialOf(job);
  const between = `st.place between ${places[0]} and ${places[1]}`;
  const steps = `${stepTable} st join ${job.staging} s on s._n = ${ownNumber("st._n")} where ${between}`;
  const moved = job.keyChange === undefined ? "" : ` or not ${isOwn("st")}`;
  return `exists (
        select from ${steps} and ${leavesOut(partial, "s")} and ((
          select count(*) from ${verdictTable} v where v.place between ${places[0]} and ${places[1]}
        ) < (select count(*) from ${stepTable} n where n.place between ${places[0]} and ${places[1]})${moved})
      )`;
}

/**
 * Of the step form, before a place is classified: a record that leaves cells out takes its row along to its new key, and is an update
 * of it then. By soft deletes the row stays for its delete, and a copy of it goes.
 */
export function moveRows(job: MergeJob, place: string): string[] {
  const { columns } = partialOf(job);
  if (job.keyChange === undefined) return [];
  const o = stagedObjects(job);
  const keys = job.key.map((column, i) => `${keyValue(column, "lenient")} as k${i}`).join(", ");
  const staged = `from ${job.staging} s${o.join} where s._n in (select st._n from ${stepTable} st where st.place = ${place})`;
  const moved = `(select ${keys}, ${o.version} as version, ${record} as record ${staged} and ${isOwn("s")} and ${leavesOut(partialOf(job), "s")}) u
  join (select ${keys} ${staged} and not ${isOwn("s")}) d on true`;
  const old = `${matchStaged(job, "m", "d")} and ${isThere(job)} and (m._version, m._record) < (u.version, u.record)`;
  if (job.deletes !== "soft" || !job.system.deletedAt) {
    const set = job.key.map((column, i) => `${ident(column.column)} = u.k${i}`).join(", ");
    return [`update ${job.target} m set ${set}\nfrom ${moved}\nwhere ${old}`];
  }
  const key = new Map(job.key.map((column, i) => [column.column, `u.k${i}`]));
  return [
    `delete from ${job.target} b using ${moved}, ${job.target} m
where ${old} and ${matchStaged(job, "b", "u")} and b._deleted_at is not null`,
    `insert into ${job.target} (${identList(columns)})${job.overridingIdentity ? " overriding system value" : ""}
select ${columns.map((column) => key.get(column) ?? `m.${ident(column)}`).join(", ")}
from ${moved} join ${job.target} m on ${old}`,
  ];
}
