/** Decides from the first records of an object what means NULL in a table (`nulls: auto`). */
import { inferType } from "./infer-type.ts";
import type { ObjectShape } from "./object-shape.ts";
import { type HeadRecord, readHead } from "./read-head.ts";

export interface NullRule {
  /** What means NULL when unquoted, in a text column too. */
  readonly tokens: readonly string[];
  /** False: nothing was seen that decides; the tokens are the default. */
  readonly decided: boolean;
  /** Sentences for `plan`; they name columns, never values. */
  readonly evidence: readonly string[];
}

const defaultToken = "NULL";
const headRecords = 1000;
// No text, as a PostgreSQL type is written; a type not listed here (enum, domain) proves nothing.
const notText =
  /^(?:(?:small|big)?int|integer|int[248]|(?:small|big)?serial|numeric|decimal|real|double precision|float|bool|date|time|interval|uuid|jsonb?\b|bytea|oid|inet|cidr|macaddr|money)/i;

/**
 * An unquoted NULL proves that token; an unquoted empty field in a column of numbers or times proves the empty field.
 * `typed`: PostgreSQL types by field name, where known; the values speak for the other columns.
 */
export function nullEvidence(
  head: Buffer,
  whole: boolean,
  shape: ObjectShape,
  typed: ReadonlyMap<string, string>,
  unchangedToken?: string | undefined,
): NullRule {
  const read = (nullTokens: readonly string[]): readonly HeadRecord[] =>
    readHead(head, whole, { ...shape, nullTokens, from: shape.bodyOffset, limit: headRecords }).records;
  // Read once with each token: only so is a quoted one told from an unquoted one.
  const byToken = read([defaultToken]);
  const byEmpty = read([""]);
  const evidence: string[] = [];
  const literal = shape.fields.find((_, i) => byToken.some((record) => record.fields[i] === null));
  if (literal !== undefined) evidence.push(`nulls: unquoted ${defaultToken} in ${literal.name}`);
  const empty = shape.fields.find((field, i) => {
    if (field.role !== "column" || !byEmpty.some((record) => record.fields[i] === null)) return false;
    const type = typed.get(field.name);
    return type === undefined ? holdsNumbersOrTimes(byEmpty, i, unchangedToken) : notText.test(type);
  });
  if (empty !== undefined) evidence.push(`nulls: empty fields in ${empty.name}, a column of numbers or times`);
  if (literal === undefined && empty === undefined) {
    return {
      tokens: [defaultToken, ""],
      decided: false,
      evidence: ["nulls: nothing seen yet, taken as NULL and empty"],
    };
  }
  const tokens = [...(literal === undefined ? [] : [defaultToken]), ...(empty === undefined ? [] : [""])];
  return { tokens, decided: true, evidence };
}

function holdsNumbersOrTimes(records: readonly HeadRecord[], column: number, leftOut: string | undefined): boolean {
  const values = records.map((record) => record.fields[column] ?? null);
  const type = inferType(values.map((value) => (value === defaultToken || value === leftOut ? null : value)));
  return type === "bigint" || type === "numeric" || type === "timestamp" || type === "date";
}
