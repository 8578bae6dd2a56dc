/**
 * Makes a main table equal to a shadow by the difference alone, inside the caller's transaction, under the table's lock: equal rows are
 * not written, nothing is renamed or truncated, readers do not wait. What changed since the shadow's full load began stays.
 */
import { type MainTable, mainTableSql } from "./catalog.ts";
import { ident, identList } from "./identifier.ts";
import { isMoved, mayMoveRows, moveRows } from "./move-rows.ts";
import type { Session } from "./session.ts";
import { type ShadowName, shadowSql } from "./shadow.ts";

export interface DifferenceJob {
  readonly main: MainTable;
  readonly shadow: ShadowName;
  /** As SQL; undefined: no delete was ever seen. */
  readonly tombstones: string | undefined;
  readonly key: readonly string[];
  /** Columns that come from the source, the key's left out. */
  readonly columns: readonly string[];
  /** Rows and deletions of this `_version` and above are newer than the full load. */
  readonly newerFrom: bigint;
  readonly deletes: "hard" | "soft" | "ignore";
}

export interface Difference {
  /** Rows that the full load lacks. */
  readonly removed: number;
  /** By history id: what became of the records that the shadow ended with; equal rows are `unchanged`. */
  readonly counts: ReadonlyMap<bigint, AppliedCounts>;
}

export interface AppliedCounts {
  inserted: number;
  updated: number;
  unchanged: number;
  stale: number;
  ignored: number;
}

/** Until the transaction ends: the key as k0, k1 ... and the verdict of each row that differs. */
export const differenceTable = "pg_temp.drayage_difference";
const table = differenceTable;

/** Finds the difference and applies it. `checkRemoved` is called before a row is touched; it throws to stop. */
export async function applyDifference(
  session: Session,
  job: DifferenceJob,
  checkRemoved: (removed: number) => Promise<void>,
): Promise<Difference> {
  await session.query(findDifference(job));
  await session.query(`analyze ${table}`);
  const { rows } = await session.query<{ verdict: string; count: string }>(
    `select verdict, count(*) as count from ${table} group by verdict`,
  );
  const has = new Map(rows.map(({ verdict, count }) => [verdict, Number(count)]));
  await checkRemoved(has.get("removed") ?? 0);
  // Removed first: a value of another unique column may move from a row that goes to one that comes.
  const removed = has.has("removed") ? (await session.query(removeRows(job))).count : 0;
  const updated = has.has("updated") ? await updateRows(session, job) : 0;
  const inserted = has.has("inserted") ? (await session.query(insertRows(job))).count : 0;
  if (job.tombstones !== undefined)
    await session.query(`delete from ${job.tombstones} where _version < ${job.newerFrom}`);
  if (updated !== (has.get("updated") ?? 0) || inserted !== (has.get("inserted") ?? 0))
    await session.query(markIgnored(job));
  // Deferred constraints would raise at COMMIT, where their answer names no table.
  await session.query("set constraints all immediate");
  return { removed, counts: await countByObject(session, job) };
}

export function sameKey(
  job: Pick<DifferenceJob, "main" | "key">,
  a: string,
  b: (column: string, position: number) => string,
): string {
  const of = new Map(job.main.columns.map((column) => [column.name, column.equals]));
  return job.key.map((column, i) => `${a}.${ident(column)} ${of.get(column) ?? "="} ${b(column, i)}`).join(" and ");
}

const staged = (column: string): string => `s.${ident(column)}`;
const found = (_: string, position: number): string => `d.k${position}`;

function hasColumn(job: DifferenceJob, name: string): boolean {
  return job.main.columns.some((column) => column.name === name);
}

function findDifference(job: DifferenceJob): string {
  const [first = ""] = job.key;
  const present = `m.${ident(first)} is not null`;
  const soft = job.deletes === "soft" && hasColumn(job, "_deleted_at");
  const removed =
    job.deletes === "ignore" ? "null" : soft ? "case when m._deleted_at is null then 'removed' end" : "'removed'";
  const buried =
    job.tombstones === undefined
      ? "false"
      : `exists (select from ${job.tombstones} t where ${sameKey(job, "t", staged)} and t._version >= ${job.newerFrom})`;
  const equal = [
    ...(job.columns.length === 0
      ? []
      : [`record_image_eq(row(${rowOf("m", job.columns)}), row(${rowOf("s", job.columns)}))`]),
    ...(soft ? ["m._deleted_at is null"] : []),
  ];
  return `create temporary table drayage_difference on commit drop as
select * from (
  select s._object as object, ${job.key.map((column, i) => `coalesce(s.${ident(column)}, m.${ident(column)}) as k${i}`).join(", ")},
    case
      when ${present} and m._version >= ${job.newerFrom} then case when s.${ident(first)} is not null then 'stale' end
      when s.${ident(first)} is null then case when ${present} then ${removed} end
      when not (${present}) then case when ${buried} then 'stale' else 'inserted' end
      when ${equal.length === 0 ? "true" : equal.join(" and ")} then null
      else 'updated'
    end as verdict
  from ${mainTableSql(job.main)} m full join ${shadowSql(job.shadow)} s on ${sameKey(job, "m", staged)}
) compared where verdict is not null`;
}

