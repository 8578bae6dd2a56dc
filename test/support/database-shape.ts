/** Everything that a program could leave behind in a database: rows, sequence positions, catalog entries outside pg_temp. */
import type pg from "pg";

/** Name of each thing, with what it holds now. */
export async function databaseShape(client: pg.Client): Promise<Record<string, unknown>> {
  const shape: Record<string, unknown> = {};
  const { rows: relations } = await client.query<{ name: string; kind: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name, c.relkind as kind
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname !~ '^pg_(toast_)?temp'
     order by 1`,
  );
  for (const { name, kind } of relations) {
    const { rows } = await client.query(
      kind === "S"
        ? `select last_value, is_called from ${name}`
        : `select count(*) as rows, md5(coalesce(string_agg(t::text || t.xmin::text, '|' order by t::text), '')) as hash from ${name} t`,
    );
    shape[name] = rows[0];
  }
  for (const [catalog, namespace] of [
    ["pg_class", "c.relnamespace"],
    ["pg_proc", "c.pronamespace"],
    ["pg_type", "c.typnamespace"],
    ["pg_constraint", "c.connamespace"],
  ] as const) {
    const { rows } = await client.query(
      `select count(*) as rows from ${catalog} c join pg_namespace n on n.oid = ${namespace} where n.nspname !~ '^pg_(toast_)?temp'`,
    );
    shape[catalog] = rows[0];
  }
  const { rows: attributes } = await client.query(
    `select count(*) as rows from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname !~ '^pg_(toast_)?temp'`,
  );
  shape.pg_attribute = attributes[0];
  const { rows: schemas } = await client.query(
    "select nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp' order by 1",
  );
  shape.schemas = schemas;
  return shape;
}
