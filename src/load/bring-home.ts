/** Moves cells that waited in `_rescued` into their column, once there is one that takes them. */
import { joinTypes, kindsOfType } from "../rows/kinds.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import { forgetRescued, type RescuedPath, readRescued } from "../warehouse/rescued.ts";
import type { Session } from "../warehouse/session.ts";
import { lockTable, type StoredColumn } from "../warehouse/table-state.ts";
import { serverFault } from "../warehouse/warehouse-error.ts";
import { takeHome } from "../warehouse/widening.ts";
import type { ExpectedPath } from "./binding.ts";
import type { MergeSettings } from "./merge-settings.ts";
import type { TableSpec } from "./table-spec.ts";

/** Paths that would have a column already if its lock had been had: the next unit makes it, whether it holds them or not. */
export function latePaths(waiting: readonly RescuedPath[], main: MainTable | undefined): ExpectedPath[] {
  return waiting.flatMap(({ path, column, type }): ExpectedPath[] => {
    if (column === undefined || main === undefined || main.columns.some(({ name }) => name === column)) return [];
    return [{ path, kinds: kindsOfType(type) }];
  });
}

/** Those that have a column by now. */
export function homeBound(
  waiting: readonly RescuedPath[],
  stored: readonly StoredColumn[],
  main: MainTable,
): (RescuedPath & { readonly column: string; readonly type: string })[] {
  return waiting.flatMap((one) => {
    const name = stored.find(({ path }) => path === one.path)?.column;
    const column = main.columns.find((candidate) => candidate.name === name);
    if (column === undefined || joinTypes(column.type, kindsOfType(one.type)) !== column.type) return [];
    return [{ ...one, column: column.name, type: column.type }];
  });
}

/** In a transaction of its own: it reads the whole table, and must not do that while an ALTER keeps readers away. */
export async function bringHome(
  session: Session,
  spec: TableSpec,
  settings: MergeSettings,
  stored: readonly StoredColumn[],
  main: MainTable,
): Promise<readonly RescuedPath[]> {
  const { stateSchema, lockWaitMs } = settings.config.warehouse;
  return session.transaction(async () => {
    await lockTable(session, settings.tableId, lockWaitMs);
    const waiting = await readRescued(session, stateSchema, spec.name);
    const home = new Set<string>();
    for (const { path, key, column, type } of homeBound(waiting, stored, main)) {
      if (await moves(session, takeHome(spec.target, column, type, key))) home.add(path);
    }
    await forgetRescued(session, stateSchema, spec.name, [...home]);
    return waiting.filter(({ path }) => !home.has(path));
  });
}

/** False: somebody changed what is in `_rescued` to something that is no value of the type. It stays there. */
async function moves(session: Session, statement: string): Promise<boolean> {
  try {
    await session.savepoint("drayage_home", () => session.query(statement));
    return true;
  } catch (error) {
    if (serverFault(error)?.sqlstate.startsWith("22") === true) return false;
    throw error;
  }
}
