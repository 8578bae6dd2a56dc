/** The load history and the runs, for reading. */
import { ident } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface HistoryRow {
  readonly id: string;
  readonly table_name: string;
  readonly key: string;
  readonly kind: string;
  readonly status: string;
  readonly attempts: number;
  readonly error_code: string | null;
  readonly error: string | null;
  readonly run_id: string | null;
  readonly finished_at: Date | null;
  readonly rows_read: string | null;
  readonly rows_inserted: string | null;
  readonly rows_updated: string | null;
  readonly rows_unchanged: string | null;
  readonly rows_deleted: string | null;
  readonly rows_superseded: string | null;
  readonly rows_stale: string | null;
  readonly rows_ignored: string | null;
  readonly rows_rejected: string | null;
  readonly size: string;
}

export interface HistoryFilter {
  readonly tables: readonly string[];
  readonly status: string | undefined;
  /** Begun or ended at this time or later. */
  readonly since: Date | undefined;
  /** Regular expression of keys. */
  readonly key: string | undefined;
  readonly limit: number;
}

/** Newest first. */
export async function readHistory(session: Session, stateSchema: string, filter: HistoryFilter): Promise<HistoryRow[]> {
  const { rows } = await session.query<HistoryRow>(
    `select id, table_name, key, kind, status, attempts, error_code, error, run_id, finished_at, size, rows_read, rows_inserted, rows_updated,
            rows_unchanged, rows_deleted, rows_superseded, rows_stale, rows_ignored, rows_rejected
     from ${ident(stateSchema)}.load_history
     where (cardinality($1::text[]) = 0 or table_name = any($1)) and ($2::text is null or status = $2)
       and ($4::timestamptz is null or coalesce(finished_at, started_at) >= $4) and ($5::text is null or key ~ $5)
     order by coalesce(finished_at, started_at) desc nulls first, id desc limit $3`,
    [filter.tables, filter.status ?? null, filter.limit, filter.since ?? null, filter.key ?? null],
  );
  return rows;
}

export interface RunRow {
  readonly run_id: string;
  readonly command: string;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly status: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly counts: Record<string, number>;
}

export async function readRuns(
  session: Session,
  stateSchema: string,
  limit: number,
  since: Date | undefined,
): Promise<RunRow[]> {
  const { rows } = await session.query<RunRow>(
    `select run_id, command, started_at, finished_at, status, host, pid, version, counts from ${ident(stateSchema)}.runs
     where $2::timestamptz is null or started_at >= $2 order by run_id desc limit $1`,
    [limit, since ?? null],
  );
  return rows;
}

/** All tables that the state schema knows; `folder` as a run last listed it. */
export async function stateTables(
  session: Session,
  stateSchema: string,
): Promise<{ readonly name: string; readonly folder: string | undefined }[]> {
  // As JSON: a state schema that was not migrated yet has no column of that name.
  const { rows } = await session.query<{ table_name: string; folder: string | null }>(
    `select table_name, to_jsonb(t) ->> 'folder' as folder from ${ident(stateSchema)}.tables t order by 1`,
  );
  return rows.map((row) => ({ name: row.table_name, folder: row.folder ?? undefined }));
}
