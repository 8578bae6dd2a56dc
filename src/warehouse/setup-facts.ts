/** What the server says of itself, of this session, and of what its role may do: for `doctor`. Reads catalogs alone. */
import { ident, literal } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  readonly user: string;
  readonly database: string;
  readonly readOnly: boolean;
  readonly encoding: string;
  /** undefined: the connection is not encrypted. */
  readonly tls: string | undefined;
  /** Whether the server is on this machine. */
  readonly local: boolean;
  readonly now: Date;
  readonly mayMakeTemporary: boolean;
  readonly mayMakeSchemas: boolean;
  readonly connectionsLeft: number;
}

export async function readServerFacts(session: Session): Promise<ServerFacts> {
  const row = await session.one<{
    version: string;
    number: number;
    user: string;
    database: string;
    read_only: boolean;
    encoding: string;
    tls: string | null;
    local: boolean;
    now: Date;
    temporary: boolean;
    schemas: boolean;
    left: number;
  }>(
    `select current_setting('server_version') as version, current_setting('server_version_num')::integer as number,
            current_user::text as user, current_database()::text as database,
            pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as read_only,
            current_setting('server_encoding') as encoding,
            (select s.version from pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl) as tls,
            coalesce(inet_client_addr() <<= '127.0.0.0/8' or inet_client_addr() = '::1', true) as local,
            clock_timestamp() as now,
            has_database_privilege(current_database(), 'TEMPORARY') as temporary,
            has_database_privilege(current_database(), 'CREATE') as schemas,
            current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
              - (select count(*) from pg_stat_activity where backend_type = 'client backend')::integer as left`,
  );
  return {
    version: row.version,
    versionNumber: row.number,
    user: row.user,
    database: row.database,
    readOnly: row.read_only,
    encoding: row.encoding,
    tls: row.tls ?? undefined,
    local: row.local,
    now: row.now,
    mayMakeTemporary: row.temporary,
    mayMakeSchemas: row.schemas,
    connectionsLeft: row.left,
  };
}

/** A pooler that hands each transaction to another backend loses temporary tables and locks: two statements tell. */
export async function keepsOneBackend(session: Session): Promise<boolean> {
  const pid = async () => (await session.one<{ pid: number }>("select pg_backend_pid() as pid")).pid;
  const first = await pid();
  return first === (await pid()) && first === session.processId;
}

export interface SchemaRights {
  readonly exists: boolean;
  readonly usage: boolean;
  readonly create: boolean;
}

export async function readSchemaRights(session: Session, schema: string): Promise<SchemaRights> {
  const { rows } = await session.query<{ usage: boolean; create: boolean }>(
    `select has_schema_privilege(oid, 'USAGE') as usage, has_schema_privilege(oid, 'CREATE') as create
     from pg_namespace where nspname = $1`,
    [schema],
  );
  return rows[0] === undefined ? { exists: false, usage: false, create: false } : { exists: true, ...rows[0] };
}

export interface TableRights {
  readonly schema: string;
  readonly table: string;
  readonly owned: boolean;
  /** Of select, insert, update, delete. */
  readonly missing: readonly string[];
  /** Whether `_version` and `_record` are there: else somebody must add them. */
  readonly hasSystemColumns: boolean;
}

/** Of those of the named tables that exist. */
export async function readTableRights(
  session: Session,
  tables: readonly { readonly schema: string; readonly table: string }[],
): Promise<TableRights[]> {
  const { rows } = await session.query<{
    schema: string;
    table: string;
    owned: boolean;
    missing: string[];
    has_system: boolean;
  }>(
    `select n.nspname::text as schema, c.relname::text as table, pg_has_role(c.relowner, 'usage') as owned,
            array(select p from unnest(array['select', 'insert', 'update', 'delete']) p where not has_table_privilege(c.oid, p)) as missing,
            (select count(*) from pg_attribute a
             where a.attrelid = c.oid and a.attname in (${literal("_version")}, ${literal("_record")}) and not a.attisdropped) = 2 as has_system
     from unnest($1::text[], $2::text[]) as t (schema, name)
     join pg_namespace n on n.nspname = t.schema
     join pg_class c on c.relnamespace = n.oid and c.relname = t.name and c.relkind in ('r', 'p')
     order by 1, 2`,
    [tables.map((table) => table.schema), tables.map((table) => table.table)],
  );
  return rows.map(({ has_system, ...row }) => ({ ...row, hasSystemColumns: has_system }));
}

export interface StateFacts {
  /** Highest migration that was applied; undefined: there is no state schema. */
  readonly migration: number | undefined;
}

export async function readStateFacts(session: Session, stateSchema: string): Promise<StateFacts> {
  const { exists } = await session.one<{ exists: boolean }>(`select to_regclass($1) is not null as exists`, [
    `${ident(stateSchema)}.migrations`,
  ]);
  if (!exists) return { migration: undefined };
  const { top } = await session.one<{ top: number | null }>(
    `select max(number) as top from ${ident(stateSchema)}.migrations`,
  );
  return { migration: top ?? undefined };
}
