/** What the catalog says of the relation that has a main table's name, as far as it may refuse records: read once per run and table. */
import type { Session } from "./session.ts";

export interface TargetConstraint {
  readonly kind: "unique" | "exclusion" | "foreign_key" | "referenced";
  readonly name: string;
  readonly columns: readonly string[];
  /** As SQL: `FOREIGN KEY (customer_id) REFERENCES customers(id)`. */
  readonly definition: string;
  /** The table that refers to this one; of `referenced` alone. */
  readonly by: string | undefined;
}

export interface TargetFacts {
  /** pg_class.relkind: `r` and `p` are tables. */
  readonly relkind: string;
  /** Of select, insert, update, delete: what the session's role may not. */
  readonly missing: readonly string[];
  readonly role: string;
  /** Rules that run instead of a write. */
  readonly rules: readonly string[];
  /** A partitioned table without a partition takes no row. */
  readonly hasPartition: boolean;
  /** Whether any policy lets rows in. */
  readonly insertPolicy: boolean;
  readonly constraints: readonly TargetConstraint[];
}

/** undefined: nothing has that name. */
export async function readTargetFacts(
  session: Session,
  target: { readonly schema: string; readonly table: string },
): Promise<TargetFacts | undefined> {
  const { rows } = await session.query<{
    relkind: string;
    missing: string[];
    role: string;
    rules: string[];
    has_partition: boolean;
    insert_policy: boolean;
    constraints: (Omit<TargetConstraint, "by"> & { readonly by: string | null })[] | null;
  }>(
    // One column that may be written is enough: a role may have been given just those that the source feeds.
    `select c.relkind::text as relkind, current_user::text as role,
       array(select p from unnest(array['select', 'insert', 'update', 'delete']) p
             where not case when p = 'delete' then has_table_privilege(c.oid, p) else has_any_column_privilege(c.oid, p) end) as missing,
       array(select r.rulename::text from pg_rewrite r
             where r.ev_class = c.oid and r.is_instead and r.ev_type in ('2', '3', '4') and r.ev_enabled <> 'D' order by 1) as rules,
       c.relkind <> 'p' or exists (select from pg_inherits i where i.inhparent = c.oid) as has_partition,
       exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd in ('*', 'a')) as insert_policy,
       (select json_agg(k order by k.kind, k.name) from (
          select case o.contype when 'x' then 'exclusion' else 'foreign_key' end as kind, o.conname as name,
            array(select a.attname from unnest(o.conkey) n join pg_attribute a on a.attrelid = o.conrelid and a.attnum = n) as columns,
            pg_get_constraintdef(o.oid) as definition, null as by
          from pg_constraint o where o.conrelid = c.oid and o.contype in ('x', 'f')
          union all
          select 'referenced', o.conname, '{}', pg_get_constraintdef(o.oid), o.conrelid::regclass::text
          from pg_constraint o where o.confrelid = c.oid and o.contype = 'f' and o.conrelid <> c.oid and o.conparentid = 0
          union all
          select 'unique', x.relname,
            array(select a.attname from unnest(i.indkey) n join pg_attribute a on a.attrelid = c.oid and a.attnum = n), pg_get_indexdef(x.oid), null
          from pg_index i join pg_class x on x.oid = i.indexrelid where i.indrelid = c.oid and i.indisunique
       ) k) as constraints
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2`,
    [target.schema, target.table],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    relkind: row.relkind,
    missing: row.missing,
    role: row.role,
    rules: row.rules,
    hasPartition: row.has_partition,
    insertPolicy: row.insert_policy,
    constraints: (row.constraints ?? []).map((one) => ({ ...one, by: one.by ?? undefined })),
  };
}
