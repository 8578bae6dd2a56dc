/** What the state schema knows about each table and run, for status: a few statements, whatever the history's length. */
import { runIsAlive } from "./advisory-locks.ts";
import { type UndeliveredAlerts, undeliveredAlerts } from "./alert-events.ts";
import { type UnfinishedBackfill, unfinishedBackfills } from "./backfills.ts";
import { ident } from "./identifier.ts";
import { finalStatuses } from "./life-conditions.ts";
import { type RescuedStatusRow, rescuedColumns } from "./rescued.ts";
import type { Session } from "./session.ts";

export interface TableStatusRow {
  readonly table_name: string;
  readonly folder: string | null;
  readonly last_modified: Date | null;
  readonly last_loaded_at: Date | null;
  /** Median gap of its last change objects, in seconds. */
  readonly usual_seconds: number | null;
  readonly paused: boolean;
  readonly paused_at: Date | null;
  readonly paused_until: Date | null;
  readonly paused_reason: string | null;
  /** Noted objects that a pause keeps waiting. */
  readonly waiting: number;
  readonly failed: number;
  readonly failed_at: Date | null;
  readonly failed_code: string | null;
  readonly failed_key: string | null;
  /** Whether each run tries all of them again. */
  readonly failed_passing: boolean | null;
  readonly rejects: number;
  readonly rejects_at: Date | null;
}

export interface StatusRows {
  readonly now: Date;
  readonly tables: readonly TableStatusRow[];
  readonly unclaimed: readonly { readonly folder: string; readonly objects: number; readonly since: Date }[];
  readonly decisions: readonly {
    readonly table: string;
    readonly code: string;
    readonly message: string;
    readonly since: Date;
  }[];
  readonly holds: readonly {
    readonly runId: string;
    readonly host: string;
    readonly pid: number;
    readonly since: Date;
    readonly tables: readonly string[];
    readonly objects: number;
  }[];
  readonly runs: RunStatusRow;
  readonly backfills: readonly UnfinishedBackfill[];
  readonly undelivered: UndeliveredAlerts | undefined;
  /** Values of the last day that were changed so that PostgreSQL can hold them. */
  readonly repairs: readonly { readonly table: string; readonly column: string; readonly count: number }[];
  readonly rescued: readonly RescuedStatusRow[];
}

export interface RunStatusRow {
  readonly first_at: Date | null;
  readonly listed_at: Date | null;
  readonly lost_id: string | null;
  readonly lost_host: string | null;
  readonly lost_pid: number | null;
  readonly lost_at: Date | null;
  readonly lost_found: boolean | null;
  readonly failed_id: string | null;
  readonly failed_code: string | null;
  readonly failed_at: Date | null;
}

/** `ending`: the run that asks at its end. `heldForMs`: claims of a live run younger than this are work in progress. */
export async function readStatusRows(
  session: Session,
  stateSchema: string,
  settings: { readonly maxAttempts: number; readonly heldForMs: number; readonly ending: bigint | undefined },
): Promise<StatusRows> {
  const state = ident(stateSchema);
  const { now } = await session.one<{ now: Date }>("select now()");
  const tables = await session.query<TableStatusRow>(tableStatement(state), [settings.maxAttempts]);
  const unclaimed = await session.query<StatusRows["unclaimed"][number]>(
    `select folder, objects::float8 as objects, first_seen as since from ${state}.unclaimed order by folder collate "C"`,
  );
  const decisions = await session.query<StatusRows["decisions"][number]>(
    `select table_name as table, code, message, first_seen as since from ${state}.decisions order by 1, 2`,
  );
  const holds = await session.query<StatusRows["holds"][number]>(
    `select r.run_id as "runId", r.host, r.pid, min(h.started_at) as since, array_agg(distinct h.table_name) as tables,
            count(*)::integer as objects
     from ${state}.load_history h join ${state}.runs r using (run_id)
     where h.status = 'loading' and ${runIsAlive("r.run_id")}
     group by r.run_id having min(h.started_at) < now() - make_interval(secs => $1::float8 / 1000) order by r.run_id`,
    [settings.heldForMs],
  );
  return {
    now,
    tables: tables.rows,
    unclaimed: unclaimed.rows,
    decisions: decisions.rows,
    holds: holds.rows,
    runs: await session.one<RunStatusRow>(runStatement(state), [settings.ending?.toString() ?? null]),
    backfills: await unfinishedBackfills(session, stateSchema),
    undelivered: await undeliveredAlerts(session, stateSchema),
    repairs: (
      await session.query<StatusRows["repairs"][number]>(
        `select h.table_name as table, r.key as column, sum(r.value::bigint)::float8 as count
         from ${state}.load_history h cross join jsonb_each_text(h.repairs) r
         where h.repairs <> '{}' and h.finished_at > now() - interval '24 hours'
         group by 1, 2 order by h.table_name collate "C", r.key collate "C"`,
      )
    ).rows,
    rescued: await rescuedColumns(session, stateSchema),
  };
}

