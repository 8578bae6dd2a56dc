/** Entries of the history that are not final, of all tables: those whose objects are gone from the source are told from the others. */
import { ident } from "./identifier.ts";
import { changedBy, finalStatuses, idleStatuses, isLost } from "./life-conditions.ts";
import type { Session } from "./session.ts";

export interface OpenEntry {
  readonly id: bigint;
  readonly table: string;
  readonly key: string;
  readonly etag: string;
  readonly lastModified: Date;
  readonly kind: "full_load" | "change";
  /** Its generation is older than the table's, or another version of its key is final. */
  readonly replaced: boolean;
  /** Its rows are in the main table: somebody, or a backfill, wanted it loaded again. */
  readonly wasLoaded: boolean;
  readonly errorCode: string | undefined;
  readonly error: string | undefined;
}

/** Of keys in one bucket that begin so; what a live run holds is left out. */
export async function openEntries(
  session: Session,
  stateSchema: string,
  base: { readonly bucket: string; readonly prefix: string },
): Promise<OpenEntry[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<{
    id: string;
    table_name: string;
    key: string;
    etag: string;
    last_modified: Date;
    kind: OpenEntry["kind"];
    replaced: boolean;
    was_loaded: boolean;
    error_code: string | null;
    error: string | null;
  }>(
    `select h.id, h.table_name, h.key, h.etag, h.last_modified, h.kind, h.rows_read is not null as was_loaded, h.error_code, h.error,
            h.kind = 'full_load' and h.generation < t.generation or exists (
              select from ${state}.load_history n
              where n.table_name = h.table_name and n.bucket = h.bucket and n.key = h.key and n.last_modified > h.last_modified
                and n.status in (${finalStatuses})
            ) as replaced
     from ${state}.load_history h join ${state}.tables t using (table_name)
     where (h.status in (${idleStatuses}) or ${isLost("h")})
       and h.bucket = $1 and starts_with(h.key, $2)
     order by h.table_name, h.id`,
    [base.bucket, base.prefix],
  );
  return rows.map((row) => ({
    id: BigInt(row.id),
    table: row.table_name,
    key: row.key,
    etag: row.etag,
    lastModified: row.last_modified,
    kind: row.kind,
    replaced: row.replaced,
    wasLoaded: row.was_loaded,
    errorCode: row.error_code ?? undefined,
    error: row.error ?? undefined,
  }));
}

/** Their objects are gone, and something newer stands for them. */
export async function supersedeEntries(session: Session, stateSchema: string, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  await session.query(
    `update ${ident(stateSchema)}.load_history h
     set status = 'superseded', note = 'gone from the source, and replaced', finished_at = now(), error_code = null, error = null,
         retry = null, config_hash = null
     where h.id = any($1::bigint[]) and ${changedBy("replaced")}`,
    [ids.map(String)],
  );
}

/** Their objects are gone, and nothing stands for them: somebody has to know. */
export async function failGone(
  session: Session,
  stateSchema: string,
  ids: readonly bigint[],
  error: string,
): Promise<void> {
  if (ids.length === 0) return;
  await session.query(
    `update ${ident(stateSchema)}.load_history h
     set status = 'failed', error_code = 'OBJECT_GONE', error = $2, retry = 'after_change', finished_at = now()
     where h.id = any($1::bigint[]) and ${changedBy("vanished")}
       and (h.error_code, h.error) is distinct from ('OBJECT_GONE', $2)`,
    [ids.map(String), error],
  );
}
