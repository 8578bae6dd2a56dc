/** Deletes rejects that nobody needs any more. The counts of their objects stay: what was rejected was rejected. */
import { ident } from "./identifier.ts";
import type { Session, SqlValue } from "./session.ts";

export interface PurgeSelection {
  /** Names in the state schema; empty: all. */
  readonly tables: readonly string[];
  /** Those that came before it; undefined: whenever they came. */
  readonly before: Date | undefined;
  /** Those that are in alone. */
  readonly replayed: boolean;
}

const purged = `(cardinality($1::text[]) = 0 or table_name = any($1)) and ($2::timestamptz is null or created_at < $2)
  and (not $3::boolean or replayed_at is not null)`;

function values({ tables, before, replayed }: PurgeSelection): SqlValue[] {
  return [tables, before ?? null, replayed];
}

export interface PurgeCount {
  readonly rejects: number;
  /** Of those, records that are not in the warehouse. */
  readonly open: number;
}

export async function countPurge(
  session: Session,
  stateSchema: string,
  selection: PurgeSelection,
): Promise<PurgeCount> {
  const { rejects, open } = await session.one<{ rejects: string; open: string }>(
    `select count(*) as rejects, count(*) filter (where replayed_at is null) as open from ${ident(stateSchema)}.rejects where ${purged}`,
    values(selection),
  );
  return { rejects: Number(rejects), open: Number(open) };
}

/** In short transactions: a replay that runs meanwhile waits for none of them for long. */
export async function purgeRejects(session: Session, stateSchema: string, selection: PurgeSelection): Promise<number> {
  const table = `${ident(stateSchema)}.rejects`;
  let sum = 0;
  for (;;) {
    const { count } = await session.query(
      `delete from ${table} where id in (select id from ${table} where ${purged} order by id limit 10000 for update skip locked)`,
      values(selection),
    );
    sum += count;
    if (count === 0) return sum;
  }
}
