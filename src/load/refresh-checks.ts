/** What stands in the way of a refresh: objects that are gone, a moment before all that is known, too many rows that would go. */
import { DrayageError } from "../errors.ts";
import { mainTableSql } from "../warehouse/catalog.ts";
import type { Session } from "../warehouse/session.ts";
import { isRecordFault, serverFault } from "../warehouse/warehouse-error.ts";
import type { TableComparison } from "./compare-table.ts";
import type { ComparedTable } from "./validation.ts";

/** The newest full load that began before it is the one that the table is made of, or there is no way back. */
export function checkMoment({ spec, state, made }: TableComparison, asOf: Date): void {
  const began = state.generationBegan;
  if (began === undefined || began <= asOf) return;
  // The objects of a copied source all came later than what they say: their names tell.
  const [first] = made.claims.filter(({ object }) => object.kind === "change");
  const firstTime = first?.object.fileTime;
  if (state.generation <= 1 && firstTime !== undefined && firstTime <= asOf) return;
  throw new DrayageError("SOURCE_INCOMPLETE", {
    message: `The full load that the table is made of began at ${began.toISOString()}, after that moment; the one before it was written over`,
    place: { table: spec.name },
    lines: made.claims
      .filter(({ object }) => object.kind === "full_load")
      .slice(0, 20)
      .map(({ object }) => object.key),
    next: "Choose a later moment, or restore the older full load's objects and load them into another table.",
  });
}

/** Nothing is applied that rests on a part of the objects, or that the table has no place for. */
export function checkWhole(table: string, compared: ComparedTable): void {
  const place = { table };
  if (compared.gone.length > 0) {
    throw new DrayageError("SOURCE_INCOMPLETE", {
      message: `${compared.gone.length} ${compared.gone.length === 1 ? "object" : "objects"} that the table was made of can no longer be read: without them right rows would go`,
      place,
      lines: compared.gone.slice(0, 20),
    });
  }
  if (compared.statements.length > 0) {
    throw new DrayageError("DDL_NEEDED", {
      message: "The table lacks what its objects need",
      place,
      lines: compared.statements.map((statement) => `${statement};`),
      next: "Run the statements printed above as the table's owner, then refresh again.",
    });
  }
}

/** Tables of 1,000 rows or more. */
export async function checkRemoved(
  session: Session,
  { main, spec }: TableComparison,
  removed: number,
  allowed: boolean,
): Promise<void> {
  const pct = spec.config.deleteLimitPct;
  if (removed === 0 || allowed || pct >= 100) return;
  const { rows } = await session.one<{ rows: string }>(`select count(*) as rows from ${mainTableSql(main)}`);
  const count = Number(rows);
  if (count < 1000 || removed * 100 <= pct * count) return;
  throw new DrayageError("DELETE_LIMIT", {
    message: `The refresh would remove ${removed} of ${count} rows; delete_limit_pct is ${pct}`,
    place: { table: spec.name },
    next: "Look at the difference; if it is right, add --allow-deletes.",
  });
}

/** A foreign key that points to a row that goes, another unique column. */
export function constraintBroken(error: unknown, table: string): unknown {
  const fault = serverFault(error);
  if (fault === undefined || !isRecordFault(error)) return error;
  const by = fault.constraint === undefined ? "" : `, constraint ${fault.constraint}`;
  return new DrayageError("RELOAD_REFUSED", {
    message: `The main table refuses what the refresh would change (SQLSTATE ${fault.sqlstate}${by})`,
    place: { table },
    cause: error,
    next: "Look at the constraint: rows that are gone may be pointed to, or a value may have moved between rows.",
  });
}
