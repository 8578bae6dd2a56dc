/** Rejects that are still open, to be read again: their objects, their places, the bytes that were kept, and how a replay ends. */
import { ident } from "./identifier.ts";
import { outcomes, type RecordCounts } from "./record-counts.ts";
import type { RejectReason } from "./reject-reasons.ts";
import { type RejectSelection, selectedRejects, selectionValues } from "./reject-selection.ts";
import { keptRecordBytes } from "./rejects.ts";
import type { Session } from "./session.ts";

/** An object version with open rejects. */
export interface RejectedObject {
  readonly historyId: bigint;
  readonly table: string;
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  /** Open rejects of the selection. */
  readonly records: number;
  /** Its bytes before the first record, where they were noted. */
  readonly header: Buffer | undefined;
}

/** What is about to be loaded anew (pending, failed) brings its own rejects: it is left out. */
const isOpen = "r.replayed_at is null and h.status = 'loaded_with_rejects'";

export async function rejectedObjects(
  session: Session,
  stateSchema: string,
  selection: RejectSelection,
): Promise<RejectedObject[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<{
    id: string;
    table_name: string;
    bucket: string;
    key: string;
    etag: string;
    size: string;
    last_modified: Date;
    records: string;
    header: Buffer | null;
  }>(
    `select h.id, h.table_name, h.bucket, h.key, h.etag, h.size, h.last_modified, h.header, count(*) as records
     from ${state}.rejects r join ${state}.load_history h on h.id = r.history_id
     where ${isOpen} and ${selectedRejects} group by h.id order by h.id`,
    selectionValues(selection),
  );
  return rows.map((row) => ({
    historyId: BigInt(row.id),
    table: row.table_name,
    bucket: row.bucket,
    key: row.key,
    etag: row.etag,
    size: Number(row.size),
    lastModified: row.last_modified,
    records: Number(row.records),
    header: row.header ?? undefined,
  }));
}

/** Tables with open rejects of a reason. */
export async function tablesRejecting(session: Session, stateSchema: string, reason: RejectReason): Promise<string[]> {
  const { rows } = await session.query<{ table_name: string }>(
    `select t.table_name from ${ident(stateSchema)}.tables t
     where exists (select from ${ident(stateSchema)}.rejects r where r.table_name = t.table_name and r.reason = $1 and r.replayed_at is null)
     order by 1`,
    [reason],
  );
  return rows.map((row) => row.table_name);
}

export interface OpenReject {
  readonly id: string;
  readonly historyId: bigint;
  readonly record: number;
  readonly offset: number | undefined;
  readonly length: number | undefined;
  readonly reason: string;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly sqlstate: string | undefined;
  /** The server's words, which may quote cells. */
  readonly message: string | undefined;
  /** The whole record; undefined: more than was kept, or nothing was. */
  readonly bytes: Buffer | undefined;
}

/** Bytes of kept records that one page may hold. */
const pageBytes = 16 * 2 ** 20;

/** The next open rejects of these objects after `after`, up to `upTo`, in the order of their ids. */
export async function readOpenRejects(
  session: Session,
  stateSchema: string,
  selection: RejectSelection,
  page: { readonly objects: readonly bigint[]; readonly after: string; readonly upTo: string; readonly limit: number },
): Promise<OpenReject[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<OpenRejectRow>(
    `select p.*, r.column_name, r.constraint_name, r.sqlstate, r.message, case when octet_length(r.record) = p.byte_length then r.record end as record
     from (
       select o.*, sum(least(coalesce(byte_length, 0), ${keptRecordBytes})) over (order by id) as bytes, row_number() over (order by id) as row
       from (
         select r.id, r.history_id, r.record_no, r.byte_offset, r.byte_length, r.reason
         from ${state}.rejects r join ${state}.load_history h on h.id = r.history_id
         where ${isOpen} and ${selectedRejects} and r.history_id = any($5::bigint[]) and r.id > $6::bigint and r.id <= $7::bigint
         order by r.id limit $8
       ) o
     ) p join ${state}.rejects r on r.id = p.id
     where p.row = 1 or p.bytes <= ${pageBytes} order by p.id`,
    [...selectionValues(selection), page.objects.map(String), page.after, page.upTo, page.limit],
  );
  return rows.map((row) => ({
    id: row.id,
    historyId: BigInt(row.history_id),
    record: Number(row.record_no),
    offset: row.byte_offset === null ? undefined : Number(row.byte_offset),
    length: row.byte_length === null ? undefined : Number(row.byte_length),
    reason: row.reason,
    column: row.column_name ?? undefined,
    constraint: row.constraint_name ?? undefined,
    sqlstate: row.sqlstate ?? undefined,
    message: row.message ?? undefined,
    bytes: row.record ?? undefined,
  }));
}

