/**
 * Compares one table with what its objects say: builds the latest state beside it, catches up with what is loaded meanwhile, and
 * compares at a moment at which both stand for the same objects.
 */
import { DrayageError } from "../errors.ts";
import { type MainTable, readMainTable } from "../warehouse/catalog.ts";
import type { CompareJob } from "../warehouse/compare-rows.ts";
import { hasTombstones, tombstonesName } from "../warehouse/main-table.ts";
import type { ShadowName } from "../warehouse/shadow.ts";
import { tableEntries } from "../warehouse/table-entries.ts";
import { readFloor, readTableState, type TableState } from "../warehouse/table-state.ts";
import { versionFrom } from "./apply-generation.ts";
import type { SourceObject } from "./discover.ts";
import { type LatestSettings, LatestState } from "./latest-state.ts";
import { learnTable } from "./learn-table.ts";
import { type MadeOf, madeOf } from "./made-of.ts";
import { mainTableReplaced } from "./note-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";
import type { Worker } from "./worker.ts";

export interface CompareSettings extends LatestSettings {
  /** The table's objects as they are listed now. */
  readonly list: () => Promise<readonly SourceObject[]>;
  /** Which of what the table is made of counts: all, or not what is taken back. */
  readonly choose?: ((made: MadeOf) => MadeOf) | undefined;
  readonly shadow: (state: TableState) => Promise<ShadowName>;
}

/** How often what is loaded meanwhile is added before the table counts as too busy. */
const tries = 8;

export class TableComparison {
  readonly spec: TableSpec;
  readonly #worker: Worker;
  readonly #settings: CompareSettings;
  #listed: readonly SourceObject[] = [];
  #latest: LatestState | undefined;
  #state: TableState | undefined;
  #main: MainTable | undefined;
  #made: MadeOf | undefined;

  constructor(worker: Worker, spec: TableSpec, settings: CompareSettings) {
    this.#worker = worker;
    this.spec = spec;
    this.#settings = settings;
  }

