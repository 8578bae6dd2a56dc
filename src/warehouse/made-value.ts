/** Values that the config makes of a cell's text: its hash, or an SQL expression over it. */
import type { Session } from "./session.ts";
import { serverFault } from "./warehouse-error.ts";

/** NULL stays NULL. Without a salt, so that equal values stay equal in every table and every run. */
export function sha256Text(cell: string): string {
  return `encode(sha256(convert_to(${cell}, 'UTF8')), 'hex')`;
}

/** A query of its own: the expression sees `value` and no staged column. */
export function usingValue(using: string, baseType: string, cell: string): string {
  return `(select (${using})::${baseType} from (select ${cell} as value) drayage_cell)`;
}

/** Before anything is loaded: an expression that the server does not understand would fail every object. */
export async function checkUsing(session: Session, using: string, baseType: string): Promise<string | undefined> {
  try {
    await session.query(`select ${usingValue(using, baseType, "null::text")} where false`);
    return undefined;
  } catch (error) {
    const fault = serverFault(error);
    if (fault === undefined) throw error;
    return fault.sqlstate;
  }
}
