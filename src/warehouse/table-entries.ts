/** The load history of one table as a whole: which object versions its rows were made of, and what became of the others. */
import { ident } from "./identifier.ts";
import { mergedStatuses, openStatuses } from "./life-conditions.ts";
import type { Session } from "./session.ts";

export interface TableEntry {
  readonly id: bigint;
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  readonly kind: "full_load" | "change";
  readonly fileTime: Date | undefined;
  readonly status: string;
  /** Its rows are in the table: loaded, or loaded before and to be loaded again. */
  readonly merged: boolean;
  readonly sha256: Buffer | undefined;
}

/** In the order in which they were noted. */
export async function tableEntries(session: Session, stateSchema: string, table: string): Promise<TableEntry[]> {
  const { rows } = await session.query<{
    id: string;
    key: string;
    etag: string;
    size: string;
    last_modified: Date;
    kind: TableEntry["kind"];
    file_time: Date | null;
    status: string;
    merged: boolean;
    sha256: Buffer | null;
  }>(
    `select h.id, h.key, h.etag, h.size, h.last_modified, h.kind, h.file_time, h.status, h.sha256,
            h.status in (${mergedStatuses}) or (h.rows_read is not null and h.status in (${openStatuses})) as merged
     from ${ident(stateSchema)}.load_history h where h.table_name = $1 order by h.id`,
    [table],
  );
  return rows.map((row) => ({
    id: BigInt(row.id),
    key: row.key,
    etag: row.etag,
    size: Number(row.size),
    lastModified: row.last_modified,
    kind: row.kind,
    fileTime: row.file_time ?? undefined,
    status: row.status,
    merged: row.merged,
    sha256: row.sha256 ?? undefined,
  }));
}

/** Open rejects by entry: records that are in no row until they are replayed. One that came late has its place where all come in order. */
export async function openRejects(
  session: Session,
  stateSchema: string,
  ids: readonly bigint[],
): Promise<Map<bigint, number[]>> {
  const { rows } = await session.query<{ id: string; records: number[] }>(
    `select history_id as id, array_agg(record_no::integer order by record_no) as records from ${ident(stateSchema)}.rejects
     where history_id = any($1::bigint[]) and replayed_at is null and reason <> 'late_partial' group by 1`,
    [ids.map(String)],
  );
  return new Map(rows.map((row) => [BigInt(row.id), row.records]));
}

/** Keys of entries by their ids. */
export async function entryKeys(
  session: Session,
  stateSchema: string,
  ids: readonly bigint[],
): Promise<Map<bigint, string>> {
  if (ids.length === 0) return new Map();
  const { rows } = await session.query<{ id: string; key: string }>(
    `select id, key from ${ident(stateSchema)}.load_history where id = any($1::bigint[])`,
    [[...new Set(ids)].map(String)],
  );
  return new Map(rows.map((row) => [BigInt(row.id), row.key]));
}
