/** Counts the records of an object beside the stream that COPY reads, and stops where COPY would read it wrongly. */
import { mayHoldCut } from "./lob-cut.ts";
import { TextCheck } from "./text-check.ts";

export interface ScannerOptions {
  /** The byte between fields. */
  readonly delimiter: number;
  /** False: nothing is ever quoted, and COPY gets 0x01 as its quote. */
  readonly quoted: boolean;
  readonly nullTokens: readonly string[];
  /** Whether a quoted field that equals a null token is a violation: COPY and `nullif` could not tell it from NULL. */
  readonly checkQuotedTokens: boolean;
  /** Bytes, the line end not counted. */
  readonly maxRecordBytes: number;
  /** A table of one column: an empty line is a record with an empty field, as COPY has it. */
  readonly singleColumn: boolean;
  /** Offset in the object of the first byte scanned; default 0. */
  readonly startOffset?: number | undefined;
  /** LobMaxSize, when known: a record that is long enough to hold a cut cell is a violation, since COPY does not look at cells. */
  readonly lobMaxSize?: number | undefined;
}

export type ViolationReason =
  | "quote_out_of_place"
  | "bare_cr"
  | "mixed_line_ends"
  | "end_marker"
  | "blank_line"
  | "nul"
  | "invalid_utf8"
  | "quoted_null"
  | "record_too_large"
  | "maybe_cut"
  | "unclosed_quote";

export interface Violation {
  readonly reason: ViolationReason;
  /** From 1. */
  readonly record: number;
  /** Of the offending byte; for record_too_large, maybe_cut, unclosed_quote, end_marker and blank_line, of the record's start. */
  readonly offset: number;
}

/** Records between two checkpoints. */
export const checkpointEvery = 1024;

const lineFeed = 10;
const carriageReturn = 13;
const quoteByte = 34;
const backslash = 92;
const dot = 46;
/** COPY's quote for objects that quote nothing. */
const unusedQuote = 1;

// Between two bytes the scanner is in one of these.
const plain = 0;
const quoted = 1;
/** After a quote inside a quoted field: its end, or the first half of a doubled quote. */
const quoteSeen = 2;
/** After a carriage return outside quotes. */
const returnSeen = 3;

export class RecordScanner {
  /** Records that ended, the last one without a newline included once `end` was called. */
  records = 0;
  violation: Violation | undefined;
  /** checkpoints[k] is the offset at which record k * 1,024 + 1 starts. */
  readonly checkpoints: number[];

  readonly #options: ScannerOptions;
  /** The byte that COPY takes as a quote. */
  readonly #quote: number;
  /** Null tokens as they stand between the quotes. */
  readonly #tokens: readonly Buffer[];
  readonly #text = new TextCheck();
  #mode = plain;
  /** Offset of the next byte to come. */
  #offset: number;
  #recordStart: number;
  #fieldStart = 0;
  #lineEnd: "lf" | "crlf" | undefined;
  // Where the next of each byte is in the current chunk: behind the walk when not looked up, the chunk's length when none.
  #nextQuote = -1;
  #nextReturn = -1;
  #nextLine = -1;
  /** The last bytes before the current chunk: what a rule may still look back at. */
  #before: Buffer = Buffer.alloc(0);
  readonly #lookBack: number;

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.#offset = options.startOffset ?? 0;
    this.#recordStart = this.#offset;
    this.checkpoints = [this.#offset];
    this.#quote = options.quoted ? quoteByte : unusedQuote;
    const checked = options.quoted && options.checkQuotedTokens ? options.nullTokens : [];
    this.#tokens = checked.map((token) => Buffer.from(token.replaceAll('"', '""')));
    this.#lookBack = Math.max(4, ...this.#tokens.map((token) => token.length + 2));
  }

