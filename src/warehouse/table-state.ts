/** What the state schema remembers of a table: its lock, its pinned dialect, which path feeds which column. */
import { DrayageError } from "../errors.ts";
import { lockClass } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import { finalStatuses, mergedStatuses } from "./life-conditions.ts";
import type { Session } from "./session.ts";
import { serverFault } from "./warehouse-error.ts";

export interface TableState {
  readonly tableId: number;
  readonly mainOid: number | undefined;
  readonly generation: number;
  /** When the first object of the current full load came into the source, as far as anybody noted it. */
  readonly generationBegan: Date | undefined;
  readonly paused: boolean;
  readonly pausedReason: string | undefined;
  readonly pinned: PinnedDialect;
  /** Whether any object of the table is final. */
  readonly hasHistory: boolean;
}

export interface PinnedDialect {
  /** Tokens that mean NULL when unquoted. */
  readonly nulls?: readonly string[] | undefined;
  readonly delimiter?: string | undefined;
  readonly rfc4180?: boolean | undefined;
}

export interface StoredColumn {
  /** Source column name, or document path joined by dots below its document column: `_doc:address.city`. */
  readonly path: string;
  readonly column: string;
  readonly type: string;
  readonly made: boolean;
  /** Of a document path: the kinds it held (rows/kinds.ts), as bits. */
  readonly kinds: number;
  /** False: made for objects that are not loaded yet. */
  readonly seen: boolean;
}

interface StateRow {
  table_id: number;
  main_oid: string | null;
  generation: number;
  generation_began: Date | null;
  paused: boolean;
  paused_reason: string | null;
  dialect: PinnedDialect;
  has_history: boolean;
}

export async function readTableState(
  session: Session,
  stateSchema: string,
  name: string,
): Promise<TableState | undefined> {
  const state = ident(stateSchema);
  const { rows } = await session.query<StateRow>(
    `select t.table_id, t.main_oid::text, t.generation, t.generation_began, t.paused_reason, t.dialect,
            t.paused_at is not null and (t.paused_until is null or t.paused_until > now()) as paused,
            exists (
              select from ${state}.load_history h
              where h.table_name = t.table_name and h.status in (${finalStatuses})
            ) as has_history
     from ${state}.tables t where t.table_name = $1`,
    [name],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    tableId: row.table_id,
    mainOid: row.main_oid === null ? undefined : Number(row.main_oid),
    generation: row.generation,
    generationBegan: row.generation_began ?? undefined,
    paused: row.paused,
    pausedReason: row.paused_reason ?? undefined,
    pinned: row.dialect,
    hasHistory: row.has_history,
  };
}

/** Notes the table when it is new. Two names for one main table are refused by the state schema. */
export async function ensureTableState(
  session: Session,
  stateSchema: string,
  table: { name: string; schema: string; table: string },
): Promise<TableState> {
  const known = await readTableState(session, stateSchema, table.name);
  if (known !== undefined) return known;
  // Named, the conflict target would be the only one that two runs may meet at: the other unique key would raise.
  await session.query(
    `insert into ${ident(stateSchema)}.tables (table_name, main_schema, main_table) values ($1, $2, $3) on conflict do nothing`,
    [table.name, table.schema, table.table],
  );
  const made = await readTableState(session, stateSchema, table.name);
  if (made === undefined) {
    throw new DrayageError("CONFIG_INVALID", {
      message: `Another table of the state schema already loads into ${table.schema}.${table.table}`,
      place: { table: table.name },
      next: "Keep the name that the table was first loaded under; see the `tables` table of the state schema.",
    });
  }
  return made;
}

/** Until the transaction ends; exclusive unless `shared`. `waitMs` bounds the wait: lock_timeout counts for advisory locks too. */
export async function lockTable(session: Session, tableId: number, waitMs: number, shared = false): Promise<void> {
  await session.query(`set local lock_timeout = ${Math.max(1, Math.floor(waitMs))}`);
  try {
    await session.query(`select pg_advisory_xact_lock${shared ? "_shared" : ""}($1, $2)`, [lockClass.table, tableId]);
  } catch (error) {
    if (serverFault(error)?.sqlstate !== "55P03") throw error;
    // Without its cause, by which the merge would be repeated: the whole wait is over.
    throw new DrayageError("HELD_ELSEWHERE", { message: "Another run held the table's lock for all of lock_wait" });
  }
  await session.query("set local lock_timeout = '30s'");
}

