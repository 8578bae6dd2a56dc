/** The rejects table: records that could not be loaded, with their place and reason. */
import { ident } from "./identifier.ts";
import type { RejectReason } from "./reject-reasons.ts";
import { type RejectSelection, selectedRejects, selectionValues } from "./reject-selection.ts";
import type { Session } from "./session.ts";

/** `rejects.record` holds at most this many bytes; byte_offset and byte_length find the rest. */
export const keptRecordBytes = 65_536;

export interface Reject {
  readonly historyId: bigint;
  readonly tableName: string;
  readonly record: number;
  readonly offset: number | undefined;
  readonly length: number | undefined;
  readonly reason: RejectReason;
  readonly column: string | undefined;
  readonly constraint: string | undefined;
  readonly sqlstate: string | undefined;
  readonly message: string | undefined;
  readonly bytes: Buffer | undefined;
}

/** Replaces the rejects of the objects: each attempt brings its own. */
export async function writeRejects(
  session: Session,
  stateSchema: string,
  ids: readonly bigint[],
  rejects: readonly Reject[],
): Promise<void> {
  await session.query(`delete from ${ident(stateSchema)}.rejects where history_id = any($1::bigint[])`, [
    ids.map(String),
  ]);
  await addRejects(session, stateSchema, rejects);
}

export async function addRejects(session: Session, stateSchema: string, rejects: readonly Reject[]): Promise<void> {
  const table = `${ident(stateSchema)}.rejects`;
  for (let i = 0; i < rejects.length; i += 200) {
    const batch = rejects.slice(i, i + 200);
    await session.query(
      `insert into ${table} (history_id, table_name, record_no, byte_offset, byte_length, reason, column_name, constraint_name, sqlstate, message, record)
       select r.history_id, r.table_name, r.record_no, r.byte_offset, r.byte_length, r.reason, r.column_name, r.constraint_name, r.sqlstate, r.message, decode(r.record, 'hex')
       from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
         as r (history_id, table_name, record_no, byte_offset, byte_length, reason, column_name, constraint_name, sqlstate, message, record)`,
      [
        batch.map((reject) => reject.historyId.toString()),
        batch.map((reject) => reject.tableName),
        batch.map((reject) => reject.record),
        batch.map((reject) => reject.offset ?? null),
        batch.map((reject) => reject.length ?? null),
        batch.map((reject) => reject.reason),
        batch.map((reject) => reject.column ?? null),
        batch.map((reject) => reject.constraint ?? null),
        batch.map((reject) => reject.sqlstate ?? null),
        batch.map((reject) => reject.message?.replaceAll("\0", "\ufffd") ?? null),
        batch.map((reject) => reject.bytes?.subarray(0, keptRecordBytes).toString("hex") ?? null),
      ],
    );
  }
}

/** With it a record can be read without its object. */
export async function noteHeader(session: Session, stateSchema: string, id: bigint, header: Buffer): Promise<void> {
  await session.query(`update ${ident(stateSchema)}.load_history set header = $2 where id = $1`, [
    id.toString(),
    header,
  ]);
}

export interface RejectRow {
  readonly id: string;
  readonly table_name: string;
  readonly key: string;
  readonly record_no: string;
  readonly byte_offset: string | null;
  readonly byte_length: string | null;
  readonly reason: string;
  readonly column_name: string | null;
  readonly constraint_name: string | null;
  readonly sqlstate: string | null;
  readonly created_at: Date;
  readonly replayed_at: Date | null;
}

/** Open rejects, newest first; without their cells. */
export async function listRejects(
  session: Session,
  stateSchema: string,
  selection: RejectSelection,
  limit: number,
): Promise<RejectRow[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<RejectRow>(
    `select r.id, r.table_name, h.key, r.record_no, r.byte_offset, r.byte_length, r.reason, r.column_name, r.constraint_name, r.sqlstate, r.created_at, r.replayed_at
     from ${state}.rejects r join ${state}.load_history h on h.id = r.history_id
     where r.replayed_at is null and ${selectedRejects}
     order by r.id desc limit $5`,
    [...selectionValues(selection), limit],
  );
  return rows;
}

export interface RejectCount {
  readonly table_name: string;
  readonly reason: string;
  readonly column_name: string | null;
  readonly count: string;
}

export async function countRejects(
  session: Session,
  stateSchema: string,
  selection: RejectSelection,
): Promise<RejectCount[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<RejectCount>(
    `select r.table_name, r.reason, r.column_name, count(*) as count
     from ${state}.rejects r join ${state}.load_history h on h.id = r.history_id
     where r.replayed_at is null and ${selectedRejects}
     group by 1, 2, 3 order by 1, 4 desc, 2, 3`,
    selectionValues(selection),
  );
  return rows;
}

export interface ShownReject extends RejectRow {
  readonly bucket: string;
  readonly message: string | null;
  readonly record: Buffer | null;
}

/** One reject, its cells included: asked for by its id. */
export async function showReject(session: Session, stateSchema: string, id: string): Promise<ShownReject | undefined> {
  const state = ident(stateSchema);
  const { rows } = await session.query<ShownReject>(
    `select r.id, r.table_name, h.bucket, h.key, r.record_no, r.byte_offset, r.byte_length, r.reason, r.column_name, r.constraint_name,
            r.sqlstate, r.message, r.record, r.created_at, r.replayed_at
     from ${state}.rejects r join ${state}.load_history h on h.id = r.history_id where r.id = $1`,
    [id],
  );
  return rows[0];
}