interface OpenRejectRow {
  readonly id: string;
  readonly history_id: string;
  readonly record_no: string;
  readonly reason: string;
  readonly column_name: string | null;
  readonly constraint_name: string | null;
  readonly sqlstate: string | null;
  readonly message: string | null;
  readonly byte_offset: string | null;
  readonly byte_length: string | null;
  readonly record: Buffer | null;
}

export async function lastRejectId(session: Session, stateSchema: string): Promise<string> {
  const { id } = await session.one<{ id: string }>(
    `select coalesce(max(id), 0) as id from ${ident(stateSchema)}.rejects`,
  );
  return id;
}

/** Locks objects, then rejects, in the order of their ids. False when one of them is no longer what it was when it was read. */
export async function lockOpenRejects(
  session: Session,
  stateSchema: string,
  objects: readonly bigint[],
  rejects: readonly string[],
): Promise<boolean> {
  const state = ident(stateSchema);
  const { count } = await session.query(
    `select from ${state}.load_history where id = any($1::bigint[]) and status = 'loaded_with_rejects' order by id for update`,
    [objects.map(String)],
  );
  if (count !== objects.length) return false;
  const locked = await session.query(
    `select from ${state}.rejects where id = any($1::bigint[]) and replayed_at is null order by id for update`,
    [rejects],
  );
  return locked.count === rejects.length;
}

export async function markReplayed(session: Session, stateSchema: string, ids: readonly string[]): Promise<void> {
  await session.query(
    `update ${ident(stateSchema)}.rejects set replayed_at = clock_timestamp() where id = any($1::bigint[])`,
    [ids],
  );
}

/** Why a record that was replayed is rejected again; `moved`: the reject stands for another record of its object now. */
export interface FailedAgain {
  readonly id: string;
  readonly reason: RejectReason;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly sqlstate: string | undefined;
  readonly message: string | undefined;
  readonly moved:
    | {
        readonly record: number;
        readonly offset: number | undefined;
        readonly length: number | undefined;
        readonly bytes: Buffer | undefined;
      }
    | undefined;
}

export async function noteFailedAgain(
  session: Session,
  stateSchema: string,
  failed: readonly FailedAgain[],
): Promise<void> {
  for (let i = 0; i < failed.length; i += 200) {
    const batch = failed.slice(i, i + 200);
    await session.query(
      `update ${ident(stateSchema)}.rejects r
       set reason = f.reason, column_name = f.column_name, constraint_name = f.constraint_name, sqlstate = f.sqlstate, message = f.message,
           record_no = coalesce(f.record_no, r.record_no),
           byte_offset = case when f.record_no is null then r.byte_offset else f.byte_offset end,
           byte_length = case when f.record_no is null then r.byte_length else f.byte_length end,
           record = case when f.record_no is null then r.record else decode(f.record, 'hex') end
       from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[])
         as f (id, reason, column_name, constraint_name, sqlstate, message, record_no, byte_offset, byte_length, record)
       where r.id = f.id`,
      [
        batch.map((one) => one.id),
        batch.map((one) => one.reason),
        batch.map((one) => one.column ?? null),
        batch.map((one) => one.constraint ?? null),
        batch.map((one) => one.sqlstate ?? null),
        batch.map((one) => one.message?.replaceAll("\0", "\ufffd") ?? null),
        batch.map((one) => one.moved?.record ?? null),
        batch.map((one) => one.moved?.offset ?? null),
        batch.map((one) => one.moved?.length ?? null),
        batch.map((one) => one.moved?.bytes?.subarray(0, keptRecordBytes).toString("hex") ?? null),
      ],
    );
  }
}

/** Moves records of an object from `rejected` to what became of them; without a reject left it is simply loaded. */
export async function moveCounts(
  session: Session,
  stateSchema: string,
  historyId: bigint,
  change: RecordCounts,
  repairs: Readonly<Record<string, number>>,
): Promise<void> {
  const sets = outcomes.map((outcome, i) => `rows_${outcome} = rows_${outcome} + $${i + 3}`).join(", ");
  await session.query(
    `update ${ident(stateSchema)}.load_history h
     set rows_read = rows_read + $2, ${sets},
         status = case when rows_rejected + $${outcomes.length + 2} = 0 then 'loaded' else 'loaded_with_rejects' end,
         repairs = repairs || coalesce((
           select jsonb_object_agg(m.key, coalesce((h.repairs ->> m.key)::bigint, 0) + m.value::bigint) from jsonb_each_text($${outcomes.length + 3}::jsonb) m
         ), '{}')
     where id = $1`,
    [historyId.toString(), change.read, ...outcomes.map((outcome) => change[outcome]), JSON.stringify(repairs)],
  );
}
