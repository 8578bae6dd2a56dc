/** One worker of a table: claims a unit, stages it, merges it; each of its objects ends loaded, failed with its reason, or left with one. */
import { DrayageError, withPlace } from "../errors.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import type { Claim } from "../warehouse/load-history.ts";
import { isConnectionLost } from "../warehouse/warehouse-error.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import { knownAfter } from "./learn-table.ts";
import { asDrayageError, stopsTable } from "./load-errors.ts";
import { mergeUnit } from "./merge-unit.ts";
import { noteBehind, noteUnit } from "./note-unit.ts";
import { checkShape } from "./preflight.ts";
import { stageUnit } from "./stage-unit.ts";
import type { StagedUnit } from "./staged-unit.ts";
import type { TableWork } from "./table-work.ts";
import type { UnitQueue } from "./unit-queue.ts";
import type { Worker } from "./worker.ts";

/** How often a unit whose connection broke is begun again. */
const unitTries = 3;

type Claims = readonly Claim<SourceObject>[];

/** Claims that are still to do; each by itself when a unit of them failed. */
interface Left {
  readonly claims: Claims;
  readonly alone: boolean;
}

const nothingLeft: Left = { claims: [], alone: false };

export class UnitLoader {
  readonly #worker: Worker;
  readonly #work: TableWork;

  constructor(worker: Worker, work: TableWork) {
    this.#worker = worker;
    this.#work = work;
  }

  /** False when the table was stopped: somebody has to decide. `taken` is called with each unit that was taken off the queue. */
  async load(queue: UnitQueue, taken: () => void = () => undefined): Promise<boolean> {
    const since = this.#work.passed.length;
    for (;;) {
      this.#work.settings.signal?.throwIfAborted();
      const wanted = queue.take();
      if (wanted.length === 0) return true;
      taken();
      const claimed = await this.again(() => this.#work.claim(this.#worker.session, wanted));
      const had = new Set(claimed.map((claim) => claim.object));
      this.#work.passed.push(...wanted.filter((object) => !had.has(object)));
      await reach("after_claim", this.#work.spec.name);
      // What another run has of the unit may be its first object: the others come after it.
      if (this.#work.mustWait(since)) return this.#pass(queue, claimed);
      if (claimed.length > 0 && !(await this.#loadClaims(claimed, queue, since))) return false;
    }
  }

  /** Leaves the rest for when what was passed over is final. */
  async #pass(queue: UnitQueue, claims: Claims): Promise<true> {
    this.#work.passed.push(...claims.map((claim) => claim.object), ...queue.rest);
    queue.stop();
    await this.#work.release(this.#worker.session, claims);
    return true;
  }

  async #loadClaims(claims: Claims, queue: UnitQueue, since: number): Promise<boolean> {
    let left: Left = { claims, alone: false };
    try {
      while (left.claims.length > 0) {
        this.#work.settings.signal?.throwIfAborted();
        const unit = left.alone ? left.claims.slice(0, 1) : left.claims;
        const after = left.claims.slice(unit.length);
        const outcome = await this.#loadUnit(unit, queue.sideBySide);
        if (outcome === "stopped") return this.#stop(queue, [...unit, ...after], undefined);
        left = { claims: [...outcome.claims, ...after], alone: left.alone || outcome.alone };
        const { failedFirst } = this.#work;
        if (failedFirst !== undefined) return this.#stop(queue, left.claims, failedFirst);
        if (this.#work.mustWait(since)) return this.#pass(queue, left.claims);
      }
      return true;
    } catch (error) {
      queue.stop();
      await this.#work.release(this.#worker.session, left.claims).catch(() => undefined);
      throw error;
    }
  }

  /** `failed`: an object of a table that keeps its order; what comes after it waits behind it. */
  async #stop(queue: UnitQueue, claims: Claims, failed: string | undefined): Promise<false> {
    const behind = [...claims.map((claim) => claim.object), ...queue.rest];
    queue.stop();
    await this.#work.release(this.#worker.session, claims);
    if (failed !== undefined) noteBehind(this.#work.report, behind, failed);
    return false;
  }

  /** For statements that may be carried out twice, while nothing is staged: once more on a new connection when this one broke. */
  async again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#work.settings.signal?.aborted === true || !isConnectionLost(error)) throw error;
      await this.#worker.reconnect();
      return work();
    }
  }

  async #loadUnit(claims: Claims, sideBySide: boolean): Promise<Left | "stopped"> {
    let open = claims;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#tryUnit(open, sideBySide);
      } catch (error) {
        if (this.#work.settings.signal?.aborted === true || !isConnectionLost(error)) throw error;
        await this.#worker.reconnect();
        const before = open.length;
        open = await this.#work.settle(this.#worker.session, open);
        // What committed is progress; what is still to do begins anew.
        if (open.length < before) return { claims: open, alone: false };
        if (attempt < unitTries) continue;
        await this.#work.failAll(this.#worker.session, open, error, "load a unit");
        return nothingLeft;
      }
    }
  }

