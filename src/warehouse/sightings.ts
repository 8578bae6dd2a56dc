/** Notes at a run's end what it saw: the newest object of each table, folders that no table reads, what waits for a decision. */
import { lockClass } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import { mergedStatuses } from "./life-conditions.ts";
import type { Session } from "./session.ts";

/** What a listing said about one table. */
export interface TableSighting {
  readonly table: string;
  /** Below source.url. */
  readonly folder: string;
  readonly lastModified: Date;
  /** Of its newest change object; undefined: full loads alone. */
  readonly fileTime: Date | undefined;
  readonly loaded: boolean;
}

export interface DecisionNote {
  readonly table: string;
  readonly code: string;
  readonly message: string;
  readonly object: string | undefined;
}

export interface RunSightings {
  /** Whether the whole source was listed: then what is not in these lists is gone. */
  readonly complete: boolean;
  readonly tables: readonly TableSighting[];
  /** Objects by folder. */
  readonly unclaimed: ReadonlyMap<string, number>;
  readonly decisions: readonly DecisionNote[];
  /** Tables whose open objects this run worked on, or that have none: what it did not find again is decided. */
  readonly settled: readonly string[];
}

/** Decisions that no open object waits for: they stay until a run loads the table without them. */
const standing = ["TOO_MANY_COLUMNS"];

/** One short transaction; runs that end together note one after the other. Safe to repeat. */
export async function noteSightings(
  session: Session,
  stateSchema: string,
  runId: bigint,
  sightings: RunSightings,
): Promise<void> {
  const state = ident(stateSchema);
  await session.transaction(async () => {
    await session.query("select pg_advisory_xact_lock($1, 1)", [lockClass.migrate]);
    if (sightings.complete)
      await session.query(`update ${state}.runs set listed_at = coalesce(listed_at, now()) where run_id = $1`, [
        runId.toString(),
      ]);
    await noteTables(session, state, sightings.tables);
    if (sightings.complete) await noteUnclaimed(session, state, sightings.unclaimed);
    await noteDecisions(session, state, runId, sightings);
  });
}

async function noteTables(session: Session, state: string, tables: readonly TableSighting[]): Promise<void> {
  // Passed over where a first merge has the row: that run notes it, and nobody waits for a note.
  await session.query(
    `with seen as materialized (
       select t.table_name, s.folder, s.modified, s.file_time, s.loaded
       from ${state}.tables t
       join unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::boolean[])
         as s (table_name, folder, modified, file_time, loaded) using (table_name)
       where s.loaded or (t.folder, t.last_modified) is distinct from (s.folder, greatest(t.last_modified, s.modified))
       for no key update of t skip locked
     )
     update ${state}.tables t
     set folder = s.folder,
         last_seen_at = case when t.last_modified >= s.modified then t.last_seen_at else now() end,
         last_modified = greatest(t.last_modified, s.modified),
         last_file_time = greatest(t.last_file_time, s.file_time),
         last_loaded_at = case when s.loaded then now() else t.last_loaded_at end
     from seen s where t.table_name = s.table_name`,
    [
      tables.map((table) => table.table),
      tables.map((table) => table.folder),
      tables.map((table) => table.lastModified.toISOString()),
      tables.map((table) => table.fileTime?.toISOString() ?? null),
      tables.map((table) => String(table.loaded)),
    ],
  );
}

async function noteUnclaimed(session: Session, state: string, folders: ReadonlyMap<string, number>): Promise<void> {
  await session.query(
    `with found as materialized (
       select * from unnest($1::text[], $2::bigint[]) as f (folder, objects)
     ), gone as (
       delete from ${state}.unclaimed where folder not in (select folder from found)
     )
     insert into ${state}.unclaimed as u (folder, objects) select folder, objects from found
     on conflict (folder) do update set objects = excluded.objects, last_seen = now()`,
    [[...folders.keys()], [...folders.values()]],
  );
}

async function noteDecisions(
  session: Session,
  state: string,
  runId: bigint,
  { decisions, settled }: RunSightings,
): Promise<void> {
  await session.query(
    `with found as materialized (
       select distinct on (f.table_name, f.code) f.*
       from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as f (table_name, code, message, object)
       join ${state}.tables using (table_name)
     ), decided as (
       delete from ${state}.decisions d
       where d.table_name = any($6) and not (d.code = any($7) and not exists (
               select from ${state}.load_history h
               where h.table_name = d.table_name and h.run_id = $1 and h.status in (${mergedStatuses})
             ))
         and not exists (select from found f where f.table_name = d.table_name and f.code = d.code)
     )
     insert into ${state}.decisions (table_name, code, message, object, run_id)
     select table_name, code, message, object, $1 from found
     on conflict (table_name, code) do update
       set message = excluded.message, object = excluded.object, run_id = excluded.run_id`,
    [
      runId.toString(),
      decisions.map((decision) => decision.table),
      decisions.map((decision) => decision.code),
      decisions.map((decision) => decision.message),
      decisions.map((decision) => decision.object ?? null),
      settled,
      standing,
    ],
  );
}
