/** Counts what a merge did with each record of each object, and holds that no record is in two buckets or in none. */
import { DrayageError } from "../errors.ts";
import { countIgnored, countLosers, countVerdicts } from "./classify-sql.ts";
import { badTable, type CastMode, isOwn, type MergeJob } from "./merge-sql.ts";
import { noCounts, type RecordCounts } from "./record-counts.ts";
import type { Session } from "./session.ts";

const outcomeOf: Readonly<Record<string, Exclude<keyof RecordCounts, "read" | "rejected">>> = {
  inserted: "inserted",
  updated: "updated",
  deleted: "deleted",
  stale: "stale",
  ignored: "ignored",
  superseded: "superseded",
  // The row's own record again, with equal cells; a delete of a key that is not there.
  same: "unchanged",
  absent: "unchanged",
};

/** What became of every staged record: verdicts, ignored deletes, and those that lost to a later record of their key. */
export async function countAll(session: Session, job: MergeJob, mode: CastMode): Promise<Map<number, RecordCounts>> {
  const counts = await stagedCounts(session, job);
  const add = async (statement: string) => {
    const { rows } = await session.query<{ ordinal: number; verdict: string; count: number }>(statement);
    for (const { ordinal, verdict, count } of rows) {
      const outcome = outcomeOf[verdict];
      const of = counts.get(ordinal);
      if (outcome === undefined || of === undefined) throw new DrayageError("COUNT_MISMATCH");
      of[outcome] += count;
    }
  };
  await add(countVerdicts(job));
  if (job.op !== undefined && job.deletes === "ignore" && job.key.length > 0) await add(countIgnored(job));
  if (job.key.length > 0 && [...counts.values()].some((of) => open(of) > 0)) await add(countLosers(job, mode));
  return counts;
}

/** Records that no bucket has yet. */
function open(counts: RecordCounts): number {
  const { read, inserted, updated, unchanged, deleted, superseded, stale, ignored, rejected } = counts;
  return read - inserted - updated - unchanged - deleted - superseded - stale - ignored - rejected;
}

/** A plain insert took every staged record, `total` in all. */
export async function insertedCounts(
  session: Session,
  job: MergeJob,
  total: number,
): Promise<Map<number, RecordCounts>> {
  const [only] = job.objects;
  if (only !== undefined && job.objects.length === 1)
    return new Map([[only.ordinal, { ...noCounts(), read: total, inserted: total }]]);
  const counts = await stagedCounts(session, job);
  for (const of of counts.values()) of.inserted = of.read;
  return counts;
}

/** What was staged and what of it is bad, by ordinal. Round 0 is out of staging. */
async function stagedCounts(session: Session, job: MergeJob): Promise<Map<number, RecordCounts>> {
  const counts = new Map<number, RecordCounts>();
  for (const object of job.objects) counts.set(object.ordinal, noCounts());
  const { rows } = await session.query<{ ordinal: number; read: number; rejected: number }>(
    `select (s._n >> 40)::integer as ordinal, count(*)::integer as read, count(b._n)::integer as rejected
     from (select _n from ${job.staging} union all select _n from ${badTable} where round = 0) s
     left join ${badTable} b on b._n = s._n where ${isOwn("s")} group by 1`,
  );
  for (const { ordinal, read, rejected } of rows) {
    const of = counts.get(ordinal);
    if (of === undefined) throw new DrayageError("COUNT_MISMATCH");
    of.read = read;
    of.rejected = rejected;
  }
  return counts;
}
