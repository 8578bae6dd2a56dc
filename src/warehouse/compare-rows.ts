/**
 * Compares a main table with the shadow that holds what the source says, by key, inside the caller's transaction: which rows differ,
 * and why. Reads the main table and nothing else of it; what is found is a temporary table until the transaction ends.
 */
import { type MainTable, mainTableSql } from "./catalog.ts";
import { differenceTable, sameKey } from "./difference.ts";
import { ident, identList, literal } from "./identifier.ts";
import type { Session } from "./session.ts";
import { type ShadowName, shadowSql } from "./shadow.ts";
import { inSample } from "./staged-records.ts";

export interface CompareJob {
  readonly stateSchema: string;
  readonly main: MainTable;
  readonly shadow: ShadowName;
  /** As SQL: the shadow's, and the main table's where it has any. */
  readonly tombstones: string;
  readonly mainTombstones: string | undefined;
  readonly key: readonly string[];
  /** Columns that come from the source, the key's left out. */
  readonly columns: readonly string[];
  /** Least version of a change of the current full load. */
  readonly newerFrom: string;
  readonly floor: string | undefined;
  readonly deletes: "hard" | "soft" | "ignore";
  /** Records that no column takes today. */
  readonly refused: readonly { readonly object: bigint; readonly record: number }[];
  /** History ids of objects that are no part of either side. */
  readonly waiting: readonly bigint[];
  /** Of objects that are taken back: as if they did not exist. */
  readonly takenBack: readonly bigint[];
  /** History ids of loaded objects whose bytes are gone. */
  readonly gone: readonly bigint[];
  readonly oneIn: number | undefined;
}

/** What a row of the difference is; DMS's own words for it are RECORD_DIFF, MISSING_SOURCE, MISSING_TARGET. */
export type Verdict = "updated" | "removed" | "inserted" | "duplicate" | "kept";

export type Why =
  | "changed"
  | "stale"
  | "newer"
  | "foreign"
  | "deleted"
  | "skipped"
  | "older"
  | "gone"
  | "unknown"
  | "floor"
  | "missing"
  | "duplicate"
  | "refused"
  | "waiting"
  | "taken_back";

export interface DifferenceCount {
  readonly verdict: Verdict;
  readonly why: Why;
  readonly count: number;
}

const sides = "pg_temp.drayage_sides";

export function hasColumn({ main }: Pick<CompareJob, "main">, name: string): boolean {
  return main.columns.some((column) => column.name === name);
}

export function isSoft(job: CompareJob): boolean {
  return job.deletes === "soft" && hasColumn(job, "_deleted_at");
}

/** Fills `drayage_difference`; returns how many rows there are of each kind. */
export async function compareRows(session: Session, job: CompareJob): Promise<DifferenceCount[]> {
  await session.query(findSides(job));
  await session.query(`analyze ${sides}`);
  await session.query("create temporary table drayage_refused (object bigint, record integer) on commit drop");
  await session.query("insert into pg_temp.drayage_refused select * from unnest($1::bigint[], $2::integer[])", [
    job.refused.map(({ object }) => object.toString()),
    job.refused.map(({ record }) => record),
  ]);
  await session.query(judgeSides(job), []);
  if (!hasUniqueKey(job)) await session.query(addDuplicates(job));
  await session.query(`analyze ${differenceTable}`);
  const { rows } = await session.query<{ verdict: Verdict; why: Why; count: string }>(
    `select verdict, why, count(*) as count from ${differenceTable} group by 1, 2 order by 1, 2`,
  );
  return rows.map(({ verdict, why, count }) => ({ verdict, why, count: Number(count) }));
}

export function hasUniqueKey({ main, key }: Pick<CompareJob, "main" | "key">): boolean {
  return main.uniqueKeys.some((one) => one.length === key.length && one.every((part) => key.includes(part)));
}

/** Whether both sides say the same of a key that both have. A row whose version is above its record's would ignore changes to come. */
function isEqual(job: CompareJob): string {
  const rowOf = (alias: string) => job.columns.map((column) => `${alias}.${ident(column)}`).join(", ");
  const cells = job.columns.length === 0 ? "true" : `record_image_eq(row(${rowOf("m")}), row(${rowOf("s")}))`;
  // Which cells a deleted row kept depends on the units that brought its records.
  const same = isSoft(job)
    ? `case when m._deleted_at is not null and s._deleted_at is not null then true
       else m._deleted_at is null and s._deleted_at is null and ${cells} end`
    : cells;
  return `(${same}) and not coalesce(m._version > s._version and m._version >= ${job.newerFrom}, false)`;
}

function findSides(job: CompareJob): string {
  const keys = job.key.map((column, i) => `coalesce(s.${ident(column)}, m.${ident(column)}) as k${i}`).join(", ");
  const mine = job.key.map((column) => `coalesce(s.${ident(column)}, m.${ident(column)})`);
  const of = (name: string, type: string) => (hasColumn(job, name) ? `m.${ident(name)}` : `null::${type}`);
  const sample = job.oneIn === undefined ? "" : `\n  where ${inSample(mine, job.oneIn)}`;
  return `create temporary table drayage_sides on commit drop as
select * from (
  select ${keys}, s._object as object, s._record as record, s._version as version,
    ${of("_object", "bigint")} as was_object, m._record as was_record, m._version as was_version,
    ${isSoft(job) ? "m._deleted_at is not null" : "false"} as was_deleted, ${isSoft(job) ? "s._deleted_at is not null" : "false"} as is_deleted,
    case when s.tableoid is null then 'table' when m.tableoid is null then 'source' when ${isEqual(job)} then null else 'both' end as side
  from ${mainTableSql(job.main)} m full join ${shadowSql(job.shadow)} s on ${sameKey(job, "m", (column) => `s.${ident(column)}`)}${sample}
) compared where side is not null`;
}

