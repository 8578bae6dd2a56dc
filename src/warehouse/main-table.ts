/** The DDL of main tables and their tombstones: rendered here, run in a short transaction of its own. */
import { lockClass } from "./advisory-locks.ts";
import { type MainTable, readMainTable } from "./catalog.ts";
import { ident, identList, literal, qualified } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface NewColumn {
  readonly column: string;
  readonly type: string;
}

export interface SystemColumns {
  readonly opTimestamp: boolean;
  readonly deletedAt: boolean;
  readonly op: boolean;
  /** False: `_version` and `_record` alone. */
  readonly all: boolean;
  /** Versions are by order_by. */
  readonly ordered: boolean;
}

/** Digits that a value of order_by has at the most. */
export const orderDigits = 38;

/** Of `_version` by order_by: the value, and after its point the object's own version. Below zero: of full loads. */
export const orderedVersion = "numeric(57,19)";

export function versionType(ordered: boolean): string {
  return ordered ? orderedVersion : "bigint";
}

/** As SQL: the lowest version of change records by file time; full loads are below it. */
const firstChange = "4611686018427387904";

export interface TargetName {
  readonly schema: string;
  readonly table: string;
}

/** Name and type of each system column, in the order in which they stand at the table's end. */
export function systemColumnTypes(system: SystemColumns): [name: string, type: string][] {
  return [
    ...(system.all ? ([["_loaded_at", "timestamp with time zone"]] as [string, string][]) : []),
    ...(system.all && system.opTimestamp ? ([["_op_ts", "timestamp with time zone"]] as [string, string][]) : []),
    ...(system.all ? ([["_object", "bigint"]] as [string, string][]) : []),
    ["_record", "integer"],
    ["_version", versionType(system.ordered)],
    ...(system.deletedAt ? ([["_deleted_at", "timestamp with time zone"]] as [string, string][]) : []),
    ...(system.op ? ([["_op", "text"]] as [string, string][]) : []),
  ];
}

/** fillfactor 90 leaves room for updates on the same page. */
export function createTable(
  target: TargetName,
  columns: readonly NewColumn[],
  key: readonly string[],
  system: SystemColumns,
): string {
  const lines = [
    ...columns.map(({ column, type }) => `${ident(column)} ${type}`),
    ...systemColumnTypes(system).map(([name, type]) => `${ident(name)} ${type}`),
    ...(key.length > 0 ? [`primary key (${identList(key)})`] : []),
  ];
  return `create table ${qualified(target.schema, target.table)} (\n  ${lines.join(",\n  ")}\n) with (fillfactor = 90)`;
}

export function createSchema(schema: string): string {
  return `create schema ${ident(schema)}`;
}

/** One statement for all: each ALTER waits for its lock anew. */
export function addColumns(target: TargetName, columns: readonly NewColumn[]): string {
  return `alter table ${qualified(target.schema, target.table)}\n  ${columns
    .map(({ column, type }) => `add column ${ident(column)} ${type}`)
    .join(",\n  ")}`;
}

export function widenColumn(target: TargetName, column: string, type: string): string {
  // From double precision straight to numeric PostgreSQL keeps 15 digits of 17.
  const text = `${ident(column)}::text::${type}`;
  const value =
    type === "jsonb" ? `to_jsonb(${ident(column)})` : type === "numeric" ? text : `${ident(column)}::${type}`;
  return `alter table ${qualified(target.schema, target.table)} alter column ${ident(column)} type ${type} using ${value}`;
}

/**
 * Gives `_version` the type that its table's versions have from now on. Changes that were loaded under the other order become older
 * than all to come, but those whose value of order_by (`value`, as SQL) the table holds.
 */
export function changeVersionType(table: string, ordered: boolean, value?: string): string {
  const text = `(${value})::text`;
  const known = value === undefined ? "" : ` when ${text} ~ '^[0-9]{1,${orderDigits}}$' then ${text}::numeric`;
  const using = ordered
    ? `case when _version < ${firstChange} then _version::numeric - ${firstChange}${known} else 0 end`
    : `case when _version < 0 then (_version + ${firstChange})::bigint else ${firstChange} end`;
  return `alter table ${table} alter column _version type ${versionType(ordered)} using ${using}`;
}

/** The system columns that a table of the user's own lacks. */
export function missingSystemColumns(main: MainTable, system: SystemColumns): NewColumn[] {
  const has = new Set(main.columns.map((column) => column.name));
  return systemColumnTypes(system).flatMap(([column, type]) => (has.has(column) ? [] : [{ column, type }]));
}

export async function schemaExists(session: Session, schema: string): Promise<boolean> {
  const { count } = await session.query("select from pg_namespace where nspname = $1", [schema]);
  return count === 1;
}

/** Like schemaExists; when it does not, no other run makes it before this transaction ends. */
export async function schemaExistsLocked(session: Session, schema: string): Promise<boolean> {
  if (await schemaExists(session, schema)) return true;
  await session.query("select pg_advisory_xact_lock($1, 1)", [lockClass.migrate]);
  return schemaExists(session, schema);
}

