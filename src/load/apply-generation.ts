/**
 * Applies a newer full load: its objects are merged into a shadow of the main table, then the difference between the two is applied in
 * one transaction with the history. It is never merged row by row: rows that the source lacks by now would stay.
 */
import { DrayageError } from "../errors.ts";
import { type MainTable, mainTableSql, readMainTable } from "../warehouse/catalog.ts";
import { type AppliedCounts, applyDifference } from "../warehouse/difference.ts";
import { FullLoads } from "../warehouse/full-loads.ts";
import { type Claim, LoadHistory } from "../warehouse/load-history.ts";
import { hasTombstones, tombstonesName } from "../warehouse/main-table.ts";
import { outcomes, type RecordCounts } from "../warehouse/record-counts.ts";
import type { Session } from "../warehouse/session.ts";
import { dropShadow, followMainTable, shadowName } from "../warehouse/shadow.ts";
import { lockTable, readTableState } from "../warehouse/table-state.ts";
import { isRecordFault, serverFault } from "../warehouse/warehouse-error.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import { FilledShadow, type FillSettings } from "./fill-shadow.ts";
import type { StagedObject } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { Worker } from "./worker.ts";

export interface GenerationToApply {
  /** Its number. */
  readonly generation: number;
  /** This run's: they become `loaded` with it. */
  readonly claims: readonly Claim<SourceObject>[];
  /** Objects of it that were merged before anybody knew, or skipped as equal. */
  readonly known: readonly Claim<SourceObject>[];
  readonly began: Date;
  /** Changes closed before it are in the full load already. */
  readonly changesFrom: Date;
}

export interface AppliedGeneration {
  readonly main: MainTable;
  readonly stored: TableKnowledge["stored"];
  readonly objects: readonly { readonly object: StagedObject; readonly counts: RecordCounts }[];
  readonly reasons: ReadonlyMap<string, number>;
  readonly ddl: readonly string[];
  readonly removed: number;
  /** Objects of older full loads that had not been loaded. */
  readonly superseded: number;
}

/** Throws MemberFailed, or what stands in the way of all of it; then nothing was applied. */
export async function applyGeneration(
  worker: Worker,
  known: TableKnowledge,
  next: GenerationToApply,
  settings: FillSettings,
): Promise<AppliedGeneration> {
  const name = shadowName(settings.config.warehouse.stateSchema, settings.tableId, settings.runId);
  const build = new FilledShadow(worker, known, name, settings);
  try {
    await build.fill([...next.claims, ...next.known]);
    await reach("shadow_filled", known.spec.name);
    const applied = await applyShadow(worker.session, build, next, settings);
    await reach("generation_committed", known.spec.name);
    return applied;
  } finally {
    // On a connection that broke it fails, and the next run drops it.
    await dropShadow(worker.session, name).catch(() => undefined);
  }
}

/** Another run altered the main table after the shadow was filled. */
class MainTableChanged extends Error {}

async function applyShadow(
  session: Session,
  build: FilledShadow,
  next: GenerationToApply,
  settings: FillSettings,
): Promise<AppliedGeneration> {
  if (build.prepared === undefined) throw emptyFullLoad(build.known.spec.name);
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyOnce(session, build, next, settings);
    } catch (error) {
      if (!(error instanceof MainTableChanged) || attempt >= 5) throw constraintBroken(error, build.known.spec.name);
      const { schema, table } = build.known.spec.target;
      const main = await readMainTable(session, schema, table);
      if (main === undefined) throw error;
      build.prepared = { ...build.prepared, main };
      await followMainTable(session, build.name, main);
    }
  }
}