  async #tryUnit(claims: Claims, sideBySide: boolean): Promise<Left | "stopped"> {
    const { config, source, signal, lane, onBytes, onRecords } = this.#work.settings;
    const { session, staging } = this.#worker;
    const ordered = [...claims].sort((a, b) => (a.object.version < b.object.version ? -1 : 1));
    const limits = { maxRecords: Number.POSITIVE_INFINITY };
    const onShape = (shape: ObjectShape) => checkShape(session, this.#work.known, shape, config);
    const settings = { config, source, signal, lane, ...limits, onBytes, onRecords, onShape };
    const staged = await stageUnit(session, staging, this.#work.known, ordered, settings);
    // Staging ends with an object that somebody has to decide about. What came before it is loaded.
    const undecided = staged.failures.filter(({ error }) => error instanceof DrayageError && error.exit === 6);
    for (const { claim, error } of staged.failures)
      if (!undecided.some((one) => one.claim === claim))
        await this.#work.failAll(session, [claim], error, "stage the object");
    const rest = [...undecided.map(({ claim }) => claim), ...staged.rest];
    const done = (): Left | "stopped" => {
      for (const { claim, error } of undecided)
        this.#work.report.failures.push({ key: claim.object.key, error: error as DrayageError });
      return undecided.length > 0 ? "stopped" : { claims: rest, alone: false };
    };
    if (staged.unit === undefined) return done();
    try {
      await this.#merge(staged.unit, sideBySide);
    } catch (error) {
      if (isConnectionLost(error) || signal?.aborted === true) throw error;
      const members = staged.unit.objects.map((object) => object.claim);
      const left = await this.#notMerged(members, rest, error);
      if (left !== undefined) return left;
    }
    return done();
  }

  async #merge(unit: StagedUnit, sideBySide: boolean): Promise<void> {
    const { spec, settings, report, tableId, generation } = this.#work;
    const { config, source, runId, allowDeletes, rejectLimit } = settings;
    const merging = { config, source, runId, tableId, generation, allowDeletes, rejectLimit, sideBySide };
    const merged = await mergeUnit(this.#worker.session, this.#work.known, unit, merging);
    // Another worker may know more by now; what it made is read again where a unit needs it.
    this.#work.known = knownAfter(this.#work.known, merged);
    const before = report.objects.length;
    noteUnit(report, spec, unit, merged);
    for (const object of report.objects.slice(before)) settings.onObject?.(spec.name, object);
    settings.onUnit?.(spec.name, unit, merged);
  }

  /** undefined: its objects are failed, or another run's, and what is left goes on. */
  async #notMerged(members: Claims, rest: Claims, error: unknown): Promise<Left | "stopped" | undefined> {
    const { session } = this.#worker;
    if (error instanceof DrayageError && error.code === "CLAIM_LOST") {
      // What was not taken over is still this run's.
      await this.#work.release(session, members);
      this.#work.passed.push(...members.map((claim) => claim.object));
      return undefined;
    }
    // A unit of several that failed is taken apart: one bad object costs one object.
    const tableWide = error instanceof DrayageError && stopsTable(error) && error.code !== "SHAPE_UNREADABLE";
    if (members.length > 1 && !tableWide) return { claims: [...members, ...rest], alone: true };
    const failed = asDrayageError(error, this.#work.spec, "merge the unit");
    if (stopsTable(failed)) {
      const object = members[0]?.object.key;
      this.#work.report.failures.push({ key: object, error: withPlace(failed, { object }) as DrayageError });
      return "stopped";
    }
    await this.#work.failAll(session, members, failed, "merge the unit");
    return undefined;
  }
}
