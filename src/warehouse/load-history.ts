/**
 * The load history: which objects are new, who claims them, what they became. The protocol (design §6): candidates by a plain
 * SELECT, claimed by one short committed statement, fenced again in the merge transaction. No lease times.
 */
import { runIsAlive } from "./advisory-locks.ts";
import { type Claim, HistoryEndings } from "./history-endings.ts";
import { isAway, mergedStatuses, openStatuses, reloadableStatuses } from "./life-conditions.ts";

export type { Claim, LoadedObject, OwnedEntry } from "./history-endings.ts";

export interface HistoryObject {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  readonly kind: "full_load" | "change";
  /** UTC; of change objects. */
  readonly fileTime: Date | undefined;
}

/** An object that is not final: to be loaded, or waiting for somebody. */
export interface OpenObject<O> {
  readonly object: O;
  /**
   * claimable: new, pending, failed and due, or left by a lost run · held: another live run has it · waiting: failed, and
   * nothing changed since.
   */
  readonly state: "claimable" | "held" | "waiting";
  /** Whether any run has seen it before. */
  readonly noted: boolean;
  readonly runId: string | undefined;
  readonly errorCode: string | undefined;
  readonly error: string | undefined;
}

export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly configHash: string;
  /** Objects that failed for a lasting reason too: somebody asked for them. */
  readonly force: boolean;
  readonly again?: Again | undefined;
}

/** A backfill: final objects too, but those that it has loaded already. */
export interface Again {
  /** `backfills.id`. */
  readonly backfill: bigint;
  /** Whether objects that never were loaded are taken, too: somebody named them. Else they are left to `load`. */
  readonly unseen: boolean;
}

const identity = ["bucket", "key", "etag", "size", "last_modified"] as const;
const identityColumns = `table_name, ${identity.join(", ")}`;

function identityArrays(objects: readonly HistoryObject[]) {
  return [
    objects.map((object) => object.bucket),
    objects.map((object) => object.key),
    objects.map((object) => object.etag),
    objects.map((object) => object.size),
    objects.map((object) => object.lastModified.toISOString()),
  ] as const;
}

const unnestIdentity = "unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])";

const wasLoaded = "(h.rows_read is not null or h.sha256 is not null)";

/** `$7` max attempts, `$8` config hash, `$9` force, `$10` the backfill. */
const claimable = `(
  h.status = 'pending'
  or ($10::bigint is not null and h.status in (${reloadableStatuses}))
  or (h.status = 'loading' and ($9 or h.attempts < $7) and not ${runIsAlive("h.run_id")})
  or (h.status = 'failed' and ($9 or (h.retry = 'auto' and h.attempts < $7) or (h.config_hash is distinct from $8 and not ${isAway("h")})))
)`;

/**
 * Of what is not claimable. Its run is not looked up a second time where that can be spared: one that ends between the two looks would
 * make the object one that ended all its loaders.
 */
const held = `h.status = 'loading' and ($9 or h.attempts < $7 or ${runIsAlive("h.run_id")})`;

/** What is not final; in a backfill all that it has not done, and that `load` would not find new. `$11`: that, too. */
const listable = `(
  $10::bigint is null and (h.id is null or h.status in (${openStatuses}))
  or $10 is not null and ($11::boolean or h.status <> 'pending' or ${wasLoaded}) and coalesce(h.status <> 'superseded', $11)
    and (h.backfill is distinct from $10 or h.status not in (${mergedStatuses}))
)`;

/** `$13` the run. */
const claimableBy = `(${claimable} or (h.status = 'loading' and h.run_id = $13::bigint))`;

function policyValues({ maxAttempts, configHash, force, again }: RetryPolicy) {
  return [maxAttempts, configHash, force, again?.backfill.toString() ?? null] as const;
}

function sameObject(l: string, h: string): string {
  return identity.map((name) => `${h}.${name} = ${l}.${name}`).join(" and ");
}

