/** Which paths of a table have values in `_rescued`, as the state schema remembers it. */
import { ident } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface RescuedPath {
  /** As in `columns.path`. */
  readonly path: string;
  /** In `_rescued`; ends in `.*` for whatever lies below a path. */
  readonly key: string;
  /** The column whose type does not take the values; undefined: the path has none. */
  readonly column: string | undefined;
  readonly type: string;
  /** Half a sentence. */
  readonly reason: string;
}

export async function noteRescued(
  session: Session,
  stateSchema: string,
  table: string,
  paths: readonly RescuedPath[],
  object: bigint | undefined,
): Promise<void> {
  if (paths.length === 0) return;
  await session.query(
    `insert into ${ident(stateSchema)}.rescued as r (table_name, path, key, column_name, type, reason, object)
     select $1, p.path, p.key, p.column_name, p.type, p.reason, $7
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as p (path, key, column_name, type, reason)
     on conflict (table_name, path) do update
       set type = excluded.type, reason = excluded.reason, column_name = excluded.column_name, last_seen = now()`,
    [
      table,
      paths.map((one) => one.path),
      paths.map((one) => one.key),
      paths.map((one) => one.column ?? null),
      paths.map((one) => one.type),
      paths.map((one) => one.reason),
      object?.toString() ?? null,
    ],
  );
}

/** What came home is forgotten. */
export async function forgetRescued(
  session: Session,
  stateSchema: string,
  table: string,
  paths: readonly string[],
): Promise<void> {
  if (paths.length === 0) return;
  await session.query(`delete from ${ident(stateSchema)}.rescued where table_name = $1 and path = any($2)`, [
    table,
    paths,
  ]);
}

export async function readRescued(session: Session, stateSchema: string, table: string): Promise<RescuedPath[]> {
  const { rows } = await session.query<Omit<RescuedPath, "column"> & { column_name: string | null }>(
    `select path, key, column_name, type, reason from ${ident(stateSchema)}.rescued where table_name = $1 order by path collate "C"`,
    [table],
  );
  return rows.map(({ column_name, ...row }) => ({ ...row, column: column_name ?? undefined }));
}

/** A column that does not take what its path holds. */
export interface RescuedStatusRow {
  readonly table: string;
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  readonly type: string;
  readonly key: string;
  readonly reason: string;
  readonly since: Date;
}

/** A column that somebody altered by hand needs nobody any more. */
export async function rescuedColumns(session: Session, stateSchema: string): Promise<RescuedStatusRow[]> {
  const state = ident(stateSchema);
  const { rows } = await session.query<RescuedStatusRow>(
    `select r.table_name as table, t.main_schema as schema, t.main_table as name, r.column_name as column, r.type, r.key,
            r.reason, r.first_seen as since
     from ${state}.rescued r join ${state}.tables t using (table_name)
     where r.column_name is not null and not exists (
       select from pg_attribute a
       where a.attrelid = t.main_oid and a.attname = r.column_name and format_type(a.atttypid, a.atttypmod) = r.type
     )
     order by r.table_name collate "C", r.path collate "C"`,
  );
  return rows;
}
