/** Rows of an append table by the object that they came from, beside what the history says became rows of it. */
import { type MainTable, mainTableSql } from "./catalog.ts";
import { ident } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface ObjectRows {
  readonly key: string;
  readonly expected: number;
  readonly rows: number;
}

/** Those of which the two differ, at the most 1,000; undefined: the table does not say which object a row is of. */
export async function countByObject(
  session: Session,
  stateSchema: string,
  table: string,
  main: MainTable,
): Promise<{ objects: number; rows: number; differing: ObjectRows[] } | undefined> {
  if (!main.columns.some((column) => column.name === "_object")) return undefined;
  const counted = `(
    select coalesce(h.key, '') as key, coalesce(h.inserted, 0) as expected, coalesce(m.rows, 0) as rows
    from (select _object as id, count(*) as rows from ${mainTableSql(main)} group by 1) m
    full join (
      select id, key, case when status in ('skipped', 'superseded') then 0 else rows_inserted end as inserted
      from ${ident(stateSchema)}.load_history where table_name = $1 and rows_inserted is not null
    ) h on h.id = m.id
  ) counted`;
  const { objects, rows } = await session.one<{ objects: string; rows: string }>(
    `select count(*) as objects, coalesce(sum(rows), 0) as rows from ${counted}`,
    [table],
  );
  const differing = await session.query<{ key: string; expected: string; rows: string }>(
    `select key, expected, rows from ${counted} where expected <> rows order by key limit 1000`,
    [table],
  );
  return {
    objects: Number(objects),
    rows: Number(rows),
    differing: differing.rows.map((row) => ({ key: row.key, expected: Number(row.expected), rows: Number(row.rows) })),
  };
}
