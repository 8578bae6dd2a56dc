/**
 * What the source says a table should hold: its objects are staged and merged by the load's own code, into a shadow of the main table
 * with tombstones of its own. Nothing of the state schema and of the main table is written.
 */
import type { Config } from "../config/config.ts";
import { DrayageError, withPlace } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { stagedCell } from "../warehouse/cast.ts";
import { type MainTable, mainTableSql } from "../warehouse/catalog.ts";
import type { Claim } from "../warehouse/load-history.ts";
import { createTombstones } from "../warehouse/main-table.ts";
import { merge } from "../warehouse/merge.ts";
import { createShadow, dropShadow, readShadow, type ShadowName } from "../warehouse/shadow.ts";
import { cutFrom, firstLater, keepSample, type StagedPlace, takeOutRecords } from "../warehouse/staged-records.ts";
import { openRejects } from "../warehouse/table-entries.ts";
import { bindColumns } from "./bind-columns.ts";
import { type Binding, noPaths, type StagedColumns } from "./binding.ts";
import { systemNames } from "./choose-names.ts";
import { decideContract } from "./contract.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import { inOrder } from "./made-of.ts";
import { mergeJob } from "./merge-job.ts";
import { nextUnit } from "./next-unit.ts";
import { partialUnit } from "./partial-records.ts";
import { withColumns } from "./plan-columns.ts";
import { stagedColumns } from "./prepare-target.ts";
import { stageUnit } from "./stage-unit.ts";
import type { StagedUnit } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";
import type { Worker } from "./worker.ts";

export interface LatestSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly signal: AbortSignal | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onRecords?: ((count: number) => void) | undefined;
  /** One key in so many is looked at. */
  readonly oneIn?: number | undefined;
  /** The state as of then: changes up to the first record with a later op time. */
  readonly until?: Date | undefined;
}

/** A record that no column takes today, though it may be in the table. */
export interface RefusedRecord {
  readonly object: bigint;
  readonly record: number;
}

/** Where `until` cut the changes: this object's records before `record` are in; what comes after it is not. */
export interface Cut {
  readonly claim: Claim<SourceObject>;
  readonly record: number;
}

const tombstonesTable = "drayage_shadow_tombstones";

export class LatestState {
  readonly name: ShadowName;
  readonly spec: TableSpec;
  /** As SQL. */
  readonly tombstones = `pg_temp.${tombstonesTable}`;
  /** What is in it. */
  readonly claims = new Map<bigint, Claim<SourceObject>>();
  readonly refused: RefusedRecord[] = [];
  /** Columns that the source feeds. */
  readonly columns = new Set<string>();
  /** Statements that a load of the same objects would run on the main table: what it lacks. */
  readonly statements: string[] = [];
  records = 0;
  rejected = 0;
  shadow: MainTable | undefined;
  key: readonly string[] = [];
  cut: Cut | undefined;
  hasTombstones = false;
  #known: TableKnowledge;
  readonly #main: MainTable;
  readonly #worker: Worker;
  readonly #settings: LatestSettings;

  /** `known.main` is the main table as it is: the shadow begins as an empty one like it. */
  constructor(worker: Worker, known: TableKnowledge & { main: MainTable }, name: ShadowName, settings: LatestSettings) {
    this.#worker = worker;
    this.#known = known;
    this.#main = known.main;
    this.#settings = settings;
    this.name = name;
    this.spec = known.spec;
  }

