/** What the workers of one table share: its report, what is known of it by now, and what other runs hold. */
import { DrayageError, withPlace } from "../errors.ts";
import { type Claim, LoadHistory, type RetryPolicy } from "../warehouse/load-history.ts";
import type { Session } from "../warehouse/session.ts";
import { ensureTableState, lockTable, type TableState } from "../warehouse/table-state.ts";
import type { SourceObject } from "./discover.ts";
import { learnTable } from "./learn-table.ts";
import { asDrayageError } from "./load-errors.ts";
import type { LoadSettings } from "./load-settings.ts";
import { retryPolicy } from "./next-unit.ts";
import { newTableReport, type ObjectReport, type TableReport } from "./report.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import { holdsTable } from "./table-order.ts";
import { keepsOrder, type TableSpec } from "./table-spec.ts";

export class TableWork {
  readonly spec: TableSpec;
  readonly settings: LoadSettings;
  readonly policy: RetryPolicy;
  readonly report: TableReport;
  tableId = 0;
  /** Of the full load that the objects were sorted by. */
  generation: number | undefined;
  /** What another run claimed while this one was about to, or took over: waited for like what was held from the start. */
  passed: SourceObject[] = [];
  /** Key of an object that failed, of a table that keeps its order: what comes after it waits. */
  failedFirst: string | undefined;
  #known: TableKnowledge | undefined;

  constructor(spec: TableSpec, settings: LoadSettings) {
    this.spec = spec;
    this.settings = settings;
    this.policy = retryPolicy(settings.config, spec, settings.force, settings.again);
    this.report = newTableReport(spec.name, spec.target);
  }

  get known(): TableKnowledge {
    if (this.#known === undefined) throw new DrayageError("INTERNAL", { place: { table: this.spec.name } });
    return this.#known;
  }

  set known(known: TableKnowledge) {
    this.#known = known;
  }

  async learn(session: Session): Promise<TableState> {
    const { stateSchema } = this.settings.config.warehouse;
    const { name, target } = this.spec;
    const state = await ensureTableState(session, stateSchema, { name, ...target });
    this.#known = await learnTable(session, this.spec, state, stateSchema);
    this.tableId = state.tableId;
    this.generation = state.generation;
    return state;
  }

  history(session: Session): LoadHistory {
    return new LoadHistory(session, this.settings.config.warehouse.stateSchema, this.spec.name);
  }

  claim(session: Session, objects: readonly SourceObject[]): Promise<Claim<SourceObject>[]> {
    return this.history(session).claim(this.settings.runId, objects, this.policy);
  }

  release(session: Session, claims: readonly Claim<SourceObject>[]): Promise<void> {
    return this.history(session).release(this.settings.runId, claims);
  }

  /** What was passed over since then holds what comes after it, of a table that keeps its order. */
  mustWait(since: number): boolean {
    return keepsOrder(this.spec) && this.passed.length > since;
  }

  noteLoaded(object: ObjectReport): void {
    this.report.objects.push(object);
    this.settings.onObject?.(this.spec.name, object);
  }

  async failAll(
    session: Session,
    claims: readonly Claim<SourceObject>[],
    error: unknown,
    doing: string,
  ): Promise<void> {
    const failed = asDrayageError(error, this.spec, doing);
    if (holdsTable(this.spec, failed.code)) this.failedFirst ??= claims[0]?.object.key;
    for (const claim of claims) {
      const placed = withPlace(failed, { object: claim.object.key }) as DrayageError;
      await this.history(session).fail(this.settings.runId, claim, {
        code: failed.code,
        message: failed.message,
        retry: failed.retry,
        configHash: this.policy.configHash,
      });
      this.report.failures.push({ key: claim.object.key, error: placed });
    }
  }

  /**
   * After a broken connection: the answer to COMMIT may have been lost. Under the table's lock, which waits for the old backend,
   * the history knows what did commit. Returns the claims that are still this run's to load.
   */
  async settle(session: Session, claims: readonly Claim<SourceObject>[]): Promise<readonly Claim<SourceObject>[]> {
    const ids = claims.map((claim) => claim.id);
    const entries = await session.transaction(async () => {
      await lockTable(session, this.tableId, this.settings.config.warehouse.lockWaitMs);
      return this.history(session).ownedBy(this.settings.runId, ids);
    });
    await this.learn(session);
    return claims.filter((claim) => {
      const entry = entries.get(claim.id);
      if (entry === undefined) this.passed.push(claim.object);
      if (entry === undefined || entry.status === "loading") return entry !== undefined;
      if (entry.status === "failed") return false;
      const { key, kind, size: bytes } = claim.object;
      this.noteLoaded({ key, kind, status: entry.status, lane: undefined, counts: entry.counts, bytes });
      return false;
    });
  }
}
