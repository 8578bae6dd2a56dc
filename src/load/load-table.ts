/** Loads the open objects of one table, in order, unit by unit; each ends loaded, failed with its reason, or left with one. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { DrayageError, type ErrorCode, errorCodes, withPlace } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { readMainTable } from "../warehouse/catalog.ts";
import { type Claim, LoadHistory, type OpenObject, type RetryPolicy } from "../warehouse/load-history.ts";
import { ensureTableState, lockTable, readStoredColumns, type TableState } from "../warehouse/table-state.ts";
import { isConnectionLost, warehouseError } from "../warehouse/warehouse-error.ts";
import { overflowError } from "./contract.ts";
import type { SourceObject } from "./discover.ts";
import { type MergedUnit, mergeUnit } from "./merge-unit.ts";
import { newTableReport, type TableReport } from "./report.ts";
import { skipReturned } from "./returned-objects.ts";
import { stageUnit, type TableKnowledge } from "./stage-unit.ts";
import type { Lane, StagedUnit } from "./staged-unit.ts";
import { configHash, type TableSpec } from "./table-spec.ts";
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
  /** Tests alone. */
  readonly lane?: Lane | undefined;
  readonly onBytes?: ((table: string, bytes: number) => void) | undefined;
  readonly onUnit?: ((table: string, unit: StagedUnit, merged: MergedUnit) => void) | undefined;
}

/** Small objects share a unit: one transaction and one merge for all of them. */
const maxUnitObjects = 500;

/** How often a unit whose connection broke is begun again. */
const unitTries = 3;

export function retryPolicy(config: Config, spec: TableSpec, force: boolean): RetryPolicy {
  return { maxAttempts: config.warehouse.maxAttempts, configHash: configHash(spec.config), force };
}

