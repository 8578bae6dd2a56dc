/** Loads the open objects of one table: a newer full load as a whole, first full loads side by side, changes in order. */
import { setTimeout as sleep } from "node:timers/promises";
import { type DrayageError, withPlace } from "../errors.ts";
import { FullLoads } from "../warehouse/full-loads.ts";
import type { Claim, OpenObject } from "../warehouse/load-history.ts";
import { writeRejects } from "../warehouse/rejects.ts";
import type { TableState } from "../warehouse/table-state.ts";
import { isConnectionLost } from "../warehouse/warehouse-error.ts";
import { applyGeneration } from "./apply-generation.ts";
import type { SourceObject } from "./discover.ts";
import { MemberFailed } from "./fill-shadow.ts";
import { asDrayageError, stopsTable } from "./load-errors.ts";
import type { LoadSettings } from "./load-settings.ts";
import { nextUnit } from "./next-unit.ts";
import { noteApplied, noteBehind, noteSuperseded, noteWaiting, pausedText } from "./note-unit.ts";
import { preflight } from "./preflight.ts";
import type { TableReport } from "./report.ts";
import { loadSideBySide } from "./side-by-side.ts";
import { type NextToApply, type SortedObjects, sortObjects } from "./sort-objects.ts";
import { surveyHeads } from "./survey-heads.ts";
import { beforeFailed, beforeHeld, inOrder } from "./table-order.ts";
import type { TableSpec } from "./table-spec.ts";
import { TableWork } from "./table-work.ts";
import { UnitLoader } from "./unit-loader.ts";
import { UnitQueue } from "./unit-queue.ts";
import type { Worker } from "./worker.ts";

/** Less than this is merged faster than a second worker takes it up. */
const leastSideBySideBytes = 4 * 2 ** 20;

