/** Merges a staged unit: the contract's DDL in a short transaction of its own, then lock, fence, merge, history, commit. */
import { setTimeout as sleep } from "node:timers/promises";
import { DrayageError } from "../errors.ts";
import { type MainTable, mainTableSql, readMainTable } from "../warehouse/catalog.ts";
import { stoppedOrdinal } from "../warehouse/in-pieces.ts";
import { LoadHistory } from "../warehouse/load-history.ts";
import { hasTombstones, tombstonesName } from "../warehouse/main-table.ts";
import { type MergeOutcome, merge, NeedsTable } from "../warehouse/merge.ts";
import { noCounts, outcomes, type RecordCounts } from "../warehouse/record-counts.ts";
import type { RescuedPath } from "../warehouse/rescued.ts";
import type { Session } from "../warehouse/session.ts";
import {
  lockTable,
  onlyFullLoads,
  type PinnedDialect,
  readFloor,
  readGeneration,
  readStoredColumns,
  readTableState,
  type StoredColumn,
} from "../warehouse/table-state.ts";
import { repeatableStates, serverFault } from "../warehouse/warehouse-error.ts";
import type { Binding, RunChanges } from "./binding.ts";
import { reach } from "./failpoint.ts";
import { loadBooks } from "./load-books.ts";
import { mergeJob } from "./merge-job.ts";
import type { MergeSettings } from "./merge-settings.ts";
import { partialUnit } from "./partial-records.ts";
import { keyIsTwice } from "./preflight.ts";
import { type Prepared, prepareTarget } from "./prepare-target.ts";
import { stoppedByLimit } from "./reject-records.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import type { UnitBooks } from "./unit-books.ts";

export interface MergedUnit {
  /** The main table and the stored columns as they are now. */
  readonly main: MainTable | undefined;
  readonly stored: readonly StoredColumn[];
  readonly pinned: PinnedDialect;
  readonly changes: RunChanges;
  readonly waiting: readonly RescuedPath[];
  readonly binding: Binding | undefined;
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
  books: UnitBooks = loadBooks(session, known.spec, unit, settings),
): Promise<MergedUnit> {
  const began = performance.now();
  // Without a staged record no table is made: that every record was unreadable is found out below.
  const isEmpty = unit.objects.every((object) => object.staged === 0);
  // To prepare it takes the lock for itself, and would wait for every merge beside this one: not where they have made what is needed.
  const prepare = async () => {
    const current = settings.inTurn === undefined ? known : await knownNow(session, known, settings);
    return prepareTarget(session, current, unit, settings);
  };
  let prepared = isEmpty ? undefined : await (settings.inTurn === undefined ? prepare() : settings.inTurn(prepare));
  const ddl = [...(prepared?.ddl ?? [])];
  let shared = settings.sideBySide === true;
  for (let attempt = 1; ; attempt++) {
    try {
      const merged = await mergeOnce(session, known, unit, prepared, { ...settings, sideBySide: shared }, books);
      await reach("after_commit", known.spec.name);
      return {
        main: prepared?.main ?? known.main,
        stored: prepared?.stored ?? known.stored,
        pinned: prepared?.pinned ?? known.pinned,
        changes: prepared?.changes ?? known.changes,
        waiting: prepared?.waiting ?? known.waiting,
        binding: prepared?.binding,
        ddl,
        ...merged,
        mergeMs: performance.now() - began,
      };
    } catch (error) {
      if (error instanceof NeedsTable && shared) {
        shared = false;
        continue;
      }
      if (error instanceof ColumnsChanged && attempt < mergeTries) {
        const { changes, waiting } = prepared ?? known;
        const now = { ...(await knownNow(session, known, settings)), changes, waiting };
        prepared = await prepareTarget(session, now, unit, settings);
        ddl.push(...prepared.ddl);
        continue;
      }
      const state = serverFault(error)?.sqlstate;
      if (attempt >= mergeTries || state === undefined || !repeatableStates.has(state)) throw error;
      await sleep(50 * 2 ** attempt);
    }
  }
}

async function mergeOnce(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  prepared: Prepared | undefined,
  settings: MergeSettings,
  books: UnitBooks,
): Promise<Pick<MergedUnit, "form" | "counts" | "reasons">> {
  return session.transaction(async () => {
    await lockTable(session, settings.tableId, settings.config.warehouse.lockWaitMs, settings.sideBySide);
    await reach("after_lock", known.spec.name);
    await books.fence();
    await checkGeneration(session, known, settings);
    await reach("after_fence", known.spec.name);
    if (prepared !== undefined) await checkColumns(session, known, prepared, settings);
    const began = performance.now();
    const outcome =
      prepared === undefined ? undefined : await mergeStaged(session, known, unit, prepared, settings, books);
    const mergeMs = Math.round(performance.now() - began);
    await reach("after_merge", known.spec.name);
    const counts = new Map<number, RecordCounts>();
    try {
      for (const object of unit.objects)
        counts.set(object.ordinal, balance(object, outcome?.counts.get(object.ordinal)));
    } catch (error) {
      throw (prepared && keyIsTwice(known.spec, prepared.main, prepared.binding.key)) ?? error;
    }
    const reasons = await books.close({ counts, bad: outcome?.bad ?? [], mergeMs });
    await reach("before_commit", known.spec.name);
    return { form: outcome?.form ?? "empty", counts, reasons };
  });
}