  /** Scans the next bytes. False at the first violation, and from then on. */
  scan(chunk: Buffer): boolean {
    if (this.violation !== undefined) return false;
    if (chunk.length === 0) return true;
    const fault = this.#text.check(chunk);
    // The faulty byte is walked too: a structural violation at it (or pending before it) is found wherever the cut is.
    this.#walk(chunk, fault === undefined ? chunk.length : Math.max(0, fault.at + 1));
    if (this.violation === undefined && fault !== undefined) this.#fail(fault.reason, this.#offset + fault.at);
    if (this.violation !== undefined) return false;
    this.#offset += chunk.length;
    const pending = this.#text.held + (this.#mode === returnSeen ? 1 : 0);
    if (this.#offset - pending - this.#recordStart > this.#options.maxRecordBytes)
      this.#failAtRecord("record_too_large");
    const kept = this.#lookBack;
    this.#before =
      chunk.length >= kept
        ? Buffer.from(chunk.subarray(chunk.length - kept))
        : Buffer.concat([this.#before, chunk]).subarray(-kept);
    return this.violation === undefined;
  }

  /** The stream is over. False when there was a violation, or is one now. */
  end(): boolean {
    if (this.violation !== undefined) return false;
    const none = Buffer.alloc(0);
    if (this.#text.held > 0) this.#fail("invalid_utf8", this.#offset - this.#text.held);
    else if (this.#mode === returnSeen) this.#fail("bare_cr", this.#offset - 1);
    else if (this.#mode === quoted) this.#failAtRecord("unclosed_quote");
    else if (this.#mode === quoteSeen && this.#isToken(none, this.#offset - 1)) {
      this.#fail("quoted_null", this.#fieldStart, this.#offset);
    } else if (this.#offset > this.#recordStart) this.#endRecord(none, this.#offset, this.#offset);
    // The checkpoint after the last record points at nothing.
    if (this.checkpoints.at(-1) === this.#offset) this.checkpoints.pop();
    return this.violation === undefined;
  }

  /** Walks the chunk's bytes up to `to`, or to the first violation. */
  #walk(chunk: Buffer, to: number): void {
    this.#nextQuote = this.#nextReturn = this.#nextLine = -1;
    let at = 0;
    while (at < to && this.violation === undefined) {
      if (this.#mode === plain) at = this.#walkPlain(chunk, at, to);
      else if (this.#mode === quoted) at = this.#walkQuoted(chunk, at, to);
      else if (this.#mode === quoteSeen) at = this.#afterQuote(chunk, at);
      else if (chunk[at] === lineFeed) {
        this.#mode = plain;
        this.#endLine(chunk, at, "crlf");
        at++;
      } else this.#fail("bare_cr", this.#offset + at - 1);
    }
  }

  /** From one byte that matters to the next: three native searches are ten times as fast as a loop over the bytes. */
  #walkPlain(chunk: Buffer, from: number, to: number): number {
    if (this.#nextQuote < from) this.#nextQuote = find(chunk, this.#quote, from);
    if (this.#nextReturn < from) this.#nextReturn = find(chunk, carriageReturn, from);
    if (this.#nextLine < from) this.#nextLine = find(chunk, lineFeed, from);
    const stop = Math.min(this.#nextQuote, this.#nextReturn, to);
    while (this.#nextLine < stop) {
      this.#endLine(chunk, this.#nextLine, "lf");
      if (this.violation !== undefined) return stop;
      this.#nextLine = find(chunk, lineFeed, this.#nextLine + 1);
    }
    if (stop === to) return to;
    if (stop === this.#nextReturn) this.#mode = returnSeen;
    else this.#openQuote(chunk, stop);
    return stop + 1;
  }

  /** A quote outside quotes opens a field at its start; anywhere else COPY would read it as something else. */
  #openQuote(chunk: Buffer, at: number): void {
    const offset = this.#offset + at;
    const starts = offset === this.#recordStart || this.#byteAt(chunk, offset - 1) === this.#options.delimiter;
    if (!starts || !this.#options.quoted) {
      this.#fail("quote_out_of_place", offset);
      return;
    }
    this.#fieldStart = offset;
    this.#mode = quoted;
  }

  #walkQuoted(chunk: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (chunk[at] !== quoteByte) at++;
      else if (at + 1 < to && chunk[at + 1] === quoteByte) at += 2;
      else {
        this.#mode = quoteSeen;
        return at + 1;
      }
    }
    return at;
  }

  #afterQuote(chunk: Buffer, at: number): number {
    const byte = chunk[at]!;
    if (byte === quoteByte) {
      this.#mode = quoted;
      return at + 1;
    }
    if (byte !== this.#options.delimiter && byte !== lineFeed && byte !== carriageReturn) {
      this.#fail("quote_out_of_place", this.#offset + at);
    } else if (this.#isToken(chunk, this.#offset + at - 1)) {
      this.#fail("quoted_null", this.#fieldStart, this.#offset + at);
    }
    this.#mode = plain;
    return at;
  }

  #endLine(chunk: Buffer, at: number, kind: "lf" | "crlf"): void {
    const next = this.#offset + at + 1;
    const end = kind === "crlf" ? next - 2 : next - 1;
    this.#lineEnd ??= kind;
    if (this.#lineEnd !== kind) this.#fail("mixed_line_ends", end);
    else this.#endRecord(chunk, end, next);
  }

  #endRecord(chunk: Buffer, end: number, next: number): void {
    const start = this.#recordStart;
    const length = end - start;
    const { lobMaxSize } = this.#options;
    if (length > this.#options.maxRecordBytes) this.#failAtRecord("record_too_large");
    else if (lobMaxSize !== undefined && mayHoldCut(length, lobMaxSize)) this.#failAtRecord("maybe_cut");
    else if (length === 0 && !this.#options.singleColumn) this.#failAtRecord("blank_line");
    else if (length === 2 && this.#byteAt(chunk, start) === backslash && this.#byteAt(chunk, start + 1) === dot) {
      // PostgreSQL before 18 takes this line for the end of the input and drops the rest without an error.
      this.#failAtRecord("end_marker");
    } else {
      this.#recordStart = next;
      if (++this.records % checkpointEvery === 0) this.checkpoints.push(next);
    }
  }

  /** Whether the quoted field that closes at `close` is a null token. */
  #isToken(chunk: Buffer, close: number): boolean {
    const start = this.#fieldStart + 1;
    for (const token of this.#tokens) {
      if (close - start !== token.length) continue;
      let same = 0;
      while (same < token.length && this.#byteAt(chunk, start + same) === token[same]) same++;
      if (same === token.length) return true;
    }
    return false;
  }

  #byteAt(chunk: Buffer, offset: number): number {
    const at = offset - this.#offset;
    return at >= 0 ? chunk[at]! : this.#before[this.#before.length + at]!;
  }

  /** `seen` is the byte that gave the violation away, where that is a later one. */
  #fail(reason: ViolationReason, offset: number, seen = offset): void {
    // A record is too large from its first byte too many on, whatever comes after that byte.
    if (seen - this.#recordStart > this.#options.maxRecordBytes) this.#failAtRecord("record_too_large");
    else this.violation = { reason, record: this.records + 1, offset };
  }

  #failAtRecord(reason: ViolationReason): void {
    this.violation = { reason, record: this.records + 1, offset: this.#recordStart };
  }
}

/** Index of the next such byte, or the chunk's length. */
function find(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? chunk.length : at;
}
