/** What is known of a table's columns before one of its objects is read, and how names are compared. */
import type { DialectConfig } from "../config/config.ts";

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
}

export interface ShapeField {
  /** Real text, as in the header or the column list. */
  readonly name: string;
  readonly role: "op" | "timestamp" | "column";
}

/** The form in which `customerNumber`, `customer_number` and `CUSTOMER NUMBER` are one name. */
export function plainName(name: string): string {
  const plain = name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
  return plain === "" ? name : plain;
}

/** Gives the timestamp column its role, by name, wherever it stands. */
export function withTimestamp(fields: readonly ShapeField[], timestampColumn: string | undefined): ShapeField[] {
  if (timestampColumn === undefined) return [...fields];
  const exact = fields.findIndex((field) => field.role === "column" && field.name === timestampColumn);
  const plain = plainName(timestampColumn);
  const at = exact >= 0 ? exact : fields.findIndex((f) => f.role === "column" && plainName(f.name) === plain);
  return fields.map((field, i) => (i === at ? { name: field.name, role: "timestamp" } : field));
}

/** Whether every one of these cells is I, U or D. No cells at all prove nothing. */
export function areOps(cells: readonly (string | null | undefined)[]): boolean {
  return cells.length > 0 && cells.every((cell) => cell === "I" || cell === "U" || cell === "D");
}