/** The few that are left are looked at with everything that may explain them. */
function judgeSides(job: CompareJob): string {
  const byPlace = (_: string, i: number) => `c.k${i}`;
  const list = (ids: readonly bigint[]) => `any(${literal(`{${ids.join(",")}}`)}::bigint[])`;
  const buried =
    job.mainTombstones === undefined ? "" : `left join ${job.mainTombstones} b on ${sameKey(job, "b", byPlace)}`;
  const isBuried = job.mainTombstones === undefined ? "false" : "b._version > c.version";
  const kept = `when f.object is not null then array['kept', 'refused']
      when c.was_object = ${list(job.waiting)} then array['kept', 'waiting']`;
  const older = job.deletes === "ignore" ? "when h.status = 'superseded' then array['kept', 'older']" : "";
  return `create temporary table drayage_difference on commit drop as
select c.*, verdict[1] as verdict, verdict[2] as why, t._version::text as deleted_version, t._record::integer as deleted_record
from ${sides} c
left join ${job.tombstones} t on ${sameKey(job, "t", byPlace)}
${buried}
left join pg_temp.drayage_refused f on f.object = c.was_object and f.record = c.was_record
left join ${ident(job.stateSchema)}.load_history h on h.id = c.was_object
cross join lateral (
  select case c.side
    when 'table' then case
      ${kept}
      ${older}
      when c.was_deleted and (t._version is not null or c.was_version is null or c.was_version < ${job.newerFrom}) then null
      when c.was_object = ${list(job.takenBack)} then array['removed', 'taken_back']
      when t._version is not null then array['removed', 'deleted']
      when c.was_version is null then array['removed', 'foreign']
      when h.status = 'skipped' then array['removed', 'skipped']
      when h.status = 'superseded' then array['removed', 'older']
      when c.was_object = ${list(job.gone)} then array['removed', 'gone']
      else array['removed', 'unknown'] end
    when 'source' then case
      when c.is_deleted then null
      when ${isBuried} then ${buriedVerdict(job)}
      when ${job.floor === undefined ? "false" : `c.version <= ${job.floor}`} then array['inserted', 'floor']
      else array['inserted', 'missing'] end
    else case
      ${kept}
      when c.was_object = ${list(job.takenBack)} then array['updated', 'taken_back']
      when c.was_version is null then array['updated', 'foreign']
      when (c.was_version, c.was_record) < (c.version, c.record) then array['updated', 'stale']
      when (c.was_version, c.was_record) > (c.version, c.record) then array['updated', 'newer']
      else array['updated', 'changed'] end
  end as verdict
) judged
where verdict is not null`;
}

/** A newer delete than any that the source has: of an object that is no part of the state, or of nobody. */
function buriedVerdict({ takenBack, waiting }: CompareJob): string {
  if (takenBack.length > 0) return "array['inserted', 'taken_back']";
  return waiting.length > 0 ? "array['kept', 'waiting']" : "array['inserted', 'newer']";
}

/** Rows of one key beyond the first: only a table without a unique index on its key has any. */
function addDuplicates(job: CompareJob): string {
  const keys = job.key.map((column) => `m.${ident(column)}`);
  const object = hasColumn(job, "_object") ? "m._object" : "null::bigint";
  const sample = job.oneIn === undefined ? "" : ` and ${inSample(keys, job.oneIn)}`;
  const names = [
    ...job.key.map((_, i) => `k${i}`),
    "was_object",
    "was_record",
    "was_version",
    "side",
    "verdict",
    "why",
  ];
  return `insert into ${differenceTable} (${identList(names)})
select ${[...job.key.map((_, i) => `d.k${i}`), "d.was_object", "d.was_record", "d.was_version"].join(", ")}, 'table', 'duplicate', 'duplicate'
from (
  select ${keys.map((key, i) => `${key} as k${i}`).join(", ")}, ${object} as was_object, m._record as was_record, m._version as was_version,
    row_number() over (partition by ${keys.join(", ")} order by m._version desc nulls last) as n
  from ${mainTableSql(job.main)} m where ${keys.map((key) => `${key} is not null`).join(" and ")}${sample}
) d where d.n > 1`;
}

/** Deletes rows of one key beyond the newest. Returns how many there were. */
export async function removeDuplicates(session: Session, job: CompareJob): Promise<number> {
  const keys = job.key.map((column) => `m.${ident(column)}`);
  const { count } = await session.query(
    `delete from ${mainTableSql(job.main)} m using (
       select m.tableoid as t, m.ctid as c, row_number() over (partition by ${keys.join(", ")} order by m._version desc nulls last) as n
       from ${mainTableSql(job.main)} m where ${keys.map((key) => `${key} is not null`).join(" and ")}
     ) d where d.n > 1 and m.tableoid = d.t and m.ctid = d.c`,
  );
  return count;
}
