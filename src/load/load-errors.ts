/** Errors of a load: what was thrown as one with a code, and the exit of a code that the history remembers. */
import { DrayageError, type ErrorCode, errorCodes, withPlace } from "../errors.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import type { TableSpec } from "./table-spec.ts";

export function asDrayageError(error: unknown, spec: TableSpec, doing: string): DrayageError {
  const known = error instanceof DrayageError ? error : warehouseError(error, doing);
  return withPlace(known, { table: spec.name }) as DrayageError;
}

export function exitOfCode(code: string): number {
  return code in errorCodes ? errorCodes[code as ErrorCode].exit : 1;
}

/**
 * Nothing failed, somebody has to decide, or another run has the lock: the objects stay open and the rest of the table is left.
 * A delete limit is one: taken apart, each object would stay below it.
 */
export function stopsTable(error: DrayageError): boolean {
  return error.exit === 6 || error.code === "HELD_ELSEWHERE" || error.code === "DELETE_LIMIT";
}
