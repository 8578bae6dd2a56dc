/** Loads the open objects of one table, in order, unit by unit; each ends loaded, failed with its reason, or left with one. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { DrayageError, withPlace } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { readMainTable } from "../warehouse/catalog.ts";
import { type Again, type Claim, LoadHistory, type OpenObject, type RetryPolicy } from "../warehouse/load-history.ts";
import { writeRejects } from "../warehouse/rejects.ts";
import { ensureTableState, lockTable, readStoredColumns, type TableState } from "../warehouse/table-state.ts";
import { isConnectionLost } from "../warehouse/warehouse-error.ts";
import { applyGeneration } from "./apply-generation.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import { MemberFailed } from "./fill-shadow.ts";
import { asDrayageError, stopsTable } from "./load-errors.ts";
import { type MergedUnit, mergeUnit } from "./merge-unit.ts";
import { nextUnit, retryPolicy } from "./next-unit.ts";
import { mainTableReplaced, noteApplied, noteBehind, noteUnit, noteWaiting, pausedText } from "./note-unit.ts";
import { newTableReport, type ObjectReport, type TableReport } from "./report.ts";
import { type NextToApply, type SortedObjects, sortObjects } from "./sort-objects.ts";
import { stageUnit } from "./stage-unit.ts";
import type { Lane, StagedUnit } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { TableListing } from "./table-listing.ts";
import { keepsOrder, type TableSpec } from "./table-spec.ts";
import type { Worker } from "./worker.ts";

export interface LoadSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly runId: bigint;
  readonly signal: AbortSignal | undefined;
  readonly allowDeletes: boolean;
  readonly rejectLimit: number | undefined;
  /** Objects that wait for a change are tried too: somebody named them. */
  readonly force: boolean;
  /** What was listed of the table beside the open objects. */
  readonly listing: TableListing;
  readonly now: () => Date;
  /** A backfill: what is final is loaded again. */
  readonly again?: Again | undefined;
  /** Tests alone. */
  readonly lane?: Lane | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onRecords?: ((count: number) => void) | undefined;
  readonly onUnit?: ((table: string, unit: StagedUnit, merged: MergedUnit) => void) | undefined;
  /** Called once for each object that this run loaded, after its commit; also where the answer to COMMIT was lost. */
  readonly onObject?: ((table: string, object: ObjectReport) => void) | undefined;
}

/** How often a unit whose connection broke is begun again. */
const unitTries = 3;

export async function loadTable(
  worker: Worker,
  spec: TableSpec,
  open: readonly OpenObject<SourceObject>[],
  settings: LoadSettings,
): Promise<TableReport> {
  const loader = new TableLoader(worker, spec, settings);
  const began = performance.now();
  try {
    // The table before this one may have lost it.
    if (worker.session.lost) await worker.reconnect();
    await loader.load(open);
  } catch (error) {
    if (settings.signal?.aborted === true) throw error;
    loader.report.failures.push({ key: undefined, error: asDrayageError(error, spec, "load the table") });
  }
  loader.report.milliseconds = performance.now() - began;
  return loader.report;
}

/** Of an append table what comes before an object that failed is open, the rest waits behind it. What waits itself is said wherever it stands. */
function before(spec: TableSpec, all: readonly OpenObject<SourceObject>[]) {
  const first = keepsOrder(spec) ? all.findIndex((one) => one.state === "waiting") : -1;
  if (first < 0) return { open: all, behind: [], failed: "" };
  return {
    open: all.filter((one, i) => i < first || one.state === "waiting"),
    behind: all
      .slice(first)
      .filter((one) => one.state !== "waiting")
      .map((one) => one.object),
    failed: all[first]?.object.key ?? "",
  };
}

/** Claims that are still to do; each by itself when a unit of them failed. */
interface Left {
  readonly claims: readonly Claim<SourceObject>[];
  readonly alone: boolean;
}

const nothingLeft: Left = { claims: [], alone: false };

class TableLoader {
  readonly report: TableReport;
  readonly #worker: Worker;
  readonly #spec: TableSpec;
  readonly #settings: LoadSettings;
  readonly #policy: RetryPolicy;
  #known: TableKnowledge | undefined;
  #tableId = 0;
  /** What another run claimed while this one was about to, or took over: waited for like what was held from the start. */
  #passed: SourceObject[] = [];
  /** Key of an object that failed: what comes after it waits. */
  #failedFirst: string | undefined;

  constructor(worker: Worker, spec: TableSpec, settings: LoadSettings) {
    this.#worker = worker;
    this.#spec = spec;
    this.#settings = settings;
    this.#policy = retryPolicy(settings.config, spec, settings.force, settings.again);
    this.report = newTableReport(spec.name, spec.target);
  }

