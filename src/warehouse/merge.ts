/**
 * Applies a staged unit to its target: the fresh form where nothing but full loads ever came, else verdicts. Optimistic: one
 * set-based statement a step; only when one fails, or the scan finds suspect cells, are the bad records looked for.
 * Runs inside the caller's transaction, under the table's lock.
 */
import { applyInOrder } from "./apply-in-order.ts";
import { applyStatements, dropRefusedTombstones, insertAll, markRefused } from "./apply-sql.ts";
import {
  classify,
  classifyAppend,
  markNullKeys,
  markStructuralBad,
  scanStatement,
  suspectColumns,
} from "./classify-sql.ts";
import { countAll, insertedCounts } from "./count-merged.ts";
import { applyEach, type BadRecord, findUncastable, makeCastFunctions, readBadRecords } from "./find-bad-records.ts";
import { literal } from "./identifier.ts";
import { pairBad, splitKeyChanges, takeOutBad } from "./key-change-sql.ts";
import { type Attempt, attempt, collisions, failedAttempt, RowsRefused, StepsNeeded } from "./merge-attempt.ts";
import { badTable, type CastMode, isOwn, type MergeJob, soundJob, verdictTable } from "./merge-sql.ts";
import { carryForward, holdsPartial, markLate, markUnknown, needsSteps, unknownVerdicts } from "./partial-sql.ts";
import type { RecordCounts } from "./record-counts.ts";
import type { Session } from "./session.ts";

export interface MergeOptions {
  /** Nothing but full loads ever came, and a unique index on the key catches the rest: a plain INSERT is tried first. */
  readonly fresh: boolean;
  /** Called with the rows that would be deleted, before any is; throws to stop. */
  readonly checkDeletes: (deletes: number) => Promise<void>;
  /** Bad records beyond this many are counted, not fetched. */
  readonly fetchBad: number;
  /** `findBad` ran in this transaction. */
  readonly badFound?: boolean | undefined;
  /** Others insert at the same time: what is more than plain inserts is refused with NeedsTable. */
  readonly sideBySide?: boolean | undefined;
}

/** The merge is more than plain inserts: it needs the table's lock for itself. */
export class NeedsTable extends Error {}

export interface MergeOutcome {
  readonly form: "fresh" | "append" | "general";
  readonly castMode: CastMode;
  /** By ordinal; `read` and `rejected` count staged records alone. */
  readonly counts: ReadonlyMap<number, RecordCounts>;
  readonly bad: readonly BadRecord[];
}

interface Scan {
  total: number;
  bad_op: number;
  deletes: number;
  null_key: number;
  no_order?: number;
  [suspect: `s${number}`]: number;
}

export async function merge(session: Session, job: MergeJob, options: MergeOptions): Promise<MergeOutcome> {
  if (options.badFound !== true) await splitKeys(session, job);
  const clean = options.badFound === true ? undefined : await mergeClean(session, job, options);
  if (clean !== undefined && "form" in clean) return clean;
  if (options.sideBySide === true) throw new NeedsTable("a record may be bad");
  const known = options.badFound === true ? job : await findBadOf(session, job);
  await mergeWithBad(session, known, options, clean?.refused === true);
  return {
    form: job.key.length === 0 ? "append" : "general",
    castMode: "lenient",
    counts: await countAll(session, known, "lenient"),
    bad: await readBadRecords(session, options.fetchBad),
  };
}

