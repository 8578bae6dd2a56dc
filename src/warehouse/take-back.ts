/** Entries of objects that were loaded, and whose rows are taken out of the table again in this transaction. */
import { ident } from "./identifier.ts";
import type { HistoryObject } from "./load-history.ts";
import { insertMarked, markEntries } from "./marks.ts";
import type { Session } from "./session.ts";

/**
 * They are as if they had never been read: what was counted of them stays with their attempts, their rejects go. A live run that has
 * claimed one of them loses its claim.
 */
export async function takeBack(
  session: Session,
  stateSchema: string,
  ids: readonly bigint[],
  status: "pending" | "skipped",
  note: string,
): Promise<void> {
  const state = ident(stateSchema);
  const values = [ids.map(String)];
  await session.query(`select from ${state}.load_history where id = any($1::bigint[]) order by id for update`, values);
  await session.query(`delete from ${state}.rejects where history_id = any($1::bigint[])`, values);
  await session.query(
    `update ${state}.load_history
     set status = $2, note = $3, error_code = null, error = null, retry = null, config_hash = null, sha256 = null, backfill = null,
         finished_at = case when $2 = 'pending' then null else now() end,
         rows_read = null, rows_inserted = null, rows_updated = null, rows_unchanged = null, rows_deleted = null, rows_superseded = null,
         rows_stale = null, rows_ignored = null, rows_rejected = null, repairs = '{}'
     where id = any($1::bigint[])`,
    [...values, status, note],
  );
}

/** Objects that were not loaded yet, and are not to be: whether a run has noted them or not. */
export async function leaveOut(
  session: Session,
  stateSchema: string,
  table: string,
  objects: readonly HistoryObject[],
): Promise<void> {
  if (objects.length === 0) return;
  await markEntries(session, stateSchema, table, "skipped", { names: [], before: undefined, listed: objects });
  await insertMarked(session, stateSchema, table, "skipped", objects);
}
