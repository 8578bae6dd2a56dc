/** Runs the statements of a contract on the main table; what may not change now stays as it is, and cells wait in `_rescued`. */
import { DrayageError } from "../errors.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import { createSchema, schemaExistsLocked } from "../warehouse/main-table.ts";
import type { Session } from "../warehouse/session.ts";
import { noteSchemaChanges, type StoredColumn } from "../warehouse/table-state.ts";
import { serverFault } from "../warehouse/warehouse-error.ts";
import { notLocked, wideningObstacles } from "../warehouse/widening.ts";
import { bindColumns } from "./bind-columns.ts";
import type { RunChanges, StagedColumns } from "./binding.ts";
import { decideContract, growthOf } from "./contract.ts";
import { reach } from "./failpoint.ts";
import type { MergeSettings } from "./merge-settings.ts";
import type { TableKnowledge } from "./table-knowledge.ts";

export interface TableChange {
  /** Statements that were run. */
  readonly ddl: readonly string[];
  /** With the types that they have now. */
  readonly columns: readonly StoredColumn[];
  readonly changes: RunChanges;
}

/** Call it in a transaction that holds the table's lock. */
export async function changeTable(
  session: Session,
  known: TableKnowledge,
  settings: MergeSettings,
  staged: StagedColumns,
  stored: readonly StoredColumn[],
  main: MainTable | undefined,
): Promise<TableChange> {
  const { spec } = known;
  const narrow = new Map(known.changes.narrow);
  let binding = bindColumns(spec, staged, stored, main);
  const wanted = growthOf(spec, binding).filter(({ column }) => !narrow.has(column));
  if (main !== undefined) {
    const names = wanted.map(({ column }) => column);
    for (const [column, why] of await wideningObstacles(session, main, names)) narrow.set(column, why);
  }
  let planned = decideContract(spec, binding, main, narrow);
  const isNew = main === undefined && !(await schemaExistsLocked(session, spec.target.schema));
  const shape = isNew ? [createSchema(spec.target.schema), ...planned.shape] : planned.shape;
  const all = [...shape, ...planned.growth.map((one) => one.statement)];
  if (all.length > 0 && settings.config.warehouse.ddl === "print") throw ddlNeeded(spec.name, undefined, all);
  if (all.length > 0) await reach("before_ddl", spec.name);
  await session.query(`set local lock_timeout = ${settings.config.warehouse.lockTimeoutMs}`);
  let { closed } = known.changes;
  let ddl: readonly string[] = shape;
  const refused = shape.length === 0 ? undefined : await run(session, spec.name, shape, all);
  if (refused !== undefined) {
    // Cells can wait only where there is a column for them already.
    const late = bindColumns(spec, { ...staged, closed: notLocked }, stored, main);
    for (const { column } of planned.growth) narrow.set(column, notLocked);
    // Nor may a cell that the config hashes, or computes from, wait as it is.
    const isMade = binding.feeds.some((one) => one.main === undefined && (one.hash || one.using !== undefined));
    if (main === undefined || isMade || decideContract(spec, late, main, narrow).statements.length > 0) throw refused;
    closed = notLocked;
    binding = late;
    ddl = [];
    planned = decideContract(spec, binding, main, narrow);
  }
  const grown: string[] = [];
  let isLocked = false;
  for (const { column, statement } of planned.growth) {
    // Once is enough: behind each attempt whoever wants to read the table waits, too.
    const obstacle: string | undefined = isLocked ? notLocked : await grow(session, statement);
    if (obstacle === undefined) grown.push(statement);
    else narrow.set(column, obstacle);
    isLocked ||= obstacle === notLocked;
  }
  const final = decideContract(spec, binding, main, narrow);
  // A column could not grow, and there is none yet where its cells could wait.
  const missing = final.shape.filter((statement) => !planned.shape.includes(statement));
  if (main !== undefined && missing.length > 0 && planned.shape.length === 0) {
    const error = await run(session, spec.name, missing, all);
    if (error !== undefined) throw error;
    ddl = missing;
  }
  ddl = [...ddl, ...grown];
  if (ddl.length > 0)
    await noteSchemaChanges(session, settings.config.warehouse.stateSchema, spec.name, settings.runId, ddl);
  const added = main === undefined || refused !== undefined ? 0 : planned.newColumns.length;
  return { ddl, columns: final.columns, changes: { added: known.changes.added + added, narrow, closed } };
}

/** Why a column cannot grow now: its lock is not to be had, or something that no catalog told of depends on it. */
const refusals: Readonly<Record<string, string>> = {
  "55P03": notLocked,
  "42501": "the role does not own the table",
  "0A000": "something depends on the column",
  "2BP01": "something depends on the column",
  "42P16": "the table is partitioned by it",
};

/** All of the statements, or none: returns why the table's lock was not to be had. */
async function run(
  session: Session,
  table: string,
  statements: readonly string[],
  all: readonly string[],
): Promise<Error | undefined> {
  try {
    await session.savepoint("drayage_shape", async () => {
      for (const statement of statements) await session.query(statement);
    });
    return undefined;
  } catch (error) {
    const state = serverFault(error)?.sqlstate;
    if (state === "42501") throw ddlNeeded(table, error, all);
    if (state === "55P03" && error instanceof Error) return error;
    throw error;
  }
}

function ddlNeeded(table: string, cause: unknown, all: readonly string[]): DrayageError {
  return new DrayageError("DDL_NEEDED", {
    ...(cause === undefined ? {} : { message: "The role may not make or alter the main table", cause }),
    place: { table },
    lines: all.map((statement) => `${statement};`),
  });
}

async function grow(session: Session, statement: string): Promise<string | undefined> {
  try {
    await session.savepoint("drayage_grow", () => session.query(statement));
    return undefined;
  } catch (error) {
    const refusal = refusals[serverFault(error)?.sqlstate ?? ""];
    if (refusal === undefined) throw error;
    return refusal;
  }
}
