/** The endings of a claim: merged under the fence, failed, given back, skipped; each by the run that has the entry, or not at all. */
import type { ErrorCode, Retry } from "../errors.ts";
import { DrayageError } from "../errors.ts";
import { ident } from "./identifier.ts";
import { mergedStatuses } from "./life-conditions.ts";
import { noCounts, outcomes, type RecordCounts } from "./record-counts.ts";
import type { Session } from "./session.ts";

export interface Claim<O> {
  readonly id: bigint;
  readonly object: O;
  /** This attempt's number, from 1. */
  readonly attempt: number;
  /** It was loaded before: its rows may be in the main table. */
  readonly again: boolean;
  /** The final status that a backfill took it from. */
  readonly was: string | undefined;
}

export interface LoadedObject {
  readonly id: bigint;
  readonly attempt: number;
  readonly counts: RecordCounts;
  /** Values that were changed so that PostgreSQL can hold them, by column. */
  readonly repairs: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly sha256: Buffer | undefined;
  /** Milliseconds by step. */
  readonly timings: Readonly<Record<string, number>>;
}

export interface OwnedEntry {
  readonly status: "loading" | "loaded" | "loaded_with_rejects" | "failed";
  /** Zero while loading or failed. */
  readonly counts: RecordCounts;
}

export class HistoryEndings {
  protected readonly session: Session;
  protected readonly state: string;
  protected readonly table: string;

  constructor(session: Session, stateSchema: string, tableName: string) {
    this.session = session;
    this.state = ident(stateSchema);
    this.table = tableName;
  }

  /**
   * In the merge transaction: every entry still mine and loading, locked in id order, and the table not paused meanwhile, or
   * CLAIM_LOST.
   */
  async fence(runId: bigint, ids: readonly bigint[]): Promise<void> {
    const { count } = await this.session.query(
      `select from ${this.state}.load_history
       where id = any($1::bigint[]) and run_id = $2 and status = 'loading' and not exists (
         select from ${this.state}.tables t
         where t.table_name = $3 and t.paused_at is not null and (t.paused_until is null or t.paused_until > now())
       ) order by id for update`,
      [ids.map(String), runId.toString(), this.table],
    );
    if (count !== ids.length) throw new DrayageError("CLAIM_LOST", { place: { table: this.table } });
  }

  /** In the merge transaction, after the rows. The CHECK of the table holds the balance. */
  async complete(object: LoadedObject): Promise<void> {
    const { counts } = object;
    const status = counts.rejected === 0 ? "loaded" : "loaded_with_rejects";
    await this.session.query(
      `update ${this.state}.load_history
       set status = $2, finished_at = clock_timestamp(), rows_read = $3, rows_inserted = $4, rows_updated = $5, rows_unchanged = $6,
           rows_deleted = $7, rows_superseded = $8, rows_stale = $9, rows_ignored = $10, rows_rejected = $11,
           repairs = $12, bytes = $13, sha256 = $14, timings = $15, config_hash = null
       where id = $1`,
      [
        object.id.toString(),
        status,
        counts.read,
        ...outcomes.map((outcome) => counts[outcome]),
        JSON.stringify(object.repairs),
        object.bytes,
        object.sha256 ?? null,
        JSON.stringify(object.timings),
      ],
    );
    await this.#attempt(object.id, object.attempt, status, undefined, counts);
  }

  /** Notes a failure of a claimed object, committed by itself. An entry that another run took over is left alone. */
  async fail(
    runId: bigint,
    claim: Claim<unknown>,
    failure: { code: ErrorCode; message: string; retry: Retry; configHash: string },
  ): Promise<void> {
    const { count } = await this.session.query(
      `update ${this.state}.load_history
       set status = 'failed', finished_at = clock_timestamp(), error_code = $3, error = $4, retry = $5, config_hash = $6
       where id = $1 and run_id = $2 and status = 'loading'`,
      [
        claim.id.toString(),
        runId.toString(),
        failure.code,
        failure.message,
        failure.retry === "auto" ? "auto" : "after_change",
        failure.configHash,
      ],
    );
    if (count === 1) await this.#attempt(claim.id, claim.attempt, "failed", failure.code, undefined);
  }

  /** Gives claimed objects back untouched: a signal, a split unit. The attempt does not count; a backfill has them still to do. */
  async release(runId: bigint, claims: readonly Claim<unknown>[]): Promise<void> {
    await this.session.query(
      `update ${this.state}.load_history h
       set status = coalesce(c.was, 'pending'), attempts = greatest(attempts - 1, 0), backfill = null,
           finished_at = case when c.was is not null then h.started_at end
       from unnest($1::bigint[], $3::text[]) as c (id, was)
       where h.id = c.id and h.run_id = $2 and h.status = 'loading'`,
      [claims.map((claim) => claim.id.toString()), runId.toString(), claims.map((claim) => claim.was ?? null)],
    );
  }

  /** A full-load object whose bytes were loaded before under another etag or time: noted, never loaded. */
  async skipEqual(runId: bigint, claim: Claim<unknown>, sha256: Buffer | undefined): Promise<void> {
    const { count } = await this.session.query(
      `update ${this.state}.load_history set status = 'skipped', finished_at = clock_timestamp(), sha256 = $2
       where id = $1 and run_id = $3 and status = 'loading'`,
      [claim.id.toString(), sha256 ?? null, runId.toString()],
    );
    if (count === 1) await this.#attempt(claim.id, claim.attempt, "skipped", undefined, undefined);
  }

  /** The entries that are this run's, with their status and counts; under the table's lock, after a lost answer to COMMIT. */
  async ownedBy(runId: bigint, ids: readonly bigint[]): Promise<Map<bigint, OwnedEntry>> {
    const { rows } = await this.session.query<
      Record<"id" | "status" | "read" | (typeof outcomes)[number], string | null>
    >(
      `select id, status, rows_read as read, ${outcomes.map((outcome) => `rows_${outcome} as ${outcome}`).join(", ")}
       from ${this.state}.load_history
       where id = any($1::bigint[]) and run_id = $2 and status in ('loading', 'failed', ${mergedStatuses})`,
      [ids.map(String), runId.toString()],
    );
    return new Map(
      rows.map((row) => {
        const counts = noCounts();
        counts.read = Number(row.read ?? 0);
        for (const outcome of outcomes) counts[outcome] = Number(row[outcome] ?? 0);
        return [BigInt(row.id ?? 0), { status: row.status as OwnedEntry["status"], counts }];
      }),
    );
  }

  async #attempt(
    id: bigint,
    attempt: number,
    status: string,
    code: string | undefined,
    counts: RecordCounts | undefined,
  ): Promise<void> {
    await this.session.query(
      `insert into ${this.state}.load_attempts (history_id, attempt, run_id, started_at, status, error_code, counts)
       select h.id, $2, h.run_id, coalesce(h.started_at, now()), $3, $4, $5 from ${this.state}.load_history h where h.id = $1
       on conflict (history_id, attempt) do update
         set status = excluded.status, error_code = excluded.error_code, counts = excluded.counts, finished_at = clock_timestamp()`,
      [id.toString(), attempt, status, code ?? null, JSON.stringify(counts ?? {})],
    );
  }
}
