/**
 * Drops what is older than `retention` says: rejects, tombstones, runs, and alerts with the runs. A bounded number of each at a time, in short
 * transactions that wait for nobody. The load history stays for ever: an object that it forgot would be loaded again.
 */
import type { RetentionConfig } from "../config/config.ts";
import { lockClass, runIsAlive } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import { openStatuses } from "./life-conditions.ts";
import { tombstonesName } from "./main-table.ts";
import type { Session } from "./session.ts";

/** How many rows of each kind are gone. */
export interface Dropped {
  readonly rejects: number;
  readonly tombstones: number;
  readonly runs: number;
  /** Alerts that are over, and events that were delivered or given up. */
  readonly alerts: number;
}

/** `limit`: rows of each kind. What is left is dropped by the next run. */
export async function dropOld(
  session: Session,
  stateSchema: string,
  { rejectsMs, tombstonesMs, runsMs }: RetentionConfig,
  limit = 10_000,
): Promise<Dropped> {
  return {
    rejects: await dropRejects(session, ident(stateSchema), rejectsMs, limit),
    tombstones: await dropTombstones(session, stateSchema, tombstonesMs, limit),
    runs: await dropRuns(session, ident(stateSchema), runsMs, limit),
    alerts: await dropAlerts(session, ident(stateSchema), runsMs, limit),
  };
}

/** `$1` milliseconds ago. */
const cut = "now() - make_interval(secs => $1::float8 / 1000)";

async function dropRejects(session: Session, state: string, ageMs: number, limit: number): Promise<number> {
  const { count } = await session.query(
    `delete from ${state}.rejects where id in (
       select id from ${state}.rejects where created_at < ${cut} order by created_at limit $2 for update skip locked
     )`,
    [ageMs, limit],
  );
  return count;
}

/** Tombstones have no index on their age. Above this many bytes they are looked through once a day, not by every run. */
const largeBytes = 16 * 2 ** 20;

interface Tombstones {
  readonly table_name: string;
  readonly table_id: number;
  readonly large: boolean;
}

async function dropTombstones(session: Session, stateSchema: string, ageMs: number, limit: number): Promise<number> {
  const { rows: tables } = await session.query<Tombstones>(
    `select t.table_name, t.table_id, pg_relation_size(c.oid) > $2 as large
     from ${ident(stateSchema)}.tables t
     join pg_class c on c.relname = 'tombstones_' || t.table_id
     join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1
     where pg_relation_size(c.oid) between 1 and $2
        or pg_relation_size(c.oid) > $2 and coalesce(t.tombstones_checked_at, '-infinity') < now() - interval '1 day'
     order by t.tombstones_checked_at nulls first, t.table_id`,
    [stateSchema, largeBytes],
  );
  let dropped = 0;
  for (const table of tables) {
    if (dropped >= limit) break;
    const { some } = await session.one<{ some: boolean }>(
      `select exists (select from ${tombstonesName(stateSchema, table.table_id)} where deleted_at < ${cut}) as some`,
      [ageMs],
    );
    const most = limit - dropped;
    if (some) dropped += await session.transaction(() => dropOf(session, stateSchema, table, ageMs, most));
    else if (table.large) await noteChecked(session, stateSchema, table);
  }
  return dropped;
}

/** Under the table's lock: a merge must see the floor and the tombstones of one moment. A table that is being merged is left. */
async function dropOf(
  session: Session,
  stateSchema: string,
  table: Tombstones,
  ageMs: number,
  limit: number,
): Promise<number> {
  const { had } = await session.one<{ had: boolean }>("select pg_try_advisory_xact_lock($1, $2) as had", [
    lockClass.table,
    table.table_id,
  ]);
  if (!had) return 0;
  const state = ident(stateSchema);
  const tombstones = tombstonesName(stateSchema, table.table_id);
  const { count, newest } = await session.one<{ count: number; newest: string | null }>(
    `with gone as (
       delete from ${tombstones} where ctid = any(array(
         select ctid from ${tombstones} where deleted_at < ${cut} and _version < ${oldestOpen(state)} limit $2
       )) returning _version
     )
     select count(*)::integer as count, max(_version)::text as newest from gone`,
    [ageMs, limit, table.table_name],
  );
  if (newest !== null)
    await session.query(`update ${state}.tables set floor = greatest(floor, $2::numeric) where table_name = $1`, [
      table.table_name,
      newest,
    ]);
  if (count < limit && table.large) await noteChecked(session, stateSchema, table);
  return count;
}

