/** Proposes a PostgreSQL type for a column of text cells; `plan` prints it, nothing is loaded by it. */
import type { ByteText } from "./byte-text.ts";

export type InferredType = "bigint" | "numeric" | "timestamp" | "timestamptz" | "date" | "boolean" | "uuid" | "text";

// A leading zero is part of a code (`00123`), not of a number.
const integer = /^-?(?:0|[1-9]\d*)$/;
const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?$/;
// MySQL's zero dates are dates too: they are loaded as NULL.
const date = /^\d{4}-(?:00|0[1-9]|1[0-2])-(?:0\d|[12]\d|3[01])$/;
const time = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The narrowest type that holds every value. NULL and empty cells say nothing; without any other it is text. */
export function inferType(values: Iterable<ByteText | null>): InferredType {
  let joined: InferredType | undefined;
  for (const value of values) {
    if (value === null || value === "") continue;
    joined = joined === undefined ? typeOf(value) : join(joined, typeOf(value));
    if (joined === "text") break;
  }
  return joined ?? "text";
}

function typeOf(value: ByteText): InferredType {
  if (integer.test(value)) return fitsBigint(value) ? "bigint" : "numeric";
  if (decimal.test(value)) return "numeric";
  if (isTimestamp(value)) return "timestamp";
  if (isZoned(value)) return "timestamptz";
  if (date.test(value)) return "date";
  if (value === "true" || value === "false") return "boolean";
  return uuid.test(value) ? "uuid" : "text";
}

function join(a: InferredType, b: InferredType): InferredType {
  if (a === b) return a;
  if (isNumber(a) && isNumber(b)) return "numeric";
  return isTime(a) && isTime(b) ? "timestamp" : "text";
}

function isNumber(type: InferredType): boolean {
  return type === "bigint" || type === "numeric";
}

function isTime(type: InferredType): boolean {
  return type === "date" || type === "timestamp";
}

/** Whether the text has the form that DMS gives a timestamp: `YYYY-MM-DD HH:MM:SS[.ffffff]`. */
export function isTimestamp(value: ByteText): boolean {
  return (value[10] === " " || value[10] === "T") && date.test(value.slice(0, 10)) && time.test(value.slice(11));
}

/** A timestamp with Z or an offset. */
function isZoned(value: ByteText): boolean {
  const zone = /(?:Z|[+-](?:0\d|1[0-5]):?[0-5]\d)$/.exec(value);
  return zone !== null && isTimestamp(value.slice(0, zone.index));
}

function fitsBigint(value: string): boolean {
  return value.length < 19 || (value.length <= 20 && BigInt.asIntN(64, BigInt(value)) === BigInt(value));
}