export async function readStoredColumns(session: Session, stateSchema: string, name: string): Promise<StoredColumn[]> {
  const { rows } = await session.query<{
    path: string;
    column_name: string;
    type: string;
    made: boolean;
    kinds: number;
    seen: boolean;
  }>(
    `select path, column_name, type, made, kinds, object is not null as seen from ${ident(stateSchema)}.columns where table_name = $1 order by path collate "C"`,
    [name],
  );
  return rows.map((row) => ({
    path: row.path,
    column: row.column_name,
    type: row.type,
    made: row.made,
    kinds: row.kinds,
    seen: row.seen,
  }));
}

/** Notes columns; a path that is known keeps its column and takes the new type. */
export async function storeColumns(
  session: Session,
  stateSchema: string,
  name: string,
  columns: readonly StoredColumn[],
  object: bigint,
): Promise<void> {
  if (columns.length === 0) return;
  await session.query(
    `insert into ${ident(stateSchema)}.columns as k (table_name, path, column_name, type, made, kinds, object)
     select $1, c.path, c.column_name, c.type, c.made, c.kinds, case when c.seen then $7::bigint end
     from unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::integer[], $8::boolean[]) as c (path, column_name, type, made, kinds, seen)
     on conflict (table_name, path) do update set type = excluded.type, kinds = k.kinds | excluded.kinds,
       first_seen = case when k.object is null and excluded.object is not null then now() else k.first_seen end,
       object = coalesce(k.object, excluded.object)`,
    [
      name,
      columns.map((column) => column.path),
      columns.map((column) => column.column),
      columns.map((column) => column.type),
      columns.map((column) => String(column.made)),
      columns.map((column) => column.kinds),
      object.toString(),
      columns.map((column) => String(column.seen)),
    ],
  );
}

export async function pinDialect(
  session: Session,
  stateSchema: string,
  name: string,
  pinned: PinnedDialect,
): Promise<void> {
  await session.query(`update ${ident(stateSchema)}.tables set dialect = dialect || $2::jsonb where table_name = $1`, [
    name,
    JSON.stringify(pinned),
  ]);
}

export async function noteMainTable(session: Session, stateSchema: string, name: string, oid: number): Promise<void> {
  await session.query(
    `update ${ident(stateSchema)}.tables set main_oid = $2 where table_name = $1 and main_oid is distinct from $2`,
    [name, oid],
  );
}

export async function noteSchemaChanges(
  session: Session,
  stateSchema: string,
  name: string,
  runId: bigint,
  statements: readonly string[],
): Promise<void> {
  await session.query(
    `insert into ${ident(stateSchema)}.schema_changes (table_name, run_id, statement) select $1, $2, unnest($3::text[])`,
    [name, runId.toString(), statements],
  );
}

/** Whether nothing but full loads ever reached the table: the fresh merge form depends on it. Call it under the table's lock. */
export async function onlyFullLoads(session: Session, stateSchema: string, name: string): Promise<boolean> {
  const { changed } = await session.one<{ changed: boolean }>(
    `select exists (
       select from ${ident(stateSchema)}.load_history
       where table_name = $1 and kind = 'change' and (status in (${mergedStatuses}) or rows_read is not null)
     ) as changed`,
    [name],
  );
  return !changed;
}

export async function readGeneration(session: Session, stateSchema: string, name: string): Promise<number> {
  const { rows } = await session.query<{ generation: number }>(
    `select generation from ${ident(stateSchema)}.tables where table_name = $1`,
    [name],
  );
  return rows[0]?.generation ?? 0;
}

/** At or below it no record makes a row; undefined until a tombstone was dropped by age. Call it under the table's lock. */
export async function readFloor(session: Session, stateSchema: string, name: string): Promise<string | undefined> {
  const { rows } = await session.query<{ floor: string | null }>(
    `select floor::text as floor from ${ident(stateSchema)}.tables where table_name = $1`,
    [name],
  );
  return rows[0]?.floor ?? undefined;
}
