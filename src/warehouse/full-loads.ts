/** What the load history knows of full loads: which version of a key is part of the table, what waits, what a newer one replaced. */
import { ident } from "./identifier.ts";
import { changedBy, finalStatuses, idleStatuses, isAway, openStatuses, standingStatuses } from "./life-conditions.ts";
import type { HistoryObject } from "./load-history.ts";
import type { Session } from "./session.ts";

/** A version of a key that is, or was, part of the table. */
export interface KnownVersion {
  readonly etag: string;
  readonly size: number;
  readonly sha256: Buffer | undefined;
  /** Part of an older full load. */
  readonly old: boolean;
}

export interface FullLoadEntry {
  /** undefined: no run has noted it. */
  readonly id: bigint | undefined;
  readonly status: string | undefined;
  /** Of the full load that it was seen to be part of. */
  readonly generation: number | undefined;
  /** Its own records were merged once. */
  readonly read: boolean;
  /** Final because somebody said so: nobody has read its bytes. */
  readonly marked: boolean;
  readonly seenSha256: Buffer | undefined;
  /** Another version of the key was seen since the table is of this full load. */
  readonly replaced: boolean;
  /** The newest other version of the key that was merged, or is final otherwise. */
  readonly known: KnownVersion | undefined;
}

const sameKey = "p.table_name = $1 and p.bucket = l.bucket and p.key = l.key and p.id is distinct from h.id";
const listed = `unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[]) with ordinality
       as l (bucket, key, etag, size, last_modified, position)`;
const same = `h.table_name = $1 and h.bucket = l.bucket and h.key = l.key and h.etag = l.etag and h.size = l.size
       and h.last_modified = l.last_modified`;

function identities(objects: readonly HistoryObject[]) {
  return [
    objects.map((object) => object.bucket),
    objects.map((object) => object.key),
    objects.map((object) => object.etag),
    objects.map((object) => object.size),
    objects.map((object) => object.lastModified.toISOString()),
  ] as const;
}

export class FullLoads {
  readonly #session: Session;
  readonly #state: string;
  readonly #table: string;

  constructor(session: Session, stateSchema: string, tableName: string) {
    this.#session = session;
    this.#state = ident(stateSchema);
    this.#table = tableName;
  }

  /** Of each listed full-load object, in their order. */
  async entries(objects: readonly HistoryObject[]): Promise<FullLoadEntry[]> {
    const { rows } = await this.#session.query<{
      id: string | null;
      status: string | null;
      generation: number | null;
      read: boolean;
      marked: boolean;
      seen_sha256: Buffer | null;
      replaced: boolean;
      known_etag: string | null;
      known_size: string | null;
      known_sha256: Buffer | null;
      known_old: boolean | null;
    }>(
      `select h.id, h.status, h.generation, h.rows_read is not null as read,
              coalesce(h.status = 'skipped' and h.rows_read is null and h.sha256 is null, false) as marked, h.seen_sha256,
              exists (select from ${this.#state}.load_history p where ${sameKey} and p.generation >= coalesce(h.generation, 0)) as replaced,
              k.etag as known_etag, k.size as known_size, k.sha256 as known_sha256, k.old as known_old
       from ${listed}
       left join ${this.#state}.load_history h on ${same}
       left join lateral (
         select p.etag, p.size, coalesce(p.sha256, p.seen_sha256) as sha256, p.status = 'superseded' as old
         from ${this.#state}.load_history p
         where ${sameKey} and (p.rows_read is not null or p.status in (${standingStatuses}))
         order by p.last_modified desc, p.id desc limit 1
       ) k on true
       order by l.position`,
      [this.#table, ...identities(objects)],
    );
    return rows.map((row) => ({
      id: row.id === null ? undefined : BigInt(row.id),
      status: row.status ?? undefined,
      generation: row.generation ?? undefined,
      read: row.read,
      marked: row.marked,
      seenSha256: row.seen_sha256 ?? undefined,
      replaced: row.replaced,
      known:
        row.known_etag === null
          ? undefined
          : {
              etag: row.known_etag,
              size: Number(row.known_size),
              sha256: row.known_sha256 ?? undefined,
              old: row.known_old === true,
            },
    }));
  }

