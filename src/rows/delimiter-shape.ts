/**
 * Decides how the bytes of an object are cut into records and fields: what is set, else what clear evidence says, else what is
 * pinned for the table, else a comma, quoting by RFC 4180 and LF or CRLF.
 */
import { DrayageError } from "../errors.ts";
import { headerEvidence, typedHeaderEvidence } from "./header-shape.ts";
import { fitsList } from "./headerless-shape.ts";
import type { KnownNames } from "./known-names.ts";
import { doublesQuotes, fitsQuotes, quotesAreText } from "./quoting-shape.ts";
import { type Head, type HeadOptions, readHead } from "./read-head.ts";

export type RowDelimiter = HeadOptions["rowDelimiter"];

/** What clear evidence of an object says, to be pinned for its table. */
export interface DecidedReading {
  readonly delimiter?: string;
  readonly rfc4180?: boolean;
}

/** The first records of an object under one delimiter. */
export interface Reading extends Head {
  readonly delimiter: number;
  readonly quoted: boolean;
  readonly rowDelimiter: RowDelimiter;
  /** Fields that most records have. */
  readonly width: number;
  /** Records that have so many. */
  readonly even: number;
}

export interface ChosenReading {
  readonly reading: Reading;
  readonly decided: DecidedReading;
  readonly evidence: readonly string[];
}

/** The first bytes of an object, after gunzip and transcoding. */
export interface ObjectHead {
  readonly bytes: Buffer;
  readonly whole: boolean;
  /** Behind the byte order mark. */
  readonly from: number;
}

/** Records that are looked at. */
const headRecords = 100;
const candidates = [",", ";", "|", "\t"] as const;
const carriageReturn = 13;
const lineFeed = 10;

export function chooseReading(head: ObjectHead, known: KnownNames): ChosenReading {
  const { dialect, pinned } = known;
  const quoted = dialect.rfc4180 === "auto" ? (pinned.rfc4180 ?? true) : dialect.rfc4180;
  const rowDelimiter = dialect.rowDelimiter === "auto" ? loneReturn(head, known, quoted) : dialect.rowDelimiter;
  const read = (delimiter: string, asQuoted: boolean) =>
    readingOf(head, { delimiter: delimiter.charCodeAt(0), quoted: asQuoted, rowDelimiter });
  const mayBeEither = dialect.rfc4180 === "auto" && head.bytes.includes('"', head.from);
  const split: Split =
    dialect.delimiter === "auto"
      ? findDelimiter(head, known, {
          usual: (delimiter) => read(delimiter, quoted),
          other: (delimiter) => (mayBeEither ? read(delimiter, !quoted) : undefined),
        })
      : { reading: read(dialect.delimiter, quoted) };
  const evidence = rowDelimiter === "\r" && dialect.rowDelimiter === "auto" ? [returnsEvidence] : [];
  if (split.evidence !== undefined) evidence.push(split.evidence);
  const delimiter = String.fromCharCode(split.reading.delimiter);
  const decided: DecidedReading = split.clear === true ? { delimiter } : {};
  if (!mayBeEither) return { reading: split.reading, decided, evidence };
  const other = () => read(delimiter, !quoted);
  const quoting = findQuoting(head, known, split.reading, other);
  if (quoting.evidence !== undefined) evidence.push(quoting.evidence);
  return {
    reading: quoting.reading,
    decided: quoting.clear === undefined ? decided : { ...decided, rfc4180: quoting.clear },
    evidence,
  };
}

function readingOf(head: ObjectHead, form: Pick<Reading, "delimiter" | "quoted" | "rowDelimiter">): Reading {
  const read = readHead(head.bytes, head.whole, { ...form, nullTokens: [], from: head.from, limit: headRecords });
  const widths = new Map<number, number>();
  for (const { fields } of read.records) widths.set(fields.length, (widths.get(fields.length) ?? 0) + 1);
  let width = 0;
  let even = 0;
  for (const [fields, records] of widths) if (records > even) [width, even] = [fields, records];
  return { ...form, ...read, width, even };
}

/** Whether what is known of the table is found in the records: names, the op, the number of columns. */
function agrees(reading: Reading, known: KnownNames): boolean {
  const [first] = reading.records;
  if (first === undefined) return false;
  const { header } = known.dialect;
  if (header !== false && headerEvidence(first, known) !== undefined) return true;
  return header !== true && known.columnList !== undefined && fitsList(reading.records, known.columnList, known);
}

interface Split {
  readonly reading: Reading;
  readonly clear?: boolean;
  readonly evidence?: string;
}

interface Readings {
  usual(delimiter: string): Reading;
  /** With quotes taken the other way, where there are any and nothing is set. */
  other(delimiter: string): Reading | undefined;
}

