/** Merges a staged unit: the contract's DDL in a short transaction of its own, then lock, fence, merge, history, commit. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { type MainTable, mainTableSql, readMainTable } from "../warehouse/catalog.ts";
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import { LoadHistory, noCounts, outcomes, type RecordCounts } from "../warehouse/load-history.ts";
import {
  createSchema,
  createTombstones,
  hasTombstones,
  renewTombstonesView,
  schemaExistsLocked,
  tombstonesName,
} from "../warehouse/main-table.ts";
import { type MergeOutcome, merge } from "../warehouse/merge.ts";
import { writeRejects } from "../warehouse/rejects.ts";
import type { Session } from "../warehouse/session.ts";
import {
  lockTable,
  noteMainTable,
  noteSchemaChanges,
  pinDialect,
  readStoredColumns,
  type StoredColumn,
  storeColumns,
} from "../warehouse/table-state.ts";
import { repeatableStates, serverFault, warehouseError } from "../warehouse/warehouse-error.ts";
import { type Binding, bindColumns, type StagedColumns } from "./bind-columns.ts";
import { checkOverflow, decideContract } from "./contract.ts";
import { mergeJob } from "./merge-job.ts";
import { checkLimits, collectRejects } from "./reject-records.ts";
import { isDocument, type TableKnowledge } from "./stage-unit.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";

export interface MergeSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly runId: bigint;
  readonly tableId: number;
  readonly allowDeletes: boolean;
  /** Replaces both of the table's reject limits. */
  readonly rejectLimit: number | undefined;
}

export interface MergedUnit {
  /** The main table and the stored columns as they are now. */
  readonly main: MainTable | undefined;
  readonly stored: readonly StoredColumn[];
  readonly form: MergeOutcome["form"] | "empty";
  /** By ordinal. */
  readonly counts: ReadonlyMap<number, RecordCounts>;
  readonly reasons: ReadonlyMap<string, number>;
  readonly ddl: readonly string[];
  readonly mergeMs: number;
}

/** How often a deadlock, a lock time-out or a serialization failure repeats the merge transaction, from what is staged. */
const mergeTries = 5;

export async function mergeUnit(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  settings: MergeSettings,
): Promise<MergedUnit> {
  const began = performance.now();
  // Without a staged record no table is made: that every record was unreadable is found out below.
  const isEmpty = unit.objects.every((object) => object.staged === 0);
  const prepared = isEmpty ? undefined : await prepareTarget(session, known, unit, settings);
  for (let attempt = 1; ; attempt++) {
    try {
      const merged = await mergeOnce(session, known, unit, prepared, settings);
      return {
        main: prepared?.main ?? known.main,
        stored: prepared?.stored ?? known.stored,
        ddl: prepared?.ddl ?? [],
        ...merged,
        mergeMs: performance.now() - began,
      };
    } catch (error) {
      const state = serverFault(error)?.sqlstate;
      if (attempt >= mergeTries || state === undefined || !repeatableStates.has(state)) throw error;
      await sleep(50 * 2 ** attempt);
    }
  }
}

interface Prepared {
  readonly main: MainTable;
  readonly stored: readonly StoredColumn[];
  readonly binding: Binding;
  readonly ddl: readonly string[];
}

export function stagedColumns(known: TableKnowledge, unit: StagedUnit): StagedColumns {
  return {
    fields: unit.shape.fields.map((field, index) => ({
      index,
      name: field.name,
      role: field.role === "column" && isDocument(known.spec, field.name) ? "document" : field.role,
    })),
    paths: [...unit.documents].flatMap(([index, flattener]) =>
      flattener.columns.map((column) => ({ document: unit.shape.fields[index]?.name ?? "", column })),
    ),
    rescued: unit.rescued,
  };
}

