/** Makes one table what its objects say, in one transaction under the table's lock; or what they said before some were loaded. */
import { DrayageError } from "../errors.ts";
import { type CompareJob, compareRows, type DifferenceCount } from "../warehouse/compare-rows.ts";
import { pauseTable } from "../warehouse/marks.ts";
import { dropDuplicates, type Mended, mendRows, mendTombstones } from "../warehouse/mend-rows.ts";
import { shadowName, temporaryShadow } from "../warehouse/shadow.ts";
import { lockTable } from "../warehouse/table-state.ts";
import { leaveOut, takeBack } from "../warehouse/take-back.ts";
import { type CompareSettings, TableComparison } from "./compare-table.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import type { MadeOf } from "./made-of.ts";
import { checkMoment, checkRemoved, checkWhole, constraintBroken } from "./refresh-checks.ts";
import type { TableSpec } from "./table-spec.ts";
import { describe } from "./validate-table.ts";
import { type ComparedTable, differing, type TableValidation } from "./validation.ts";
import type { Worker } from "./worker.ts";

export interface RefreshSettings extends Omit<CompareSettings, "shadow" | "choose" | "oneIn" | "until"> {
  /** undefined: `--dry-run`, which writes nothing that others see. */
  readonly runId: bigint | undefined;
  readonly limit: number;
  readonly extremes: boolean;
  readonly allowDeletes: boolean;
  /** As if these did not exist: full keys or paths below source.url. */
  readonly without: readonly string[];
  readonly reason: string | undefined;
  /** The table as of then. */
  readonly asOf: Date | undefined;
  /** Called with the difference before anything is changed. */
  readonly onFound: (found: TableValidation) => void;
}

export interface Refreshed {
  readonly found: TableValidation;
  /** undefined: nothing was changed. */
  readonly applied: Mended | undefined;
  /** Rows that a trigger or a policy of the table did not let be changed. */
  readonly ignored: number;
  /** Paths of objects that are taken back. */
  readonly takenBack: readonly string[];
  /** Of those, and with them, what waits until the table is resumed. */
  readonly paused: boolean;
}

export async function refreshTable(worker: Worker, spec: TableSpec, settings: RefreshSettings): Promise<Refreshed> {
  const refresher = new Refresher(worker, spec, settings);
  try {
    return await refresher.refresh();
  } finally {
    // On a connection that broke it fails, and the next run drops it.
    await refresher.end().catch(() => undefined);
  }
}

class Refresher {
  readonly #worker: Worker;
  readonly #spec: TableSpec;
  readonly #settings: RefreshSettings;
  readonly #comparison: TableComparison;
  /** Named by --without, and not loaded yet. */
  #unseen: readonly SourceObject[] = [];
  #built = false;