  /** Notes that objects are there and wait; what they are by then is theirs. Safe to repeat. */
  async noteWaiting(
    versions: readonly { readonly object: HistoryObject; readonly seenSha256: Buffer | undefined }[],
    generation: number,
  ) {
    if (versions.length === 0) return;
    await this.#session.query(
      `insert into ${this.#state}.load_history as h
         (table_name, bucket, key, etag, size, last_modified, kind, status, generation, seen_sha256)
       select $1, l.bucket, l.key, l.etag, l.size, l.last_modified, 'full_load', 'pending', $7, decode(l.sha256, 'hex')
       from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $8::text[])
         as l (bucket, key, etag, size, last_modified, sha256)
       order by l.key
       on conflict (table_name, bucket, key, etag, size, last_modified) do update
         set generation = excluded.generation, seen_sha256 = coalesce(excluded.seen_sha256, h.seen_sha256)
         where h.status in (${idleStatuses})
           and (h.generation, h.seen_sha256) is distinct from (excluded.generation, coalesce(excluded.seen_sha256, h.seen_sha256))`,
      [
        this.#table,
        ...identities(versions.map(({ object }) => object)),
        generation,
        versions.map(({ seenSha256 }) => seenSha256?.toString("hex") ?? null),
      ],
    );
  }

  /**
   * Makes listed objects final that an older full load is about, whether a run noted them or not; what a live run holds is left to it.
   * Returns the keys that were open until now.
   */
  async supersede(objects: readonly HistoryObject[], note: string): Promise<string[]> {
    if (objects.length === 0) return [];
    const { rows } = await this.#session.query<{ key: string }>(
      `insert into ${this.#state}.load_history as h
         (table_name, bucket, key, etag, size, last_modified, kind, file_time, status, note, finished_at)
       select $1, l.bucket, l.key, l.etag, l.size, l.last_modified, l.kind, l.file_time, 'superseded', $9, now()
       from unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::text[], $8::timestamptz[])
         as l (bucket, key, etag, size, last_modified, kind, file_time)
       order by l.key
       on conflict (table_name, bucket, key, etag, size, last_modified) do update set ${ended("$9")}
         where ${changedBy("covered")}
       returning h.key`,
      [
        this.#table,
        ...identities(objects),
        objects.map((object) => object.kind),
        objects.map((object) => object.fileTime?.toISOString() ?? null),
        note,
      ],
    );
    return rows.map((row) => row.key);
  }

  /**
   * Open versions of listed keys that are listed no more: written over before they were loaded. Returns when each of those came that
   * was a newer full load.
   */
  async supersedeOverwritten(objects: readonly HistoryObject[], generation: number): Promise<Date[]> {
    if (objects.length === 0) return [];
    const { rows } = await this.#session.query<{ last_modified: Date; generation: number }>(
      `update ${this.#state}.load_history h set ${ended("$7")}
       from ${listed}
       where h.table_name = $1 and h.bucket = l.bucket and h.key = l.key and h.kind = 'full_load' and not (${same})
         and ${changedBy("overwritten")}
       returning h.last_modified, h.generation`,
      [this.#table, ...identities(objects), "written over before it was loaded"],
    );
    return rows.filter((row) => row.generation > generation).map((row) => row.last_modified);
  }

  /** Failed objects whose reason is gone: they are back, or restored. Returns the keys of those that were. */
  async reopen(objects: readonly HistoryObject[]): Promise<ReadonlySet<string>> {
    if (objects.length === 0) return new Set();
    const { rows } = await this.#session.query<{ key: string }>(
      `update ${this.#state}.load_history h
       set status = 'pending', error_code = null, error = null, retry = null, config_hash = null, finished_at = null
       from ${listed} where ${same} and h.status = 'failed' and ${isAway("h")}
       returning h.key`,
      [this.#table, ...identities(objects)],
    );
    return new Set(rows.map((row) => row.key));
  }

  /** The moment from which the current full load counts, where nobody noted it yet. */
  async noteBegan(began: Date): Promise<void> {
    await this.#session.query(
      `update ${this.#state}.tables set generation_began = $2 where table_name = $1 and generation_began is null`,
      [this.#table, began],
    );
  }

  /** Those of the change objects that came before under the same key and are part of an older full load. */
  async changesOfOlder(objects: readonly HistoryObject[], generation: number): Promise<ReadonlySet<number>> {
    if (objects.length === 0) return new Set();
    const { rows } = await this.#session.query<{ position: string }>(
      `select l.position from ${listed}
       where exists (
         select from ${this.#state}.load_history p
         where p.table_name = $1 and p.bucket = l.bucket and p.key = l.key and not (p.etag = l.etag and p.last_modified = l.last_modified)
           and p.generation < $7 and p.status in (${finalStatuses})
       )`,
      [this.#table, ...identities(objects), generation],
    );
    return new Set(rows.map((row) => Number(row.position) - 1));
  }

  /**
   * In the transaction that applies it: the table is of this full load from now on. What is older is superseded, and its rejects go
   * with it; another run that has claimed some of it loses its claim. Returns how many objects had not been loaded.
   */
  async raise(next: RaisedGeneration): Promise<number> {
    const ids = next.members.map(String);
    await this.#session.query(
      `update ${this.#state}.tables set generation = $2, generation_began = $3 where table_name = $1`,
      [this.#table, next.generation, next.began],
    );
    const { open } = await this.#session.one<{ open: string }>(
      `with older as materialized (
         select h.id, h.status from ${this.#state}.load_history h
         where h.table_name = $1 and ${changedBy("generation_raised")} and h.id <> all($2::bigint[])
           and (h.kind = 'full_load' and (h.last_modified < $3 or (h.generation < $4 and h.status not in (${openStatuses})))
             or h.kind = 'change' and h.file_time < $5)
         order by h.id for update
       ), gone as (
         delete from ${this.#state}.rejects r using older o where r.history_id = o.id
       ), ends as (
         update ${this.#state}.load_history h set ${ended("'an older full load'")} from older o where o.id = h.id
       )
       select count(*) filter (where status in (${openStatuses})) as open from older`,
      [this.#table, ids, next.began, next.generation, next.changesFrom],
    );
    await this.#session.query(
      `update ${this.#state}.load_history h
       set generation = $3, rows_removed = case when h.id = $4 then $5::bigint else h.rows_removed end
       where h.table_name = $1 and h.generation < $3 and h.kind = 'change' and h.file_time >= $6 or h.id = any($2::bigint[])`,
      [this.#table, ids, next.generation, ids[0] ?? null, next.removed, next.changesFrom],
    );
    return Number(open);
  }
}

export interface RaisedGeneration {
  readonly generation: number;
  readonly began: Date;
  /** Changes closed before it are in the full load already. */
  readonly changesFrom: Date;
  /** Entries of its objects. */
  readonly members: readonly bigint[];
  readonly removed: number;
}

/** What becomes of an entry that is superseded; its counts stay. */
function ended(note: string): string {
  return `status = 'superseded', note = ${note}, finished_at = now(), error_code = null, error = null, retry = null, config_hash = null`;
}
