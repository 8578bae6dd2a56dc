/** What the catalog says about a main table: its columns, keys and what stands in the way of a merge form. */
import { qualified } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface MainColumn {
  readonly name: string;
  /** With modifier, as a cast wants it: `numeric(12,2)`. */
  readonly type: string;
  /** Without modifier; of a domain its base type's: `numeric`. Of char(n) and bit(n) the names that mean any length: `bpchar`, `"bit"`. */
  readonly baseType: string;
  /** Digits after the point of a numeric, a time or a timestamp with a modifier, characters of varchar(n) and char(n). */
  readonly modifier: number | undefined;
  readonly notNull: boolean;
  readonly hasDefault: boolean;
  /** Computed by the server: never written. */
  readonly generated: boolean;
  readonly identity: "always" | "default" | undefined;
  /** As SQL, where it is not the type's own: keys compare under it. */
  readonly collation: string | undefined;
  /** The type's own equality as SQL: outside pg_catalog (citext) a plain `=` would be that of text. */
  readonly equals: string;
}

export interface MainTable {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** Estimate; -1 when never analyzed. */
  readonly rows: number;
  readonly partitioned: boolean;
  readonly columns: readonly MainColumn[];
  readonly primaryKey: readonly string[];
  /** Columns of each valid, immediate, whole unique index. */
  readonly uniqueKeys: readonly (readonly string[])[];
  readonly rowSecurity: boolean;
  /** Whether a BEFORE or INSTEAD row trigger may refuse or change rows. */
  readonly rowTriggers: boolean;
  /** Whether the session's role may ALTER it. */
  readonly owned: boolean;
}

/** The ordinary or partitioned table of that name as a main table; undefined when there is none. */
export async function readMainTable(session: Session, schema: string, name: string): Promise<MainTable | undefined> {
  const { rows } = await session.query<{
    oid: number;
    rows: number;
    partitioned: boolean;
    row_security: boolean;
    row_triggers: boolean;
    owned: boolean;
  }>(
    `select c.oid::int8::float8 as oid, c.reltuples::float8 as rows, c.relkind = 'p' as partitioned,
            (c.relrowsecurity and not (pg_has_role(c.relowner, 'usage') and not c.relforcerowsecurity)) as row_security,
            exists (select from pg_trigger t where (t.tgrelid = c.oid or t.tgrelid in (select relid from pg_partition_tree(c.oid))) and not t.tgisinternal and t.tgtype & 3 = 3 and t.tgenabled <> 'D') as row_triggers,
            pg_has_role(c.relowner, 'usage') as owned
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')`,
    [schema, name],
  );
  const table = rows[0];
  if (table === undefined) return undefined;
  const columns = await readColumns(session, table.oid);
  const keys = await readUniqueKeys(session, table.oid);
  return {
    schema,
    name,
    oid: table.oid,
    rows: table.rows,
    partitioned: table.partitioned,
    columns,
    primaryKey: keys.find((key) => key.primary)?.columns ?? [],
    uniqueKeys: keys.filter((key) => key.immediate).map((key) => key.columns),
    rowSecurity: table.row_security,
    rowTriggers: table.row_triggers,
    owned: table.owned,
  };
}

export function mainTableSql(table: Pick<MainTable, "schema" | "name">): string {
  return qualified(table.schema, table.name);
}

async function readColumns(session: Session, oid: number): Promise<MainColumn[]> {
  const { rows } = await session.query<{
    name: string;
    type: string;
    base_type: string;
    base_modifier: number;
    not_null: boolean;
    has_default: boolean;
    generated: string;
    identity: string;
    collation: string | null;
    equals: string | null;
  }>(
    `with recursive based as (
       select a.attnum, a.attname, a.atttypid, a.atttypmod, t.oid as base, a.atttypmod as base_modifier, t.typtype, t.typbasetype, t.typtypmod
       from pg_attribute a join pg_type t on t.oid = a.atttypid
       where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped
       union all
       select b.attnum, b.attname, b.atttypid, b.atttypmod, t.oid, b.typtypmod, t.typtype, t.typbasetype, t.typtypmod
       from based b join pg_type t on t.oid = b.typbasetype
       where b.typtype = 'd'
     )
     select b.attname as name, format_type(b.atttypid, b.atttypmod) as type, format_type(b.base, -1) as base_type,
            b.base_modifier, a.attnotnull as not_null, a.atthasdef as has_default, a.attgenerated as generated, a.attidentity as identity,
            case when a.attcollation <> 0 and a.attcollation <> t.typcollation
              then (select format('%I.%I', n.nspname, o.collname) from pg_collation o join pg_namespace n on n.oid = o.collnamespace where o.oid = a.attcollation)
            end as collation,
            (select format('operator(%I.%s)', n.nspname, o.oprname)
             from pg_opclass k
             join pg_amop p on p.amopfamily = k.opcfamily and p.amoplefttype = k.opcintype and p.amoprighttype = k.opcintype and p.amopstrategy = 3
             join pg_operator o on o.oid = p.amopopr
             join pg_namespace n on n.oid = o.oprnamespace
             where k.opcintype = b.base and k.opcdefault and n.nspname <> 'pg_catalog'
               and k.opcmethod = (select m.oid from pg_am m where m.amname = 'btree')) as equals
     from based b
     join pg_attribute a on a.attrelid = $1 and a.attnum = b.attnum
     join pg_type t on t.oid = a.atttypid
     where b.typtype <> 'd'
     order by b.attnum`,
    [oid],
  );
  return rows.map((row) => ({
    name: row.name,
    type: row.type,
    baseType: row.base_type,
    modifier: modifierOf(row.base_type, row.base_modifier),
    notNull: row.not_null,
    hasDefault: row.has_default && row.generated === "",
    generated: row.generated !== "",
    identity: row.identity === "a" ? "always" : row.identity === "d" ? "default" : undefined,
    collation: row.collation ?? undefined,
    equals: row.equals ?? "=",
  }));
}

/** PostgreSQL packs modifiers with 4 added; numeric's scale is the low 11 bits, signed since 15; those of times are bare digits. */
function modifierOf(baseType: string, packed: number): number | undefined {
  if (packed < 0) return undefined;
  if (/^time(stamp)? with/.test(baseType)) return packed;
  if (baseType === "numeric") return (((packed - 4) & 0x7ff) ^ 1024) - 1024;
  if (baseType === "character varying" || baseType === "bpchar") return packed - 4;
  return undefined;
}

async function readUniqueKeys(
  session: Session,
  oid: number,
): Promise<{ columns: string[]; primary: boolean; immediate: boolean }[]> {
  const { rows } = await session.query<{ columns: string[]; primary: boolean; immediate: boolean }>(
    `select array_agg(a.attname::text order by k.position) as columns, i.indisprimary as primary, i.indimmediate as immediate
     from pg_index i
     cross join lateral unnest(i.indkey[0:i.indnkeyatts - 1]) with ordinality as k (attnum, position)
     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
     where i.indrelid = $1 and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
     group by i.indexrelid, i.indisprimary, i.indimmediate
     order by i.indisprimary desc, i.indexrelid`,
    [oid],
  );
  return rows;
}
