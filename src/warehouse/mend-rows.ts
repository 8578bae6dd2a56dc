/**
 * Makes a main table what its shadow is, by the difference that was found in this transaction: equal rows are not written, nothing is
 * renamed or truncated, readers see the table before or after.
 */
import { mainTableSql } from "./catalog.ts";
import { type CompareJob, hasColumn, hasUniqueKey, isSoft, removeDuplicates } from "./compare-rows.ts";
import { differenceTable, insertRows, sameKey, updateRows } from "./difference.ts";
import { ident, identList } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface Mended {
  readonly removed: number;
  readonly updated: number;
  readonly inserted: number;
}

/** Rows beyond the first of a key go before anything is compared. */
export async function dropDuplicates(session: Session, job: CompareJob): Promise<number> {
  return hasUniqueKey(job) ? 0 : removeDuplicates(session, job);
}

export async function mendRows(session: Session, job: CompareJob): Promise<Mended> {
  const asDifference = { ...job, newerFrom: BigInt(job.newerFrom) };
  // Removed first: a value of another unique column may move from a row that goes to one that comes.
  let removed = 0;
  for (const statement of removals(job)) removed += (await session.query(statement)).count;
  const updated = await updateRows(session, asDifference);
  const inserted = (await session.query(insertRows(asDifference))).count;
  // Deferred constraints would raise at COMMIT, where their answer names no table.
  await session.query("set constraints all immediate");
  return { removed, updated, inserted };
}

/** With soft deletes a row that the source deleted stays, marked; one that it never had goes. */
function removals(job: CompareJob): string[] {
  const byPlace = sameKey(job, "m", (_, i) => `d.k${i}`);
  const from = `d.verdict = 'removed' and ${byPlace}`;
  if (!isSoft(job)) return [`delete from ${mainTableSql(job.main)} m using ${differenceTable} d where ${from}`];
  const type = job.main.columns.find(({ name }) => name === "_version")?.type ?? "bigint";
  const sets = [
    '"_deleted_at" = now()',
    `"_version" = d.deleted_version::${type}`,
    '"_record" = d.deleted_record',
    ...(hasColumn(job, "_loaded_at") ? ['"_loaded_at" = now()'] : []),
  ];
  return [
    `update ${mainTableSql(job.main)} m set ${sets.join(", ")} from ${differenceTable} d where ${from} and d.why = 'deleted'`,
    `delete from ${mainTableSql(job.main)} m using ${differenceTable} d where ${from} and d.why <> 'deleted'`,
  ];
}

/**
 * Makes the main table's tombstones those of the shadow: one too many, or too new, would hold back what is still to come. `exact`: those
 * that were dropped by age come back, too, and the floor that stood for them goes.
 */
export async function mendTombstones(
  session: Session,
  job: CompareJob,
  table: string,
  exact: boolean,
): Promise<number> {
  if (job.mainTombstones === undefined) return 0;
  const keys = job.key.map(ident);
  const same = sameKey(job, "t", (column) => `s.${ident(column)}`);
  const { count: gone } = await session.query(
    `delete from ${job.mainTombstones} t where not exists (
       select from ${job.tombstones} s where ${same} and (s._version, s._record) = (t._version, t._record)
     )`,
  );
  const names = `${identList(job.key)}, _version, _record, deleted_at`;
  const above = exact || job.floor === undefined ? "" : ` and s._version > ${job.floor}`;
  const { count: back } = await session.query(
    `insert into ${job.mainTombstones} (${names})
     select ${keys.map((key) => `s.${key}`).join(", ")}, s._version, s._record, now() from ${job.tombstones} s
     where not exists (select from ${job.mainTombstones} t where ${same})${above}`,
  );
  if (exact)
    await session.query(`update ${ident(job.stateSchema)}.tables set floor = null where table_name = $1`, [table]);
  return gone + back;
}
