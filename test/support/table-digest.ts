/** The content of the loaded tables in a few numbers, so that two databases can be compared. */
import type pg from "pg";

export interface Digest {
  readonly [name: string]: string;
}

/**
 * Rows with their system columns, tombstones, and what was read of each object. Not in it: times of loading, and history ids (an id
 * that a claim was given and that it did not need is lost).
 */
export async function digestOf(client: pg.Client, tables: readonly string[]): Promise<Digest> {
  const digest: Record<string, string> = {};
  for (const table of tables) {
    const { rows: columns } = await client.query<{ name: string }>(
      `select quote_ident(attname) as name from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname not in ('_loaded_at', '_object') order by attname`,
      [`shop.${table}`],
    );
    digest[table] = await sumOf(
      client,
      `select row(${columns.map(({ name }) => `t.${name}`).join(", ")}, h.key)::text as line
       from shop.${table} t left join drayage.load_history h on h.id = t._object`,
    );
  }
  digest.tombstones = await sumOf(
    client,
    "select row(t.table_name, t.key, t.version, t.record)::text as line from drayage.tombstones t",
  );
  digest.history = await sumOf(
    client,
    "select row(h.table_name, h.key, h.etag, h.status, h.rows_read, h.rows_rejected, h.sha256)::text as line from drayage.load_history h",
  );
  return digest;
}

async function sumOf(client: pg.Client, lines: string): Promise<string> {
  const { rows } = await client.query<{ digest: string }>(
    `select format('%s rows, %s', count(*), coalesce(sum(hashtextextended(line, 0)::numeric), 0)) as digest from (${lines}) l`,
  );
  return rows[0]?.digest ?? "";
}