  async drop(): Promise<void> {
    await dropShadow(this.#worker.session, this.name);
    await this.#worker.session.query(`drop table if exists ${this.tombstones}`);
  }

  /** Adds objects that are not in it yet, in any order of calls. */
  async fill(claims: readonly Claim<SourceObject>[]): Promise<void> {
    const { until, config } = this.#settings;
    const open = claims.filter((claim) => !this.claims.has(claim.id)).sort(inOrder);
    const byObject = new Map(open.map((claim) => [claim.object, claim]));
    // What was closed after the moment is looked at one by one: the first one of it may be the end.
    const isLater = ({ fileTime }: SourceObject) => until !== undefined && fileTime !== undefined && fileTime > until;
    const sure = open.map((claim) => claim.object).filter((object) => !isLater(object));
    const later = open.map((claim) => claim.object).filter(isLater);
    while (this.cut === undefined && sure.length + later.length > 0) {
      const objects = sure.length > 0 ? nextUnit(sure, config.limits.maxUnitBytes) : later.splice(0, 1);
      let unit = objects.flatMap((object) => byObject.get(object) ?? []);
      while (unit.length > 0 && this.cut === undefined)
        unit = await this.#stage([...unit].sort((a, b) => (a.object.version < b.object.version ? -1 : 1)));
    }
  }

  /** The shadow, with statistics for who compares it. */
  async finished(): Promise<MainTable> {
    const { session } = this.#worker;
    if (this.shadow === undefined) {
      this.shadow = await this.#create({ fields: [], ...noPaths });
      for (const { column } of this.#known.stored)
        if (this.shadow.columns.some(({ name }) => name === column)) this.columns.add(column);
    }
    await session.query(`analyze ${mainTableSql(this.shadow)}`);
    await session.query(`analyze ${this.tombstones}`);
    return this.shadow;
  }

  /** Returns what needs a unit of its own. */
  async #stage(claims: readonly Claim<SourceObject>[]): Promise<Claim<SourceObject>[]> {
    const { session, staging } = this.#worker;
    const { config, source, signal, onBytes, onRecords } = this.#settings;
    const staged = await stageUnit(session, staging, this.#known, claims, {
      ...{ config, source, signal, onBytes, onRecords },
      maxRecords: Number.POSITIVE_INFINITY,
    });
    const [failure] = staged.failures;
    if (failure !== undefined)
      throw withPlace(failure.error, { table: this.spec.name, object: failure.claim.object.key });
    if (staged.unit !== undefined) await this.#merge(staged.unit);
    return [...staged.rest];
  }

  async #merge(unit: StagedUnit): Promise<void> {
    const { session } = this.#worker;
    if (unit.objects.some((object) => object.staged > 0)) {
      const binding = await this.#prepare(unit);
      await session.transaction(() => this.#mergeStaged(unit, binding));
      await reach("after_shadow_unit", this.spec.name);
    }
    for (const { claim, ordinal, records, unstaged } of unit.objects) {
      if (this.cut !== undefined && ordinal > this.#ordinalOf(unit, this.cut.claim)) continue;
      this.claims.set(claim.id, claim);
      this.records += records;
      this.refused.push(...unstaged.map(({ record }) => ({ object: claim.id, record })));
    }
  }

  #ordinalOf(unit: StagedUnit, claim: Claim<SourceObject>): number {
    return unit.objects.find((object) => object.claim === claim)?.ordinal ?? Number.POSITIVE_INFINITY;
  }

