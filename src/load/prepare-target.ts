/** Brings the main table to a staged unit's contract: DDL and what the state remembers, in a short transaction before the merge. */
import { DrayageError } from "../errors.ts";
import { type MainTable, readMainTable } from "../warehouse/catalog.ts";
import {
  createTombstones,
  fitTombstones,
  hasTombstones,
  renewTombstonesView,
  tombstonesFit,
  tombstonesName,
} from "../warehouse/main-table.ts";
import { noteRescued, type RescuedPath } from "../warehouse/rescued.ts";
import type { Session } from "../warehouse/session.ts";
import {
  lockTable,
  noteMainTable,
  type PinnedDialect,
  pinDialect,
  readStoredColumns,
  type StoredColumn,
  storeColumns,
} from "../warehouse/table-state.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { bindColumns } from "./bind-columns.ts";
import type { Binding, RunChanges, StagedColumns } from "./binding.ts";
import { bringHome, homeBound, latePaths } from "./bring-home.ts";
import { changeTable } from "./change-table.ts";
import { checkValues } from "./check-values.ts";
import { decideContract } from "./contract.ts";
import { checkOverflow } from "./contract-limits.ts";
import { reach } from "./failpoint.ts";
import type { MergeSettings } from "./merge-settings.ts";
import { whyRescued } from "./plan-rescues.ts";
import type { StagedUnit } from "./staged-unit.ts";
import { isDocument, newPins, type TableKnowledge } from "./table-knowledge.ts";

export interface Prepared {
  readonly main: MainTable;
  readonly stored: readonly StoredColumn[];
  readonly binding: Binding;
  readonly ddl: readonly string[];
  readonly pinned: PinnedDialect;
  readonly changes: RunChanges;
  /** Of `rescued` in the state schema. */
  readonly waiting: readonly RescuedPath[];
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
    expected: known.main === undefined ? known.expected : latePaths(known.waiting, known.main),
    rescued: unit.rescued,
    room: known.spec.config.contract.maxNewColumns - known.changes.added,
    closed: known.changes.closed,
  };
}

/** Binds columns and brings the main table to the contract. Under the table's lock: another run may do the same right now. */
export async function prepareTarget(
  session: Session,
  known: TableKnowledge,
  unit: StagedUnit,
  settings: MergeSettings,
): Promise<Prepared> {
  const { spec, changes, waiting } = known;
  const staged = stagedColumns(known, unit);
  const state = settings.config.warehouse.stateSchema;
  checkOverflow(spec, unit.overflow, known.main);
  const asIs = bindColumns(spec, staged, known.stored, known.main);
  await checkValues(session, spec, asIs);
  const tombstones = asIs.key.length === 0 ? "empty" : await hasTombstones(session, state, settings.tableId);
  const contract = decideContract(spec, asIs, known.main, changes.narrow);
  const stored = new Map(known.stored.map((column) => [column.path, column]));
  const isStored = contract.columns.every((column) => isNoted(stored.get(column.path), column));
  const pins = newPins(known, unit);
  const isPinned = Object.keys(pins).length === 0;
  const pinned = { ...known.pinned, ...pins };
  const isFit =
    known.main !== undefined &&
    tombstones !== "none" &&
    (asIs.key.length === 0 || (await tombstonesFit(session, state, settings.tableId, known.main)));
  const leavesNothing = contract.rescues.length === 0 && unit.overflow.size === 0;
  const fits = contract.statements.length === 0 && leavesNothing && isFit && isStored && isPinned;
  if (known.main !== undefined && fits && homeBound(waiting, known.stored, known.main).length === 0) {
    return { main: known.main, stored: known.stored, binding: asIs, ddl: [], pinned, changes, waiting };
  }
  try {
    const prepared = await session.transaction(async () => {
      await lockTable(session, settings.tableId, settings.config.warehouse.lockWaitMs);
      const mainNow = await readMainTable(session, spec.target.schema, spec.target.table);
      const storedNow = await readStoredColumns(session, state, spec.name);
      const changed = await changeTable(session, known, settings, staged, storedNow, mainNow);
      const main = await readMainTable(session, spec.target.schema, spec.target.table);
      if (main === undefined) throw new DrayageError("INTERNAL", { place: { table: spec.name } });
      await noteMainTable(session, state, spec.name, main.oid);
      const first = unit.objects[0];
      if (first !== undefined) await storeColumns(session, state, spec.name, changed.columns, first.claim.id);
      if (!isPinned) await pinDialect(session, state, spec.name, pins);
      const storedAfter = await readStoredColumns(session, state, spec.name);
      // Bound once more, the columns that were just made are no new ones.
      const room = staged.room - (changed.changes.added - changes.added);
      const bound = { ...staged, room, closed: changed.changes.closed };
      const binding = bindColumns(spec, bound, storedAfter, main);
      await noteRescued(
        session,
        state,
        spec.name,
        rescuedPaths(known, unit, binding, changed.changes),
        first?.claim.id,
      );
      if (binding.key.length > 0 && (await hasTombstones(session, state, settings.tableId)) === "none") {
        await session.query(createTombstones(tombstonesName(state, settings.tableId), main, binding.key));
        await renewTombstonesView(session, state);
      } else if (binding.key.length > 0) {
        await fitTombstones(session, state, settings.tableId, main, binding.key);
      }
      return { main, stored: storedAfter, binding, ddl: changed.ddl, pinned, changes: changed.changes };
    });
    if (prepared.ddl.length > 0) await reach("after_ddl", spec.name);
    const left = homeBound(waiting, prepared.stored, prepared.main).length > 0;
    return {
      ...prepared,
      waiting: left ? await bringHome(session, spec, settings, prepared.stored, prepared.main) : waiting,
    };
  } catch (error) {
    throw warehouseError(error, "prepare the main table", { table: spec.name });
  }
}

/** A kind that is new to a path is noted, with an equal type too: later the type depends on it. */
function isNoted(stored: StoredColumn | undefined, column: StoredColumn): boolean {
  if (stored === undefined || stored.type !== column.type) return false;
  return (stored.kinds | column.kinds) === stored.kinds && (stored.seen || !column.seen);
}

/** What the unit leaves in `_rescued`, for whoever asks what is there and why. */
function rescuedPaths(
  { spec }: TableKnowledge,
  unit: StagedUnit,
  binding: Binding,
  { narrow }: RunChanges,
): RescuedPath[] {
  const paths = binding.rescues.map((rescue): RescuedPath => {
    const { path, key, column, type } = rescue;
    return { path, key, column, type, reason: whyRescued(rescue, narrow, binding) };
  });
  if (spec.config.contract.columns === "discard") return paths;
  const beyond =
    spec.config.contract.columns === "rescue"
      ? "contract.columns is rescue"
      : "the table has flatten.max_columns columns";
  for (const parent of [...unit.overflow.keys()].slice(0, 100)) {
    const key = parent === "" ? "*" : `${parent}.*`;
    paths.push({ path: `_doc:${key}`, key, column: undefined, type: "jsonb", reason: beyond });
  }
  return paths;
}