/**
 * A failed version whose key came again and was loaded is behind us. An object that ended every loader never got as far as to
 * fail: it waits like one that did. `$1` max attempts.
 */
function tableStatement(state: string): string {
  return `
    with failed as (
      select h.table_name, count(*)::integer as objects, min(coalesce(h.finished_at, h.started_at)) as at,
             mode() within group (order by coalesce(h.error_code, 'LOADER_LOST')) as code,
             (array_agg(h.key order by h.finished_at, h.key))[1] as key,
             bool_and(coalesce(h.retry = 'auto' and h.attempts < $1, false)) as passing
      from ${state}.load_history h
      where (h.status = 'failed' or (h.status = 'loading' and h.attempts >= $1 and not ${runIsAlive("h.run_id")})) and not exists (
        select from ${state}.load_history n
        where n.table_name = h.table_name and n.bucket = h.bucket and n.key = h.key and n.id > h.id
          and n.status in (${finalStatuses})
      )
      group by h.table_name
    ), rejected as (
      select table_name, count(*)::integer as records, min(created_at) as at
      from ${state}.rejects where replayed_at is null group by table_name
    )
    select t.table_name, t.folder, t.last_modified, t.last_loaded_at, usual.seconds as usual_seconds,
           t.paused_at is not null and (t.paused_until is null or t.paused_until > now()) as paused,
           t.paused_at, t.paused_until, t.paused_reason,
           case when t.paused_at is not null then (
             select count(*)::integer from ${state}.load_history h where h.table_name = t.table_name and h.status = 'pending'
           ) else 0 end as waiting,
           coalesce(f.objects, 0) as failed, f.at as failed_at, f.code as failed_code, f.key as failed_key,
           f.passing as failed_passing, coalesce(r.records, 0) as rejects, r.at as rejects_at
    from ${state}.tables t
    left join failed f using (table_name)
    left join rejected r using (table_name)
    left join lateral (
      select (percentile_cont(0.5) within group (order by seconds))::float8 as seconds
      from (
        select extract(epoch from file_time - lead(file_time) over (order by file_time desc)) as seconds
        from (
          select file_time from ${state}.load_history h
          where h.table_name = t.table_name and h.kind = 'change' order by h.file_time desc limit 20
        ) newest
      ) gaps where seconds > 0
      having count(*) >= 3
    ) usual on true
    order by t.table_name collate "C"`;
}

/**
 * A lost run is behind us once a later one finished; only the last finished run says whether runs end at all. The run that is ending, `$1`,
 * tells of those that it found, or that were lost while it worked: it is the first that can.
 */
function runStatement(state: string): string {
  return `
    with finished as (
      select run_id, error_code, finished_at from ${state}.runs
      where status in ('done', 'failed') order by run_id desc limit 1
    ), lost as (
      select r.run_id, r.host, r.pid, r.started_at, r.status from ${state}.runs r
      where (r.status = 'lost' or (r.status = 'running' and not ${runIsAlive("r.run_id")}))
        and (r.run_id > coalesce((select run_id from finished), 0) or r.status = 'running'
          or r.finished_at >= (select e.started_at from ${state}.runs e where e.run_id = $1::bigint))
      order by r.run_id desc limit 1
    )
    select (select started_at from ${state}.runs order by run_id limit 1) as first_at,
           (select listed_at from ${state}.runs where listed_at is not null order by run_id desc limit 1) as listed_at,
           l.run_id as lost_id, l.host as lost_host, l.pid as lost_pid, l.started_at as lost_at, l.status = 'lost' as lost_found,
           f.run_id as failed_id, f.error_code as failed_code, f.finished_at as failed_at
    from (select) one left join lost l on true left join finished f on f.error_code is not null`;
}
