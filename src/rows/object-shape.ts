/** Detects the shape of an object from its first bytes: header, fields, op, line ends. */
import { DrayageError } from "../errors.ts";
import { chooseReading, type DecidedReading } from "./delimiter-shape.ts";
import { headerEvidence, headerFields, typedHeaderEvidence } from "./header-shape.ts";
import { headerlessFields, headerUnknown } from "./headerless-shape.ts";
import type { KnownNames, ShapeField } from "./known-names.ts";
import type { Head, HeadRecord } from "./read-head.ts";

export interface ObjectShape {
  /** The byte between fields. */
  readonly delimiter: number;
  /** False: nothing is ever quoted. */
  readonly quoted: boolean;
  readonly header: boolean;
  readonly fields: readonly ShapeField[];
  /** Bytes before the first record: BOM and header line. */
  readonly bodyOffset: number;
  /** Of the first record. */
  readonly rowDelimiter: "\n" | "\r\n" | "\r";
  /** No record at all. Without a header it has no fields either. */
  readonly empty: boolean;
  /** What clear evidence says of the table. */
  readonly decided: DecidedReading;
  /** Sentences for `plan`, without values. */
  readonly evidence: readonly string[];
}

const bom = Buffer.from([0xef, 0xbb, 0xbf]);
const carriageReturn = 13;

/**
 * `head`: the first bytes after gunzip; `whole`: it is all there is. Throws NOT_CSV, RECORD_TOO_LARGE (the head holds no
 * complete record), DIALECT_UNKNOWN, HEADER_UNKNOWN or FIELD_COUNT.
 */
export function detectShape(head: Buffer, whole: boolean, known: KnownNames): ObjectShape {
  refuseBinary(head);
  const from = head.subarray(0, 3).equals(bom) ? 3 : 0;
  const chosen = chooseReading({ bytes: head, whole, from }, known);
  const { reading: read, decided } = chosen;
  const first = read.records[0];
  const base = {
    delimiter: read.delimiter,
    quoted: read.quoted,
    rowDelimiter: read.rowDelimiter === "auto" ? lineEndAfter(head, first) : read.rowDelimiter,
  };
  const evidence = [...(from > 0 ? ["encoding: a byte order mark, left out"] : []), ...chosen.evidence];
  if (first === undefined) {
    refuseUnreadable(read, head, whole, from);
    return { ...base, header: false, fields: [], bodyOffset: head.length, empty: true, decided: {}, evidence };
  }
  const body = read.records.slice(1);
  const header = isHeader(first, body, known);
  if (header !== undefined) {
    if (looksForeign(head, from)) throw foreign();
    const named = headerFields(first, body, known);
    const bodyOffset = Math.min(head.length, first.start + first.length + base.rowDelimiter.length);
    const empty = whole && body.length === 0 && read.fault === undefined;
    return {
      ...base,
      header: true,
      fields: named.fields,
      bodyOffset,
      empty,
      decided,
      evidence: [...evidence, header, ...named.evidence],
    };
  }
  if (known.columnList === undefined) throw looksForeign(head, from) ? foreign() : headerUnknown(read.records, known);
  const listed = headerless(read.records, head, from, known, known.columnList);
  evidence.push(...listed.evidence);
  return { ...base, header: false, fields: listed.fields, bodyOffset: from, empty: false, decided, evidence };
}

/** Whether two objects may share a unit: one COPY reads both. */
export function sameShape(a: ObjectShape, b: ObjectShape): boolean {
  return (
    a.delimiter === b.delimiter &&
    a.quoted === b.quoted &&
    a.rowDelimiter === b.rowDelimiter &&
    a.fields.length === b.fields.length &&
    a.fields.every((field, i) => field.name === b.fields[i]!.name && field.role === b.fields[i]!.role)
  );
}

/** Why the first record is a header; undefined when it is a record. */
function isHeader(first: HeadRecord, body: readonly HeadRecord[], known: KnownNames): string | undefined {
  if (known.dialect.header === true) return "header: set by dialect.header";
  if (known.dialect.header === false) return undefined;
  const named = headerEvidence(first, known);
  // With a list of columns the records are read by it; a header would name them.
  return named ?? (known.columnList === undefined ? typedHeaderEvidence(first, body) : undefined);
}

function headerless(
  records: readonly HeadRecord[],
  head: Buffer,
  from: number,
  known: KnownNames,
  columnList: readonly string[],
): ReturnType<typeof headerlessFields> {
  try {
    return headerlessFields(records, columnList, known);
  } catch (error) {
    // A JSON document that happens to have no fitting count is better called JSON.
    if (looksForeign(head, from)) throw foreign();
    throw error;
  }
}

function lineEndAfter(head: Buffer, first: HeadRecord | undefined): "\n" | "\r\n" {
  return first !== undefined && head[first.start + first.length] === carriageReturn ? "\r\n" : "\n";
}

/** Formats that no setting makes CSV of. NULs alone prove nothing: DMS writes those of the source. */
function refuseBinary(head: Buffer): void {
  const magic = head.toString("latin1", 0, 4);
  if (magic.startsWith("\x1f\x8b")) throw notCsv("The object is compressed twice, or not named .gz");
  if (magic === "PAR1" && (head[4] ?? 0) < 0x20 && head[4] !== 10 && head[4] !== carriageReturn && head[4] !== 9) {
    throw notCsv("The object is Parquet, not CSV");
  }
  if (magic.startsWith("\xff\xfe") || magic.startsWith("\xfe\xff")) {
    const name = magic.startsWith("\xff") ? "utf-16le" : "utf-16be";
    throw notCsv("The object is UTF-16, not UTF-8", `Set dialect.encoding: ${name}.`);
  }
  const sample = head.subarray(0, 1024);
  const nuls = sample.reduce((count, byte) => (byte === 0 ? count + 1 : count), 0);
  if (sample.subarray(0, 4).includes(0) || (nuls > 3 && nuls * 32 > sample.length))
    throw notCsv("The object is binary, not CSV");
}

/** Starts as JSON or XML do. A CSV record may start so too, hence only asked where nothing else fits. */
function looksForeign(head: Buffer, from: number): boolean {
  return head[from] === 0x7b || head[from] === 0x3c;
}

function foreign(): DrayageError {
  return notCsv("The object looks like JSON or XML, not CSV");
}

function notCsv(message: string, next?: string): DrayageError {
  return new DrayageError("NOT_CSV", next === undefined ? { message } : { message, next });
}

/** No complete record, though there are bytes. */
function refuseUnreadable(read: Head, head: Buffer, whole: boolean, from: number): void {
  if (read.fault === undefined && whole) return;
  if (looksForeign(head, from)) throw foreign();
  if (read.fault !== undefined) {
    const reason = read.fault.reason === "bad_quote" ? "has a quote out of place" : "has a quote that is never closed";
    throw notCsv(`The first record ${reason}`);
  }
  throw new DrayageError("RECORD_TOO_LARGE", { message: `The first ${head.length} bytes hold no complete record` });
}