export async function loadTable(
  worker: Worker,
  spec: TableSpec,
  open: readonly OpenObject<SourceObject>[],
  settings: LoadSettings,
): Promise<TableReport> {
  const loader = new TableLoader(worker, new TableWork(spec, settings));
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

class TableLoader {
  readonly #worker: Worker;
  readonly #work: TableWork;
  readonly #units: UnitLoader;

  constructor(worker: Worker, work: TableWork) {
    this.#worker = worker;
    this.#work = work;
    this.#units = new UnitLoader(worker, work);
  }

  get report(): TableReport {
    return this.#work.report;
  }

  async load(all: readonly OpenObject<SourceObject>[]): Promise<void> {
    const state = await this.#units.again(() => this.#work.learn(this.#worker.session));
    if (state.paused) return this.#notePause(state, all.length);
    const { config } = this.#work.settings;
    this.report.constraints = await this.#units.again(() => preflight(this.#worker.session, this.#work.known, config));
    const { open, behind, failed } = beforeFailed(this.#work.spec, all);
    const left = await this.#loadOpen(open, state);
    noteBehind(this.report, behind, failed);
    if (left) await this.#waitForPassed();
  }

  #notePause({ pausedReason }: TableState, objects: number): void {
    this.report.paused = true;
    this.report.notes.push(pausedText(pausedReason, objects));
  }

  /** False when the table was stopped: somebody has to decide. */
  async #loadOpen(all: readonly OpenObject<SourceObject>[], state: TableState): Promise<boolean> {
    const { open, behind } = beforeHeld(this.#work.spec, all);
    const sorted = await this.#units.again(() => this.#sort(open, state));
    for (const { object, entry, seenSha256 } of sorted.equal) {
      const [claim] = await this.#units.again(() => this.#work.claim(this.#worker.session, [object]));
      if (claim === undefined) continue;
      const sha256 = seenSha256 ?? entry.known?.sha256;
      await this.#work.history(this.#worker.session).skipEqual(this.#work.settings.runId, claim, sha256);
      this.report.notes.push(`${object.key} came again with equal bytes: skipped`);
    }
    const since = this.#work.passed.length;
    const { next } = sorted;
    const applied = next !== undefined && (await this.#apply(next, state));
    if (this.#work.mustWait(since)) {
      this.#work.passed.push(...sorted.fresh, ...sorted.held, ...behind);
      return true;
    }
    const fresh = applied ? await this.#withoutOlder(sorted.fresh, next.changesFrom) : sorted.fresh;
    // A full load that a bucket's copy brought again is the one that a backfill is about.
    const again = this.#work.settings.again === undefined ? [] : sorted.equal.map((version) => version.object);
    const left = await this.#loadObjects([...again, ...fresh]);
    this.#work.passed.push(...sorted.held, ...behind);
    return left;
  }

  /** What was closed before the full load that was applied just now: of rows that it lacks it would bring back some. */
  async #withoutOlder(objects: readonly SourceObject[], changesFrom: Date): Promise<readonly SourceObject[]> {
    if (this.#work.settings.again !== undefined) return objects;
    const isOlder = ({ kind, fileTime }: SourceObject) =>
      kind === "change" && fileTime !== undefined && fileTime < changesFrom;
    const older = objects.filter(isOlder);
    const { stateSchema } = this.#work.settings.config.warehouse;
    const gone = await this.#units.again(() =>
      new FullLoads(this.#worker.session, stateSchema, this.#work.spec.name).supersede(
        older,
        "closed before the full load",
      ),
    );
    noteSuperseded(this.report, gone.length, "closed before the full load");
    return objects.filter((object) => !isOlder(object));
  }

  #sort(open: readonly OpenObject<SourceObject>[], state: TableState): Promise<SortedObjects> {
    const { config, source, listing, now, again } = this.#work.settings;
    return sortObjects(this.#worker.session, open, {
      spec: this.#work.spec,
      state,
      stateSchema: config.warehouse.stateSchema,
      source,
      listing,
      now: now(),
      report: this.report,
      isBackfill: again !== undefined,
      hasMain: this.#work.known.main !== undefined,
    });
  }

  /** Full loads first, by as many workers as are to be had: no record of them says which of two came first. */
  async #loadObjects(objects: readonly SourceObject[]): Promise<boolean> {
    const { settings, spec } = this.#work;
    const { maxUnitBytes } = settings.config.limits;
    const full = objects.filter((object) => object.kind === "full_load");
    const bytes = full.reduce((sum, object) => sum + object.size, 0);
    const { most } = settings.spare;
    const { writeMode, fullLoad } = spec.config;
    const isApart = settings.again === undefined && writeMode !== "append" && fullLoad !== "changes";
    const isOneByOne = !isApart || most < 2 || full.length < 2 || bytes < 2 * leastSideBySideBytes;
    await this.#survey(objects, isOneByOne ? maxUnitBytes : 0);
    if (isOneByOne) return this.#units.load(new UnitQueue(objects, maxUnitBytes));
    const share = Math.min(maxUnitBytes, Math.max(leastSideBySideBytes, Math.ceil(bytes / most)));
    const rest = objects.filter((object) => object.kind !== "full_load");
    const since = this.#work.passed.length;
    const left = await loadSideBySide(this.#units, this.#work, new UnitQueue(full, share, true));
    if (left && !this.#work.mustWait(since)) return this.#units.load(new UnitQueue(rest, maxUnitBytes));
    if (left) this.#work.passed.push(...rest);
    else if (this.#work.failedFirst !== undefined) noteBehind(this.report, rest, this.#work.failedFirst);
    return left;
  }

  /** A new table is made for what all of its objects hold. What is staged as one unit is known whole before that. */
  async #survey(objects: readonly SourceObject[], unitBytes: number): Promise<void> {
    const { known, settings } = this.#work;
    const queue = [...objects];
    nextUnit(queue, unitBytes);
    if (known.main === undefined && queue.length > 0)
      this.#work.known = { ...known, expected: await surveyHeads(known, objects, settings) };
  }

  /** A newer full load: all of it, or nothing. The changes that are open are loaded whatever becomes of it. Returns whether it was applied. */
  async #apply(next: NextToApply, state: TableState): Promise<boolean> {
    const { runId, config, source, signal, lane, onBytes, onRecords, allowDeletes, rejectLimit } = this.#work.settings;
    const open = next.members.filter((version) => !version.final).map((version) => version.object);
    const claims = await this.#units.again(() => this.#work.claim(this.#worker.session, open));
    if (claims.length < open.length) {
      await this.#work.release(this.#worker.session, claims);
      this.#work.passed.push(...open);
      return false;
    }
    const others = next.members.flatMap(({ final, object, entry: { id } }) =>
      final && id !== undefined ? [{ id, object, attempt: 0, again: true, was: undefined }] : [],
    );
    const { known, tableId } = this.#work;
    const settings = { config, source, signal, lane, onBytes, onRecords, runId, tableId, allowDeletes, rejectLimit };
    try {
      signal?.throwIfAborted();
      const generation = { ...next, generation: state.generation + 1, claims, known: others };
      const applied = await applyGeneration(this.#worker, known, generation, settings);
      this.#work.known = { ...known, main: applied.main, stored: applied.stored };
      this.#work.generation = generation.generation;
      const before = this.report.objects.length;
      noteApplied(this.report, applied);
      const { onObject } = this.#work.settings;
      for (const object of this.report.objects.slice(before)) onObject?.(this.#work.spec.name, object);
      return true;
    } catch (error) {
      return this.#notApplied(claims, error);
    }
  }

  /** Returns whether it was applied after all. */
  async #notApplied(claims: readonly Claim<SourceObject>[], error: unknown): Promise<boolean> {
    const { settings, spec } = this.#work;
    if (settings.signal?.aborted === true) {
      await this.#work.release(this.#worker.session, claims).catch(() => undefined);
      throw error;
    }
    if (isConnectionLost(error)) {
      await this.#worker.reconnect();
      const left = await this.#work.settle(this.#worker.session, claims);
      // The answer to COMMIT was lost: all of it is loaded.
      if (left.length === 0) return true;
    }
    const { session } = this.#worker;
    const about = error instanceof MemberFailed ? error.claim : undefined;
    const failed = asDrayageError(about === undefined ? error : (error as Error).cause, spec, "apply the full load");
    // Those of a full load that was not applied: its objects are open again.
    const ids = claims.map((claim) => claim.id);
    await writeRejects(session, settings.config.warehouse.stateSchema, ids, []);
    if (failed.code === "CLAIM_LOST") this.#work.passed.push(...claims.map((claim) => claim.object));
    else if (stopsTable(failed)) {
      const key = about?.object.key ?? claims[0]?.object.key;
      this.report.failures.push({ key, error: withPlace(failed, { object: key }) as DrayageError });
    } else await this.#work.failAll(session, about === undefined ? claims : [about], failed, "apply the full load");
    await this.#work.release(session, claims);
    return false;
  }

  /** What another live run holds becomes final, or free: wait for it, and take over what became free. */
  async #waitForPassed(): Promise<void> {
    const { runId, signal, config } = this.#work.settings;
    const deadline = performance.now() + config.warehouse.lockWaitMs;
    while (this.#work.passed.length > 0) {
      const listed = await this.#units.again(() =>
        this.#work.history(this.#worker.session).open(inOrder(this.#work.passed), this.#work.policy),
      );
      // This run's own: they were claimed by a statement whose answer never came.
      const open = listed.map((one) =>
        one.state === "held" && one.runId === String(runId) ? { ...one, state: "claimable" as const } : one,
      );
      const of = (state: string) => open.filter((one) => one.state === state);
      noteWaiting(this.report, of("waiting"));
      const { open: unfailed, behind: behindFailed, failed } = beforeFailed(this.#work.spec, open);
      noteBehind(this.report, behindFailed, failed);
      const { open: next, behind } = beforeHeld(this.#work.spec, unfailed);
      const heldNow = unfailed.filter((one) => one.state === "held");
      this.#work.passed = [...heldNow.map((one) => one.object), ...behind];
      const free = next.filter((one) => one.state === "claimable");
      if (free.length > 0) {
        const state = await this.#work.learn(this.#worker.session);
        if (state.paused) return this.#notePause(state, free.length);
        if (!(await this.#loadOpen(free, state))) return;
      }
      if (this.#work.passed.length > 0 && performance.now() > deadline) {
        for (const { object, runId } of heldNow)
          this.report.held.push({ key: object.key, code: "HELD_ELSEWHERE", reason: `run ${runId} holds it` });
        for (const { key } of behind)
          this.report.held.push({ key, code: "HELD_ELSEWHERE", reason: `waits for ${heldNow[0]?.object.key}` });
        return;
      }
      if (this.#work.passed.length > 0) await sleep(250, undefined, signal === undefined ? {} : { signal });
    }
  }
}
