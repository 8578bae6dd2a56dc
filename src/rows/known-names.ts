/** What is known of a table's columns before one of its objects is read, and how names are compared. */
import type { DialectConfig } from "../config/config.ts";
import { snakeCase } from "./column-name.ts";

export interface KnownNames {
  readonly dialect: DialectConfig;
  /** Names and order of a headerless source. */
  readonly columnList: readonly string[] | undefined;
  /** In either spelling, the source's or the warehouse's; so are the next two. */
  readonly keyNames: readonly string[];
  /** Of config rules, stored paths and the main table. */
  readonly columnNames: readonly string[];
  readonly documents: readonly string[];
  readonly kind: "full_load" | "change";
  /** Columns that are known to hold times; in either spelling. */
  readonly timeColumns: readonly string[];
  /** What clear evidence of earlier objects said. */
  readonly pinned: { readonly delimiter?: string | undefined; readonly rfc4180?: boolean | undefined };
}

export interface ShapeField {
  /** Real text, as in the header or the column list. */
  readonly name: string;
  readonly role: "op" | "timestamp" | "column";
}

/**
 * The spellings under which a source name may be written elsewhere: the column that drayage would make of it, and what PostgreSQL
 * makes of it unquoted. `customerNumber` is `customer_number` or `customernumber`; `na-me` is never `name`.
 */
export function spellingsOf(name: string): readonly [column: string, folded: string] {
  return [snakeCase(name), name.toLowerCase()];
}

/** Whether a config's, a header's or a main table's name is another spelling of the same one. */
export function isSameName(a: string, b: string): boolean {
  const spellings = spellingsOf(b);
  return a === b || spellingsOf(a).some((spelling) => spellings.includes(spelling));
}

/** Gives the timestamp column its role, by name, wherever it stands. */
export function withTimestamp(fields: readonly ShapeField[], timestampColumn: string | undefined): ShapeField[] {
  if (timestampColumn === undefined) return [...fields];
  const exact = fields.findIndex((field) => field.role === "column" && field.name === timestampColumn);
  const at = exact >= 0 ? exact : fields.findIndex((f) => f.role === "column" && isSameName(f.name, timestampColumn));
  return fields.map((field, i) => (i === at ? { name: field.name, role: "timestamp" } : field));
}

/** Whether every one of these cells is I, U or D. No cells at all prove nothing. */
export function areOps(cells: readonly (string | null | undefined)[]): boolean {
  return cells.length > 0 && cells.every((cell) => cell === "I" || cell === "U" || cell === "D");
}
