/** An object that a test leads through its life, by the functions that the program uses. */
import type { ErrorCode } from "../../src/errors.ts";
import { countElsewhere } from "../../src/warehouse/elsewhere.ts";
import { FullLoads } from "../../src/warehouse/full-loads.ts";
import {
  type HistoryObject,
  LoadHistory,
  type OpenObject,
  type RetryPolicy,
} from "../../src/warehouse/load-history.ts";
import { insertMarked, type Mark, markEntries } from "../../src/warehouse/marks.ts";
import type { LifeState } from "../../src/warehouse/object-life.ts";
import { failGone, supersedeEntries } from "../../src/warehouse/open-entries.ts";
import { lockOpenRejects, markReplayed, moveCounts } from "../../src/warehouse/open-rejects.ts";
import { noCounts } from "../../src/warehouse/record-counts.ts";
import { writeRejects } from "../../src/warehouse/rejects.ts";
import type { Session } from "../../src/warehouse/session.ts";
import { tableEntries } from "../../src/warehouse/table-entries.ts";
import { leaveOut, takeBack } from "../../src/warehouse/take-back.ts";

const schema = "drayage";
export const maxAttempts = 3;
let made = 0;
let raised = 1;

export interface LifeWorld {
  readonly session: Session;
  /** Runs: one that is at work, another one beside it, and one whose lock is free. */
  readonly mine: bigint;
  readonly other: bigint;
  readonly gone: bigint;
  readonly backfill: bigint;
}

class Broken extends Error {}

/** One object of a table: what the program does with it, and what has become of it. */
export class WalkedObject {
  readonly object: HistoryObject;
  readonly history: LoadHistory;
  readonly #fullLoads: FullLoads;
  readonly #table: string;
  readonly #world: LifeWorld;
  #config = "config 1";
  /** What the last claim of it took it from. */
  #was: string | undefined;

  constructor(table: string, world: LifeWorld, kind: HistoryObject["kind"] = "change") {
    this.#table = table;
    this.#world = world;
    this.history = new LoadHistory(world.session, schema, table);
    this.#fullLoads = new FullLoads(world.session, schema, table);
    const time = new Date(1_767_225_600_000 + ++made * 60_000);
    this.object = {
      bucket: "lake",
      key: `${table}/${made}`,
      etag: "e",
      size: 1,
      lastModified: time,
      kind,
      fileTime: kind === "change" ? time : undefined,
    };
  }

