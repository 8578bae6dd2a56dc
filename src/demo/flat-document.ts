/** What a document's columns must hold once loaded: the demo's answer sheet, written apart from the loader's own flattening. */
import type { BsonDocument, BsonValue } from "./extended-json.ts";

/**
 * Cells as text by column (`address__geo__lat`); absent and null fields are left out. Dates are ISO 8601 in UTC; arrays, and the
 * top-level fields that are named, are JSON with plain values.
 */
export function flatDocument(document: BsonDocument, asJson: readonly string[] = []): ReadonlyMap<string, string> {
  const cells = new Map<string, string>();
  addFields(document, "", asJson, cells);
  return cells;
}

function addFields(
  { fields }: BsonDocument,
  prefix: string,
  asJson: readonly string[],
  cells: Map<string, string>,
): void {
  for (const [name, value] of fields) {
    const column = prefix + name;
    if (value === null) continue;
    if (typeof value === "object" && value.kind === "document" && !asJson.includes(column)) {
      addFields(value, `${column}__`, asJson, cells);
    } else {
      cells.set(column, typeof value === "string" ? value : plainText(value));
    }
  }
}

/** Of a scalar its text, of anything else JSON. Numbers keep their digits. */
function plainText(value: BsonValue): string {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return JSON.stringify(value);
  switch (value.kind) {
    case "document":
      return `{${value.fields.map(([name, field]) => `${JSON.stringify(name)}:${plainJson(field)}`).join(",")}}`;
    case "array":
      return `[${value.elements.map(plainJson).join(",")}]`;
    case "date":
      return new Date(value.value).toISOString();
    default:
      return String(value.value);
  }
}

function plainJson(value: BsonValue): string {
  const isText = typeof value === "object" && value !== null && (value.kind === "date" || value.kind === "objectId");
  return isText ? JSON.stringify(plainText(value)) : plainText(value);
}
