/** The statements that apply a unit in the source's own steps (apply-in-order.ts): places, verdicts step by step, their end. */
import { candidateColumns, candidates, keyNames, verdictsOf } from "./classify-sql.ts";
import { type MergeJob, sourceOrder, stepTable, verdictTable } from "./merge-sql.ts";

/** Gives every record that may be applied its place in the source's order. */
export function numberSteps(job: MergeJob): string {
  return `insert into ${stepTable} (place, _n)
select dense_rank() over (order by ${sourceOrder(job, { seq: "c.seq", n: "c._n" })}), c._n from (
    ${candidates(job, "lenient", 0)}
  ) c`;
}

/** Verdicts of the newest record of each key among some places: a step sees what the steps before it did. */
export function classifySteps(job: MergeJob, places: readonly [string, string]): string {
  const records = `select st.place, ${candidateColumns(job, "lenient")}
    from ${stepTable} st join ${job.staging} s on s._n = st._n
    where st.place between ${places[0]} and ${places[1]}`;
  return verdictsOf(job, records, "0, s.place");
}

/**
 * After all steps: one verdict for each key, that of its last record, as if the unit had been collapsed: a row that was not there
 * before the unit was inserted by it, however often it was updated since.
 */
export function normalizeVerdicts(job: MergeJob): string[] {
  const keys = keyNames(job);
  return [
    `with c as (
    ${candidates(job, "lenient", 0)}
  ), r as (
    select c.*, v.place, v.verdict, max(v.place) over w as last, min(v.place) filter (where v.verdict <> 'stale') over w as first
    from ${verdictTable} v join c on c._n = v._n where v.verdict <> 'ignored' window w as (partition by ${keys})
  ), t as (
    select r.*, bool_or(place = first and verdict in ('updated', 'same', 'deleted')) over (partition by ${keys}) as was_there from r
  )
update ${verdictTable} v set verdict = case
    when t.place < t.last then 'lost'
    when t.first = t.last or t.verdict = 'stale' then t.verdict
    when t.op = 'D' then case when t.was_there then 'deleted' else 'absent' end
    when t.was_there then 'updated' else 'inserted'
  end
from t where t._n = v._n`,
    `delete from ${verdictTable} where verdict = 'lost'`,
  ];
}
