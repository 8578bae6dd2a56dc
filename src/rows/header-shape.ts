/** Tells whether the first record of an object is a header, and what its fields are. */
import { DrayageError } from "../errors.ts";
import { fromByteText } from "./byte-text.ts";
import { type InferredType, inferType, isTimestamp } from "./infer-type.ts";
import { areOps, type KnownNames, type ShapeField, spellingsOf, withTimestamp } from "./known-names.ts";
import type { HeadRecord } from "./read-head.ts";

export interface HeaderFields {
  readonly fields: readonly ShapeField[];
  readonly evidence: readonly string[];
}

/** The sentence that says why the record is a header; undefined when nothing says so. */
export function headerEvidence(first: HeadRecord, known: KnownNames): string | undefined {
  const names = headerNames(first);
  if (isOp(names[0])) return "header: the first field is `Op`";
  const has = among(names);
  if (known.keyNames.length > 0 && known.keyNames.every(has)) return "header: the first record names the key";
  if (known.documents.some(has)) return "header: the first record names the document column";
  const { timestampColumn } = known.dialect;
  if (timestampColumn !== undefined && has(timestampColumn))
    return "header: the first record names the timestamp column";
  if (isMost(known.columnList ?? [], has)) return "header: the first record names most of `columns:`";
  if (isMost(known.columnNames, has)) return "header: the first record names most of the known columns";
  const isKnown = among([...(known.columnList ?? []), ...known.columnNames, ...known.keyNames]);
  if (isMost(names, isKnown)) return "header: most of the first record's names are known";
  return undefined;
}

/** What may be a column's name and is no value that a field of numbers or times could hold in its first record. */
const nameLike = /^[\p{L}_$#][\p{L}\p{M}\p{N}_$#.-]{0,127}$/u;
const noNames: ReadonlySet<string> = new Set(["null", "none", "nil", "nan", "true", "false", "inf", "infinity"]);

/**
 * Where nothing is known of a table: the first record holds nothing but words that may be names, each another one, above columns
 * of which one holds times, or three records or more of numbers. A word among numbers is no value.
 */
export function typedHeaderEvidence(first: HeadRecord, body: readonly HeadRecord[]): string | undefined {
  const names = headerNames(first);
  const width = names.length;
  if (names.some((name) => !nameLike.test(name) || noNames.has(name.toLowerCase()))) return undefined;
  if (new Set(names).size < width || body.some(({ fields }) => fields.length !== width)) return undefined;
  if (names.every((name) => /^[IUD]$/.test(name))) return undefined;
  const isTyped = names.some((_, i) => {
    const values = body.map(({ fields }) => fields[i] ?? "").filter((value) => value !== "" && value !== "NULL");
    const type = inferType(values);
    return isTime(type) ? values.length > 0 : type !== "text" && type !== "boolean" && values.length > 2;
  });
  return isTyped ? "header: the first record holds words, the records below it numbers or times" : undefined;
}

function isTime(type: InferredType): boolean {
  return type === "timestamp" || type === "date";
}

/** The fields that a header names. Throws HEADER_UNKNOWN where two fields cannot be told apart or one has no name. */
export function headerFields(first: HeadRecord, body: readonly HeadRecord[], known: KnownNames): HeaderFields {
  const evidence: string[] = [];
  const written = headerNames(first);
  const names = withoutStrayComma(written, body);
  if (names.length < written.length)
    evidence.push("header: a stray leading comma is left out (a fault of old DMS engines)");
  refuseUnnamed(names);
  const op = opIsFirst(names, body, known);
  if (op)
    evidence.push(isOp(names[0]) ? "op: the header has `Op`" : "op: the first field of every record is I, U or D");
  else evidence.push("op: none in the header, every record is an insert");
  const roles = names.map((name, i): ShapeField => ({ name, role: op && i === 0 ? "op" : "column" }));
  const fields = withTimestamp(roles, known.dialect.timestampColumn);
  if (fields.some((field) => field.role === "timestamp")) evidence.push("timestamp: named by the header");
  else evidence.push(...likelyTimestamp(fields, body));
  return { fields, evidence };
}

/** DMS writes its timestamp first, or after the op. What it is called is a setting: a name alone makes no commit time of a column. */
function likelyTimestamp(fields: readonly ShapeField[], body: readonly HeadRecord[]): string[] {
  const at = fields.findIndex((field) => field.role !== "op");
  const name = fields[at]?.name;
  const isTime = body.length > 0 && body.every((record) => isTimestamp(record.fields[at] ?? ""));
  if (name === undefined || !isTime) return [];
  return [`timestamp: ${name} holds one in every record; if DMS adds it, set dialect.timestamp_column: ${name}`];
}

function headerNames(first: HeadRecord): string[] {
  return first.fields.map((cell) => fromByteText(cell ?? ""));
}

function isOp(name: string | undefined): boolean {
  return name?.toLowerCase() === "op";
}

/** Whether a name is another spelling of one of these. */
function among(names: readonly string[]): (name: string) => boolean {
  const found = new Set(names.flatMap(spellingsOf));
  return (name) => spellingsOf(name).some((spelling) => found.has(spelling));
}

function isMost(names: readonly string[], has: (name: string) => boolean): boolean {
  return names.filter(has).length * 2 > names.length;
}

/** An empty timestamp name made DMS 3.4.5 and older write `,id,name` above records of two fields. */
function withoutStrayComma(names: readonly string[], body: readonly HeadRecord[]): readonly string[] {
  const stray = isOp(names[0]) ? 1 : 0;
  const oneLess = body.every((record) => record.fields.length === names.length - 1);
  return names[stray] === "" && names.length > 1 && oneLess ? names.filter((_, i) => i !== stray) : names;
}

function refuseUnnamed(names: readonly string[]): void {
  // Positions only: what was taken for a header may be a record.
  const unnamed = names.indexOf("");
  if (unnamed >= 0)
    throw new DrayageError("HEADER_UNKNOWN", { message: `The header has no name for field ${unnamed + 1}` });
  const again = names.findIndex((name, i) => names.indexOf(name) < i);
  if (again < 0) return;
  const before = names.indexOf(names[again]!);
  throw new DrayageError("HEADER_UNKNOWN", {
    message: `The header gives fields ${before + 1} and ${again + 1} the same name`,
  });
}

/**
 * DMS writes `Op` above its op column, so a header without it has none: a full load of a table whose changes have one is
 * the usual case. Another name for it needs `dialect.op: true` and letters in every record.
 */
function opIsFirst(names: readonly string[], body: readonly HeadRecord[], known: KnownNames): boolean {
  if (known.dialect.op === false) return false;
  if (isOp(names[0])) return true;
  return known.dialect.op === true && areOps(body.map((record) => record.fields[0]));
}