export async function loadTable(
  worker: Worker,
  spec: TableSpec,
  open: readonly OpenObject<SourceObject>[],
  settings: LoadSettings,
): Promise<TableReport> {
  const loader = new TableLoader(worker, spec, settings);
  const began = performance.now();
  try {
    await loader.load(open);
  } catch (error) {
    if (settings.signal?.aborted === true) throw error;
    loader.report.failures.push({ key: undefined, error: asDrayageError(error, spec, "load the table") });
  }
  loader.report.milliseconds = performance.now() - began;
  return loader.report;
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

  constructor(worker: Worker, spec: TableSpec, settings: LoadSettings) {
    this.#worker = worker;
    this.#spec = spec;
    this.#settings = settings;
    this.#policy = retryPolicy(settings.config, spec, settings.force);
    this.report = newTableReport(spec.name, spec.target);
  }

  async load(open: readonly OpenObject<SourceObject>[]): Promise<void> {
    const state = await this.#learn();
    if (state.paused) {
      this.report.paused = true;
      this.report.notes.push(
        `paused${state.pausedReason === undefined ? "" : `: ${state.pausedReason}`}; ${open.length} objects wait`,
      );
      return;
    }
    for (const { object, errorCode, error } of open.filter((one) => one.state === "waiting")) {
      this.report.waiting.push({ key: object.key, code: errorCode ?? "INTERNAL", reason: error ?? "" });
    }
    const claimable = open.filter((one) => one.state === "claimable");
    const returned = claimable.filter((one) => one.returned);
    if (returned.length > 0) await this.#inspectReturned(returned.map((one) => one.object));
    const left = await this.#loadAll(claimable.filter((one) => !one.returned).map((one) => one.object));
    if (left) await this.#waitForHeld(open.filter((one) => one.state === "held").map((one) => one.object));
  }

  async #learn(): Promise<TableState> {
    const { session } = this.#worker;
    const { stateSchema } = this.#settings.config.warehouse;
    const state = await ensureTableState(session, stateSchema, { name: this.#spec.name, ...this.#spec.target });
    const main = await readMainTable(session, this.#spec.target.schema, this.#spec.target.table);
    if (state.hasHistory && state.mainOid !== undefined && main?.oid !== state.mainOid) {
      throw new DrayageError("MAIN_TABLE_REPLACED", { place: { table: this.#spec.name } });
    }
    const stored = await readStoredColumns(session, stateSchema, this.#spec.name);
    this.#known = { spec: this.#spec, main, stored, pinned: state.pinned };
    this.#tableId = state.tableId;
    return state;
  }

  /** A full-load key that came again: equal bytes are skipped, others are a newer generation, which waits. */
  async #inspectReturned(objects: readonly SourceObject[]): Promise<void> {
    const { skipped, newer } = await skipReturned(this.#history(), this.#settings, this.#policy, objects);
    for (const object of skipped) this.report.notes.push(`${object.key} came again with equal bytes: skipped`);
    const [first] = newer;
    if (first === undefined) return;
    this.report.failures.push({
      key: first.key,
      error: new DrayageError("NEW_GENERATION", {
        message: `${newer.length} full-load ${newer.length === 1 ? "object" : "objects"} came again with other bytes: a newer full load waits`,
        place: { table: this.#spec.name, object: first.key },
      }),
    });
  }

  /** False when the table was stopped: somebody has to decide. */
  async #loadAll(objects: readonly SourceObject[]): Promise<boolean> {
    const queue = [...objects];
    let claimed: Claim<SourceObject>[] = [];
    let alone = false;
    while (queue.length > 0 || claimed.length > 0) {
      this.#settings.signal?.throwIfAborted();
      if (claimed.length === 0) {
        claimed = await this.#history().claim(
          this.#settings.runId,
          nextUnit(queue, this.#settings.config.limits.maxUnitBytes),
          this.#policy,
        );
        alone = false;
        continue;
      }
      const unit = alone ? claimed.slice(0, 1) : claimed;
      const after = claimed.slice(unit.length);
      try {
        const left = await this.#loadUnit(unit);
        if (left === "stopped") {
          await this.#release([...unit, ...after]);
          return false;
        }
        alone ||= left.alone;
        claimed = [...left.claims, ...after];
      } catch (error) {
        await this.#release(claimed).catch(() => undefined);
        throw error;
      }
    }
    return true;
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
    const { config, source, signal, lane, onBytes } = this.#settings;
    const known = this.#known;
    if (known === undefined) throw new DrayageError("INTERNAL");
    const ordered = [...claims].sort((a, b) => (a.object.version < b.object.version ? -1 : 1));
    const staged = await stageUnit(this.#worker.session, this.#worker.staging, known, ordered, {
      config,
      source,
      signal,
      lane,
      maxRecords: Number.POSITIVE_INFINITY,
      onBytes: onBytes === undefined ? undefined : (bytes) => onBytes(this.#spec.name, bytes),
    });
    for (const { claim, error } of staged.failures) {
      if (error instanceof DrayageError && error.exit === 6) {
        this.report.failures.push({ key: claim.object.key, error });
        return "stopped";
      }
      await this.#failAll([claim], error, "stage the object");
    }
    const left: Left = { claims: staged.rest, alone: false };
    if (staged.unit === undefined) return left;
    try {
      const merged = await mergeUnit(this.#worker.session, known, staged.unit, {
        config,
        source,
        runId: this.#settings.runId,
        tableId: this.#tableId,
        allowDeletes: this.#settings.allowDeletes,
        rejectLimit: this.#settings.rejectLimit,
      });
      this.#known = { ...known, main: merged.main, stored: merged.stored };
      this.#note(staged.unit, merged);
      this.#settings.onUnit?.(this.#spec.name, staged.unit, merged);
    } catch (error) {
      if (isConnectionLost(error) || this.#settings.signal?.aborted === true) throw error;
      if (error instanceof DrayageError && error.code === "CLAIM_LOST") return left;
      const members = staged.unit.objects.map((object) => object.claim);
      // A unit of several that failed is taken apart: one bad object costs one object.
      const tableWide = error instanceof DrayageError && error.exit === 6 && error.code !== "SHAPE_UNREADABLE";
      if (members.length > 1 && !tableWide) return { claims: [...members, ...staged.rest], alone: true };
      const failed = asDrayageError(error, this.#spec, "merge the unit");
      if (failed.exit === 6 || failed.code === "HELD_ELSEWHERE") {
        const [first] = members;
        const error = withPlace(failed, { object: first?.object.key }) as DrayageError;
        this.report.failures.push({ key: first?.object.key, error });
        return "stopped";
      }
      await this.#failAll(members, failed, "merge the unit");
    }
    return left;
  }

  #note(unit: StagedUnit, merged: MergedUnit): void {
    this.report.ddl.push(...merged.ddl);
    for (const [reason, count] of merged.reasons)
      this.report.reasons.set(reason, (this.report.reasons.get(reason) ?? 0) + count);
    if (unit.overflow.size > 0) this.#rescuedNote(unit);
    for (const object of unit.objects) {
      const counts = merged.counts.get(object.ordinal);
      if (counts === undefined) throw new DrayageError("COUNT_MISMATCH");
      for (const [column, count] of Object.entries(object.repairs))
        this.report.repairs.set(column, (this.report.repairs.get(column) ?? 0) + count);
      const { key, kind } = object.claim.object;
      const status = counts.rejected > 0 ? "loaded_with_rejects" : "loaded";
      this.report.objects.push({ key, kind, status, lane: object.lane, counts, bytes: object.bytes });
    }
  }

  /** New paths past max_columns are in `_rescued`: nothing is lost, and somebody has to decide. */
  #rescuedNote(unit: StagedUnit): void {
    if (this.report.failures.some((failure) => failure.error.code === "TOO_MANY_COLUMNS")) return;
    const message = `The table has flatten.max_columns (${this.#spec.config.flatten.maxColumns}) columns; new paths went to _rescued`;
    this.report.failures.push({ key: undefined, error: overflowError(this.#spec, unit.overflow, message) });
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
      if (entry === undefined || entry.status === "loading") return entry !== undefined;
      if (entry.status === "failed") return false;
      const { key, kind, size: bytes } = claim.object;
      this.report.objects.push({ key, kind, status: entry.status, lane: undefined, counts: entry.counts, bytes });
      return false;
    });
  }

  async #failAll(claims: readonly Claim<SourceObject>[], error: unknown, doing: string): Promise<void> {
    const failed = asDrayageError(error, this.#spec, doing);
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
  async #waitForHeld(objects: readonly SourceObject[]): Promise<void> {
    const deadline = performance.now() + this.#settings.config.warehouse.lockWaitMs;
    let held: readonly SourceObject[] = objects;
    while (held.length > 0) {
      const open = await this.#history().open(held, this.#policy);
      const free = open.filter((one) => one.state === "claimable").map((one) => one.object);
      if (free.length > 0 && !(await this.#loadAll(free))) return;
      for (const one of open.filter((candidate) => candidate.state === "waiting")) {
        this.report.waiting.push({ key: one.object.key, code: one.errorCode ?? "INTERNAL", reason: one.error ?? "" });
      }
      const still = open.filter((one) => one.state === "held");
      held = still.map((one) => one.object);
      if (held.length > 0 && performance.now() > deadline) {
        for (const one of still)
          this.report.held.push({ key: one.object.key, code: "HELD_ELSEWHERE", reason: `run ${one.runId} holds it` });
        return;
      }
      if (held.length > 0)
        await sleep(250, undefined, this.#settings.signal === undefined ? {} : { signal: this.#settings.signal });
    }
  }

  async #release(claims: readonly Claim<SourceObject>[]): Promise<void> {
    await this.#history().release(this.#settings.runId, claims);
  }

  #history(): LoadHistory {
    return new LoadHistory(this.#worker.session, this.#settings.config.warehouse.stateSchema, this.#spec.name);
  }
}

/** Takes the next unit's objects off the queue: of one kind, bounded in number and bytes. */
function nextUnit(queue: SourceObject[], maxBytes: number): SourceObject[] {
  const unit: SourceObject[] = [];
  let bytes = 0;
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    if (
      unit.length > 0 &&
      (bytes + next.size > maxBytes || next.kind !== unit[0]?.kind || unit.length >= maxUnitObjects)
    )
      break;
    unit.push(next);
    bytes += next.size;
    queue.shift();
  }
  return unit;
}

export function asDrayageError(error: unknown, spec: TableSpec, doing: string): DrayageError {
  const known = error instanceof DrayageError ? error : warehouseError(error, doing);
  return withPlace(known, { table: spec.name }) as DrayageError;
}

export function exitOfCode(code: string): number {
  return code in errorCodes ? errorCodes[code as ErrorCode].exit : 1;
}
