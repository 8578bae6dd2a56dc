/** `plan` of one table: stages the heads of what would be loaded, merges them into a temporary clone, says what came out. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { inferType } from "../rows/infer-type.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { stagedCell } from "../warehouse/cast.ts";
import { type MainTable, readMainTable } from "../warehouse/catalog.ts";
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import type { Claim } from "../warehouse/load-history.ts";
import { createSchema, hasTombstones, schemaExists, tombstonesName } from "../warehouse/main-table.ts";
import { findBad, merge } from "../warehouse/merge.ts";
import {
  cellStatistics,
  cellValues,
  cloneMainTable,
  cloneName,
  cloneTombstones,
  copyStagedKeys,
  makeCloneTombstones,
  readClone,
} from "../warehouse/plan-clone.ts";
import { noCounts, outcomes, type RecordCounts } from "../warehouse/record-counts.ts";
import {
  type PinnedDialect,
  readFloor,
  readStoredColumns,
  readTableState,
  type StoredColumn,
} from "../warehouse/table-state.ts";
import { type Binding, bindColumns, bindForDisplay, type Feed } from "./bind-columns.ts";
import { checkOverflow, decideContract } from "./contract.ts";
import type { SourceObject } from "./discover.ts";
import { asDrayageError } from "./load-errors.ts";
import { mergeJob } from "./merge-job.ts";
import { PlanColumns, type PlannedColumn, withColumns } from "./plan-columns.ts";
import { stagedColumns } from "./prepare-target.ts";
import { checkLimits } from "./reject-records.ts";
import { stageUnit } from "./stage-unit.ts";
import type { StagedUnit } from "./staged-unit.ts";
import { newPins, type TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";
import type { Worker } from "./worker.ts";

export interface PlanSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly hasState: boolean;
  /** Records read of the table. */
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

export interface TablePlan {
  readonly table: string;
  readonly target: string;
  readonly exists: boolean;
  readonly objects: { readonly fullLoads: number; readonly changes: number; readonly bytes: number };
  /** Objects and records that were looked at. */
  readonly read: { objects: number; records: number };
  readonly key: readonly string[];
  readonly columns: readonly PlannedColumn[];
  readonly proposals: readonly { readonly path: string; readonly line: string; readonly why: string }[];
  readonly statements: readonly string[];
  readonly counts: RecordCounts;
  readonly rejects: ReadonlyMap<string, number>;
  readonly dialect: readonly string[];
  readonly notes: readonly string[];
  readonly errors: readonly DrayageError[];
}

export async function planTable(
  worker: Worker,
  spec: TableSpec,
  objects: readonly SourceObject[],
  settings: PlanSettings,
): Promise<TablePlan> {
  const planner = new TablePlanner(worker, spec, settings);
  try {
    await planner.plan(objects);
  } catch (error) {
    if (settings.signal?.aborted === true) throw error;
    planner.errors.push(asDrayageError(error, spec, "plan the table"));
  }
  return planner.result(objects);
}

class TablePlanner {
  readonly errors: DrayageError[] = [];
  readonly #worker: Worker;
  readonly #spec: TableSpec;
  readonly #settings: PlanSettings;
  readonly #columns = new PlanColumns();
  readonly #statements: string[] = [];
  readonly #counts = noCounts();
  readonly #rejects = new Map<string, number>();
  readonly #dialect = new Set<string>();
  #read = { objects: 0, records: 0 };
  #key: readonly string[] = [];
  #live: MainTable | undefined;
  #clone: MainTable | undefined;
  /** With the columns that the units so far would have stored: a name with a hash is found by its path alone. */
  #stored: readonly StoredColumn[] = [];
  #hasTombstones = false;
  #pinned: PinnedDialect = {};

  constructor(worker: Worker, spec: TableSpec, settings: PlanSettings) {
    this.#worker = worker;
    this.#spec = spec;
    this.#settings = settings;
  }