  async load(all: readonly OpenObject<SourceObject>[]): Promise<void> {
    const state = await this.#again(() => this.#learn());
    if (state.paused) {
      this.report.paused = true;
      this.report.notes.push(pausedText(state.pausedReason, all.length));
      return;
    }
    const { open, behind, failed } = before(this.#spec, all);
    const left = await this.#work(open, state);
    noteBehind(this.report, behind, failed);
    if (left) await this.#waitForPassed();
  }

  /** False when the table was stopped: somebody has to decide. */
  async #work(open: readonly OpenObject<SourceObject>[], state: TableState): Promise<boolean> {
    const sorted = await this.#again(() => this.#sort(open, state));
    for (const { object, entry, seenSha256 } of sorted.equal) {
      const [claim] = await this.#again(() => this.#history().claim(this.#settings.runId, [object], this.#policy));
      if (claim === undefined) continue;
      await this.#history().skipEqual(claim, seenSha256 ?? entry.known?.sha256);
      this.report.notes.push(`${object.key} came again with equal bytes: skipped`);
    }
    if (sorted.next !== undefined) await this.#apply(sorted.next, state);
    // A full load that a bucket's copy brought again is the one that a backfill is about.
    const again = this.#settings.again === undefined ? [] : sorted.equal.map((version) => version.object);
    const left = await this.#loadAll([...again, ...sorted.fresh]);
    this.#passed.push(...sorted.held);
    return left;
  }

