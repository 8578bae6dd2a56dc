/** Merges the objects of a full load into a shadow of the main table, as `load` merges them into the main table itself. */
import { DrayageError } from "../errors.ts";
import { type MainTable, mainTableSql } from "../warehouse/catalog.ts";
import type { Claim } from "../warehouse/load-history.ts";
import { merge } from "../warehouse/merge.ts";
import { noCounts, type RecordCounts } from "../warehouse/record-counts.ts";
import { writeRejects } from "../warehouse/rejects.ts";
import { createShadow, followMainTable, type ShadowName } from "../warehouse/shadow.ts";
import { systemNames } from "./choose-names.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import { mergeJob } from "./merge-job.ts";
import type { MergeSettings } from "./merge-settings.ts";
import { balance } from "./merge-unit.ts";
import { nextUnit } from "./next-unit.ts";
import { partialUnit } from "./partial-records.ts";
import { type Prepared, prepareTarget } from "./prepare-target.ts";
import { checkLimits, collectRejects } from "./reject-records.ts";
import { type StageSettings, stageUnit } from "./stage-unit.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { Worker } from "./worker.ts";

export type FillSettings = MergeSettings & Omit<StageSettings, "maxRecords">;

/** Something about one object stands in the way of the whole. */
export class MemberFailed extends Error {
  readonly claim: Claim<SourceObject>;
  constructor(claim: Claim<SourceObject>, cause: unknown) {
    super("an object of the full load failed", { cause });
    this.claim = claim;
  }
}

/** The shadow as it fills, unit by unit, each through the load's own staging and merge. */
export class FilledShadow {
  readonly name: ShadowName;
  known: TableKnowledge;
  prepared: Prepared | undefined;
  readonly merged: { readonly object: StagedObject; readonly counts: RecordCounts }[] = [];
  readonly reasons = new Map<string, number>();
  readonly ddl: string[] = [];
  /** What the source feeds. */
  readonly columns = new Set<string>();
  readonly #worker: Worker;
  readonly #settings: FillSettings;
  #shadow: MainTable | undefined;

  constructor(worker: Worker, known: TableKnowledge, name: ShadowName, settings: FillSettings) {
    this.#worker = worker;
    this.known = known;
    this.name = name;
    this.#settings = settings;
  }

  async fill(claims: readonly Claim<SourceObject>[]): Promise<void> {
    const byObject = new Map(claims.map((claim) => [claim.object, claim]));
    const queue = claims
      .map((claim) => claim.object)
      .sort((a, b) => (a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : a.path < b.path ? -1 : 1));
    while (queue.length > 0) {
      let unit = nextUnit(queue, this.#settings.config.limits.maxUnitBytes).flatMap(
        (object) => byObject.get(object) ?? [],
      );
      while (unit.length > 0)
        unit = await this.#stage([...unit].sort((a, b) => (a.object.version < b.object.version ? -1 : 1)));
    }
  }

  /** Returns what needs a unit of its own. */
  async #stage(claims: readonly Claim<SourceObject>[]): Promise<Claim<SourceObject>[]> {
    const { session, staging } = this.#worker;
    const staged = await stageUnit(session, staging, this.known, claims, {
      ...this.#settings,
      maxRecords: Number.POSITIVE_INFINITY,
    });
    await reach("member_copied", this.known.spec.name);
    const [failure] = staged.failures;
    if (failure !== undefined) throw new MemberFailed(failure.claim, failure.error);
    if (staged.unit !== undefined) await this.#merge(staged.unit);
    await reach("member_merged", this.known.spec.name);
    return [...staged.rest];
  }

  async #merge(unit: StagedUnit): Promise<void> {
    const { spec } = this.known;
    const isEmpty = unit.objects.every((object) => object.staged === 0);
    if (!isEmpty) await this.#prepare(unit);
    const { session } = this.#worker;
    try {
      await session.transaction(async () => {
        const outcome = isEmpty ? undefined : await this.#mergeStaged(unit);
        const rejects = await collectRejects(this.#settings.source, unit, spec, outcome?.bad ?? []);
        const counts = new Map<number, RecordCounts>();
        for (const object of unit.objects)
          counts.set(object.ordinal, balance(object, outcome?.counts.get(object.ordinal)));
        checkLimits(spec, unit, counts, rejects, this.#settings.rejectLimit);
        const ids = unit.objects.map((object) => object.claim.id);
        await writeRejects(session, this.#settings.config.warehouse.stateSchema, ids, rejects);
        for (const object of unit.objects)
          this.merged.push({ object, counts: counts.get(object.ordinal) ?? noCounts() });
        for (const { reason } of rejects) this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
      });
    } catch (error) {
      const about = error instanceof DrayageError ? error.place.object : undefined;
      const object = unit.objects.find(({ claim }) => claim.object.key === about);
      throw object === undefined ? error : new MemberFailed(object.claim, error);
    }
  }

  async #prepare(unit: StagedUnit): Promise<void> {
    const { session } = this.#worker;
    const prepared = await prepareTarget(session, this.known, unit, this.#settings);
    this.prepared = prepared;
    this.ddl.push(...prepared.ddl);
    const { main, stored, changes, waiting } = prepared;
    this.known = { ...this.known, main, stored, changes, waiting };
    for (const { column } of prepared.binding.feeds) this.columns.add(column);
    const { key } = prepared.binding;
    const fed = new Set([...this.columns, ...key, ...systemNames]);
    this.#shadow =
      this.#shadow === undefined
        ? await createShadow(session, this.name, prepared.main, fed, key)
        : await followMainTable(session, this.name, prepared.main);
    await reach("shadow_made", this.known.spec.name);
  }

  async #mergeStaged(unit: StagedUnit) {
    const { prepared } = this;
    const shadow = this.#shadow;
    if (prepared === undefined || shadow === undefined) throw new DrayageError("INTERNAL");
    const job = mergeJob(this.known.spec, unit, prepared.binding, {
      table: mainTableSql(shadow),
      main: shadow,
      tombstones: undefined,
      // The shadow is the full load as it is: what stands below the floor in the main table is compared, not inserted.
      floor: undefined,
      partial: await partialUnit(this.#worker.session, this.known.spec, unit, prepared.binding, undefined),
    });
    return merge(this.#worker.session, job, {
      fresh: true,
      checkDeletes: async () => undefined,
      fetchBad: 100_000,
    });
  }
}
