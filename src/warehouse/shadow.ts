/**
 * The shadow of a main table: an unlogged table in the state schema that a full load is merged into as if it were the main table, and
 * that is compared with it then. It belongs to a run; what a lost run left is dropped by the next. Without a run it is temporary.
 */
import { runIsAlive } from "./advisory-locks.ts";
import { type MainTable, mainTableSql, readMainTable } from "./catalog.ts";
import { ident, literal, qualified } from "./identifier.ts";
import { addColumns, type NewColumn, widenColumn } from "./main-table.ts";
import type { Session } from "./session.ts";

export interface ShadowName {
  readonly schema: string;
  readonly table: string;
  /** Of a session that writes nothing that others see. */
  readonly temporary?: boolean;
}

export function shadowName(stateSchema: string, tableId: number, runId: bigint): ShadowName {
  return { schema: stateSchema, table: `shadow_${tableId}_${runId}` };
}

/** As SQL. */
export function shadowSql({ schema, table }: ShadowName): string {
  return qualified(schema, table);
}

/** Its session has made a temporary table already: the schema of those has a name of the session's own. */
export async function temporaryShadow(session: Session): Promise<ShadowName> {
  const { schema } = await session.one<{ schema: string }>(
    "select nspname as schema from pg_namespace where oid = pg_my_temp_schema()",
  );
  return { schema, table: "drayage_shadow", temporary: true };
}

/**
 * An empty one, with what may refuse a record: CHECK and NOT NULL constraints, unique and exclusion indexes. No default: one that calls
 * a sequence would move the main table's. `fed`: the columns that records fill; nothing is asked of the others.
 */
export async function createShadow(
  session: Session,
  name: ShadowName,
  main: MainTable,
  fed: ReadonlySet<string>,
  key: readonly string[],
): Promise<MainTable> {
  const shadow = mainTableSql({ schema: name.schema, name: name.table });
  return session.transaction(async () => {
    await session.query(`drop table if exists ${shadow}`);
    await session.query(
      `create ${name.temporary === true ? "temporary" : "unlogged"} table ${shadow} (like ${mainTableSql(main)} including constraints including indexes including generated including identity)`,
    );
    await dropOtherIndexes(session, shadow, fed);
    for (const column of main.columns) {
      if (column.notNull && column.identity === undefined && !column.generated && !fed.has(column.name))
        await session.query(`alter table ${shadow} alter column ${ident(column.name)} drop not null`);
    }
    // The counts of what was applied are by object, whether or not the main table keeps it.
    await session.query(`alter table ${shadow} add column if not exists "_object" bigint`);
    const made = await readShadow(session, name);
    const isUnique = made.uniqueKeys.some(
      (one) => one.length === key.length && one.every((part) => key.includes(part)),
    );
    if (isUnique) return made;
    await session.query(`create unique index on ${shadow} (${key.map(ident).join(", ")})`);
    return readShadow(session, name);
  });
}

/** Those that serve readers, and those over columns that stay empty here. */
async function dropOtherIndexes(session: Session, shadow: string, fed: ReadonlySet<string>): Promise<void> {
  const { rows } = await session.query<{
    schema: string;
    name: string;
    constraint: string | null;
    columns: (string | null)[];
  }>(
    `select n.nspname as schema, c.relname as name, k.conname as constraint,
            case when i.indisunique or i.indisexclusion then array(
              select a.attname::text from unnest(i.indkey[0:i.indnkeyatts - 1]) as at (attnum)
              left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = at.attnum
            ) else array[null] end as columns
     from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
     left join pg_constraint k on k.conindid = i.indexrelid
     where i.indrelid = ${literal(shadow)}::regclass`,
  );
  for (const { schema, name, constraint, columns } of rows) {
    // An expression has no column of its own: it stays when the index is unique.
    const isOthers =
      columns.length === 1 && columns[0] === null ? true : columns.some((one) => one !== null && !fed.has(one));
    if (!isOthers) continue;
    await session.query(
      constraint === null
        ? `drop index ${qualified(schema, name)}`
        : `alter table ${shadow} drop constraint ${ident(constraint)}`,
    );
  }
}

/** Gives it the columns and types that the main table got since. */
export async function followMainTable(session: Session, name: ShadowName, main: MainTable): Promise<MainTable> {
  const shadow = await readShadow(session, name);
  const has = new Map(shadow.columns.map((column) => [column.name, column.type]));
  const added = main.columns.flatMap(({ name: column, type, generated }): NewColumn[] =>
    has.has(column) || generated ? [] : [{ column, type }],
  );
  const grown = main.columns.filter(({ name: column, type }) => has.has(column) && has.get(column) !== type);
  if (added.length === 0 && grown.length === 0) return shadow;
  await session.transaction(async () => {
    if (added.length > 0) await session.query(addColumns(name, added));
    for (const { name: column, type } of grown) await session.query(widenColumn(name, column, type));
  });
  return readShadow(session, name);
}

export async function readShadow(session: Session, name: ShadowName): Promise<MainTable> {
  const shadow = await readMainTable(session, name.schema, name.table);
  if (shadow === undefined) throw new Error("the shadow is gone");
  return shadow;
}

export async function dropShadow(session: Session, name: ShadowName): Promise<void> {
  await session.query(`drop table if exists ${qualified(name.schema, name.table)}`);
}

/** Shadows of runs that are lost or over. */
export async function dropLostShadows(session: Session, stateSchema: string): Promise<void> {
  const { rows } = await session.query<{ name: string }>(
    `select s.name from (
       select c.relname as name, (regexp_match(c.relname, '^shadow_[0-9]+_([0-9]+)$'))[1]::bigint as run_id
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = $1 and c.relkind = 'r' and c.relname ~ '^shadow_[0-9]+_[0-9]+$'
     ) s where not ${runIsAlive("s.run_id")}`,
    [stateSchema],
  );
  for (const { name } of rows) await dropShadow(session, { schema: stateSchema, table: name });
}
