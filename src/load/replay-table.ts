/** Replays open rejects of one table: reads each record again, stages it under its own number, merges it as any other. */
import type { Config } from "../config/config.ts";
import { DrayageError, withPlace } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { Claim } from "../warehouse/load-history.ts";
import { lastRejectId, type OpenReject, readOpenRejects } from "../warehouse/open-rejects.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import type { RejectSelection } from "../warehouse/reject-selection.ts";
import { readTableState } from "../warehouse/table-state.ts";
import { isConnectionLost } from "../warehouse/warehouse-error.ts";
import type { SourceObject } from "./discover.ts";
import type { KnownObject } from "./known-objects.ts";
import { knownAfter, learnTable } from "./learn-table.ts";
import { asDrayageError, stopsTable } from "./load-errors.ts";
import { mergeUnit } from "./merge-unit.ts";
import { pausedText } from "./note-unit.ts";
import { type RejectPiece, rejectPieces } from "./reject-pieces.ts";
import { RejectsChanged, replayBooks } from "./replay-books.ts";
import { newReplay, type TableReplay } from "./replay-report.ts";
import { stageUnit } from "./stage-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";
import type { Worker } from "./worker.ts";

export interface ReplaySettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly runId: bigint;
  readonly selection: RejectSelection;
  /** Most rejects of the table that are read. */
  readonly most: number;
  readonly allowDeletes: boolean;
  readonly signal: AbortSignal | undefined;
}

/** `objects`: those of the table with open rejects, in the order of loading. */
export async function replayTable(
  worker: Worker,
  spec: TableSpec,
  objects: readonly KnownObject[],
  settings: ReplaySettings,
): Promise<TableReplay> {
  const replayer = new TableReplayer(worker, spec, settings);
  try {
    if (worker.session.lost) await worker.reconnect();
    await replayer.replay(objects);
  } catch (error) {
    if (settings.signal?.aborted === true) throw error;
    replayer.report.failures.push({ key: undefined, error: asDrayageError(error, spec, "replay rejects") });
  }
  return replayer.report;
}

/** Rejects, and objects, that share a page. */
const pageRejects = 2000;
const pageObjects = 200;
/** How often a page is read anew because another run changed it, or the connection broke. */
const pageTries = 5;

class TableReplayer {
  readonly report: TableReplay;
  readonly #worker: Worker;
  readonly #spec: TableSpec;
  readonly #settings: ReplaySettings;
  #known: TableKnowledge | undefined;
  #tableId = 0;
  #stopped = false;
  #read = 0;

  constructor(worker: Worker, spec: TableSpec, settings: ReplaySettings) {
    this.#worker = worker;
    this.#spec = spec;
    this.#settings = settings;
    this.report = newReplay(spec);
  }