/** The optimistic way; what failed, and nothing merged, when some record may be bad; undefined: nothing was tried. */
async function mergeClean(
  session: Session,
  job: MergeJob,
  options: MergeOptions,
): Promise<MergeOutcome | Attempt | undefined> {
  await session.query(`truncate ${badTable}, ${verdictTable}`);
  const suspects = suspectColumns(job);
  const scan = toNumbers(await session.one<Record<string, string>>(scanStatement(job, suspects)));
  const isSuspect = suspects.some((_, i) => (scan[`s${i}`] ?? 0) > 0);
  const append = job.key.length === 0;
  if (isSuspect || scan.bad_op > 0 || scan.null_key > 0 || (scan.no_order ?? 0) > 0) return undefined;
  if (append || (options.fresh && scan.deletes === 0 && job.partial === undefined)) {
    const tried = await attempt(session, () => insertEvery(session, job, scan.total));
    if (tried.done)
      return {
        form: append ? "append" : "fresh",
        castMode: "strict",
        counts: await insertedCounts(session, job, scan.total),
        bad: [],
      };
    if (append || (tried.refused && options.sideBySide !== true)) return tried;
  }
  if (options.sideBySide === true) throw new NeedsTable("a key is there already");
  const tried = await attempt(session, () => applySet(session, job, "strict", options));
  if (!tried.done) return tried;
  const bad = job.partial === undefined ? [] : await readBadRecords(session, options.fetchBad);
  return { form: "general", castMode: "strict", counts: await countAll(session, job, "strict"), bad };
}

async function insertEvery(session: Session, job: MergeJob, total: number): Promise<void> {
  const { count } = await session.query(insertAll(job, "strict"));
  if (count !== total) throw new RowsRefused();
}

async function applySet(session: Session, job: MergeJob, mode: CastMode, options: MergeOptions): Promise<void> {
  await session.query(`truncate ${verdictTable}`);
  await session.query(`analyze ${job.staging} (${job.analyzed.join(", ")})`);
  const steps = job.partial === undefined ? false : await completeRecords(session, job, mode);
  for (let round = 0; ; round++) {
    await session.query(job.key.length === 0 ? classifyAppend(job) : classify(job, mode, round, false));
    await session.query(`analyze ${verdictTable}`);
    const has = await verdicts(session, round);
    if (round === 0) await options.checkDeletes(has.get("deleted") ?? 0);
    if (steps || (await isUnknown(session, job, mode, round))) throw new StepsNeeded();
    for (const statement of applyStatements(job, mode, { round, places: undefined }, new Set(has.keys())))
      await session.query(statement);
    if ((await countRefused(session, job, mode, round)) === 0) return;
    // The next older record may have given its cells to the one that was refused.
    if (job.partial !== undefined) throw new StepsNeeded();
  }
}

/** Notes records that cannot be made whole, and makes the others so. True when only steps can. */
async function completeRecords(session: Session, job: MergeJob, mode: CastMode): Promise<boolean> {
  await takeOutLate(session, job, mode);
  if (!holdsPartial(job)) return false;
  // First: a row that takes its cells along is unknown under its new key by the key alone.
  const test = needsSteps(job, mode);
  if (test !== undefined && (await session.one<{ steps: boolean }>(test)).steps) return true;
  if ((await session.query(markUnknown(job, mode))).count > 0) await takeOut(session, job);
  const carry = carryForward(job, mode);
  if (carry !== undefined) await session.query(carry);
  return false;
}

async function takeOutLate(session: Session, job: MergeJob, mode: CastMode): Promise<void> {
  const late = markLate(job, mode);
  if (late !== undefined && (await session.query(late)).count > 0) await takeOut(session, job);
}

/** A record still leaves cells out that no row has: what it was to be completed from was not applied. */
async function isUnknown(session: Session, job: MergeJob, mode: CastMode, round: number): Promise<boolean> {
  if (job.partial === undefined || !holdsPartial(job)) return false;
  const { count } = await session.query(`${unknownVerdicts(job, mode, { round, places: undefined })} limit 1`);
  return count > 0;
}

/** Takes note of what a trigger or a policy refused. A key whose newest record was refused gets its next older one. */
async function countRefused(session: Session, job: MergeJob, mode: CastMode, round: number): Promise<number> {
  if (!job.mayRefuse) return 0;
  const { count } = await session.query(markRefused(job, mode, { round, places: undefined }));
  if (count > 0 && job.tombstones !== undefined)
    await session.query(dropRefusedTombstones(job, mode, { round, places: undefined }));
  // No record of an append stands for another.
  return job.key.length === 0 ? 0 : count;
}

/**
 * Fills `drayage_bad` with what no cast takes, before anything is merged: `plan` copies rows by key first. Takes those records
 * out of staging.
 */