/** Binds columns and brings the main table to the contract. Under the table's lock: another run may do the same right now. */
async function prepareTarget(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  settings: MergeSettings,
): Promise<Prepared> {
  const { spec } = known;
  const staged = stagedColumns(known, unit);
  const state = settings.config.warehouse.stateSchema;
  checkOverflow(spec, unit.overflow, known.main);
  const first = unit.objects[0];
  const asIs = bindColumns(spec, staged, known.stored, known.main);
  const tombstones = asIs.key.length === 0 ? "empty" : await hasTombstones(session, state, settings.tableId);
  const contract = decideContract(spec, asIs, known.main);
  const stored = new Map(known.stored.map((column) => [column.path, column]));
  const isStored = contract.columns.every((column) => stored.get(column.path)?.type === column.type);
  const pinNulls = unit.nulls.decided && known.pinned.nulls === undefined && spec.config.dialect.nulls === "auto";
  if (known.main !== undefined && contract.statements.length === 0 && tombstones !== "none" && isStored && !pinNulls) {
    return { main: known.main, stored: known.stored, binding: asIs, ddl: [] };
  }
  try {
    return await session.transaction(async () => {
      await lockTable(session, settings.tableId, settings.config.warehouse.lockWaitMs);
      const mainNow = await readMainTable(session, spec.target.schema, spec.target.table);
      const storedNow = await readStoredColumns(session, state, spec.name);
      const now = decideContract(spec, bindColumns(spec, staged, storedNow, mainNow), mainNow);
      const ddl = await runDdl(session, known, now.statements, mainNow === undefined, settings);
      const main = await readMainTable(session, spec.target.schema, spec.target.table);
      if (main === undefined) throw new DrayageError("INTERNAL", { place: { table: spec.name } });
      await noteMainTable(session, state, spec.name, main.oid);
      if (first !== undefined) await storeColumns(session, state, spec.name, now.columns, first.claim.id);
      if (pinNulls) await pinDialect(session, state, spec.name, { nulls: unit.nulls.tokens });
      const storedAfter = await readStoredColumns(session, state, spec.name);
      const binding = bindColumns(spec, staged, storedAfter, main);
      if (binding.key.length > 0 && (await hasTombstones(session, state, settings.tableId)) === "none") {
        await session.query(createTombstones(tombstonesName(state, settings.tableId), main, binding.key));
        await renewTombstonesView(session, state);
      }
      return { main, stored: storedAfter, binding, ddl };
    });
  } catch (error) {
    throw warehouseError(error, "prepare the main table", { table: spec.name });
  }
}

async function runDdl(
  session: Session,
  known: TableKnowledge,
  statements: readonly string[],
  isNew: boolean,
  settings: MergeSettings,
): Promise<readonly string[]> {
  const { target } = known.spec;
  const all =
    isNew && !(await schemaExistsLocked(session, target.schema))
      ? [createSchema(target.schema), ...statements]
      : statements;
  if (all.length === 0) return all;
  if (settings.config.warehouse.ddl === "print") {
    throw new DrayageError("DDL_NEEDED", {
      place: { table: known.spec.name },
      lines: all.map((statement) => `${statement};`),
    });
  }
  await session.query(`set local lock_timeout = ${settings.config.warehouse.lockTimeoutMs}`);
  for (const statement of all) {
    try {
      await session.query(statement);
    } catch (error) {
      const code = serverFault(error)?.sqlstate;
      // Not the owner; a view depends on the column.
      if (code === "42501" || code === "0A000" || code === "2BP01") {
        throw new DrayageError("DDL_NEEDED", {
          message:
            code === "42501"
              ? "The role may not make or alter the main table"
              : "Something depends on a column whose type must grow",
          place: { table: known.spec.name },
          lines: all.map((one) => `${one};`),
          cause: error,
        });
      }
      throw error;
    }
  }
  await noteSchemaChanges(session, settings.config.warehouse.stateSchema, known.spec.name, settings.runId, all);
  return all;
}