export class LoadHistory extends HistoryEndings {
  /** A page of the listing, minus what is final. */
  async open<O extends HistoryObject>(objects: readonly O[], policy: RetryPolicy): Promise<OpenObject<O>[]> {
    if (objects.length === 0) return [];
    const { rows } = await this.session.query<{
      position: string;
      state: "claimable" | "held" | "waiting";
      noted: boolean;
      run_id: string | null;
      error_code: string | null;
      error: string | null;
    }>(
      `select l.position, h.id is not null as noted, h.run_id,
              case when h.status = 'loading' then 'LOADER_LOST' else h.error_code end as error_code,
              case when h.status = 'loading' then format('the loader ended without a word %s times while it had the object', h.attempts) else h.error end as error,
              case when h.id is null or ${claimable} then 'claimable' when ${held} then 'held' else 'waiting' end as state
       from ${unnestIdentity} with ordinality as l (bucket, key, etag, size, last_modified, position)
       left join ${this.state}.load_history h
         on h.table_name = $1 and ${sameObject("l", "h")}
       where ${listable}
       order by l.position`,
      [this.table, ...identityArrays(objects), ...policyValues(policy), policy.again?.unseen ?? false],
    );
    return rows.map((row) => ({
      object: objects[Number(row.position) - 1] as O,
      state: row.state,
      noted: row.noted,
      runId: row.run_id ?? undefined,
      errorCode: row.error_code ?? undefined,
      error: row.error ?? undefined,
    }));
  }

  /**
   * Makes them `loading` for this run, in one committed statement, in key order (two runs that claim the same objects in another
   * order would deadlock). Returns those that were had. What another live run claimed meanwhile is passed over, and so is what a
   * merge has locked: the claim would wait for that merge. What is this run's own is claimed anew.
   */
  async claim<O extends HistoryObject>(runId: bigint, objects: readonly O[], policy: RetryPolicy): Promise<Claim<O>[]> {
    const sorted = [...objects].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const { rows } = await this.session.query<{
      id: string;
      key: string;
      etag: string;
      attempts: number;
      at: string;
      again: boolean;
      was: string | null;
    }>(
      `with listed as (
         select *
         from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $11::text[], $12::timestamptz[])
           with ordinality as l (bucket, key, etag, size, last_modified, kind, file_time, position)
       ), had as materialized (
         select l.position, h.id, h.status
         from listed l join ${this.state}.load_history h on h.table_name = $1 and ${sameObject("l", "h")}
         where ${claimableBy} for update of h skip locked
       ), claimed as (
       insert into ${this.state}.load_history as h
         (${identityColumns}, kind, file_time, generation, status, run_id, attempts, started_at, backfill)
       select $1, l.bucket, l.key, l.etag, l.size, l.last_modified, l.kind, l.file_time,
              coalesce((select generation from ${this.state}.tables where table_name = $1), 1), 'loading', $13::bigint, 1, clock_timestamp(), $10
       from listed l
       where l.position in (select position from had)
          or not exists (select from ${this.state}.load_history o where o.table_name = $1 and ${sameObject("l", "o")})
       order by l.position
       on conflict (${identityColumns}) do update
         set status = 'loading', run_id = excluded.run_id, attempts = h.attempts + 1, started_at = excluded.started_at,
             finished_at = null, error_code = null, error = null, retry = null, backfill = coalesce(excluded.backfill, h.backfill)
         where ${claimableBy}
       returning h.*
       )
       select h.id, h.key, h.etag, h.attempts, to_char(h.last_modified at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at,
              ${wasLoaded} as again, case when had.status in (${reloadableStatuses}) then had.status end as was
       from claimed h left join had on had.id = h.id`,
      [
        this.table,
        ...identityArrays(sorted),
        ...policyValues(policy),
        sorted.map((object) => object.kind),
        sorted.map((object) => object.fileTime?.toISOString() ?? null),
        runId.toString(),
      ],
    );
    const had = new Map(rows.map((row) => [`${row.key}\0${row.etag}\0${row.at}`, row]));
    const claims: Claim<O>[] = [];
    for (const object of objects) {
      const row = had.get(`${object.key}\0${object.etag}\0${object.lastModified.toISOString()}`);
      if (row === undefined) continue;
      const { id, attempts, again, was } = row;
      claims.push({ id: BigInt(id), object, attempt: attempts, again, was: was ?? undefined });
    }
    return claims;
  }

  /** The entries, and other versions of full-load objects among them with equal bytes. */
  async sameBytes(ids: readonly bigint[]): Promise<string[]> {
    const { rows } = await this.session.query<{ id: string }>(
      `select p.id from ${this.state}.load_history h
       join ${this.state}.load_history p on p.id = h.id
         or (p.table_name = h.table_name and p.bucket = h.bucket and p.key = h.key and p.kind = 'full_load' and p.sha256 = h.sha256)
       where h.id = any($1::bigint[])`,
      [ids.map(String)],
    );
    return [...new Set(rows.map((row) => row.id))];
  }
}