  constructor(worker: Worker, spec: TableSpec, settings: RefreshSettings) {
    this.#worker = worker;
    this.#spec = spec;
    this.#settings = settings;
    const { runId, asOf } = settings;
    this.#comparison = new TableComparison(worker, spec, {
      ...settings,
      until: asOf,
      choose: (made) => this.#choose(made),
      shadow: async (state) =>
        runId === undefined
          ? temporaryShadow(worker.session)
          : shadowName(settings.config.warehouse.stateSchema, state.tableId, runId),
    });
  }

  async end(): Promise<void> {
    if (this.#built) await this.#comparison.latest.drop();
  }

  /** What counts: all that was loaded, or not what is taken back. */
  #choose(made: MadeOf): MadeOf {
    const { without, asOf } = this.#settings;
    if (asOf !== undefined) {
      const isOfRange = ({ kind, fileTime }: MadeOf["gone"][number]) =>
        kind === "full_load" || fileTime === undefined || fileTime <= asOf;
      const later = made.gone.filter((entry) => !isOfRange(entry));
      return { ...made, gone: made.gone.filter(isOfRange), takenBack: later.map(({ id, key }) => ({ id, path: key })) };
    }
    if (without.length === 0) return made;
    const named = new Set<string>();
    const isNamed = (key: string, path = key) => {
      const own = without.filter((name) => name === key || name === path || (path === key && key.endsWith(`/${name}`)));
      for (const name of own) named.add(name);
      return own.length > 0;
    };
    const claims = made.claims.filter(({ object }) => isNamed(object.key, object.path));
    const gone = made.gone.filter(({ key }) => isNamed(key));
    this.#unseen = made.waiting.filter(({ key, path }) => isNamed(key, path));
    for (const { key, path } of made.skipped) isNamed(key, path);
    const missing = without.find((name) => !named.has(name));
    if (missing !== undefined)
      throw new DrayageError("OBJECT_UNKNOWN", { place: { table: this.#spec.name, object: missing } });
    return {
      ...made,
      claims: made.claims.filter((claim) => !claims.includes(claim)),
      gone: made.gone.filter((entry) => !gone.includes(entry)),
      takenBack: [
        ...claims.map(({ id, object }) => ({ id, path: object.path })),
        ...gone.map(({ id, key }) => ({ id, path: key })),
      ],
    };
  }

  async refresh(): Promise<Refreshed> {
    const began = performance.now();
    const { session } = this.#worker;
    const { asOf, runId } = this.#settings;
    const notes: string[] = [];
    const found = (compared: ComparedTable | undefined): TableValidation => ({
      table: this.#spec.name,
      target: `${this.#spec.target.schema}.${this.#spec.target.table}`,
      compared,
      counted: undefined,
      sourceCount: undefined,
      notes,
      error: undefined,
      milliseconds: performance.now() - began,
    });
    const nothing = { applied: undefined, ignored: 0, takenBack: [], paused: false };
    this.#built = await this.#comparison.build();
    if (!this.#built) {
      notes.push("nothing to refresh: no object of the table was ever loaded");
      return { found: found(undefined), ...nothing };
    }
    if (asOf !== undefined) checkMoment(this.#comparison, asOf);
    await reach("after_shadow", this.#spec.name);
    const compared = await this.#comparison.atOneMoment(
      async () => {
        await session.query("set transaction isolation level repeatable read");
      },
      async (job) =>
        describe(this.#worker, this.#comparison, job, {
          counts: await compareRows(session, job),
          limit: this.#settings.limit,
          extremes: this.#settings.extremes,
        }),
    );
    const { takenBack } = this.#comparison;
    if (asOf !== undefined && takenBack.length === 0)
      notes.push("no loaded record is later: the table stands as of then already");
    const before = found(compared);
    this.#settings.onFound(before);
    if (runId === undefined) return { found: before, ...nothing };
    checkWhole(this.#spec.name, compared);
    const isPlain = takenBack.length === 0 && this.#unseen.length === 0;
    const applied = await this.#applyAll();
    return { found: before, ...applied, paused: asOf !== undefined && !isPlain };
  }

  async #applyAll(): Promise<Pick<Refreshed, "applied" | "ignored" | "takenBack">> {
    const { session } = this.#worker;
    const { config } = this.#settings;
    try {
      const done = await this.#comparison.atOneMoment(
        async () => {
          await lockTable(session, this.#comparison.state.tableId, config.warehouse.lockWaitMs);
          await reach("after_lock", this.#spec.name);
        },
        (job) => this.#apply(job),
      );
      await reach("after_refresh_commit", this.#spec.name);
      return done;
    } catch (error) {
      throw constraintBroken(error, this.#spec.name);
    }
  }

  async #apply(job: CompareJob): Promise<Pick<Refreshed, "applied" | "ignored" | "takenBack">> {
    const { session } = this.#worker;
    const { name } = this.#spec;
    const duplicates = await dropDuplicates(session, job);
    const counts = await compareRows(session, job);
    await reach("after_difference", name);
    const removed = sum(counts, "removed") + duplicates;
    await checkRemoved(session, this.#comparison, removed, this.#settings.allowDeletes);
    const { takenBack } = this.#comparison;
    const mended = differing({ counts }) > 0 ? await mendRows(session, job) : { removed: 0, updated: 0, inserted: 0 };
    await reach("after_refresh", name);
    await mendTombstones(session, job, name, takenBack.length > 0);
    await this.#note(takenBack.map(({ id }) => id));
    await reach("before_refresh_commit", name);
    const applied = { ...mended, removed: mended.removed + duplicates };
    const isChanged =
      applied.removed + applied.updated + applied.inserted > 0 || takenBack.length + this.#unseen.length > 0;
    const wanted = sum(counts, "removed") + sum(counts, "updated") + sum(counts, "inserted");
    return {
      applied: isChanged ? applied : undefined,
      ignored: Math.max(0, wanted - mended.removed - mended.updated - mended.inserted),
      takenBack: [...takenBack.map(({ path }) => path), ...this.#unseen.map((object) => object.path)],
    };
  }

  /** What is taken back is noted, and the table left alone until somebody looked, in the transaction that changes its rows. */
  async #note(ids: readonly bigint[]): Promise<void> {
    const { session } = this.#worker;
    const { asOf, reason, config } = this.#settings;
    const { stateSchema } = config.warehouse;
    const { name } = this.#spec;
    const why = reason === undefined ? "" : `: ${reason}`;
    if (asOf === undefined) {
      if (ids.length > 0) await takeBack(session, stateSchema, ids, "skipped", `refresh --without${why}`);
      await leaveOut(session, stateSchema, name, this.#unseen);
      return;
    }
    if (ids.length === 0) return;
    await takeBack(session, stateSchema, ids, "pending", `refresh --as-of ${asOf.toISOString()}${why}`);
    await pauseTable(session, stateSchema, name, { reason: `as of ${momentText(asOf)}${why}`, until: undefined });
  }
}

function sum(counts: readonly DifferenceCount[], verdict: DifferenceCount["verdict"]): number {
  return counts.reduce((total, one) => total + (one.verdict === verdict ? one.count : 0), 0);
}

export function momentText(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
