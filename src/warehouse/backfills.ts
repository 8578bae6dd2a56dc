/** Backfills: which range is loaded again, how far it is, what became of its objects before, how long it will take. */
import { runIsAlive } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import { mergedStatuses } from "./life-conditions.ts";
import type { HistoryObject } from "./load-history.ts";
import type { Session } from "./session.ts";

export interface BackfillRequest {
  readonly table: string;
  /** As typed. */
  readonly selector: string;
  readonly configHash: string;
  /** Of file times, half-open. */
  readonly from: Date | undefined;
  readonly to: Date | undefined;
}

export interface Backfill {
  readonly id: bigint;
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  readonly beganAt: Date;
}

/** After so long the same words are meant anew. */
const resumedForDays = 7;

/** One that was given by the same words, under the same config of its table, and did not come to its end. */
export async function unfinishedBackfill(
  session: Session,
  stateSchema: string,
  request: BackfillRequest,
): Promise<Backfill | undefined> {
  const { rows } = await session.query<BackfillRow>(
    `select id, from_time, to_time, began_at from ${ident(stateSchema)}.backfills
     where table_name = $1 and selector = $2 and config_hash = $3 and finished_at is null
       and began_at > now() - make_interval(days => ${resumedForDays})
     order by id desc limit 1`,
    [request.table, request.selector, request.configHash],
  );
  return rows[0] === undefined ? undefined : backfillOf(rows[0]);
}

export async function beginBackfill(
  session: Session,
  stateSchema: string,
  request: BackfillRequest,
): Promise<Backfill> {
  return backfillOf(
    await session.one<BackfillRow>(
      `insert into ${ident(stateSchema)}.backfills (table_name, selector, config_hash, from_time, to_time)
       values ($1, $2, $3, $4, $5) returning id, from_time, to_time, began_at`,
      [request.table, request.selector, request.configHash, request.from ?? null, request.to ?? null],
    ),
  );
}

export async function finishBackfill(session: Session, stateSchema: string, id: bigint): Promise<void> {
  await session.query(`update ${ident(stateSchema)}.backfills set finished_at = now() where id = $1`, [id.toString()]);
}

/** Notes whose work it is. */
export async function noteBackfillRun(session: Session, stateSchema: string, id: bigint, runId: bigint): Promise<void> {
  await session.query(`update ${ident(stateSchema)}.backfills set run_id = $2 where id = $1`, [
    id.toString(),
    runId.toString(),
  ]);
}

export interface UnfinishedBackfill {
  readonly table: string;
  readonly words: string;
  readonly since: Date;
  /** Whether a live run works on it, or is about to. */
  readonly running: boolean;
}

/** The newest of each words, as long as the same words would go on with it. */
export async function unfinishedBackfills(session: Session, stateSchema: string): Promise<UnfinishedBackfill[]> {
  const { rows } = await session.query<UnfinishedBackfill>(
    `select b.table_name as table, b.selector as words, b.began_at as since,
            case when b.run_id is null then b.began_at > now() - interval '1 minute' else ${runIsAlive("b.run_id")} end as running
     from (
       select distinct on (table_name, selector) * from ${ident(stateSchema)}.backfills
       order by table_name, selector, id desc
     ) b
     where b.finished_at is null and b.began_at > now() - make_interval(days => ${resumedForDays})
     order by b.table_name collate "C", b.id`,
  );
  return rows;
}

interface BackfillRow {
  id: string;
  from_time: Date | null;
  to_time: Date | null;
  began_at: Date;
}

function backfillOf(row: BackfillRow): Backfill {
  return {
    id: BigInt(row.id),
    from: row.from_time ?? undefined,
    to: row.to_time ?? undefined,
    beganAt: row.began_at,
  };
}

export interface EarlierEntry {
  /** undefined: no run has claimed it yet. */
  readonly status: string | undefined;
  readonly wasLoaded: boolean;
  /** The backfill has loaded it. */
  readonly done: boolean;
}

/** What became of each of the objects, in their order. */
export async function earlierEntries(
  session: Session,
  stateSchema: string,
  table: string,
  objects: readonly HistoryObject[],
  backfill: bigint | undefined,
): Promise<EarlierEntry[]> {
  const { rows } = await session.query<{ status: string | null; was_loaded: boolean; done: boolean }>(
    `select h.status, coalesce(h.rows_read is not null or h.sha256 is not null, false) as was_loaded,
            coalesce(h.backfill = $7 and h.status in (${mergedStatuses}), false) as done
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[]) with ordinality
       as l (bucket, key, etag, size, last_modified, position)
     left join ${ident(stateSchema)}.load_history h
       on h.table_name = $1 and h.bucket = l.bucket and h.key = l.key and h.etag = l.etag and h.size = l.size and h.last_modified = l.last_modified
     order by l.position`,
    [
      table,
      objects.map((object) => object.bucket),
      objects.map((object) => object.key),
      objects.map((object) => object.etag),
      objects.map((object) => object.size),
      objects.map((object) => object.lastModified.toISOString()),
      backfill?.toString() ?? null,
    ],
  );
  return rows.map((row) => ({ status: row.status ?? undefined, wasLoaded: row.was_loaded, done: row.done }));
}

/** Bytes a millisecond of the table's last loads; undefined when there were none. */
export async function pastSpeed(session: Session, stateSchema: string, table: string): Promise<number | undefined> {
  // Every object of a unit carries the whole unit's merge.
  const { bytes, ms } = await session.one<{ bytes: string | null; ms: string | null }>(
    `select sum(u.bytes) as bytes, sum(u.stage_ms + u.merge_ms) as ms
     from (
       select sum(l.bytes) as bytes, sum((l.timings ->> 'stage_ms')::bigint) as stage_ms, max((l.timings ->> 'merge_ms')::bigint) as merge_ms
       from (
         select run_id, bytes, timings from ${ident(stateSchema)}.load_history
         where table_name = $1 and status in (${mergedStatuses}) order by id desc limit 1000
       ) l group by l.run_id, l.timings ->> 'merge_ms'
     ) u`,
    [table],
  );
  const spent = Number(ms ?? 0);
  return spent > 0 ? Number(bytes ?? 0) / spent : undefined;
}