async function noteChecked(session: Session, stateSchema: string, { table_name }: Tombstones): Promise<void> {
  await session.query(`update ${ident(stateSchema)}.tables set tombstones_checked_at = now() where table_name = $1`, [
    table_name,
  ]);
}

/**
 * The version of the oldest record of the table `$3` that may still come: of an object that failed or waits, or an open reject. A
 * floor above it would keep the record out for ever. By `order_by` nothing says which version that is: all tombstones wait.
 */
function oldestOpen(state: string): string {
  return `coalesce((
    select min(case
      when h.kind = 'full_load' or exists (
        select from ${state}.tables t join pg_attribute a on a.attrelid = t.main_oid and a.attname = '_version' and a.atttypid = 'numeric'::regtype
        where t.table_name = $3
      ) then '-Infinity'::numeric
      else 4611686018427387904 + trunc(extract(epoch from h.file_time) * 10000) * 65536
    end)
    from ${state}.load_history h
    where h.table_name = $3 and (
      h.status in (${openStatuses})
      or h.id in (select r.history_id from ${state}.rejects r where r.table_name = $3 and r.replayed_at is null)
    )
  ), 'Infinity'::numeric)`;
}

/** What is open, or still to be delivered, stays however old it is. */
async function dropAlerts(session: Session, state: string, ageMs: number, limit: number): Promise<number> {
  const alerts = await session.query(
    `delete from ${state}.alerts where id in (
       select id from ${state}.alerts where cleared_at < ${cut} order by id limit $2 for update skip locked
     )`,
    [ageMs, limit],
  );
  const events = await session.query(
    `delete from ${state}.alert_events where event_id in (
       select event_id from ${state}.alert_events where coalesce(delivered_at, given_up_at) < ${cut}
       order by position limit $2 for update skip locked
     )`,
    [ageMs, limit],
  );
  return alerts.count + events.count;
}

/** Their attempts go first, and the entries forget them: a run that loaded much is dropped over several runs. */
async function dropRuns(session: Session, state: string, ageMs: number, limit: number): Promise<number> {
  const old = `select r.run_id from ${state}.runs r
    where r.finished_at < ${cut} and not ${runIsAlive("r.run_id")}
      and r.run_id <> (select max(run_id) from ${state}.runs)
      and r.run_id is distinct from (select max(run_id) from ${state}.runs where listed_at is not null)
      and not exists (select from ${state}.load_history h where h.run_id = r.run_id and h.status = 'loading')`;
  await session.query(
    `delete from ${state}.load_attempts where ctid = any(array(
       select a.ctid from ${state}.load_attempts a where a.run_id in (${old}) limit $2
     ))`,
    [ageMs, limit],
  );
  await session.query(
    `update ${state}.load_history set run_id = null where id in (
       select h.id from ${state}.load_history h where h.run_id in (${old}) limit $2 for update skip locked
     ) and status <> 'loading'`,
    [ageMs, limit],
  );
  const { count } = await session.query(
    `delete from ${state}.runs where run_id in (
       ${old}
         and not exists (select from ${state}.load_attempts a where a.run_id = r.run_id)
         and not exists (select from ${state}.load_history h where h.run_id = r.run_id)
       order by r.run_id limit $2
     )`,
    [ageMs, limit],
  );
  return count;
}
