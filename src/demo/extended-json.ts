/** Writes MongoDB documents as the three dialects of Extended JSON that are seen in `_doc`. */

export type JsonDialect = "canonical" | "relaxed" | "legacy";

export type BsonValue =
  | string
  | boolean
  | null
  | { readonly kind: "int32"; readonly value: number }
  /** Decimal digits. */
  | { readonly kind: "int64"; readonly value: string }
  | { readonly kind: "double"; readonly value: number }
  /** As Decimal128 prints itself. */
  | { readonly kind: "decimal"; readonly value: string }
  /** Milliseconds since 1970. */
  | { readonly kind: "date"; readonly value: number }
  /** 24 hex digits. */
  | { readonly kind: "objectId"; readonly value: string }
  | BsonDocument
  | { readonly kind: "array"; readonly elements: readonly BsonValue[] };

export interface BsonDocument {
  readonly kind: "document";
  readonly fields: readonly BsonField[];
}

export type BsonField = readonly [name: string, value: BsonValue];

/** Dates that relaxed writes as text: years 1970 to 9999. */
const lastRelaxedDate = 253_402_300_799_999;

/** Canonical and relaxed without spaces, legacy spaced as libbson does. */
export function extendedJson(value: BsonValue, dialect: JsonDialect): string {
  if (typeof value === "string") return quotedText(value);
  if (typeof value === "boolean" || value === null) return String(value);
  const canonical = dialect === "canonical";
  switch (value.kind) {
    case "document":
      return documentText(value, dialect);
    case "array": {
      const elements = value.elements.map((element) => extendedJson(element, dialect));
      if (dialect !== "legacy") return `[${elements.join(",")}]`;
      return elements.length === 0 ? "[ ]" : `[ ${elements.join(", ")} ]`;
    }
    case "objectId":
      return wrapped("$oid", `"${value.value}"`, dialect);
    case "decimal":
      return wrapped("$numberDecimal", `"${value.value}"`, dialect);
    case "int32":
      return canonical ? `{"$numberInt":"${value.value}"}` : String(value.value);
    case "int64":
      return canonical ? `{"$numberLong":"${value.value}"}` : value.value;
    case "double":
      if (dialect === "legacy") return twentyDigits(value.value);
      return canonical ? `{"$numberDouble":"${doubleText(value.value)}"}` : doubleText(value.value);
    case "date":
      return dateText(value.value, dialect);
  }
}

function documentText({ fields }: BsonDocument, dialect: JsonDialect): string {
  const legacy = dialect === "legacy";
  let text = "";
  for (const [name, value] of fields) {
    if (text !== "") text += legacy ? ", " : ",";
    text += nameText(name) + (legacy ? " : " : ":") + extendedJson(value, dialect);
  }
  if (!legacy) return `{${text}}`;
  return text === "" ? "{ }" : `{ ${text} }`;
}

function dateText(ms: number, dialect: JsonDialect): string {
  if (dialect === "legacy") return wrapped("$date", String(ms), dialect);
  if (dialect === "canonical" || ms < 0 || ms > lastRelaxedDate) return `{"$date":{"$numberLong":"${ms}"}}`;
  return `{"$date":"${new Date(ms).toISOString().replace(".000Z", "Z")}"}`;
}

function wrapped(name: string, text: string, dialect: JsonDialect): string {
  return dialect === "legacy" ? `{ "${name}" : ${text} }` : `{"${name}":${text}}`;
}

/** Names repeat in every document; those of maps do not, so the memory is bounded. */
const names = new Map<string, string>();

function nameText(name: string): string {
  let text = names.get(name);
  if (text === undefined) {
    text = quotedText(name);
    if (names.size < 100) names.set(name, text);
  }
  return text;
}

/** Most texts need no escape, and looking is cheaper than JSON.stringify. */
function quotedText(text: string): string {
  return /^[ !#-[\]-~\u00a0-\u024f]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

function doubleText(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** libbson's `%.20g`: `42.420000000000001705`. */
function twentyDigits(value: number): string {
  if (Number.isInteger(value)) return `${value}.0`;
  return value.toPrecision(20).replace(/0+$/, "");
}