  get latest(): LatestState {
    return had(this.#latest);
  }

  get state(): TableState {
    return had(this.#state);
  }

  get main(): MainTable {
    return had(this.#main);
  }

  /** What both sides stand for, and what is left out. */
  get made(): MadeOf {
    return had(this.#made);
  }

  /** Entries that count as if they were not there. */
  get takenBack(): MadeOf["takenBack"] {
    const { cut, claims } = this.latest;
    const later = cut === undefined ? [] : this.made.claims.filter(({ id }) => id === cut.claim.id || !claims.has(id));
    return [...this.made.takenBack, ...later.map(({ id, object }) => ({ id, path: object.path }))];
  }

  /** Builds the latest state. False: no object of the table was ever loaded. */
  async build(): Promise<boolean> {
    const { session } = this.#worker;
    const { stateSchema } = this.#settings.config.warehouse;
    const { name, target } = this.spec;
    checkComparable(this.spec);
    const state = await readTableState(session, stateSchema, name);
    if (state === undefined || !state.hasHistory) return false;
    const main = await readMainTable(session, target.schema, target.table);
    if (main === undefined || (state.mainOid !== undefined && main.oid !== state.mainOid))
      throw mainTableReplaced(this.spec, stateSchema, state.tableId);
    this.#state = state;
    this.#main = main;
    this.#listed = await this.#settings.list();
    const made = await this.#madeOf();
    this.#made = made;
    const known = asItStands({ ...(await learnTable(session, this.spec, state, stateSchema)), main });
    const shadow = await this.#settings.shadow(state);
    await this.#latest?.drop();
    this.#latest = new LatestState(this.#worker, known, shadow, this.#settings);
    await this.#latest.fill(made.claims);
    await this.#latest.finished();
    return true;
  }

  async #madeOf(): Promise<MadeOf> {
    const entries = await tableEntries(
      this.#worker.session,
      this.#settings.config.warehouse.stateSchema,
      this.spec.name,
    );
    const made = madeOf(this.#listed, entries);
    return this.#settings.choose?.(made) ?? made;
  }

  /**
   * Runs `work` in a transaction in which the shadow stands for exactly what the table is made of; `open` is its beginning. What was
   * loaded since is added first.
   */
  async atOneMoment<T>(open: () => Promise<void>, work: (job: CompareJob) => Promise<T>): Promise<T> {
    const { session } = this.#worker;
    for (let attempt = 1; attempt <= tries; attempt++) {
      const done = await session.transaction(async () => {
        await open();
        const is = await this.#standing();
        return is === "same" ? { value: await work(await this.#job()) } : { is };
      });
      if ("value" in done) return done.value;
      this.#settings.signal?.throwIfAborted();
      this.#listed = await this.#settings.list();
      if (done.is === "another") await this.build();
      else {
        await this.latest.fill(this.made.claims);
        await this.latest.finished();
      }
    }
    throw new DrayageError("HELD_ELSEWHERE", {
      message: "The table is loaded into without a pause: it could not be compared at one moment",
      place: { table: this.spec.name },
      next: "Try again when its loads are done, or `drayage pause` it meanwhile.",
    });
  }

  /** Whether the table is made of what the shadow is made of: of more, it is added; of less, all is built anew. */
  async #standing(): Promise<"same" | "more" | "another"> {
    const { session } = this.#worker;
    const { target } = this.spec;
    const main = await readMainTable(session, target.schema, target.table);
    if (main === undefined || main.oid !== this.main.oid || !sameColumns(main, this.main)) return "another";
    const state = await readTableState(session, this.#settings.config.warehouse.stateSchema, this.spec.name);
    if (state?.generation !== this.state.generation) return "another";
    const before = this.made;
    const made = await this.#madeOf();
    this.#made = made;
    const now = new Map(made.claims.map((claim) => [claim.id, claim.object]));
    for (const [id, claim] of this.latest.claims) {
      if (now.get(id)?.etag !== claim.object.etag) return "another";
    }
    const isIn = this.latest.cut !== undefined ? () => true : (id: bigint) => this.latest.claims.has(id);
    if (made.claims.some((claim) => !isIn(claim.id))) return "more";
    // Loaded, but not in the listing, which is older.
    const known = new Set(before.gone.map((entry) => entry.id));
    return made.gone.some((entry) => !known.has(entry.id)) ? "more" : "same";
  }

  async #job(): Promise<CompareJob> {
    const { session } = this.#worker;
    const { stateSchema } = this.#settings.config.warehouse;
    const { latest, main, state, spec } = this;
    const key = new Set(latest.key);
    const fed = latest.columns;
    const had = new Set((latest.shadow?.columns ?? []).map((column) => column.name));
    return {
      stateSchema,
      main,
      shadow: latest.name,
      tombstones: latest.tombstones,
      mainTombstones:
        (await hasTombstones(session, stateSchema, state.tableId)) === "none"
          ? undefined
          : tombstonesName(stateSchema, state.tableId),
      key: latest.key,
      columns: main.columns
        .filter(({ name, generated }) => !generated && !key.has(name) && had.has(name))
        .filter(({ name }) => fed.has(name) || name === "_rescued")
        .map(({ name }) => name),
      newerFrom: newerFrom(spec, state),
      floor: await readFloor(session, stateSchema, spec.name),
      deletes: spec.config.deletes,
      refused: latest.refused,
      waiting: this.made.taken,
      takenBack: this.takenBack.map(({ id }) => id),
      gone: this.made.gone.map((entry) => entry.id),
      oneIn: this.#settings.oneIn,
    };
  }
}

/** Least version of a change that the current full load does not stand for. */
function newerFrom({ config }: TableSpec, { generation, generationBegan }: TableState): string {
  if (config.orderBy !== undefined) return "0";
  const began = config.changesFrom === undefined ? generationBegan : new Date(config.changesFrom);
  return String(generation > 1 && began !== undefined ? versionFrom(began) : 2n ** 62n);
}

function sameColumns(a: MainTable, b: MainTable): boolean {
  const types = new Map(b.columns.map((column) => [column.name, column.type]));
  return a.columns.length === b.columns.length && a.columns.every((column) => types.get(column.name) === column.type);
}

function had<T>(value: T | undefined): T {
  if (value === undefined) throw new DrayageError("INTERNAL", { message: "Nothing was built to compare with" });
  return value;
}

function checkComparable({ name, config }: TableSpec): void {
  const why =
    config.writeMode === "append"
      ? "An append table has no key: its rows can be counted by object, not compared"
      : config.fullLoad === "changes"
        ? "With full_load: changes each full load is written over by the next, so what older ones brought is in no object"
        : undefined;
  if (why !== undefined) throw new DrayageError("NOT_COMPARABLE", { message: why, place: { table: name } });
}

type Known = TableKnowledge & { readonly main: MainTable };

/** What waits in `_rescued` waits in the shadow, too: a column that the main table has not got, or that has not grown, is no difference. */
function asItStands({ waiting, ...known }: Known): Known {
  const has = new Set(known.main.columns.map(({ name }) => name));
  const narrow = new Map(
    waiting.flatMap(({ column, reason }) =>
      column !== undefined && has.has(column) ? [[column, reason] as const] : [],
    ),
  );
  const closed = waiting.find(({ column }) => column === undefined || !has.has(column))?.reason;
  return { ...known, waiting: [], changes: { added: 0, narrow, closed } };
}
