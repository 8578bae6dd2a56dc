/** Whether a column's type may grow in place: what stands in the way, and the statements that take rescued cells home. */
import type { MainTable } from "./catalog.ts";
import { ident, literal, qualified } from "./identifier.ts";
import { type TargetName, widenColumn } from "./main-table.ts";
import type { Session } from "./session.ts";

/** ALTER rewrites the table while every reader waits. */
const largestBytes = 2 ** 30;

/** Passes by itself: the next run tries again. */
export const notLocked = "its lock could not be had within lock_timeout";

/** By column, as half a sentence; columns that may grow are not in it. */
export async function wideningObstacles(
  session: Session,
  main: Pick<MainTable, "oid" | "owned">,
  columns: readonly string[],
): Promise<Map<string, string>> {
  const obstacles = new Map<string, string>();
  if (columns.length === 0) return obstacles;
  const note = (column: string, why: string) => obstacles.set(column, obstacles.get(column) ?? why);
  const { bytes } = await session.one<{ bytes: string }>(
    "select coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size($1::oid)) as bytes from pg_partition_tree($1::oid::regclass)",
    [main.oid],
  );
  const { rows } = await session.query<{ name: string; dependent: string }>(
    `select a.attname as name, min(case
              when d.classid = 'pg_rewrite'::regclass then 'view ' || (select r.ev_class::regclass::text from pg_rewrite r where r.oid = d.objid)
              else pg_describe_object(d.classid, d.objid, d.objsubid) end) as dependent
     from pg_depend d
     join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
     where d.refclassid = 'pg_class'::regclass and d.refobjid = $1 and a.attname = any($2)
       -- A default is the column's own; the key grows with its column.
       and not (d.classid = 'pg_attrdef'::regclass and exists (select from pg_attrdef f where f.oid = d.objid and f.adnum = a.attnum))
       and not (d.classid = 'pg_constraint'::regclass and exists (select from pg_constraint c where c.oid = d.objid and c.contype in ('p', 'n')))
       and not (d.classid = 'pg_class'::regclass and exists (select from pg_index i where i.indexrelid = d.objid and i.indisprimary))
     group by a.attname`,
    [main.oid, columns],
  );
  for (const { name, dependent } of rows) note(name, `${dependent} depends on the column`);
  for (const column of columns) {
    if (!main.owned) note(column, "the role does not own the table");
    else if (Number(bytes) >= largestBytes) note(column, "the table has 1 GB or more");
  }
  return obstacles;
}

/** Moves the cells of a key of `_rescued` into the column, whose type takes them now. */
export function takeHome(target: TargetName, column: string, type: string, key: string): string {
  const value =
    type === "jsonb" || type === "json"
      ? `(_rescued -> ${literal(key)})::${type}`
      : `(_rescued ->> ${literal(key)})::${type}`;
  return (
    `update ${qualified(target.schema, target.table)} set ${ident(column)} = ${value}, ` +
    `_rescued = nullif(_rescued - ${literal(key)}, '{}') where _rescued ? ${literal(key)}`
  );
}

/** For somebody who may: the column grows, and its cells come home. */
export function homeStatements(
  target: TargetName,
  rescued: { readonly column: string; readonly type: string; readonly key: string },
): string[] {
  const { column, type, key } = rescued;
  return [widenColumn(target, column, type), takeHome(target, column, type, key)];
}
