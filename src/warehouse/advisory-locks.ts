/** The advisory locks of drayage: their numbers, and the SQL that takes them. Two-integer keys, per database. */

/** First integers. Spelled 'dry' + a digit in ASCII, so that they can be recognised in pg_locks. */
export const lockClass = {
  migrate: 0x64727930,
  run: 0x64727931,
  table: 0x64727932,
  /** Comparing attention with the open alerts, in its transaction. */
  alerts: 0x64727938,
  /** Posting alerts, for as long as that takes. */
  delivery: 0x64727939,
} as const;

/** run_id is a bigint, the lock's second key an integer: the low 31 bits are unique among runs that live together. */
export function runLockKey(runId: bigint): number {
  return Number(BigInt.asUintN(31, runId));
}

/** A `where` fragment: does somebody in this database hold the lock of run `runIdSql`? Looked up, never tried: trying would take it. */
export function runIsAlive(runIdSql: string): string {
  return `exists (
    select from pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 2
      and l.database = (select oid from pg_database where datname = current_database())
      and l.classid = ${lockClass.run} and l.objid = (${runIdSql} & 2147483647)::oid
  )`;
}
