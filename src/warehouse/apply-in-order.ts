/**
 * Applies a unit record by record in the source's own order, not collapsed: only so do steps pass that depend on each other, such
 * as two rows that swap the values of a UNIQUE column. Run only after the collapsed form met such a column. Chunks of 64
 * records in an exception block, then the records of a failing chunk one by one; what still fails is in `drayage_bad`.
 */
import { applyStatements, dropRefusedTombstones, markRefused } from "./apply-sql.ts";
import { declare, raiseOthers, runWithIndex, unknownState } from "./find-bad-records.ts";
import { literal } from "./identifier.ts";
import { badTable, isOwn, type MergeJob, stepTable, verdictTable } from "./merge-sql.ts";
import { crowded, holdsPartial, moveRows, unknownVerdicts } from "./partial-sql.ts";
import type { Session } from "./session.ts";
import { classifySteps, normalizeVerdicts, numberSteps } from "./step-sql.ts";

const chunk = 64;
const raiseUnknown = `raise exception using errcode = ${literal(unknownState)}, message = 'no row has the cells that the record leaves out'`;
const everyVerdict: ReadonlySet<string> = new Set(["inserted", "updated", "same", "deleted", "absent"]);

/** Fills the verdicts of round 0; what fails is noted under round 1. The casts of every staged record are known to be good. */
export async function applyInOrder(session: Session, job: MergeJob): Promise<void> {
  await session.query(`truncate ${stepTable}, ${verdictTable}`);
  await session.query(numberSteps(job));
  await session.query(`analyze ${stepTable}`);
  await session.query("create index on pg_temp.drayage_verdict (place)");
  await runWithIndex(session, job, "apply_in_order", loop(job), " set plan_cache_mode = 'force_custom_plan'");
  await session.query("drop index pg_temp.drayage_verdict_place_idx");
  for (const statement of normalizeVerdicts(job)) await session.query(statement);
}

function loop(job: MergeJob): string {
  const refused = (lo: string, hi: string) =>
    `exists (select from ${verdictTable} v where v.place between ${lo} and ${hi} and v.verdict = 'ignored')`;
  return `${declare}
begin
  select max(place) into drayage_top from ${stepTable};
  drayage_lo := 1;
  while drayage_lo <= drayage_top loop
    drayage_hi := least(drayage_lo + ${chunk - 1}, drayage_top);
    begin
${block(job, ["drayage_lo", "drayage_hi"], "chunk")}${
  // A chunk is collapsed: the record before one that was refused had no turn.
  job.mayRefuse
    ? `
      if ${refused("drayage_lo", "drayage_hi")} then raise exception using errcode = 'DR002'; end if;`
    : ""
}
    exception when others then
      ${raiseOthers(job)}
      for drayage_n in drayage_lo .. drayage_hi loop
        begin
${block(job, ["drayage_n", "drayage_n"], "step")}
        exception when others then
          ${raiseOthers(job)}
          insert into ${badTable} (_n, round, sqlstate, column_name, constraint_name, message)
          select st._n, 1, drayage_state, nullif(drayage_col, ''), nullif(drayage_con, ''), drayage_said
          from ${stepTable} st where st.place = drayage_n and ${isOwn("st")};
        end;
      end loop;
    end;
    drayage_lo := drayage_hi + 1;
  end loop;
end`;
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
