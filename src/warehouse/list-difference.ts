/** Reads the difference that compareRows found, before its transaction ends: rows of each kind, and how often each column differs. */
import { mainTableSql } from "./catalog.ts";
import { type CompareJob, isSoft, type Verdict, type Why } from "./compare-rows.ts";
import { differenceTable, sameKey } from "./difference.ts";
import { ident, literal } from "./identifier.ts";
import type { Session } from "./session.ts";
import { shadowSql } from "./shadow.ts";

export interface RowDifference {
  readonly verdict: Verdict;
  readonly why: Why;
  /** As text: cell values, for whoever asked for them. */
  readonly key: readonly (string | null)[];
  /** Of the source's record. */
  readonly object: bigint | undefined;
  readonly record: number | undefined;
  /** Of the row. */
  readonly wasObject: bigint | undefined;
  readonly wasRecord: number | undefined;
  /** Of the record that deleted it: `_version`, which tells the object. */
  readonly deletedVersion: string | undefined;
  readonly deletedRecord: number | undefined;
  readonly columns: readonly string[];
}

/** Some rows of the difference, each kind as far as `limit`. */
export async function listDifference(session: Session, job: CompareJob, limit: number): Promise<RowDifference[]> {
  const found = (_: string, i: number) => `d.k${i}`;
  const differs = [
    ...job.columns.map(
      (column) =>
        `case when d.side = 'both' and not record_image_eq(row(m.${ident(column)}), row(s.${ident(column)})) then ${literal(column)} end`,
    ),
    ...(isSoft(job) ? ["case when d.side = 'both' and d.was_deleted <> d.is_deleted then '_deleted_at' end"] : []),
    "case when d.why = 'newer' and d.side = 'both' then '_version' end",
  ];
  const { rows } = await session.query<{
    verdict: Verdict;
    why: Why;
    key: (string | null)[];
    object: string | null;
    record: number | null;
    was_object: string | null;
    was_record: number | null;
    deleted_version: string | null;
    deleted_record: number | null;
    columns: string[];
  }>(
    `select d.verdict, d.why, array[${job.key.map((_, i) => `d.k${i}::text`).join(", ")}] as key, d.object::text, d.record,
            d.was_object::text, d.was_record, d.deleted_version, d.deleted_record, array_remove(array[${differs.join(", ")}]::text[], null) as columns
     from (
       select *, row_number() over (partition by verdict, why order by coalesce(object, was_object), coalesce(record, was_record)) as n
       from ${differenceTable}
     ) d
     left join ${mainTableSql(job.main)} m on d.side = 'both' and ${sameKey(job, "m", found)}
     left join ${shadowSql(job.shadow)} s on d.side = 'both' and ${sameKey(job, "s", found)}
     where d.n <= $1
     order by d.verdict = 'kept', d.verdict desc, d.why, d.n`,
    [limit],
  );
  return rows.map((row) => ({
    verdict: row.verdict,
    why: row.why,
    key: row.key,
    object: row.object === null ? undefined : BigInt(row.object),
    record: row.record ?? undefined,
    wasObject: row.was_object === null ? undefined : BigInt(row.was_object),
    wasRecord: row.was_record ?? undefined,
    deletedVersion: row.deleted_version ?? undefined,
    deletedRecord: row.deleted_record ?? undefined,
    columns: row.columns,
  }));
}

/** In how many of the rows that both sides have a column differs. */
export async function countColumns(session: Session, job: CompareJob): Promise<Map<string, number>> {
  const found = (_: string, i: number) => `d.k${i}`;
  const counts = new Map<string, number>();
  for (let i = 0; i < job.columns.length; i += 500) {
    const some = job.columns.slice(i, i + 500);
    const row = await session.one<Record<string, string>>(
      `select ${some
        .map(
          (column, n) =>
            `count(*) filter (where not record_image_eq(row(m.${ident(column)}), row(s.${ident(column)}))) as c${n}`,
        )
        .join(", ")}
       from ${differenceTable} d
       join ${mainTableSql(job.main)} m on ${sameKey(job, "m", found)}
       join ${shadowSql(job.shadow)} s on ${sameKey(job, "s", found)}
       where d.verdict = 'updated'`,
    );
    for (const [n, column] of some.entries()) counts.set(column, Number(row[`c${n}`]));
  }
  return counts;
}