  #sort(open: readonly OpenObject<SourceObject>[], state: TableState): Promise<SortedObjects> {
    const { config, source, listing, now, again } = this.#settings;
    return sortObjects(this.#worker.session, open, {
      spec: this.#spec,
      state,
      stateSchema: config.warehouse.stateSchema,
      source,
      listing,
      now: now(),
      report: this.report,
      isBackfill: again !== undefined,
      hasMain: this.#known?.main !== undefined,
    });
  }

  /** A newer full load: all of it, or nothing. The changes that are open are loaded whatever becomes of it. */
  async #apply(next: NextToApply, state: TableState): Promise<void> {
    const { runId, config, source, signal, lane, onBytes, onRecords, allowDeletes, rejectLimit } = this.#settings;
    const known = this.#known;
    if (known === undefined) throw new DrayageError("INTERNAL");
    const open = next.members.filter((version) => !version.final).map((version) => version.object);
    const claims = await this.#again(() => this.#history().claim(runId, open, this.#policy));
    if (claims.length < open.length) {
      await this.#release(claims);
      this.#passed.push(...open);
      return;
    }
    const others = next.members.flatMap(({ final, object, entry: { id } }) =>
      final && id !== undefined ? [{ id, object, attempt: 0, again: true, was: undefined }] : [],
    );
    try {
      signal?.throwIfAborted();
      const applied = await applyGeneration(
        this.#worker,
        known,
        { ...next, generation: state.generation + 1, claims, known: others },
        { config, source, signal, lane, onBytes, onRecords, runId, tableId: this.#tableId, allowDeletes, rejectLimit },
      );
      this.#known = { ...known, main: applied.main, stored: applied.stored };
      const before = this.report.objects.length;
      noteApplied(this.report, applied);
      for (const object of this.report.objects.slice(before)) this.#settings.onObject?.(this.#spec.name, object);
    } catch (error) {
      await this.#notApplied(claims, error);
    }
  }

  async #notApplied(claims: readonly Claim<SourceObject>[], error: unknown): Promise<void> {
    if (this.#settings.signal?.aborted === true) {
      await this.#release(claims).catch(() => undefined);
      throw error;
    }
    if (isConnectionLost(error)) {
      await this.#worker.reconnect();
      const left = await this.#settle(claims);
      // The answer to COMMIT was lost: all of it is loaded.
      if (left.length === 0) return;
    }
    const about = error instanceof MemberFailed ? error.claim : undefined;
    const failed = asDrayageError(
      about === undefined ? error : (error as Error).cause,
      this.#spec,
      "apply the full load",
    );
    await this.#forgetRejects(claims);
    if (failed.code === "CLAIM_LOST") {
      await this.#release(claims);
      this.#passed.push(...claims.map((claim) => claim.object));
    } else if (stopsTable(failed)) {
      await this.#release(claims);
      const key = about?.object.key ?? claims[0]?.object.key;
      this.report.failures.push({ key, error: withPlace(failed, { object: key }) as DrayageError });
    } else {
      await this.#failAll(about === undefined ? claims : [about], failed, "apply the full load");
      await this.#release(claims);
    }
  }

  async #learn(): Promise<TableState> {
    const { session } = this.#worker;
    const { stateSchema } = this.#settings.config.warehouse;
    const state = await ensureTableState(session, stateSchema, { name: this.#spec.name, ...this.#spec.target });
    const main = await readMainTable(session, this.#spec.target.schema, this.#spec.target.table);
    if (state.hasHistory && state.mainOid !== undefined && main?.oid !== state.mainOid) {
      throw mainTableReplaced(this.#spec, stateSchema, state.tableId);
    }
    const stored = await readStoredColumns(session, stateSchema, this.#spec.name);
    this.#known = { spec: this.#spec, main, stored, pinned: state.pinned };
    this.#tableId = state.tableId;
    return state;
  }

  /** False when the table was stopped: somebody has to decide. */
  async #loadAll(objects: readonly SourceObject[]): Promise<boolean> {
    const queue = [...objects];
    let claimed: Claim<SourceObject>[] = [];
    let alone = false;
    while (queue.length > 0 || claimed.length > 0) {
      if (claimed.length === 0) {
        this.#settings.signal?.throwIfAborted();
        const wanted = nextUnit(queue, this.#settings.config.limits.maxUnitBytes);
        claimed = await this.#again(() => this.#history().claim(this.#settings.runId, wanted, this.#policy));
        const had = new Set(claimed.map((claim) => claim.object));
        this.#passed.push(...wanted.filter((object) => !had.has(object)));
        alone = false;
        await reach("after_claim", this.#spec.name);
        continue;
      }
      const unit = alone ? claimed.slice(0, 1) : claimed;
      const after = claimed.slice(unit.length);
      try {
        this.#settings.signal?.throwIfAborted();
        const left = await this.#loadUnit(unit);
        if (left === "stopped") {
          await this.#release([...unit, ...after]);
          return false;
        }
        alone ||= left.alone;
        claimed = [...left.claims, ...after];
        if (this.#failedFirst !== undefined) {
          const behind = [...claimed.map((claim) => claim.object), ...queue];
          await this.#release(claimed);
          noteBehind(this.report, behind, this.#failedFirst);
          return false;
        }
      } catch (error) {
        await this.#release(claimed).catch(() => undefined);
        throw error;
      }
    }
    return true;
  }

  /** For statements that may be carried out twice, while nothing is staged: once more on a new connection when this one broke. */
  async #again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#settings.signal?.aborted === true || !isConnectionLost(error)) throw error;
      await this.#worker.reconnect();
      return work();
    }
  }

  async #loadUnit(claims: readonly Claim<SourceObject>[]): Promise<Left | "stopped"> {
    let open = claims;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#tryUnit(open);
      } catch (error) {
        if (this.#settings.signal?.aborted === true || !isConnectionLost(error)) throw error;
        await this.#worker.reconnect();
        const before = open.length;
        open = await this.#settle(open);
        // What committed is progress; what is still to do begins anew.
        if (open.length < before) return { claims: open, alone: false };
        if (attempt < unitTries) continue;
        await this.#failAll(open, error, "load a unit");
        return nothingLeft;
      }
    }
  }

  async #tryUnit(claims: readonly Claim<SourceObject>[]): Promise<Left | "stopped"> {
    const { config, source, signal, lane, onBytes, onRecords } = this.#settings;
    const known = this.#known;
    if (known === undefined) throw new DrayageError("INTERNAL");
    const ordered = [...claims].sort((a, b) => (a.object.version < b.object.version ? -1 : 1));
    const staged = await stageUnit(this.#worker.session, this.#worker.staging, known, ordered, {
      config,
      source,
      signal,
      lane,
      maxRecords: Number.POSITIVE_INFINITY,
      onBytes,
      onRecords,
    });
    // Staging ends with an object that somebody has to decide about. What came before it is loaded.
    const undecided = staged.failures.filter(({ error }) => error instanceof DrayageError && error.exit === 6);
    for (const { claim, error } of staged.failures)
      if (!undecided.some((one) => one.claim === claim)) await this.#failAll([claim], error, "stage the object");
    const rest = [...undecided.map(({ claim }) => claim), ...staged.rest];
    const done = (): Left | "stopped" => {
      for (const { claim, error } of undecided)
        this.report.failures.push({ key: claim.object.key, error: error as DrayageError });
      return undecided.length > 0 ? "stopped" : { claims: rest, alone: false };
    };
    if (staged.unit === undefined) return done();
    try {
      const merged = await mergeUnit(this.#worker.session, known, staged.unit, {
        config,
        source,
        runId: this.#settings.runId,
        tableId: this.#tableId,
        allowDeletes: this.#settings.allowDeletes,
        rejectLimit: this.#settings.rejectLimit,
      });
      this.#known = { ...known, main: merged.main, stored: merged.stored, pinned: merged.pinned };
      const before = this.report.objects.length;
      noteUnit(this.report, this.#spec, staged.unit, merged);
      for (const object of this.report.objects.slice(before)) this.#settings.onObject?.(this.#spec.name, object);
      this.#settings.onUnit?.(this.#spec.name, staged.unit, merged);
    } catch (error) {
      if (isConnectionLost(error) || this.#settings.signal?.aborted === true) throw error;
      const members = staged.unit.objects.map((object) => object.claim);
      if (error instanceof DrayageError && error.code === "CLAIM_LOST") {
        // What was not taken over is still this run's.
        await this.#release(members);
        this.#passed.push(...members.map((claim) => claim.object));
        return done();
      }
      // A unit of several that failed is taken apart: one bad object costs one object.
      const tableWide = error instanceof DrayageError && stopsTable(error) && error.code !== "SHAPE_UNREADABLE";
      if (members.length > 1 && !tableWide) return { claims: [...members, ...rest], alone: true };
      const failed = asDrayageError(error, this.#spec, "merge the unit");
      if (stopsTable(failed)) {
        const [first] = members;
        const error = withPlace(failed, { object: first?.object.key }) as DrayageError;
        this.report.failures.push({ key: first?.object.key, error });
        return "stopped";
      }
      await this.#failAll(members, failed, "merge the unit");
    }
    return done();
  }

  /**
   * After a broken connection: the answer to COMMIT may have been lost. Under the table's lock, which waits for the old backend,
   * the history knows what did commit. Returns the claims that are still this run's to load.
   */
  async #settle(claims: readonly Claim<SourceObject>[]): Promise<readonly Claim<SourceObject>[]> {
    const { session } = this.#worker;
    const ids = claims.map((claim) => claim.id);
    const entries = await session.transaction(async () => {
      await lockTable(session, this.#tableId, this.#settings.config.warehouse.lockWaitMs);
      return this.#history().ownedBy(this.#settings.runId, ids);
    });
    await this.#learn();
    return claims.filter((claim) => {
      const entry = entries.get(claim.id);
      if (entry === undefined) this.#passed.push(claim.object);
      if (entry === undefined || entry.status === "loading") return entry !== undefined;
      if (entry.status === "failed") return false;
      const { key, kind, size: bytes } = claim.object;
      const object: ObjectReport = { key, kind, status: entry.status, lane: undefined, counts: entry.counts, bytes };
      this.report.objects.push(object);
      this.#settings.onObject?.(this.#spec.name, object);
      return false;
    });
  }

  async #failAll(claims: readonly Claim<SourceObject>[], error: unknown, doing: string): Promise<void> {
    const failed = asDrayageError(error, this.#spec, doing);
    if (keepsOrder(this.#spec)) this.#failedFirst ??= claims[0]?.object.key;
    for (const claim of claims) {
      const placed = withPlace(failed, { object: claim.object.key }) as DrayageError;
      await this.#history().fail(this.#settings.runId, claim, {
        code: failed.code,
        message: failed.message,
        retry: failed.retry,
        configHash: this.#policy.configHash,
      });
      this.report.failures.push({ key: claim.object.key, error: placed });
    }
  }

  /** What another live run holds becomes final, or free: wait for it, and take over what became free. */
  async #waitForPassed(): Promise<void> {
    const deadline = performance.now() + this.#settings.config.warehouse.lockWaitMs;
    const { runId, signal } = this.#settings;
    while (this.#passed.length > 0) {
      const listed = await this.#again(() => this.#history().open(this.#passed, this.#policy));
      // This run's own: they were claimed by a statement whose answer never came.
      const open = listed.map((one) =>
        one.state === "held" && one.runId === String(runId) ? { ...one, state: "claimable" as const } : one,
      );
      const of = (state: string) => open.filter((one) => one.state === state);
      this.#passed = of("held").map((one) => one.object);
      noteWaiting(this.report, of("waiting"));
      const free = of("claimable");
      if (free.length > 0 && !(await this.#work(free, await this.#learn()))) return;
      if (this.#passed.length > 0 && performance.now() > deadline) {
        for (const { object, runId } of of("held")) {
          this.report.held.push({ key: object.key, code: "HELD_ELSEWHERE", reason: `run ${runId} holds it` });
        }
        return;
      }
      if (this.#passed.length > 0) await sleep(250, undefined, signal === undefined ? {} : { signal });
    }
  }

  /** Those of a full load that was not applied: its objects are open again. */
  async #forgetRejects(claims: readonly Claim<SourceObject>[]): Promise<void> {
    const ids = claims.map((claim) => claim.id);
    await writeRejects(this.#worker.session, this.#settings.config.warehouse.stateSchema, ids, []);
  }

  async #release(claims: readonly Claim<SourceObject>[]): Promise<void> {
    await this.#history().release(this.#settings.runId, claims);
  }

  #history(): LoadHistory {
    return new LoadHistory(this.#worker.session, this.#settings.config.warehouse.stateSchema, this.#spec.name);
  }
}
