/** Key changes as statements: a U whose before image has another key is a D of that key, too. Both are applied, or neither. */
import { badTable, derived, isOwn, type MergeJob, ownNumber } from "./merge-sql.ts";

/** Stages the old keys of the U that change theirs; undefined where no object could tell. */
export function splitKeyChanges({ keyChange, staging }: MergeJob): string | undefined {
  if (keyChange === undefined) return undefined;
  const { op, kept, key } = keyChange;
  const columns = [op, ...kept, ...key.map(({ column }) => column)].join(", ");
  const old = key.map(({ column, before }) =>
    before === undefined ? `s.${column}` : `coalesce(${before}, s.${column})`,
  );
  const changed = key.flatMap(({ column, before }) =>
    before === undefined ? [] : [`${before} is distinct from coalesce(s.${column}, '') and ${before} is not null`],
  );
  return `insert into ${staging} (_n, ${columns})
select s._n | ${derived}, 'D', ${[...kept.map((column) => `s.${column}`), ...old].join(", ")}
from ${staging} s where s.${op} = 'U' and (${changed.join(" or ")})`;
}

/** A record whose old key is bad is bad, and an old key whose record is bad is not deleted: a record is applied as a whole, or not. */
export function pairBad(job: MergeJob): string[] {
  if (job.keyChange === undefined) return [];
  return [
    `insert into ${badTable} (_n, round, sqlstate, reason, column_name, constraint_name, message)
select ${ownNumber("b._n")}, b.round, b.sqlstate, b.reason, b.column_name, b.constraint_name, b.message from ${badTable} b where not ${isOwn("b")}
on conflict do nothing`,
    `delete from ${badTable} b where not ${isOwn("b")}`,
  ];
}

/** Bad records leave staging: a join by key may cast every staged row before it looks at anything else of it. */
export function takeOutBad(job: MergeJob): string {
  const n = job.keyChange === undefined ? "s._n" : ownNumber("s._n");
  return `delete from ${job.staging} s using ${badTable} b where b._n = ${n}`;
}