async function applyOnce(
  session: Session,
  build: FilledShadow,
  next: GenerationToApply,
  settings: FillSettings,
): Promise<AppliedGeneration> {
  const { spec } = build.known;
  const { prepared } = build;
  if (prepared === undefined) throw new DrayageError("INTERNAL");
  const { stateSchema, lockWaitMs } = settings.config.warehouse;
  const history = new LoadHistory(session, stateSchema, spec.name);
  return session.transaction(async () => {
    await lockTable(session, settings.tableId, lockWaitMs);
    await history.fence(
      settings.runId,
      next.claims.map((claim) => claim.id),
    );
    const state = await readTableState(session, stateSchema, spec.name);
    if (state?.generation !== next.generation - 1)
      throw new DrayageError("CLAIM_LOST", { place: { table: spec.name } });
    const main = await readMainTable(session, spec.target.schema, spec.target.table);
    if (main === undefined || !sameColumns(main, prepared.main)) throw new MainTableChanged("columns");
    const began = performance.now();
    const key = prepared.binding.key;
    const known = (await hasTombstones(session, stateSchema, settings.tableId)) === "some";
    const difference = await applyDifference(
      session,
      {
        main,
        shadow: build.name,
        tombstones: known ? tombstonesName(stateSchema, settings.tableId) : undefined,
        key,
        columns: main.columns
          .filter(({ name, generated }) => !generated && !key.includes(name) && isFed(build, name))
          .map((column) => column.name),
        newerFrom: versionFrom(next.changesFrom),
        deletes: spec.config.deletes,
      },
      async (removed) => {
        await checkRemoved(session, spec.name, main, removed, settings, spec.config.deleteLimitPct);
        await reach("difference_found", spec.name);
      },
    );
    await reach("difference_applied", spec.name);
    const mergeMs = Math.round(performance.now() - began);
    const claimed = new Set(next.claims.map((claim) => claim.id));
    const objects = build.merged
      .filter(({ object }) => claimed.has(object.claim.id))
      .map(({ object, counts }) => ({ object, counts: applied(counts, difference.counts.get(object.claim.id)) }));
    for (const { object, counts } of objects) {
      await history.complete({
        id: object.claim.id,
        attempt: object.claim.attempt,
        counts,
        repairs: object.repairs,
        bytes: object.bytes,
        sha256: object.sha256,
        timings: { ...object.timings, merge_ms: mergeMs },
      });
    }
    const superseded = await new FullLoads(session, stateSchema, spec.name).raise({
      generation: next.generation,
      began: next.began,
      changesFrom: next.changesFrom,
      members: [...next.claims, ...next.known].map((claim) => claim.id),
      removed: difference.removed,
    });
    await reach("generation_raised", spec.name);
    const {
      reasons,
      ddl,
      known: { stored },
    } = build;
    return { main, stored, objects, reasons, ddl, removed: difference.removed, superseded };
  });
}

/** A column that the config ignores by now, or that somebody added, is not the source's. */
function isFed(build: FilledShadow, column: string): boolean {
  return build.columns.has(column) || column === "_rescued";
}

function sameColumns(a: MainTable, b: MainTable): boolean {
  const types = new Map(b.columns.map((column) => [column.name, column.type]));
  return a.columns.length === b.columns.length && a.columns.every((column) => types.get(column.name) === column.type);
}

/** The least version of a change that was closed then; full loads are below all of them. */
export function versionFrom(time: Date): bigint {
  return (1n << 62n) + ((BigInt(Math.max(0, time.getTime())) * 10n) << 16n);
}

/**
 * What became of the object's records in the main table. Those whose row the shadow did not keep lost to another record of the full
 * load.
 */
function applied(merged: RecordCounts, kept: AppliedCounts | undefined): RecordCounts {
  const { inserted, updated, unchanged, stale, ignored } = kept ?? {
    inserted: 0,
    updated: 0,
    unchanged: 0,
    stale: 0,
    ignored: 0,
  };
  const won = merged.inserted + merged.updated + merged.unchanged + merged.deleted;
  const counts: RecordCounts = {
    read: merged.read,
    inserted,
    updated,
    unchanged,
    deleted: 0,
    superseded: merged.superseded + won - inserted - updated - unchanged - stale - ignored,
    stale: merged.stale + stale,
    ignored: merged.ignored + ignored,
    rejected: merged.rejected,
  };
  const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
  if (sum !== counts.read || counts.superseded < 0)
    throw new DrayageError("COUNT_MISMATCH", {
      message: `${counts.read} records were read, the outcomes of the full load add up to ${sum}`,
    });
  return counts;
}

async function checkRemoved(
  session: Session,
  table: string,
  main: MainTable,
  removed: number,
  { allowDeletes }: FillSettings,
  pct: number,
): Promise<void> {
  if (removed === 0 || allowDeletes || pct >= 100) return;
  const { rows } = await session.one<{ rows: string }>(`select count(*) as rows from ${mainTableSql(main)}`);
  const count = Number(rows);
  if (count < 1000 || removed * 100 <= pct * count) return;
  throw new DrayageError("DELETE_LIMIT", {
    message: `The newer full load lacks ${removed} of ${count} rows; delete_limit_pct is ${pct}`,
    place: { table },
  });
}

function emptyFullLoad(table: string): DrayageError {
  return new DrayageError("NEW_GENERATION", {
    message: "A newer full load of the table holds no record: it would empty the table",
    place: { table },
    next: "If the source is empty, empty the table by hand and `drayage mark skipped` the objects; else load the source again.",
  });
}

/** Rows that the difference removes or writes are refused by the main table: a foreign key that points to it, another unique column. */
function constraintBroken(error: unknown, table: string): unknown {
  const fault = serverFault(error);
  if (fault === undefined || !isRecordFault(error)) return error;
  const by = fault.constraint === undefined ? "" : `, constraint ${fault.constraint}`;
  return new DrayageError("RELOAD_REFUSED", {
    message: `The main table refuses what a newer full load would change (SQLSTATE ${fault.sqlstate}${by})`,
    place: { table },
    cause: error,
  });
}
