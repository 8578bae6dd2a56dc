/**
 * Rows of a main table written anew instead of updated: where values of a unique column move between rows, no order of updates is
 * sure to pass the index, which is asked row by row. Nobody but the index can tell: not where something hangs on the row that goes.
 */
import { type MainTable, mainTableSql } from "./catalog.ts";
import { ident, identList } from "./identifier.ts";
import type { Session } from "./session.ts";
import { serverFault } from "./warehouse-error.ts";

export interface MovedRows {
  readonly main: MainTable;
  /** Which ones: `from` and `where` of a statement in which the main table is `m` and their new row `s`. */
  readonly from: string;
  readonly where: string;
  /** Value of each column that changes, of the new row `s`; the others keep theirs. */
  readonly values: ReadonlyMap<string, string>;
}

const old = "pg_temp.drayage_moved";

/** A value of a unique column is in another row, for now. */
export function isMoved(error: unknown): boolean {
  return ["23505", "23P01"].includes(serverFault(error)?.sqlstate ?? "");
}

/** Whether a row can go and come back unnoticed: nothing points to it, no trigger or rule hears of it, no other table inherits it. */
export async function mayMoveRows(session: Session, { oid }: MainTable): Promise<boolean> {
  const { free } = await session.one<{ free: boolean }>(
    `with tree as (select $1::oid as oid union select relid from pg_partition_tree($1::oid))
     select not exists (select from pg_constraint k where k.contype = 'f' and k.confrelid in (select oid from tree))
        and not exists (select from pg_trigger t where t.tgrelid in (select oid from tree) and not t.tgisinternal and t.tgenabled <> 'D')
        and not exists (select from pg_class c where c.oid in (select oid from tree) and (c.relhasrules or c.relrowsecurity))
        and not exists (select from pg_inherits i where i.inhparent in (select oid from tree) and i.inhrelid not in (select oid from tree)) as free`,
    [oid],
  );
  return free;
}

/** Returns how many. */
export async function moveRows(session: Session, { main, from, where, values }: MovedRows): Promise<number> {
  const written = main.columns.filter((column) => !column.generated).map((column) => column.name);
  const overriding = main.columns.some((column) => column.identity === "always");
  const target = mainTableSql(main);
  await session.query(
    `create temporary table drayage_moved on commit drop as select m.* from ${target} m, ${from} where ${where}`,
  );
  await session.query(`delete from ${target} m using ${from} where ${where}`);
  const { count } = await session.query(
    `insert into ${target} (${identList(written)})${overriding ? " overriding system value" : ""}
select ${written.map((column) => values.get(column) ?? `m.${ident(column)}`).join(", ")} from ${old} m, ${from} where ${where}`,
  );
  return count;
}