  result(objects: readonly SourceObject[]): TablePlan {
    const fullLoads = objects.filter((object) => object.kind === "full_load").length;
    return {
      table: this.#spec.name,
      target: `${this.#spec.target.schema}.${this.#spec.target.table}`,
      exists: this.#live !== undefined,
      objects: {
        fullLoads,
        changes: objects.length - fullLoads,
        bytes: objects.reduce((sum, object) => sum + object.size, 0),
      },
      read: this.#read,
      key: this.#key,
      columns: this.#columns.list(),
      proposals: this.#columns.proposals(this.#spec),
      statements: this.#statements,
      counts: this.#counts,
      rejects: this.#rejects,
      dialect: [...this.#dialect],
      notes: this.#columns.unmatched(this.#spec),
      errors: this.errors,
    };
  }

  async plan(objects: readonly SourceObject[]): Promise<void> {
    const { session, staging } = this.#worker;
    const { config } = this.#settings;
    this.#live = await readMainTable(session, this.#spec.target.schema, this.#spec.target.table);
    await session.query("drop table if exists pg_temp.drayage_plan, pg_temp.drayage_plan_tombstones");
    if (this.#live !== undefined) await cloneMainTable(session, this.#live);
    this.#clone = await readClone(session);
    const state = this.#settings.hasState
      ? await readTableState(session, config.warehouse.stateSchema, this.#spec.name)
      : undefined;
    this.#stored = this.#settings.hasState
      ? await readStoredColumns(session, config.warehouse.stateSchema, this.#spec.name)
      : [];
    this.#pinned = state?.pinned ?? {};
    const asListed = { attempt: 1, again: false, was: undefined };
    let claims: readonly Claim<SourceObject>[] = objects.map((object, i) => ({
      ...asListed,
      id: BigInt(i + 1),
      object,
    }));
    while (claims.length > 0 && this.#read.records < this.#settings.limit) {
      const known = { spec: this.#spec, main: this.#clone, stored: this.#stored, pinned: this.#pinned };
      // A few objects at a time: what is read is bounded by records, not by objects. Of one kind, as `load` takes them.
      const kind = claims[0]?.object.kind;
      const other = claims.findIndex((claim) => claim.object.kind !== kind);
      const next = claims.slice(0, other < 0 ? 16 : Math.min(other, 16));
      const staged = await stageUnit(session, staging, known, next, {
        config,
        source: this.#settings.source,
        signal: this.#settings.signal,
        maxRecords: this.#settings.limit - this.#read.records,
      });
      for (const { error } of staged.failures) this.errors.push(asDrayageError(error, this.#spec, "read the object"));
      if (staged.unit !== undefined) await this.#planUnit(known, staged.unit, state?.tableId);
      if (this.errors.some((error) => error.exit === 6)) return;
      claims = [...staged.rest, ...claims.slice(next.length)];
    }
  }

  async #planUnit(known: TableKnowledge, unit: StagedUnit, tableId: number | undefined): Promise<void> {
    this.#read.objects += unit.objects.length;
    for (const object of unit.objects) this.#read.records += object.records;
    for (const line of [...unit.shape.evidence, ...unit.nulls.evidence]) this.#dialect.add(line);
    if (unit.staging === undefined) return;
    this.#pinned = { ...this.#pinned, ...newPins(known, unit) };
    const { session } = this.#worker;
    const staged = stagedColumns(known, unit);
    await this.#describe(unit, bindForDisplay(this.#spec, staged, known));
    if (unit.objects.every((object) => object.staged === 0)) {
      this.#countObjects(unit, new Map(), []);
      return;
    }
    checkOverflow(this.#spec, unit.overflow, this.#clone);
    const binding = bindColumns(this.#spec, staged, known.stored, this.#clone);
    this.#key = binding.key;
    this.#columns.markKey(binding.key);
    await this.#ddl(binding);
    const onClone: TableSpec = { ...this.#spec, target: cloneName };
    const contract = decideContract(onClone, binding, this.#clone);
    for (const statement of contract.statements) await session.query(statement);
    this.#stored = withColumns(this.#stored, contract.columns);
    this.#clone = await readClone(session);
    if (this.#clone === undefined) throw new DrayageError("INTERNAL");
    // Kept from unit to unit: a key that one deletes must not be copied from the live table again for the next.
    if (binding.key.length > 0 && !this.#hasTombstones) {
      await makeCloneTombstones(session, this.#clone, binding.key);
      this.#hasTombstones = true;
    }
    await this.#merge(unit, bindColumns(this.#spec, staged, this.#stored, this.#clone), tableId);
  }

  /** The statements that `load` would run on the live table, which the clone stands for. */
  async #ddl(binding: Binding): Promise<void> {
    const { target } = this.#spec;
    const standsFor =
      this.#clone === undefined ? undefined : { ...this.#clone, schema: target.schema, name: target.table };
    const { statements } = decideContract(this.#spec, binding, standsFor);
    if (standsFor === undefined && !(await schemaExists(this.#worker.session, target.schema)))
      this.#statements.push(createSchema(target.schema));
    this.#statements.push(...statements);
  }

  async #merge(unit: StagedUnit, binding: Binding, tableId: number | undefined): Promise<void> {
    const { session } = this.#worker;
    const { stateSchema } = this.#settings.config.warehouse;
    const clone = this.#clone;
    if (clone === undefined) throw new DrayageError("INTERNAL");
    const job = mergeJob(this.#spec, unit, binding, {
      table: "pg_temp.drayage_plan",
      main: clone,
      tombstones: binding.key.length > 0 ? cloneTombstones : undefined,
      floor: tableId === undefined ? undefined : await readFloor(session, stateSchema, this.#spec.name),
    });
    await session.transaction(async () => {
      const copies = this.#live !== undefined && job.key.length > 0;
      if (this.#live !== undefined && copies) {
        await findBad(session, job);
        const live =
          tableId !== undefined && (await hasTombstones(session, stateSchema, tableId)) === "some"
            ? tombstonesName(stateSchema, tableId)
            : undefined;
        await copyStagedKeys(session, job, this.#live, live, "lenient");
      }
      const outcome = await merge(session, job, {
        fresh: false,
        checkDeletes: async () => undefined,
        fetchBad: 100_000,
        badFound: copies,
      });
      this.#countObjects(unit, outcome.counts, outcome.bad);
    });
  }

  #countObjects(unit: StagedUnit, merged: ReadonlyMap<number, RecordCounts>, bad: readonly BadRecord[]): void {
    const all = new Map<number, RecordCounts>();
    const rejects = unit.objects.flatMap((object) => {
      const own = [...object.unstaged, ...bad.filter((one) => one.ordinal === object.ordinal)];
      return own.map(({ record, reason, column }) => ({ historyId: object.claim.id, record, reason, column }));
    });
    for (const object of unit.objects) {
      const counts = merged.get(object.ordinal) ?? noCounts();
      const rejected = counts.rejected + object.unstaged.length;
      all.set(object.ordinal, { ...counts, read: object.records, rejected });
      this.#counts.read += object.records;
      this.#counts.rejected += object.unstaged.length;
      for (const outcome of outcomes) this.#counts[outcome] += counts[outcome];
    }
    for (const { reason, column } of rejects) this.#count(reason, column);
    try {
      checkLimits(this.#spec, unit, all, rejects, undefined);
    } catch (error) {
      this.errors.push(asDrayageError(error, this.#spec, "plan the table"));
    }
  }

  #count(reason: string, column: string | undefined): void {
    const name = column === undefined ? reason : `${reason} (${column})`;
    this.#rejects.set(name, (this.#rejects.get(name) ?? 0) + 1);
  }

  async #describe(unit: StagedUnit, feeds: readonly Feed[]): Promise<void> {
    const { session } = this.#worker;
    if (unit.staging === undefined) return;
    const indexOf = (feed: Feed) =>
      feed.from.kind === "field" ? feed.from.index : feed.from.kind === "path" ? feed.from.column.index : undefined;
    const opIndex = unit.shape.fields.findIndex((field) => field.role === "op");
    const indexes = feeds.flatMap((feed) => indexOf(feed) ?? []);
    const statistics = await cellStatistics(
      session,
      unit.staging.name,
      indexes,
      opIndex < 0 ? undefined : stagedCell(opIndex),
    );
    for (const feed of feeds) {
      const index = indexOf(feed);
      const of = index === undefined ? undefined : statistics.get(index);
      if (index === undefined || of === undefined) continue;
      const guessable = feed.type === "text" && feed.main === undefined && !this.#columns.has(feed.path);
      const proposed = guessable ? inferType(await cellValues(session, unit.staging.name, index, 1000)) : undefined;
      this.#columns.add(feed, of, proposed);
    }
    this.#columns.overflow(unit.overflow);
  }
}
