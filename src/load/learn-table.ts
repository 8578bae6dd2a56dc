/** What a table is at this moment: its state, its main table, the columns that its objects had. The one way to learn it. */
import { readMainTable } from "../warehouse/catalog.ts";
import { readRescued } from "../warehouse/rescued.ts";
import type { Session } from "../warehouse/session.ts";
import { readStoredColumns, type TableState } from "../warehouse/table-state.ts";
import type { MergedUnit } from "./merge-unit.ts";
import { mainTableReplaced } from "./note-unit.ts";
import { nothingYet, type TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";

/** `state`: as just read. A main table that was dropped or re-created since its last load stops the table. */
export async function learnTable(
  session: Session,
  spec: TableSpec,
  state: TableState,
  stateSchema: string,
): Promise<TableKnowledge> {
  const main = await readMainTable(session, spec.target.schema, spec.target.table);
  if (state.hasHistory && state.mainOid !== undefined && main?.oid !== state.mainOid)
    throw mainTableReplaced(spec, stateSchema, state.tableId);
  const stored = await readStoredColumns(session, stateSchema, spec.name);
  const waiting = await readRescued(session, stateSchema, spec.name);
  return { spec, main, stored, pinned: state.pinned, ...nothingYet, waiting };
}

/** A merged unit may have made or altered the main table, stored columns, pinned a dialect: the next one begins with that. */
export function knownAfter(known: TableKnowledge, merged: MergedUnit): TableKnowledge {
  const { main, stored, pinned, changes, waiting } = merged;
  return { ...known, main, stored, pinned, changes, waiting };
}
