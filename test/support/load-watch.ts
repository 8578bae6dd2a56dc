/** Looks at a load from outside, by what PostgreSQL shows of it, and says where it is. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { lockClass } from "../../src/warehouse/advisory-locks.ts";

export interface Sighting {
  /** Milliseconds since the watch began. */
  readonly at: number;
  readonly place: string;
  /** Entries that are final. */
  readonly loaded: number;
  /** Whether a byte of COPY was seen, now or before: something is under way. */
  readonly begun: boolean;
}

/** Of sessions that began after `$1`: what a killed load left behind may still be at its last statement. */
const looking = `
  with own as (
    select pid, query from pg_stat_activity
    where datname = current_database() and application_name like 'drayage%' and backend_start > $1
  )
  select (select count(*) from own)::int as sessions,
         (select max(tuples_processed) from pg_stat_progress_copy join own using (pid))::int as copied,
         (select max(query) from pg_locks l join own using (pid)
          where l.locktype = 'advisory' and l.granted and l.classid = ${lockClass.table}) as locked,
         to_regclass('drayage.load_history') is not null as has_history`;

const counting = `
  select (count(*) filter (where status = 'loaded'))::int as loaded,
         (count(*) filter (where status = 'loading' and started_at > $1))::int as loading,
         (count(*) filter (where status = 'loaded' and started_at > $1))::int as loaded_now
  from drayage.load_history`;

export class LoadWatch {
  readonly #client: pg.Client;
  readonly #began = performance.now();
  readonly #since: string;
  #begun = false;

  private constructor(client: pg.Client, since: string) {
    this.#client = client;
    this.#since = since;
  }

  /** Begins now: call it as the load starts. */
  static async begin(client: pg.Client): Promise<LoadWatch> {
    const { rows } = await client.query<{ now: string }>("select clock_timestamp()::text as now");
    return new LoadWatch(client, rows[0]?.now ?? "");
  }

  async look(): Promise<Sighting> {
    const { rows } = await this.#client.query<Seen & { has_history: boolean }>(looking, [this.#since]);
    const [seen] = rows;
    if (seen === undefined) throw new Error("PostgreSQL shows nothing");
    const none = { loaded: 0, loading: 0, loaded_now: 0 };
    const counts = seen.has_history ? ((await this.#client.query(counting, [this.#since])).rows[0] ?? none) : none;
    if (seen.copied !== null || seen.locked !== null || counts.loaded_now > 0) this.#begun = true;
    return {
      at: performance.now() - this.#began,
      place: placeOf({ ...seen, loading: counts.loading }, this.#begun),
      loaded: counts.loaded,
      begun: this.#begun,
    };
  }

  /** The first sighting that fits; undefined when `ended` says that there will be none. */
  async until(fits: (sighting: Sighting) => boolean, ended: () => boolean): Promise<Sighting | undefined> {
    while (!ended()) {
      const sighting = await this.look();
      if (fits(sighting)) return sighting;
      await sleep(3);
    }
    return undefined;
  }
}

export async function loadedEntries(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ has: boolean }>(
    "select to_regclass('drayage.load_history') is not null as has",
  );
  if (rows[0]?.has !== true) return 0;
  return (await client.query(counting, ["infinity"])).rows[0].loaded;
}

interface Seen {
  readonly sessions: number;
  readonly copied: number | null;
  readonly locked: string | null;
  readonly loading: number;
}

function placeOf({ sessions, copied, locked, loading }: Seen, begun: boolean): string {
  if (sessions === 0) return begun ? "after its last connection closed" : "before it connects";
  if (copied !== null) return `in COPY, at row ${copied}`;
  if (locked !== null) return `under the table's lock, at: ${locked.replaceAll(/\s+/g, " ").trim().slice(0, 40)}`;
  if (loading > 0) return begun ? "between COPY and merge" : "claimed, before the first COPY byte";
  return begun ? "between two units" : "before its first claim";
}