/** A table of one column agrees with any delimiter that it does not hold: only two fields or more are evidence. */
function findDelimiter(head: ObjectHead, known: KnownNames, read: Readings): Split {
  const fits = (reading: Reading | undefined) => reading !== undefined && reading.width > 1 && agrees(reading, known);
  const usual = known.pinned.delimiter ?? ",";
  const preferred = read.usual(usual);
  if (fits(preferred) || fits(read.other(usual))) return { reading: preferred, clear: true };
  const others = candidates.filter((one) => one !== usual && head.bytes.includes(one));
  const readings = others.map((one) => read.usual(one));
  const agreeing = readings.find((reading, i) => fits(reading) || fits(read.other(others[i]!)));
  if (agreeing !== undefined) {
    const evidence = `delimiter: ${nameOf(agreeing)}, by which the records are what is known of the table`;
    return { reading: agreeing, clear: true, evidence };
  }
  if (agrees(preferred, known) || isEven(preferred, 0.9)) return byDefault(preferred, known);
  // Nothing is known of the table. Values that hold a comma are quoted, so with commas the records would be even.
  const even = readings.filter((reading) => isEven(reading, 1) && isPlain(reading, preferred, known));
  const [only, second] = even;
  if (only === undefined) return byDefault(preferred, known);
  if (second !== undefined) {
    throw new DrayageError("DIALECT_UNKNOWN", {
      message: `Fields may be separated by ${even.map(nameOf).join(" or ")}: ${only.even} records have ${even.map(({ width }) => width).join(" or ")} fields each`,
    });
  }
  const evidence = `delimiter: ${nameOf(only)}, by which each of ${only.even} records has ${only.width} fields`;
  return { reading: only, clear: true, evidence };
}

function byDefault(reading: Reading, known: KnownNames): Split {
  if (reading.delimiter === 44) return { reading };
  return known.pinned.delimiter === undefined
    ? { reading }
    : { reading, evidence: `delimiter: ${nameOf(reading)}, as in earlier objects of the table` };
}

/** Two fields or more, and as many in (nearly) every record. */
function isEven({ width, even, records, fault }: Reading, share: number): boolean {
  return width > 1 && fault === undefined && records.length > 1 && even >= share * records.length;
}

/** Better than the usual delimiter, which does not occur at all or splits the records at random. */
function isPlain(reading: Reading, usual: Reading, known: KnownNames): boolean {
  if (usual.even < usual.records.length * 0.75) return reading.records.length > 2;
  const [first, ...body] = reading.records;
  const isHeader =
    known.dialect.header === true || (first !== undefined && typedHeaderEvidence(first, body) !== undefined);
  return usual.width === 1 && (reading.records.length > 2 || isHeader);
}

interface Quoting {
  readonly reading: Reading;
  readonly clear?: boolean;
  readonly evidence?: string;
}

/** Text is taken for RFC 4180 unless that reading breaks and the literal one is even throughout, in more than one record. */
function findQuoting(head: ObjectHead, known: KnownNames, first: Reading, other: () => Reading): Quoting {
  if (first.quoted && isSound(first) && fitsQuotes(first)) return { reading: first, clear: true };
  const second = other();
  const [quoted, literal] = first.quoted ? [first, second] : [second, first];
  const swallowed = !head.whole && literal.records.length > quoted.records.length + 1;
  if (isSound(quoted) && !swallowed) {
    const onlyQuoted = fitsQuotes(quoted) && literal.even < literal.records.length;
    return onlyQuoted || doublesQuotes(literal) ? { reading: quoted, clear: true } : { reading: first };
  }
  const isLiteral =
    literal.fault === undefined &&
    literal.even === literal.records.length &&
    (agrees(literal, known) || !agrees(quoted, known)) &&
    quotesAreText(literal);
  if (!isLiteral) return { reading: first };
  const evidence = `rfc4180: false, quotes are text in several records and each of ${literal.even} has ${literal.width} fields`;
  return { reading: literal, clear: false, evidence };
}

function isSound({ even, records, fault }: Reading): boolean {
  return fault === undefined && records.length > 0 && even >= 0.9 * records.length;
}

const returnsEvidence = "row delimiter: a carriage return alone ends every record";

/** Records that a lone carriage return ends: only where there is no line feed at all, and the records are even or known. */
function loneReturn(head: ObjectHead, known: KnownNames, quoted: boolean): RowDelimiter {
  const { bytes, from } = head;
  if (bytes.includes(lineFeed) || !bytes.subarray(from, -1).includes(carriageReturn)) return "auto";
  const { dialect, pinned } = known;
  const delimiters = dialect.delimiter === "auto" ? [pinned.delimiter ?? ",", ...candidates] : [dialect.delimiter];
  const readings = (rowDelimiter: RowDelimiter) =>
    delimiters.map((delimiter) => readingOf(head, { delimiter: delimiter.charCodeAt(0), quoted, rowDelimiter }));
  const rows = readings("\r");
  if (rows.some((reading) => reading.records.length > 1 && reading.width > 1 && agrees(reading, known))) return "\r";
  // As it stands it may be the one record of an object, with a carriage return in its text.
  if (readings("auto").some((reading) => reading.width > 1 && agrees(reading, known))) return "auto";
  return rows.some((reading) => isEven(reading, 1)) ? "\r" : "auto";
}

function nameOf({ delimiter }: Reading): string {
  const names: Readonly<Record<number, string>> = { 9: "tab", 44: "comma", 59: "semicolon", 124: "|" };
  return names[delimiter] ?? String.fromCharCode(delimiter);
}