  policy(force = false, again = false): RetryPolicy {
    return {
      maxAttempts,
      configHash: this.#config,
      force,
      again: again ? { backfill: this.#world.backfill, unseen: false } : undefined,
    };
  }

  /** As a run does: what it lists as claimable it claims. */
  async take(runId: bigint, policy = this.policy()): Promise<void> {
    const open = await this.history.open([this.object], policy);
    const claimable = open.filter((one) => one.state === "claimable").map((one) => one.object);
    const [claim] = await this.history.claim(runId, claimable, policy);
    if (claim !== undefined) this.#was = claim.was;
  }

  /** The entry's claim as the run that has it, or had it last, knows it. */
  async claim() {
    const entry = await this.entry();
    return {
      runId: entry?.run_id == null ? this.#world.mine : BigInt(entry.run_id),
      claim: {
        id: BigInt(entry?.id ?? 0),
        object: this.object,
        attempt: entry?.attempts ?? 1,
        again: false,
        was: this.#was,
      },
    };
  }

  /** The end of a merge transaction. */
  async merge(runId: bigint, rejected: number, and: () => Promise<unknown> = async () => undefined): Promise<void> {
    const { claim } = await this.claim();
    const counts = { ...noCounts(), read: 2, inserted: 2 - rejected, rejected };
    const reason = "null_key" as const;
    const reject = { historyId: claim.id, tableName: this.#table, record: 1, reason, offset: 0, length: 1 };
    await this.#world.session
      .transaction(async () => {
        await this.history.fence(runId, [claim.id]);
        const none = {
          column: undefined,
          constraint: undefined,
          sqlstate: undefined,
          message: undefined,
          bytes: undefined,
        };
        await writeRejects(this.#world.session, schema, [claim.id], rejected === 0 ? [] : [{ ...reject, ...none }]);
        const { id, attempt } = claim;
        await this.history.complete({ id, attempt, counts, repairs: {}, bytes: 1, sha256: undefined, timings: {} });
        await and();
      })
      .catch((error: unknown) => {
        const isLost = (error as { code?: string }).code === "CLAIM_LOST";
        if (!isLost && !(error instanceof Broken)) throw error;
      });
  }

  /** The COMMIT of its merge never arrives. */
  async breakMerge(runId: bigint): Promise<void> {
    await this.merge(runId, 0, async () => {
      throw new Broken();
    });
  }

  async fail(runId: bigint, retry: "auto" | "after_change", code: ErrorCode = "S3_FAILED"): Promise<void> {
    const { claim } = await this.claim();
    await this.history.fail(runId, claim, { code, message: "m", retry, configHash: this.#config });
  }

  async vanish(): Promise<void> {
    await failGone(this.#world.session, schema, [await this.#id()], "gone");
  }

  async comeBack(): Promise<void> {
    await this.#fullLoads.reopen([this.object]);
  }

  async vanishReplaced(): Promise<void> {
    await supersedeEntries(this.#world.session, schema, [await this.#id()]);
  }

  /** Its key is listed with the bytes of a later full load. */
  async overwrite(): Promise<void> {
    const lastModified = new Date(this.object.lastModified.getTime() + 1000);
    await this.#fullLoads.supersedeOverwritten([{ ...this.object, etag: "other", lastModified }], 1);
  }

  async cover(): Promise<void> {
    await this.#fullLoads.supersede([this.object], "covered");
  }

  async note(): Promise<void> {
    await this.#fullLoads.noteWaiting([{ object: this.object, seenSha256: undefined }], raised);
  }

  /** How many of its copies, one, are known under another key. */
  async copies(): Promise<number> {
    const name = this.object.key.slice(this.object.key.lastIndexOf("/"));
    const copy = { ...this.object, key: `elsewhere${name}` };
    return countElsewhere(this.#world.session, schema, this.#table, [copy]);
  }

  /** A later full load is applied: without it, or with it in the transaction of its own merge. */
  async raise(members: readonly bigint[]): Promise<void> {
    const after = new Date(this.object.lastModified.getTime() + 1000);
    const next = { generation: ++raised, began: after, changesFrom: after, members, removed: 0 };
    await this.#fullLoads.raise(next);
  }

  async applyWithGeneration(runId: bigint): Promise<void> {
    const id = await this.#id();
    await this.merge(runId, 0, () => this.raise([id]));
  }

  /** As a replay does to whose records all load. */
  async replay(): Promise<void> {
    const { session } = this.#world;
    const id = await this.#id();
    const { rows } = await session.query<{ id: string }>("select id from drayage.rejects where history_id = $1", [
      id.toString(),
    ]);
    const rejects = rows.map((row) => row.id);
    await session.transaction(async () => {
      if (!(await lockOpenRejects(session, schema, [id], rejects))) return;
      await markReplayed(session, schema, rejects);
      await moveCounts(session, schema, id, { ...noCounts(), inserted: 1, rejected: -1 }, {});
    });
  }

  /** One that no entry has where there is none. */
  async #id(): Promise<bigint> {
    return BigInt((await this.entry())?.id ?? 0);
  }

  async mark(mark: Mark): Promise<void> {
    const selection = { names: [], before: undefined, listed: [this.object] };
    await markEntries(this.#world.session, schema, this.#table, mark, { ...selection, names: [this.object.key] });
    if (mark !== "pending") await insertMarked(this.#world.session, schema, this.#table, mark, [this.object]);
  }

  /** By a refresh: out of the table again, to come anew. */
  takeBack(): Promise<void> {
    return this.#takeOut("pending");
  }

  /** By a refresh: out of the table, for good. */
  async leaveOut(): Promise<void> {
    await this.#takeOut("skipped");
    await leaveOut(this.#world.session, schema, this.#table, [this.object]);
  }

  async #takeOut(status: "pending" | "skipped"): Promise<void> {
    const entries = await tableEntries(this.#world.session, schema, this.#table);
    const own = entries.filter(({ key, merged }) => merged && key === this.object.key);
    await takeBack(
      this.#world.session,
      schema,
      own.map(({ id }) => id),
      status,
      "taken back",
    );
  }

  changeConfig(): void {
    this.#config = "config 2";
  }

  /** Its run is no more: what its lock showed is what another run's shows that has ended. */
  async lose(): Promise<void> {
    await this.#set("run_id = $2 where status = 'loading' and", this.#world.gone);
  }

  async useUp(): Promise<void> {
    await this.#set("attempts = $2 where attempts > 0 and", BigInt(maxAttempts));
  }

  async #set(change: string, value: bigint): Promise<void> {
    await this.#world.session.query(`update drayage.load_history set ${change} key = $1`, [
      this.object.key,
      value.toString(),
    ]);
  }

  async entry() {
    const { rows } = await this.#world.session.query<{
      id: string;
      status: string;
      retry: string | null;
      error_code: string | null;
      attempts: number;
      run_id: string | null;
      config_hash: string | null;
      rows_read: string | null;
      backfill: string | null;
    }>("select * from drayage.load_history where key = $1", [this.object.key]);
    return rows[0];
  }

  async open(): Promise<OpenObject<HistoryObject> | undefined> {
    return (await this.history.open([this.object], this.policy()))[0];
  }

  /** Read back from the columns, as docs/state.md tells them apart. */
  async state(): Promise<LifeState> {
    const entry = await this.entry();
    if (entry === undefined) return "none";
    const { status, attempts } = entry;
    if (status === "loading") {
      if (entry.run_id === String(this.#world.gone)) return attempts >= maxAttempts ? "worn_out" : "lost";
      return this.#was === undefined ? "loading" : "reloading";
    }
    if (status === "failed") {
      if (entry.retry === "after_change" && entry.error_code?.startsWith("OBJECT_")) return "away";
      if (entry.config_hash !== this.#config) return "changed";
      if (entry.retry === "after_change") return "lasting";
      return attempts >= maxAttempts ? "given_up" : "passing";
    }
    return status === "loaded_with_rejects" ? "rejects" : (status as LifeState);
  }
}