async function mergeOnce(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  prepared: Prepared | undefined,
  settings: MergeSettings,
): Promise<Pick<MergedUnit, "form" | "counts" | "reasons">> {
  const { spec } = known;
  const state = settings.config.warehouse.stateSchema;
  const history = new LoadHistory(session, state, spec.name);
  const ids = unit.objects.map((object) => object.claim.id);
  return session.transaction(async () => {
    await lockTable(session, settings.tableId, settings.config.warehouse.lockWaitMs);
    await history.fence(settings.runId, ids);
    const mergeBegan = performance.now();
    const outcome =
      prepared === undefined ? undefined : await mergeStaged(session, known, unit, prepared, settings, history);
    const mergeMs = Math.round(performance.now() - mergeBegan);
    const rejects = await collectRejects(settings.source, unit, spec, outcome?.bad ?? []);
    const counts = new Map<number, RecordCounts>();
    for (const object of unit.objects) counts.set(object.ordinal, balance(object, outcome?.counts.get(object.ordinal)));
    checkLimits(spec, unit, counts, rejects, settings.rejectLimit);
    await writeRejects(session, state, ids, rejects);
    for (const object of unit.objects) {
      await history.complete({
        id: object.claim.id,
        attempt: object.claim.attempt,
        counts: counts.get(object.ordinal) ?? noCounts(),
        repairs: object.repairs,
        bytes: object.bytes,
        sha256: object.claim.object.kind === "full_load" ? object.sha256 : undefined,
        timings: { ...object.timings, merge_ms: mergeMs },
      });
    }
    const reasons = new Map<string, number>();
    for (const reject of rejects) reasons.set(reject.reason, (reasons.get(reject.reason) ?? 0) + 1);
    return { form: outcome?.form ?? "empty", counts, reasons };
  });
}

async function mergeStaged(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  { main, binding }: Prepared,
  settings: MergeSettings,
  history: LoadHistory,
): Promise<MergeOutcome> {
  const tombstones = await hasTombstones(session, settings.config.warehouse.stateSchema, settings.tableId);
  const mayDelete = binding.opIndex !== undefined && known.spec.config.deletes !== "ignore";
  const job = mergeJob(known.spec, unit, binding, {
    table: mainTableSql(main),
    main,
    tombstones:
      tombstones === "some" || (tombstones === "empty" && mayDelete)
        ? tombstonesName(settings.config.warehouse.stateSchema, settings.tableId)
        : undefined,
  });
  const isFullLoad = unit.objects.every((object) => object.claim.object.kind === "full_load");
  const hasUniqueKey = main.uniqueKeys.some(
    (key) => key.length === binding.key.length && key.every((name) => binding.key.includes(name)),
  );
  return merge(session, job, {
    fresh: isFullLoad && hasUniqueKey && tombstones !== "some" && (await history.onlyFullLoads()),
    mayRefuse: main.rowTriggers || main.rowSecurity,
    checkDeletes: (deletes) => checkDeletes(session, known, main, deletes, settings.allowDeletes),
    fetchBad: 100_000,
  });
}

/** Tables of 1,000 rows or more: a unit that deletes too much of one is stopped before it does. */
async function checkDeletes(
  session: Session,
  known: TableKnowledge,
  main: MainTable,
  deletes: number,
  allowed: boolean,
): Promise<void> {
  const pct = known.spec.config.deleteLimitPct;
  if (deletes === 0 || allowed || pct >= 100) return;
  const needed = Math.max(1000, Math.ceil((deletes * 100) / Math.max(pct, 0.01)));
  const { rows } = await session.one<{ rows: string }>(
    `select count(*) as rows from (select from ${mainTableSql(main)} limit ${needed}) r`,
  );
  const count = Number(rows);
  if (count < 1000 || count >= needed) return;
  throw new DrayageError("DELETE_LIMIT", {
    message: `The unit would delete ${deletes} of ${count} rows; delete_limit_pct is ${pct}`,
    place: { table: known.spec.name },
  });
}

/** The object's records by outcome: those that were never staged are rejected. The sum must be what was read. */
function balance(object: StagedObject, merged: RecordCounts | undefined): RecordCounts {
  const counts = { ...(merged ?? noCounts()) };
  if (counts.read !== object.staged)
    throw mismatch(object, `${object.staged} rows were staged, the merge saw ${counts.read}`);
  counts.read = object.records;
  counts.rejected += object.unstaged.length;
  const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
  if (sum !== counts.read) throw mismatch(object, `${counts.read} records were read, the outcomes add up to ${sum}`);
  return counts;
}

function mismatch(object: StagedObject, message: string): DrayageError {
  return new DrayageError("COUNT_MISMATCH", { message, place: { object: object.claim.object.key } });
}

export type { BadRecord };
