/** Keys that cut a listing into ranges of about one size, drawn from the load history. */
import { ident, literal } from "./identifier.ts";
import type { Session } from "./session.ts";

/** Listings below this many objects are not worth a second request at a time. */
const fewObjects = 20_000;
const ranges = 8;
const drawn = 4_000;

/** None for a short history. Wherever they lie, a listing that is cut by them is whole. */
export async function listingSplits(session: Session, stateSchema: string): Promise<string[]> {
  const table = `${ident(stateSchema)}.load_history`;
  const { entries } = await session.one<{ entries: number }>(
    `select reltuples::float8 as entries from pg_class where oid = ${literal(table)}::regclass`,
  );
  if (entries < fewObjects) return [];
  // Pages at random hold neighbours: more are drawn than are needed.
  const percent = Math.min(100, (100 * drawn) / entries);
  const { rows } = await session.query<{ key: string }>(
    `with drawn as (select key from ${table} tablesample system (${percent.toFixed(6)})),
          ranked as (select key, ntile(${ranges}) over (order by key collate "C") as part from drawn)
     select max(key collate "C") as key from ranked where part < ${ranges} group by part`,
  );
  return rows.map((row) => row.key);
}
