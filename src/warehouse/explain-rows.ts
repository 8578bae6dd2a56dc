/** Where a table's columns come from, as the state schema and the catalog know it. */
import { ident, literal, qualified } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface ExplainRows {
  readonly folder: string | null;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly ExplainedColumnRow[];
  readonly changes: readonly { readonly at: Date; readonly run: string | null; readonly statement: string }[];
  readonly rescued: readonly ExplainedRescueRow[];
}

export interface ExplainedColumnRow {
  readonly path: string;
  readonly column: string;
  readonly type: string;
  /** As of the main table; null: the column is not there any more. */
  readonly type_now: string | null;
  readonly made: boolean;
  readonly kinds: number;
  readonly first_seen: Date;
  readonly object: string | null;
}

export interface ExplainedRescueRow {
  readonly path: string;
  readonly key: string;
  readonly column: string | null;
  readonly type: string;
  readonly reason: string;
  readonly first_seen: Date;
  readonly object: string | null;
  /** Rows that hold it; undefined: the table is too large to look through, or the key stands for many. */
  readonly rows: number | undefined;
}

/** Beyond this nobody waits for a count. */
const countedBytes = 2 ** 30;
/** Newest of a table. */
const mostChanges = 50;

export async function readExplained(
  session: Session,
  stateSchema: string,
  table: string,
): Promise<ExplainRows | undefined> {
  const state = ident(stateSchema);
  const found = await session.query<{ folder: string | null; schema: string; name: string; oid: string | null }>(
    `select t.folder, t.main_schema as schema, t.main_table as name, c.oid
     from ${state}.tables t left join pg_class c on c.oid = t.main_oid where t.table_name = $1`,
    [table],
  );
  const [main] = found.rows;
  if (main === undefined) return undefined;
  const columns = await session.query<ExplainedColumnRow>(
    `select k.path, k.column_name as column, k.type, format_type(a.atttypid, a.atttypmod) as type_now, k.made, k.kinds, k.first_seen, h.key as object
     from ${state}.columns k left join ${state}.load_history h on h.id = k.object
     left join pg_attribute a on a.attrelid = $2::oid and a.attname = k.column_name and not a.attisdropped
     where k.table_name = $1 order by a.attnum nulls last, k.path collate "C"`,
    [table, main.oid],
  );
  const changes = await session.query<ExplainRows["changes"][number]>(
    `select changed_at as at, run_id as run, statement from ${state}.schema_changes where table_name = $1 order by id desc limit ${mostChanges}`,
    [table],
  );
  const rescued = await session.query<Omit<ExplainedRescueRow, "rows">>(
    `select r.path, r.key, r.column_name as column, r.type, r.reason, r.first_seen, h.key as object
     from ${state}.rescued r left join ${state}.load_history h on h.id = r.object
     where r.table_name = $1 order by r.path collate "C"`,
    [table],
  );
  const counts = await countRescued(
    session,
    main,
    rescued.rows.map(({ key }) => key),
  );
  return {
    ...main,
    columns: columns.rows,
    changes: changes.rows.reverse(),
    rescued: rescued.rows.map((row) => ({ ...row, rows: counts.get(row.key) })),
  };
}

async function countRescued(
  session: Session,
  main: { readonly schema: string; readonly name: string; readonly oid: string | null },
  keys: readonly string[],
): Promise<Map<string, number>> {
  // `a.*` is whatever lies below a.
  const counted = keys.filter((key) => !key.endsWith("*"));
  if (main.oid === null || counted.length === 0) return new Map();
  const { bytes, is_there } = await session.one<{ bytes: string; is_there: boolean }>(
    `select pg_table_size($1::oid) as bytes,
            exists (select from pg_attribute where attrelid = $1::oid and attname = '_rescued' and not attisdropped) as is_there`,
    [main.oid],
  );
  if (!is_there || Number(bytes) > countedBytes) return new Map();
  const { rows } = await session.query<{ key: string; n: number }>(
    `select k.key, (select count(*)::integer from ${qualified(main.schema, main.name)} m where m._rescued ? k.key) as n
     from (values ${counted.map((key) => `(${literal(key)})`).join(", ")}) k (key)`,
  );
  return new Map(rows.map(({ key, n }) => [key, n]));
}
