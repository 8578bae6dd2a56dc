/** Which rejects a command is about, as SQL: one meaning of its options for list, replay, export and purge. */
import type { SqlValue } from "./session.ts";

export interface RejectSelection {
  /** Names in the state schema; empty: all. */
  readonly tables: readonly string[];
  readonly reason: string | undefined;
  /** A whole key, or its end after a slash. */
  readonly object: string | undefined;
  /** Empty: all. */
  readonly ids: readonly string[];
}

/** Over `rejects r` and `load_history h`; takes `$1` to `$4`. */
export const selectedRejects = `(cardinality($1::text[]) = 0 or r.table_name = any($1))
       and ($2::text is null or r.reason = $2)
       and ($3::text is null or h.key = $3 or right(h.key, length($3) + 1) = '/' || $3)
       and (cardinality($4::bigint[]) = 0 or r.id = any($4))`;

export function selectionValues({ tables, reason, object, ids }: RejectSelection): SqlValue[] {
  return [tables, reason ?? null, object ?? null, ids];
}
