/** What somebody decides by hand about tables and objects: pauses, and entries that are final or open because it was said so. */
import { runIsAlive } from "./advisory-locks.ts";
import { ident, literal } from "./identifier.ts";
import { changedBy } from "./life-conditions.ts";
import type { HistoryObject } from "./load-history.ts";
import type { Session } from "./session.ts";

export interface Pause {
  readonly reason: string | undefined;
  readonly until: Date | undefined;
}

/** Pauses a table, or changes the pause that it has; its beginning stays. */
export async function pauseTable(session: Session, stateSchema: string, table: string, pause: Pause): Promise<void> {
  await session.query(
    `update ${ident(stateSchema)}.tables
     set paused_at = case when paused_at is not null and (paused_until is null or paused_until > now()) then paused_at else now() end,
         paused_reason = $2, paused_until = $3
     where table_name = $1`,
    [table, pause.reason ?? null, pause.until ?? null],
  );
}

export interface EndedPause {
  readonly since: Date;
  readonly reason: string | undefined;
}

/** undefined: it was not paused. */
export async function resumeTable(
  session: Session,
  stateSchema: string,
  table: string,
): Promise<EndedPause | undefined> {
  const tables = `${ident(stateSchema)}.tables`;
  const { rows } = await session.query<{ since: Date; reason: string | null; over: boolean }>(
    `with was as (
       select table_name, paused_at, paused_reason, coalesce(paused_until <= now(), false) as over from ${tables}
       where table_name = $1 and paused_at is not null for update
     )
     update ${tables} t set paused_at = null, paused_reason = null, paused_until = null
     from was where t.table_name = was.table_name returning was.paused_at as since, was.paused_reason as reason, was.over`,
    [table],
  );
  const [row] = rows;
  return row === undefined || row.over ? undefined : { since: row.since, reason: row.reason ?? undefined };
}

export type Mark = "loaded" | "pending" | "skipped";

/** Entries of a table by key: a whole one, or its end after a slash; by time: of the file, of full loads when it came. */
export interface MarkSelection {
  readonly names: readonly string[];
  readonly before: Date | undefined;
  /** Only these versions can become pending: no run would ever take one that is not listed. */
  readonly listed: readonly HistoryObject[];
}

/** As `selected` numbers them. */
function selectionValues(mark: Mark, { names, before, listed }: MarkSelection) {
  return [
    listed.map((object) => object.key),
    listed.map((object) => object.etag),
    listed.map((object) => object.lastModified.toISOString()),
    ...(mark === "pending" ? [] : [names, before ?? null]),
  ];
}

/** Which entries a mark changes: what is final stays what it is, but for `pending`, and what a live run holds is left to it. */
function changes(mark: Mark): string {
  return changedBy(`marked_${mark}`);
}

function selected(mark: Mark): string {
  const listed = `exists (
    select from unnest($2::text[], $3::text[], $4::timestamptz[]) l (key, etag, last_modified)
    where l.key = h.key and l.etag = h.etag and l.last_modified = h.last_modified
  )`;
  const known = `(
    h.key = any($5::text[]) or exists (select from unnest($5::text[]) n where right(h.key, length(n) + 1) = '/' || n)
    or coalesce(h.file_time, h.last_modified) < $6
  )`;
  return `h.table_name = $1 and (${listed}${mark === "pending" ? "" : ` or ${known}`})`;
}

export interface MarkCount {
  readonly changed: number;
  /** A live run has them. */
  readonly held: number;
  /** Nothing to do. */
  readonly unchanged: number;
}

export async function countMarks(
  session: Session,
  stateSchema: string,
  table: string,
  mark: Mark,
  selection: MarkSelection,
): Promise<MarkCount> {
  const count = await session.one<{ changed: string; held: string; total: string }>(
    `select count(*) filter (where ${changes(mark)}) as changed,
            count(*) filter (where h.status = 'loading' and ${runIsAlive("h.run_id")}) as held, count(*) as total
     from ${ident(stateSchema)}.load_history h where ${selected(mark)}`,
    [table, ...selectionValues(mark, selection)],
  );
  const changed = Number(count.changed);
  const held = Number(count.held);
  return { changed, held, unchanged: Number(count.total) - changed - held };
}

/** Names of the selection that no entry bears. */
export async function unknownNames(
  session: Session,
  stateSchema: string,
  table: string,
  names: readonly string[],
): Promise<string[]> {
  const { rows } = await session.query<{ name: string }>(
    `select n as name from unnest($2::text[]) n where not exists (
       select from ${ident(stateSchema)}.load_history h
       where h.table_name = $1 and (h.key = n or right(h.key, length(n) + 1) = '/' || n)
     )`,
    [table, names],
  );
  return rows.map((row) => row.name);
}

/** Marks entries that are there. One that was loaded before and is `loaded` again by hand keeps its balance. Returns how many. */
export async function markEntries(
  session: Session,
  stateSchema: string,
  table: string,
  mark: Mark,
  selection: MarkSelection,
): Promise<number> {
  const restored =
    "when h.rows_read is not null and h.rows_rejected > 0 then 'loaded_with_rejects' when h.rows_read is not null then 'loaded'";
  const status =
    mark === "pending" ? "'pending'" : mark === "skipped" ? "'skipped'" : `case ${restored} else 'skipped' end`;
  const { count } = await session.query(
    `update ${ident(stateSchema)}.load_history h
     set status = ${status}, note = ${literal(`marked ${mark}`)}, error_code = null, error = null, retry = null, config_hash = null,
         finished_at = ${mark === "pending" ? "null" : "now()"}
     where id in (select h.id from ${ident(stateSchema)}.load_history h where ${selected(mark)} and ${changes(mark)} order by h.id for update)
       and ${changes(mark)}`,
    [table, ...selectionValues(mark, selection)],
  );
  return count;
}

/** Makes listed objects final that no run has claimed yet; returns how many. */
export async function insertMarked(
  session: Session,
  stateSchema: string,
  table: string,
  mark: Exclude<Mark, "pending">,
  objects: readonly HistoryObject[],
): Promise<number> {
  if (objects.length === 0) return 0;
  const { count } = await session.query(
    `insert into ${ident(stateSchema)}.load_history
       (table_name, bucket, key, etag, size, last_modified, kind, file_time, status, note, finished_at)
     select $1, l.bucket, l.key, l.etag, l.size, l.last_modified, l.kind, l.file_time, 'skipped', $9, now()
     from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[], $8::timestamptz[])
       as l (bucket, key, etag, size, last_modified, kind, file_time)
     order by l.key
     on conflict (table_name, bucket, key, etag, size, last_modified) do nothing`,
    [
      table,
      objects.map((object) => object.bucket),
      objects.map((object) => object.key),
      objects.map((object) => object.etag),
      objects.map((object) => object.size),
      objects.map((object) => object.lastModified.toISOString()),
      objects.map((object) => object.kind),
      objects.map((object) => object.fileTime?.toISOString() ?? null),
      `marked ${mark}`,
    ],
  );
  return count;
}
