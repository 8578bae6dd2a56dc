/** Brings the main table to a staged unit's contract: DDL and what the state remembers, in a short transaction before the merge. */
import { DrayageError } from "../errors.ts";
import { type MainTable, readMainTable } from "../warehouse/catalog.ts";
import {
  createSchema,
  createTombstones,
  fitTombstones,
  hasTombstones,
  renewTombstonesView,
  schemaExistsLocked,
  tombstonesFit,
  tombstonesName,
} from "../warehouse/main-table.ts";
import type { Session } from "../warehouse/session.ts";
import {
  lockTable,
  noteMainTable,
  noteSchemaChanges,
  type PinnedDialect,
  pinDialect,
  readStoredColumns,
  type StoredColumn,
  storeColumns,
} from "../warehouse/table-state.ts";
import { serverFault, warehouseError } from "../warehouse/warehouse-error.ts";
import { type Binding, bindColumns, type StagedColumns } from "./bind-columns.ts";
import { checkOverflow, decideContract } from "./contract.ts";
import { reach } from "./failpoint.ts";
import type { MergeSettings } from "./merge-settings.ts";
import type { StagedUnit } from "./staged-unit.ts";
import { isDocument, newPins, type TableKnowledge } from "./table-knowledge.ts";

export interface Prepared {
  readonly main: MainTable;
  readonly stored: readonly StoredColumn[];
  readonly binding: Binding;
  readonly ddl: readonly string[];
  readonly pinned: PinnedDialect;
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
export async function prepareTarget(
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
  const isStored = contract.columns.every((column) => isNoted(stored.get(column.path), column));
  const pins = newPins(known, unit);
  const isPinned = Object.keys(pins).length === 0;
  const pinned = { ...known.pinned, ...pins };
  const isFit =
    known.main !== undefined &&
    tombstones !== "none" &&
    (asIs.key.length === 0 || (await tombstonesFit(session, state, settings.tableId, known.main)));
  if (known.main !== undefined && contract.statements.length === 0 && isFit && isStored && isPinned) {
    return { main: known.main, stored: known.stored, binding: asIs, ddl: [], pinned };
  }
  try {
    const prepared = await session.transaction(async () => {
      await lockTable(session, settings.tableId, settings.config.warehouse.lockWaitMs);
      const mainNow = await readMainTable(session, spec.target.schema, spec.target.table);
      const storedNow = await readStoredColumns(session, state, spec.name);
      const now = decideContract(spec, bindColumns(spec, staged, storedNow, mainNow), mainNow);
      const ddl = await runDdl(session, known, now.statements, mainNow === undefined, settings);
      const main = await readMainTable(session, spec.target.schema, spec.target.table);
      if (main === undefined) throw new DrayageError("INTERNAL", { place: { table: spec.name } });
      await noteMainTable(session, state, spec.name, main.oid);
      if (first !== undefined) await storeColumns(session, state, spec.name, now.columns, first.claim.id);
      if (!isPinned) await pinDialect(session, state, spec.name, pins);
      const storedAfter = await readStoredColumns(session, state, spec.name);
      const binding = bindColumns(spec, staged, storedAfter, main);
      if (binding.key.length > 0 && (await hasTombstones(session, state, settings.tableId)) === "none") {
        await session.query(createTombstones(tombstonesName(state, settings.tableId), main, binding.key));
        await renewTombstonesView(session, state);
      } else if (binding.key.length > 0) {
        await fitTombstones(session, state, settings.tableId, main, binding.key);
      }
      return { main, stored: storedAfter, binding, ddl, pinned };
    });
    if (prepared.ddl.length > 0) await reach("after_ddl", spec.name);
    return prepared;
  } catch (error) {
    throw warehouseError(error, "prepare the main table", { table: spec.name });
  }
}

/** A kind that is new to a path is noted, with an equal type too: later the type depends on it. */
function isNoted(stored: StoredColumn | undefined, column: StoredColumn): boolean {
  return stored !== undefined && stored.type === column.type && (stored.kinds | column.kinds) === stored.kinds;
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
  await reach("before_ddl", known.spec.name);
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