  async replay(objects: readonly KnownObject[]): Promise<void> {
    if (!(await this.#learn())) return;
    // What fails again, and what the rest of an object adds, has its turn in the next replay.
    const upTo = await lastRejectId(this.#worker.session, this.#stateSchema);
    for (let i = 0; i < objects.length; i += pageObjects) {
      const some = objects.slice(i, i + pageObjects);
      let after = "0";
      while (!this.#stopped && this.#read < this.#settings.most) {
        this.#settings.signal?.throwIfAborted();
        const last = await this.#page(some, after, upTo);
        if (last === undefined) break;
        after = last;
      }
    }
  }

  get #stateSchema(): string {
    return this.#settings.config.warehouse.stateSchema;
  }

  /** False when the table is left alone. */
  async #learn(): Promise<boolean> {
    const { session } = this.#worker;
    const state = await readTableState(session, this.#stateSchema, this.#spec.name);
    if (state === undefined) return false;
    if (state.paused) {
      this.report.notes.push(pausedText(state.pausedReason, 0).split(";")[0] ?? "paused");
      return false;
    }
    this.#known = await learnTable(session, this.#spec, state, this.#stateSchema);
    this.#tableId = state.tableId;
    return true;
  }

  /** Replays the next rejects of these objects. The id of the last one; undefined when there was none. */
  async #page(objects: readonly KnownObject[], after: string, upTo: string): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const limit = Math.min(pageRejects, this.#settings.most - this.#read);
        const rejects = await readOpenRejects(this.#worker.session, this.#stateSchema, this.#settings.selection, {
          objects: objects.map((one) => one.known.historyId),
          after,
          upTo,
          limit,
        });
        const last = rejects.at(-1)?.id;
        if (last !== undefined) await this.#replayPieces(this.#pieces(objects, rejects));
        this.#read += rejects.length;
        return last;
      } catch (error) {
        // What of the page committed is no longer open: it is not read again.
        const isPassing = error instanceof RejectsChanged || isConnectionLost(error);
        if (this.#settings.signal?.aborted === true || !isPassing || attempt === pageTries) throw error;
        if (isConnectionLost(error)) await this.#worker.reconnect();
        if (!(await this.#learn())) return undefined;
      }
    }
  }

  #pieces(objects: readonly KnownObject[], rejects: readonly OpenReject[]): RejectPiece[] {
    const { config, source, signal } = this.#settings;
    const settings = { source, spec: this.#spec, maxHeadBytes: config.limits.maxRecordBytes, signal };
    // The collapse takes the last record of a key for its newest.
    const ordered = objects.toSorted((a, b) => (a.object.version < b.object.version ? -1 : 1));
    const pieces = ordered.flatMap(({ object, known }) => {
      const own = rejects.filter((reject) => reject.historyId === known.historyId);
      const claim = { id: known.historyId, object, attempt: 0, again: false, was: undefined };
      return own.length === 0 ? [] : rejectPieces(claim, known.header, own, settings);
    });
    const unplaced = rejects.length - pieces.reduce((sum, piece) => sum + piece.rejects.length, 0);
    this.report.left += unplaced;
    return pieces;
  }

  async #replayPieces(pieces: readonly RejectPiece[]): Promise<void> {
    const known = this.#known;
    if (known === undefined) throw new DrayageError("INTERNAL");
    const byClaim = new Map(pieces.map((piece) => [piece.claim, piece.piece]));
    let claims: readonly Claim<SourceObject>[] = pieces.map((piece) => piece.claim);
    while (claims.length > 0 && !this.#stopped) {
      const staged = await stageUnit(this.#worker.session, this.#worker.staging, this.#known ?? known, claims, {
        config: this.#settings.config,
        source: this.#settings.source,
        signal: this.#settings.signal,
        pieces: byClaim,
        maxRecords: Number.POSITIVE_INFINITY,
      });
      for (const { claim, error } of staged.failures) this.#fail([claim], error, pieces, "read the object again");
      if (staged.unit === undefined || this.#stopped) return;
      const members = staged.unit.objects.map((object) => object.claim);
      claims = staged.rest;
      try {
        await this.#merge(staged.unit, pieces);
      } catch (error) {
        if (isConnectionLost(error) || error instanceof RejectsChanged) throw error;
        const failed = asDrayageError(error, this.#spec, "merge replayed records");
        // One bad object costs one object: taken apart, the others are replayed.
        if (members.length > 1 && !stopsTable(failed))
          for (const claim of members) await this.#replayPieces(pieces.filter((piece) => piece.claim === claim));
        else this.#fail(members, failed, pieces, "merge replayed records");
      }
    }
  }

  async #merge(unit: NonNullable<Awaited<ReturnType<typeof stageUnit>>["unit"]>, pieces: readonly RejectPiece[]) {
    const known = this.#known;
    if (known === undefined) throw new DrayageError("INTERNAL");
    const { session } = this.#worker;
    const { config, source, runId, allowDeletes } = this.#settings;
    const settings = { config, source, runId, tableId: this.#tableId, allowDeletes, rejectLimit: undefined };
    const books = replayBooks(session, this.#spec, unit, pieces, settings);
    const merged = await mergeUnit(session, known, unit, settings, books);
    this.#known = knownAfter(known, merged);
    this.report.ddl.push(...merged.ddl);
    for (const [reason, count] of merged.reasons)
      this.report.reasons.set(reason, (this.report.reasons.get(reason) ?? 0) + count);
    for (const counts of merged.counts.values()) {
      this.report.counts.read += counts.read;
      for (const outcome of outcomes) this.report.counts[outcome] += counts[outcome];
    }
  }

  #fail(claims: readonly Claim<SourceObject>[], error: unknown, pieces: readonly RejectPiece[], doing: string): void {
    const failed = asDrayageError(error, this.#spec, doing);
    this.#stopped ||= stopsTable(failed);
    for (const piece of pieces) if (claims.includes(piece.claim)) this.report.left += piece.rejects.length;
    const [first] = claims;
    const placed = withPlace(failed, { object: first?.object.key }) as DrayageError;
    this.report.failures.push({ key: first?.object.key, error: placed });
  }
}
