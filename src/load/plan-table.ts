/** `plan` of one table: stages the heads of what would be loaded, merges them into a temporary clone, says what came out. */
import type { Config } from "../config/config.ts";
import { isPattern } from "../config/folder-names.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { type MainTable, readMainTable } from "../warehouse/catalog.ts";
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import type { Claim } from "../warehouse/load-history.ts";
import { createSchema, hasTombstones, schemaExists, tombstonesName } from "../warehouse/main-table.ts";
import { findBad, merge } from "../warehouse/merge.ts";
import {
  cloneMainTable,
  cloneName,
  cloneTombstones,
  copyStagedKeys,
  makeCloneTombstones,
  readClone,
} from "../warehouse/plan-clone.ts";
import type { RecordCounts } from "../warehouse/record-counts.ts";
import { type RescuedPath, readRescued } from "../warehouse/rescued.ts";
import {
  type PinnedDialect,
  readFloor,
  readStoredColumns,
  readTableState,
  type StoredColumn,
} from "../warehouse/table-state.ts";
import { wideningObstacles } from "../warehouse/widening.ts";
import { bindColumns } from "./bind-columns.ts";
import { type Binding, type ExpectedPath, noChanges } from "./binding.ts";
import { checkValues } from "./check-values.ts";
import { decideContract, growthOf } from "./contract.ts";
import { checkOverflow } from "./contract-limits.ts";
import type { SourceObject } from "./discover.ts";
import { asDrayageError } from "./load-errors.ts";
import { mergeJob } from "./merge-job.ts";
import { partialUnit } from "./partial-records.ts";
import { bindForDisplay, describeCells } from "./plan-cells.ts";
import { PlanColumns, withColumns } from "./plan-columns.ts";
import { PlanCounts } from "./plan-counts.ts";
import { PlanRescues } from "./plan-rescues.ts";
import { stagedColumns } from "./prepare-target.ts";
import { stageUnit } from "./stage-unit.ts";
import type { StagedUnit } from "./staged-unit.ts";
import { surveyHeads } from "./survey-heads.ts";
import { newPins, nothingYet, type TableKnowledge } from "./table-knowledge.ts";
import type { TablePlan } from "./table-plan.ts";
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
  readonly #counted = new PlanCounts();
  readonly #dialect = new Set<string>();
  #read = { objects: 0, records: 0 };
  #key: readonly string[] = [];
  #live: MainTable | undefined;
  #clone: MainTable | undefined;
  /** With the columns that the units so far would have stored: a name with a hash is found by its path alone. */
  #stored: readonly StoredColumn[] = [];
  #hasTombstones = false;
  #pinned: PinnedDialect = {};
  #rescued: readonly RescuedPath[] = [];
  #surveyed: DrayageError | undefined;
  readonly #waiting = new PlanRescues();

  constructor(worker: Worker, spec: TableSpec, settings: PlanSettings) {
    this.#worker = worker;
    this.#spec = spec;
    this.#settings = settings;
  }

  result(objects: readonly SourceObject[]): TablePlan {
    const fullLoads = objects.filter((object) => object.kind === "full_load").length;
    return {
      table: this.#spec.name,
      entry: entryName(this.#spec, objects),
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
      rescued: this.#waiting.list(this.#spec.target),
      counts: this.#counted.counts,
      rejects: this.#counted.rejects,
      dialect: [...this.#dialect],
      notes: this.#columns.unmatched(this.#spec),
      errors: this.errors,
    };
  }

  async plan(objects: readonly SourceObject[]): Promise<void> {
    const { session, staging } = this.#worker;
    const { config } = this.#settings;
    this.#live = await readMainTable(session, this.#spec.target.schema, this.#spec.target.table);
    this.#columns.exist(this.#live?.columns.map((column) => column.name) ?? []);
    await session.query("drop table if exists pg_temp.drayage_plan, pg_temp.drayage_plan_tombstones");
    if (this.#live !== undefined) await cloneMainTable(session, this.#live);
    this.#clone = await readClone(session);
    const state = this.#settings.hasState
      ? await readTableState(session, config.warehouse.stateSchema, this.#spec.name)
      : undefined;
    if (this.#settings.hasState) {
      this.#stored = await readStoredColumns(session, config.warehouse.stateSchema, this.#spec.name);
      this.#rescued = await readRescued(session, config.warehouse.stateSchema, this.#spec.name);
    }
    this.#pinned = state?.pinned ?? {};
    const expected = await this.#survey(objects);
    const asListed = { attempt: 1, again: false, was: undefined };
    let claims: readonly Claim<SourceObject>[] = objects.map((object, i) => ({
      ...asListed,
      id: BigInt(i + 1),
      object,
    }));
    while (claims.length > 0 && this.#read.records < this.#settings.limit) {
      const known: TableKnowledge = {
        spec: this.#spec,
        main: this.#clone,
        stored: this.#stored,
        pinned: this.#pinned,
        expected,
        waiting: this.#rescued,
        changes: noChanges,
      };
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
    if (this.#surveyed !== undefined) this.errors.push(asDrayageError(this.#surveyed, this.#spec, "look at the heads"));
  }

  /** As `load` does for a new table. What is wrong with its paths the units say too, beside their columns. */
  async #survey(objects: readonly SourceObject[]): Promise<readonly ExpectedPath[]> {
    if (this.#live !== undefined || objects.length < 2) return [];
    try {
      const known = { spec: this.#spec, main: undefined, stored: this.#stored, pinned: this.#pinned };
      return await surveyHeads({ ...known, ...nothingYet }, objects, this.#settings);
    } catch (error) {
      if (!(error instanceof DrayageError) || error.code !== "TOO_MANY_COLUMNS") throw error;
      this.#surveyed = error;
      return [];
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
    const { unchangedToken } = this.#spec.config.dialect;
    await describeCells(session, this.#columns, unit, bindForDisplay(this.#spec, staged, known), unchangedToken);
    if (unit.objects.every((object) => object.staged === 0)) {
      this.#count(unit, new Map(), []);
      return;
    }
    checkOverflow(this.#spec, unit.overflow, this.#clone);
    const binding = bindColumns(this.#spec, staged, known.stored, this.#clone);
    await checkValues(session, this.#spec, binding);
    this.#key = binding.key;
    this.#columns.markKey(binding.key);
    await this.#ddl(binding);
    const onClone: TableSpec = { ...this.#spec, target: cloneName };
    const contract = decideContract(onClone, binding, this.#clone, await this.#findNarrow(binding));
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

  /** What stands in the way of columns that would have to grow, on the live table. */
  async #findNarrow(binding: Binding): Promise<ReadonlyMap<string, string>> {
    if (this.#live === undefined) return new Map();
    const columns = growthOf(this.#spec, binding).map(({ column }) => column);
    return wideningObstacles(this.#worker.session, this.#live, columns);
  }

  /** The statements that `load` would run on the live table, which the clone stands for. */
  async #ddl(binding: Binding): Promise<void> {
    const { target } = this.#spec;
    const standsFor =
      this.#clone === undefined ? undefined : { ...this.#clone, schema: target.schema, name: target.table };
    const narrow = await this.#findNarrow(binding);
    const { statements, rescues } = decideContract(this.#spec, binding, standsFor, narrow);
    this.#waiting.add(rescues, narrow, binding);
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
      partial: await partialUnit(session, this.#spec, unit, binding, tableId === undefined ? undefined : stateSchema),
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
      this.#count(unit, outcome.counts, outcome.bad);
    });
  }

  #count(unit: StagedUnit, merged: ReadonlyMap<number, RecordCounts>, bad: readonly BadRecord[]): void {
    try {
      this.#counted.add(this.#spec, unit, merged, bad);
    } catch (error) {
      this.errors.push(asDrayageError(error, this.#spec, "plan the table"));
    }
  }
}

/** Under `tables:`: a folder that a pattern claims gets an entry of its own. */
function entryName({ config }: TableSpec, objects: readonly SourceObject[]): string {
  const path = objects[0]?.path;
  return config.prefixes.some(isPattern) && path !== undefined
    ? path.slice(0, Math.max(0, path.lastIndexOf("/")))
    : config.name;
}