export async function findBad(session: Session, job: MergeJob): Promise<void> {
  await splitKeys(session, job);
  await findBadOf(session, job);
}

async function splitKeys(session: Session, job: MergeJob): Promise<void> {
  const statement = splitKeyChanges(job);
  if (statement !== undefined) await session.query(statement);
}

/** Answers the job as it is merged now: where no cell needs the lenient casts, it does without. */
async function findBadOf(session: Session, job: MergeJob): Promise<MergeJob> {
  await makeCastFunctions(session);
  await session.query(`truncate ${badTable}, ${verdictTable}`);
  for (const statement of markStructuralBad(job)) await session.query(statement);
  const isSound = await findUncastable(session, job);
  await takeOut(session, job);
  const nullKeys = markNullKeys(job);
  if (nullKeys !== undefined && (await session.query(nullKeys)).count > 0) await takeOut(session, job);
  return isSound ? soundJob(job) : job;
}

async function takeOut(session: Session, job: MergeJob): Promise<void> {
  for (const statement of pairBad(job)) await session.query(statement);
  await session.query(takeOutBad(job));
}

/** `refused`: a constraint refuses some row; the set would meet it again. */
async function mergeWithBad(session: Session, job: MergeJob, options: MergeOptions, refused: boolean): Promise<void> {
  const tried =
    refused && job.partial === undefined
      ? failedAttempt("")
      : await attempt(session, () => applySet(session, job, "lenient", options));
  const { done, collided } = tried;
  if (done) return;
  // A full load has no steps: each key is there once, and which of two rows comes first nobody can say.
  const hasSteps = job.key.length > 0 && job.op !== undefined;
  if (job.partial !== undefined) {
    await takeOutLate(session, job, "lenient");
    await applyInOrder(session, job);
    return;
  }
  // Both halves of a key change pass or fail together: they are one step.
  if (
    hasSteps &&
    (collided || job.keyChange !== undefined || (await collides(session, () => applyPieces(session, job, options))))
  )
    await applyInOrder(session, job);
  else if (!hasSteps) await applyPieces(session, job, options);
}

class Collided extends Error {}

/** True, and rolled back, when a record of the pieces met another row's value in a UNIQUE column. */
async function collides(session: Session, work: () => Promise<void>): Promise<boolean> {
  try {
    await session.savepoint("drayage_pieces", async () => {
      await work();
      const { count } = await session.query(
        `select from ${badTable} where round > 0 and sqlstate in (${collisions.map(literal).join(", ")}) limit 1`,
      );
      if (count > 0) throw new Collided();
    });
    return false;
  } catch (error) {
    if (error instanceof Collided) return true;
    throw error;
  }
}

/** A constraint or a trigger refuses some: apply piece by piece. A key whose newest record failed gets its next older one. */
async function applyPieces(session: Session, job: MergeJob, options: MergeOptions): Promise<void> {
  await session.query(`truncate ${verdictTable}`);
  for (let round = 0; ; round++) {
    await session.query(job.key.length === 0 ? classifyAppend(job) : classify(job, "lenient", round, true));
    const has = await verdicts(session, round);
    if (has.size === 0) return;
    if (round === 0) await options.checkDeletes(has.get("deleted") ?? 0);
    await applyEach(session, job, round, (places) =>
      applyStatements(job, "lenient", { round, places }, new Set(has.keys())),
    );
    const refused = await countRefused(session, job, "lenient", round);
    const { failed } = await session.one<{ failed: string }>(
      `select count(*) as failed from ${badTable} where round = ${round + 1}`,
    );
    if ((failed === "0" && refused === 0) || job.key.length === 0) return;
  }
}

async function verdicts(session: Session, round: number): Promise<Map<string, number>> {
  // A row whose key changed lives on: it is no delete that a limit could be about.
  const { rows } = await session.query<{ verdict: string; count: string }>(
    `select verdict, count(*) filter (where ${isOwn("v")}) as count from ${verdictTable} v where round = $1 group by verdict`,
    [round],
  );
  return new Map(rows.map((row) => [row.verdict, Number(row.count)]));
}

function toNumbers(row: Record<string, string>): Scan {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)])) as unknown as Scan;
}