function rowOf(alias: string, columns: readonly string[]): string {
  return columns.map((column) => `${alias}.${ident(column)}`).join(", ");
}

function removeRows(job: DifferenceJob): string {
  const where = `d.verdict = 'removed' and ${sameKey(job, "m", found)}`;
  return job.deletes === "soft" && hasColumn(job, "_deleted_at")
    ? `update ${mainTableSql(job.main)} m set "_deleted_at" = now() from ${table} d where ${where}`
    : `delete from ${mainTableSql(job.main)} m using ${table} d where ${where}`;
}

/** Column and value of drayage's own columns. */
function systemColumns(job: DifferenceJob): [column: string, value: string][] {
  const values: [string, string][] = [
    ["_version", "s._version"],
    ["_record", "s._record"],
    ["_object", "s._object"],
    ["_loaded_at", "now()"],
    ["_op_ts", "s._op_ts"],
    ["_deleted_at", job.deletes === "soft" ? "s._deleted_at" : "null"],
  ];
  return values.filter(([column]) => hasColumn(job, column));
}

export async function updateRows(session: Session, job: DifferenceJob): Promise<number> {
  const values = newValues(job);
  const from = `${table} d join ${shadowSql(job.shadow)} s on ${sameKey(job, "s", found)}`;
  const where = `d.verdict = 'updated' and ${sameKey(job, "m", found)}`;
  try {
    return await session.savepoint("drayage_update", async () => {
      const sets = [...values].map(([column, value]) => `${ident(column)} = ${value}`);
      const update = `update ${mainTableSql(job.main)} m set ${sets.join(", ")}\nfrom ${from}\nwhere ${where}`;
      return (await session.query(update)).count;
    });
  } catch (error) {
    if (!isMoved(error) || !(await mayMoveRows(session, job.main))) throw error;
    return moveRows(session, { main: job.main, from, where, values });
  }
}

function newValues(job: DifferenceJob): Map<string, string> {
  const always = new Set(
    job.main.columns.filter((column) => column.identity === "always").map((column) => column.name),
  );
  return new Map([
    ...job.columns.filter((column) => !always.has(column)).map((column): [string, string] => [column, staged(column)]),
    ...systemColumns(job),
  ]);
}

export function insertRows(job: DifferenceJob): string {
  const own: [string, string][] = [...job.key, ...job.columns].map((column) => [column, staged(column)]);
  const all = [...own, ...systemColumns(job)];
  const overriding = job.main.columns.some(
    (column) => column.identity === "always" && own.some(([name]) => name === column.name),
  );
  return `insert into ${mainTableSql(job.main)} (${identList(all.map(([column]) => column))})${overriding ? " overriding system value" : ""}
select ${all.map(([, value]) => value).join(", ")}
from ${table} d join ${shadowSql(job.shadow)} s on ${sameKey(job, "s", found)}
where d.verdict = 'inserted'`;
}

/** What a trigger or a policy refused without an error: the row is not of the record. */
function markIgnored(job: DifferenceJob): string {
  // An object that came again under its key has its old version: the record number may be the old row's, too.
  const own = hasColumn(job, "_object")
    ? "m._object = s._object"
    : `record_image_eq(row(${rowOf("m", job.columns)}), row(${rowOf("s", job.columns)}))`;
  return `update ${table} d set verdict = 'ignored' from ${shadowSql(job.shadow)} s
where d.verdict in ('inserted', 'updated') and ${sameKey(job, "s", found)}
  and not exists (select from ${mainTableSql(job.main)} m where ${sameKey(job, "m", found)} and ${own})`;
}

async function countByObject(session: Session, job: DifferenceJob): Promise<Map<bigint, AppliedCounts>> {
  const counts = new Map<bigint, AppliedCounts>();
  const kept = await session.query<{ object: string; count: string }>(
    `select _object as object, count(*) as count from ${shadowSql(job.shadow)} group by 1`,
  );
  for (const { object, count } of kept.rows)
    counts.set(BigInt(object), { inserted: 0, updated: 0, unchanged: Number(count), stale: 0, ignored: 0 });
  const differs = await session.query<{ object: string; verdict: keyof AppliedCounts; count: string }>(
    `select object, verdict, count(*) as count from ${table} where object is not null group by 1, 2`,
  );
  for (const { object, verdict, count } of differs.rows) {
    const of = counts.get(BigInt(object));
    if (of === undefined) continue;
    of[verdict] += Number(count);
    of.unchanged -= Number(count);
  }
  return counts;
}