/** As SQL. One table per main table, typed like its key: text keys would miss 1.0 against 1 and citext case. */
export function tombstonesName(stateSchema: string, tableId: number): string {
  return qualified(stateSchema, `tombstones_${tableId}`);
}

export async function hasTombstones(
  session: Session,
  stateSchema: string,
  tableId: number,
): Promise<"none" | "empty" | "some"> {
  const { count } = await session.query(
    "select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2",
    [stateSchema, `tombstones_${tableId}`],
  );
  if (count === 0) return "none";
  const { some } = await session.one<{ some: boolean }>(
    `select exists (select from ${tombstonesName(stateSchema, tableId)}) as some`,
  );
  return some ? "some" : "empty";
}

export function createTombstones(name: string, main: MainTable, key: readonly string[], temporary = false): string {
  const columns = key.map((column) => {
    const known = main.columns.find((candidate) => candidate.name === column);
    return `${ident(column)} ${known?.type ?? "text"}${known?.collation === undefined ? "" : ` collate ${known.collation}`}`;
  });
  return `create ${temporary ? "temporary table" : "table"} ${name} (
  ${columns.join(",\n  ")},
  _version ${main.columns.find(({ name }) => name === "_version")?.type ?? "bigint"} not null,
  _record bigint not null,
  deleted_at timestamp with time zone not null,
  primary key (${identList(key)})
)`;
}

const noTombstones =
  "select null::text as table_name, null::jsonb as key, null::numeric as version, null::bigint as record, null::timestamptz as deleted_at where false";

/** Whether the tombstones' versions are of the main table's order. */
export async function tombstonesFit(
  session: Session,
  stateSchema: string,
  tableId: number,
  main: MainTable,
): Promise<boolean> {
  const { rows } = await session.query<{ type: string }>(
    "select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = to_regclass($1) and attname = '_version'",
    [tombstonesName(stateSchema, tableId)],
  );
  const type = main.columns.find(({ name }) => name === "_version")?.type;
  return rows[0] === undefined || (rows[0].type === orderedVersion) === (type === orderedVersion);
}

/**
 * Tombstones whose columns have other types than the main table's: a key that grew from bigint to text finds none of them, versions
 * of another order compare with none. The floor goes with the versions.
 */
export async function fitTombstones(
  session: Session,
  stateSchema: string,
  tableId: number,
  main: MainTable,
  key: readonly string[],
): Promise<void> {
  const target = { schema: stateSchema, table: `tombstones_${tableId}` };
  const tombstones = await readMainTable(session, target.schema, target.table);
  const grown = key.flatMap((column): NewColumn[] => {
    const type = main.columns.find((candidate) => candidate.name === column)?.type;
    const has = tombstones?.columns.find((candidate) => candidate.name === column)?.type;
    return type === undefined || has === undefined || type === has ? [] : [{ column, type }];
  });
  const versions = main.columns.find(({ name }) => name === "_version")?.type;
  const ordered = versions === orderedVersion;
  const reordered = !(await tombstonesFit(session, stateSchema, tableId, main));
  if (grown.length === 0 && !reordered) return;
  // The type of a column that a view reads cannot change. Made anew, the view would lose its grants.
  await renewTombstonesView(session, stateSchema, tableId);
  for (const { column, type } of grown) await session.query(widenColumn(target, column, type));
  if (reordered) {
    await session.query(changeVersionType(tombstonesName(stateSchema, tableId), ordered));
    await session.query(
      `update ${ident(stateSchema)}.tables set floor = ${ordered ? "0" : firstChange} where table_id = $1 and floor is not null`,
      [tableId],
    );
  }
  await renewTombstonesView(session, stateSchema);
}

/** The view over the tombstones of all tables but `without`; key as JSON, since each table's key is another. */
export async function renewTombstonesView(session: Session, stateSchema: string, without?: number): Promise<void> {
  // Two tables that get their first tombstones at once would replace the view at once, each without the other's.
  await session.query("select pg_advisory_xact_lock($1, 2)", [lockClass.migrate]);
  const { rows } = await session.query<{ table_name: string; table_id: number }>(
    `select t.table_name, t.table_id from ${ident(stateSchema)}.tables t
     where exists (
       select from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relname = 'tombstones_' || t.table_id
     ) order by t.table_id`,
    [stateSchema],
  );
  const shown = rows.filter(({ table_id }) => table_id !== without);
  const parts = shown.map(
    ({ table_name, table_id }) =>
      `select ${literal(table_name)}::text as table_name, to_jsonb(t) - '_version' - '_record' - 'deleted_at' as key, ` +
      `t._version::numeric as version, t._record as record, t.deleted_at from ${tombstonesName(stateSchema, table_id)} t`,
  );
  if (parts.length === 0) parts.push(noTombstones);
  await session.query(
    `create or replace view ${qualified(stateSchema, "tombstones")} as\n${parts.join("\nunion all\n")}`,
  );
}