/** Another run applied a newer full load since the objects were sorted: whether they are still part of the table is to be asked anew. */
async function checkGeneration(session: Session, { spec }: TableKnowledge, settings: MergeSettings): Promise<void> {
  if (settings.generation === undefined) return;
  const generation = await readGeneration(session, settings.config.warehouse.stateSchema, spec.name);
  if (generation > settings.generation) throw new DrayageError("CLAIM_LOST", { place: { table: spec.name } });
}

/** Another run stored a column, or widened one, after this unit was prepared. */
class ColumnsChanged extends Error {}

/** A column that another run added meanwhile would keep its old cells where this unit's records have none. */
async function checkColumns(
  session: Session,
  { spec }: TableKnowledge,
  { stored }: Prepared,
  settings: MergeSettings,
): Promise<void> {
  const types = new Map(stored.map((column) => [column.path, column.type]));
  const now = await readStoredColumns(session, settings.config.warehouse.stateSchema, spec.name);
  if (now.length !== stored.length || now.some((column) => types.get(column.path) !== column.type))
    throw new ColumnsChanged("the table's columns changed");
}

async function knownNow(session: Session, known: TableKnowledge, settings: MergeSettings): Promise<TableKnowledge> {
  const { spec } = known;
  const { stateSchema } = settings.config.warehouse;
  const state = await readTableState(session, stateSchema, spec.name);
  return {
    ...known,
    main: await readMainTable(session, spec.target.schema, spec.target.table),
    stored: await readStoredColumns(session, stateSchema, spec.name),
    pinned: state?.pinned ?? known.pinned,
  };
}

async function mergeStaged(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  { main, binding }: Prepared,
  settings: MergeSettings,
  { mostRejects }: UnitBooks,
): Promise<MergeOutcome> {
  const tombstones = await hasTombstones(session, settings.config.warehouse.stateSchema, settings.tableId);
  const mayDelete =
    binding.opIndex !== undefined && (known.spec.config.deletes !== "ignore" || binding.before.size > 0);
  const floor = await readFloor(session, settings.config.warehouse.stateSchema, known.spec.name);
  const job = mergeJob(known.spec, unit, binding, {
    table: mainTableSql(main),
    main,
    tombstones:
      tombstones === "some" || (tombstones === "empty" && mayDelete)
        ? tombstonesName(settings.config.warehouse.stateSchema, settings.tableId)
        : undefined,
    floor,
    partial: await partialUnit(session, known.spec, unit, binding, settings.config.warehouse.stateSchema),
  });
  // What was loaded before has its rows there, or had them deleted: it is never fresh.
  const again = unit.objects.filter((object) => object.claim.again);
  if (again.length > 0 && binding.key.length === 0) await takeBack(session, known, main, again, settings);
  const isFullLoad = again.length === 0 && unit.objects.every((object) => object.claim.object.kind === "full_load");
  const hasUniqueKey = main.uniqueKeys.some(
    (key) => key.length === binding.key.length && key.every((name) => binding.key.includes(name)),
  );
  const rejectLimits =
    job.partial !== undefined || mostRejects === undefined
      ? undefined
      : unit.objects.map((object) => ({
          ordinal: object.ordinal,
          most: mostRejects(object) - object.unstaged.length,
        }));
  const merged = merge(
    session,
    { ...job, rejectLimits },
    {
      fresh:
        isFullLoad &&
        hasUniqueKey &&
        tombstones !== "some" &&
        floor === undefined &&
        (await onlyFullLoads(session, settings.config.warehouse.stateSchema, known.spec.name)),
      checkDeletes: (deletes) => checkDeletes(session, known, main, deletes, settings.allowDeletes),
      fetchBad: 100_000,
      sideBySide: settings.sideBySide,
    },
  );
  return merged.catch((error: unknown) => {
    const ordinal = stoppedOrdinal(error);
    const object = unit.objects.find((one) => one.ordinal === ordinal);
    throw object === undefined ? error : stoppedByLimit(known.spec, object, settings.rejectLimit);
  });
}

/** Appended rows of the objects go before they come again. An object that a bucket's copy brought again has its older version's. */
async function takeBack(
  session: Session,
  known: TableKnowledge,
  main: MainTable,
  again: readonly StagedObject[],
  settings: MergeSettings,
): Promise<void> {
  if (!main.columns.some((column) => column.name === "_object")) throw unmarkedRows(known.spec.name);
  const history = new LoadHistory(session, settings.config.warehouse.stateSchema, known.spec.name);
  const ids = await history.sameBytes(again.map((object) => object.claim.id));
  await session.query(`delete from ${mainTableSql(main)} where _object = any($1::bigint[])`, [ids]);
}

/** Without `_object` nobody knows which rows of an append table are the object's: they would be there twice. */
function unmarkedRows(table: string): DrayageError {
  return new DrayageError("CONTRACT", {
    message: "The rows of the object cannot be found to be replaced: the append table has no column _object",
    place: { table },
    next: "Empty the table and `drayage mark pending` its objects, or leave them as they are.",
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
export function balance(object: StagedObject, merged: RecordCounts | undefined): RecordCounts {
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