  /** Brings the shadow, and it alone, to the unit's contract. */
  async #prepare(unit: StagedUnit): Promise<Binding> {
    const { session } = this.#worker;
    const staged = stagedColumns(this.#known, unit);
    const onShadow: TableSpec = { ...this.spec, target: { schema: this.name.schema, table: this.name.table } };
    const made = this.shadow ?? (await this.#create(staged));
    const asIs = bindColumns(this.spec, staged, this.#known.stored, made);
    const { narrow } = this.#known.changes;
    const contract = decideContract(onShadow, asIs, made, narrow);
    this.shadow = made;
    if (contract.statements.length > 0) {
      const onMain = bindColumns(this.spec, staged, this.#known.stored, this.#main);
      for (const statement of decideContract(this.spec, onMain, this.#main, narrow).statements)
        if (!this.statements.includes(statement)) this.statements.push(statement);
      for (const statement of contract.statements) await session.query(statement);
      this.shadow = await readShadow(session, this.name);
    }
    this.#known = { ...this.#known, main: this.shadow, stored: withColumns(this.#known.stored, contract.columns) };
    const binding = bindColumns(this.spec, staged, this.#known.stored, this.shadow);
    for (const { column } of binding.feeds) this.columns.add(column);
    if (binding.rescued !== undefined || binding.rescues.length > 0) this.columns.add("_rescued");
    return binding;
  }

  /** An empty one: also where no object has a record. */
  async #create(staged: StagedColumns): Promise<MainTable> {
    const { session } = this.#worker;
    const binding = bindColumns(this.spec, staged, this.#known.stored, this.#main);
    if (binding.key.length === 0) throw new DrayageError("KEY_MISSING", { place: { table: this.spec.name } });
    this.key = binding.key;
    const fed = [...this.#known.stored, ...binding.feeds].map(({ column }) => column);
    const known = new Set([...fed, ...binding.key, ...systemNames]);
    const made = await createShadow(session, this.name, this.#main, known, binding.key);
    await session.query(`drop table if exists ${this.tombstones}`);
    await session.query(createTombstones(this.tombstones, made, binding.key, true));
    return made;
  }

  async #mergeStaged(unit: StagedUnit, binding: Binding): Promise<void> {
    const { session } = this.#worker;
    const { shadow } = this;
    if (shadow === undefined || unit.staging === undefined) throw new DrayageError("INTERNAL");
    const isFullLoad = unit.objects.every(({ claim }) => claim.object.kind === "full_load");
    const job = mergeJob(this.spec, unit, binding, {
      table: mainTableSql(shadow),
      main: shadow,
      tombstones: isFullLoad && !this.hasTombstones ? undefined : this.tombstones,
      // All deletes are there: nothing has to stand for those that were dropped by age.
      floor: undefined,
      // No object is late: all of them come in order.
      partial: await partialUnit(session, this.spec, unit, binding, undefined),
    });
    await this.#takeOut(unit, binding);
    if (this.#settings.oneIn !== undefined) await keepSample(session, job, this.#settings.oneIn);
    const { bad } = await merge(session, job, {
      fresh: isFullLoad && !this.hasTombstones,
      checkDeletes: async () => undefined,
      fetchBad: 100_000,
    });
    if (!isFullLoad) this.hasTombstones = true;
    const byOrdinal = new Map(unit.objects.map((object) => [object.ordinal, object.claim.id]));
    for (const { ordinal, record } of bad) {
      const object = byOrdinal.get(ordinal);
      if (object !== undefined) this.refused.push({ object, record });
    }
  }

  /** What is in `rejects` is in no row, whatever a cast or a constraint of the shadow would say; and what came after the moment. */
  async #takeOut(unit: StagedUnit, binding: Binding): Promise<void> {
    const { session } = this.#worker;
    const name = unit.staging?.name ?? "";
    const rejects = await openRejects(
      session,
      this.#settings.config.warehouse.stateSchema,
      unit.objects.map((object) => object.claim.id),
    );
    const places: StagedPlace[] = unit.objects.flatMap(({ ordinal, claim }) =>
      (rejects.get(claim.id) ?? []).map((record) => ({ ordinal, record })),
    );
    this.rejected += places.length;
    await takeOutRecords(session, name, places);
    const { until } = this.#settings;
    const isChange = unit.objects.some(({ claim }) => claim.object.kind === "change");
    if (until === undefined || !isChange) return;
    const place = await this.#firstLater(unit, name, binding.timestampIndex, until);
    if (place === undefined) return;
    const object = unit.objects.find(({ ordinal }) => ordinal === place.ordinal);
    if (object === undefined) throw new DrayageError("INTERNAL");
    this.cut = { claim: object.claim, record: place.record };
    await cutFrom(session, name, place);
  }

  async #firstLater(unit: StagedUnit, staging: string, timestamp: number | undefined, until: Date) {
    if (timestamp !== undefined) return firstLater(this.#worker.session, staging, stagedCell(timestamp), until);
    const later = unit.objects.find(
      ({ claim: { object } }) => object.fileTime !== undefined && object.fileTime > until,
    );
    return later === undefined ? undefined : { ordinal: later.ordinal, record: 1 };
  }
}
