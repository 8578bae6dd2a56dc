/**
 * Applies a unit record by record in the source's own order, not collapsed: only so do steps pass that depend on each other, such
 * as two rows that swap the values of a UNIQUE column. Run only after the collapsed form met such a column. In
 * pieces of up to 256 records, the records of a failing one in the end one by one; what still fails is in `drayage_bad`.
 */
import { applyStatements, dropRefusedTombstones, markRefused } from "./apply-sql.ts";
import { runWithIndex, unknownState } from "./find-bad-records.ts";
import { literal } from "./identifier.ts";
import { inPieces, nextPlaces } from "./in-pieces.ts";
import { badTable, isOwn, type MergeJob, stepTable, verdictTable } from "./merge-sql.ts";
import { crowded, holdsPartial, moveRows, unknownVerdicts } from "./partial-sql.ts";
import type { Session } from "./session.ts";
import { classifySteps, normalizeVerdicts, numberSteps } from "./step-sql.ts";

const chunk = 256;
const raiseUnknown = `raise exception using errcode = ${literal(unknownState)}, message = 'no row has the cells that the record leaves out'`;
const everyVerdict: ReadonlySet<string> = new Set(["inserted", "updated", "same", "deleted", "absent"]);

/** Fills the verdicts of round 0; what fails is noted under round 1. The casts of every staged record are known to be good. */
export async function applyInOrder(session: Session, job: MergeJob): Promise<void> {
  await session.query(`truncate ${stepTable}, ${verdictTable}`);
  await session.query(numberSteps(job));
  await session.query(`analyze ${stepTable}`);
  await session.query("create index on pg_temp.drayage_verdict (place)");
  await runWithIndex(session, job, "apply_in_order", loop(job), {
    settings: " set plan_cache_mode = 'force_custom_plan'",
  });
  await session.query("drop index pg_temp.drayage_verdict_place_idx");
  for (const statement of normalizeVerdicts(job)) await session.query(statement);
}

function loop(job: MergeJob): string {
  const refused = `exists (select from ${verdictTable} v where v.place between drayage_lo and drayage_hi and v.verdict = 'ignored')`;
  // A piece is collapsed: the record before one that was refused had no turn.
  const taken = job.mayRefuse ? `\n      if ${refused} then raise exception using errcode = 'DR002'; end if;` : "";
  return inPieces(job, {
    chunk,
    begin: `select max(place) into drayage_top from ${stepTable};`,
    next: nextPlaces,
    piece: `${block(job, ["drayage_lo", "drayage_hi"], "chunk")}${taken}`,
    step: block(job, ["drayage_lo", "drayage_hi"], "step"),
    note: `        select st._n into drayage_n from ${stepTable} st where st.place = drayage_hi and ${isOwn("st")};
        insert into ${badTable} (_n, round, sqlstate, column_name, constraint_name, message)
        values (drayage_n, 1, drayage_state, nullif(drayage_col, ''), nullif(drayage_con, ''), drayage_said);`,
  });
}

function block(job: MergeJob, places: readonly [string, string], kind: "chunk" | "step"): string {
  const slice = { round: 0, places };
  const isPartial = holdsPartial(job);
  const statements = [
    ...(isPartial && kind === "step" ? moveRows(job, places[0]) : []),
    classifySteps(job, places),
    // A chunk is collapsed: what its newest record of a key leaves out would be lost.
    ...(isPartial && kind === "chunk"
      ? [`if ${crowded(job, places)} then raise exception using errcode = 'DR002'; end if`]
      : []),
    ...(isPartial ? [`if exists (${unknownVerdicts(job, "lenient", slice)}) then ${raiseUnknown}; end if`] : []),
    ...applyStatements(job, "lenient", slice, everyVerdict),
    ...(job.mayRefuse ? [markRefused(job, "lenient", slice)] : []),
    ...(job.mayRefuse && job.tombstones !== undefined ? [dropRefusedTombstones(job, "lenient", slice)] : []),
    "set constraints all immediate",
  ];
  return statements.map((statement) => `      ${statement};`).join("\n");
}
