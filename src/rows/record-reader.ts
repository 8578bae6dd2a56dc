/** Reads the records of CSV bytes at the speed of a byte loop; the decoder of the load, held against csv-parse by its tests. */
import { type ByteText, toByteText } from "./byte-text.ts";
import type { Cell, DecodeFault, Decoder, DecoderOptions } from "./decoder-port.ts";
import { TextCheck } from "./text-check.ts";

const lineFeed = 10;
const carriageReturn = 13;
const quoteByte = 34;
/** No byte: what a quote is compared with where nothing is quoted. */
const noByte = -1;

/**
 * Bytes walked at a time. Cells are slices of one string per piece, so a larger chunk would keep more alive for each cell,
 * and V8 takes strings beyond this out of its young generation.
 */
const pieceBytes = 64 * 1024;

// Where in a field the next byte stands.
const fieldStart = 0;
const plain = 1;
const quoted = 2;
/** After a closing quote that ended the stream. */
const closed = 3;
/** After a closing quote that something else follows: the field is walked to its end, as its length decides the fault. */
const bad = 4;

const nothing = Buffer.alloc(0);

export class RecordReader implements Decoder {
  records = 0;
  fault: DecodeFault | undefined;
  suspect = false;

  readonly #options: DecoderOptions;
  readonly #check = new TextCheck();
  readonly #delimiter: number;
  readonly #quote: number;
  /** A carriage return alone ends a record. */
  readonly #loneReturn: boolean;
  /** 1 for each byte that can end an unquoted field. */
  readonly #stops = new Uint8Array(256);
  readonly #nullTokens: readonly ByteText[];
  readonly #longestToken: number;
  readonly #emptyCell: Cell;
  /** Where a field with doubled quotes is written with single ones; made when the first is met. */
  #single: Buffer = nothing;

  // The piece in hand: its bytes, the same as text, and the offset in the object of its first byte.
  #bytes: Buffer = nothing;
  #text: ByteText = "";
  #offset: number;
  /** No more bytes will come: nothing is left to wait for. */
  #final = false;
  /** The piece's last bytes mean nothing without the next ones. */
  #waiting = false;
  /** One or two such bytes: a quote, a carriage return, or both. */
  #held: Buffer = nothing;
  /** Set while bytes are walked, so it stays set when the callee throws: the place is lost then. */
  #walking = false;

  // The record in hand.
  #mode = fieldStart;
  #recordStart: number;
  #fields: Cell[] = [];
  /** What earlier pieces held of the field in hand: a rope, so that a field of many pieces is joined once. */
  #part: ByteText = "";

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#delimiter = options.delimiter;
    this.#quote = options.quoted ? quoteByte : noByte;
    this.#loneReturn = options.rowDelimiter === "\r";
    this.#stops[options.delimiter] = 1;
    if (options.rowDelimiter !== "\r\n" && !this.#loneReturn) this.#stops[lineFeed] = 1;
    if (options.rowDelimiter !== "\n") this.#stops[carriageReturn] = 1;
    this.#nullTokens = options.nullTokens.map(toByteText);
    this.#longestToken = Math.max(-1, ...this.#nullTokens.map((token) => token.length));
    this.#emptyCell = this.#nullTokens.includes("") ? null : "";
    this.#offset = options.startOffset ?? 0;
    this.#recordStart = this.#offset;
  }

  write(chunk: Buffer): void {
    if (this.fault !== undefined || this.#walking) return;
    if (!this.suspect) this.suspect = this.#check.check(chunk) !== undefined;
    for (let at = 0; at < chunk.length && this.fault === undefined; at += pieceBytes)
      this.#take(chunk.subarray(at, at + pieceBytes));
  }

  end(): void {
    if (this.fault !== undefined || this.#walking) return;
    if (this.#check.held > 0) this.suspect = true;
    this.#final = true;
    this.#take(nothing);
    if (this.fault === undefined && this.#offset > this.#recordStart) this.#endLast();
  }

  #take(piece: Buffer): void {
    const bytes = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    this.#bytes = bytes;
    this.#text = bytes.toString("latin1");
    this.#waiting = false;
    this.#walking = true;
    const walked = this.#walk();
    this.#walking = false;
    // Neither the piece nor its text may outlive this call: a stream uses its buffers again.
    this.#bytes = nothing;
    this.#text = "";
    this.#held = this.#waiting ? Buffer.from(bytes.subarray(walked)) : nothing;
    this.#offset += walked;
    if (this.#offset - this.#recordStart > this.#options.maxRecordBytes) this.#fail("record_too_large");
  }

  /** Walks the piece, field by field. Returns how far it came: to the end, to bytes that wait, or to a fault. */
  #walk(): number {
    const bytes = this.#bytes;
    let at = 0;
    while (at < bytes.length && !this.#waiting && this.fault === undefined) {
      const mode = this.#mode;
      if (mode === quoted) at = this.#walkQuoted(at);
      else if (mode === bad) at = this.#walkBad(at);
      else if (mode === fieldStart && bytes[at] === this.#quote) at = this.#walkQuoted(at + 1);
      else at = this.#walkPlain(at);
    }
    return at;
  }

  #walkPlain(from: number): number {
    const to = this.#findStop(from);
    const text = this.#text.slice(from, to);
    if (this.#waiting || to === this.#bytes.length) {
      this.#mode = plain;
      this.#part += text;
      return to;
    }
    this.#fields.push(this.#plainCell(text));
    return this.#endField(to);
  }

  #walkBad(from: number): number {
    const to = this.#findStop(from);
    if (!this.#waiting && to < this.#bytes.length) this.#failField("bad_quote", this.#offset + to);
    return to;
  }

  /** Where the unquoted field ends that `from` is in; the piece's length when it goes on. */
  #findStop(from: number): number {
    const bytes = this.#bytes;
    const stops = this.#stops;
    const end = bytes.length;
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (stops[byte] === 0) continue;
      if (byte !== carriageReturn || this.#loneReturn || bytes[at + 1] === lineFeed) return at;
      if (at + 1 === end && !this.#final) {
        this.#waiting = true;
        return at;
      }
    }
    return end;
  }

  /** `from` is behind the opening quote, or where the field goes on in this piece. */
  #walkQuoted(from: number): number {
    const bytes = this.#bytes;
    this.#mode = quoted;
    // Most fields have no quote inside: a native search and a slice. From the first one on, bytes are copied one by one.
    let to = this.#text.indexOf('"', from);
    if (to < 0) to = bytes.length;
    let text: ByteText;
    if (bytes[to + 1] === quoteByte) {
      const single = this.#copySingle(from, to);
      to = single.to;
      text = single.text;
    } else text = this.#text.slice(from, to);
    if (to === bytes.length || this.#mustWait(to)) {
      this.#part += text;
      return to;
    }
    this.#fields.push(this.#part + text);
    this.#part = "";
    return this.#endQuoted(to + 1);
  }

  /** Copies the field with its doubled quotes made single, up to its closing quote or the piece's end. */
  #copySingle(from: number, firstQuote: number): { to: number; text: ByteText } {
    const bytes = this.#bytes;
    const end = bytes.length;
    if (this.#single.length < end) this.#single = Buffer.allocUnsafeSlow(Math.max(end, pieceBytes + 2));
    const single = this.#single;
    let length = bytes.copy(single, 0, from, firstQuote);
    let at = firstQuote;
    while (at < end) {
      const byte = bytes[at]!;
      if (byte === quoteByte) {
        if (bytes[at + 1] !== quoteByte) break;
        at++;
      }
      single[length++] = byte;
      at++;
    }
    return { to: at, text: single.toString("latin1", 0, length) };
  }

  /** Whether the quote at `at` may yet turn out doubled, or be followed by a line end that the piece cuts in two. */
  #mustWait(at: number): boolean {
    if (this.#final) return false;
    const left = this.#bytes.length - at - 1;
    this.#waiting = left === 0 || (left === 1 && this.#bytes[at + 1] === carriageReturn && !this.#loneReturn);
    return this.#waiting;
  }

  /** `at` is behind a closing quote. */
  #endQuoted(at: number): number {
    const byte = this.#bytes[at];
    if (byte === undefined) this.#mode = closed;
    else if (
      this.#stops[byte] === 1 &&
      (byte !== carriageReturn || this.#loneReturn || this.#bytes[at + 1] === lineFeed)
    )
      return this.#endField(at);
    else this.#mode = bad;
    return at;
  }

  /** The cells of the record are taken up to the delimiter or line end at `at`. */
  #endField(at: number): number {
    this.#mode = fieldStart;
    const byte = this.#bytes[at];
    if (byte === this.#delimiter) return at + 1;
    const next = byte === lineFeed || this.#loneReturn ? at + 1 : at + 2;
    this.#endRecord(this.#offset + at, this.#offset + next);
    return next;
  }

  #endRecord(end: number, next: number): void {
    const start = this.#recordStart;
    const length = end - start;
    if (length > this.#options.maxRecordBytes) {
      this.#fail("record_too_large");
      return;
    }
    const fields = this.#fields;
    this.#fields = [];
    this.#recordStart = next;
    if (length === 0 && this.#options.singleColumn !== true) return;
    this.records++;
    this.#options.onRecord(fields, start, length);
  }

  /** The stream ended inside a record. */
  #endLast(): void {
    if (this.#mode === quoted) this.#failField("unclosed_quote", this.#offset);
    else if (this.#mode === bad) this.#failField("bad_quote", this.#offset);
    else {
      if (this.#mode !== closed) this.#fields.push(this.#plainCell(""));
      this.#endRecord(this.#offset, this.#offset);
    }
  }

  /** The cell of an unquoted field whose last piece is `text`. */
  #plainCell(text: ByteText): Cell {
    let cell = text;
    if (this.#part !== "") {
      cell = this.#part + text;
      this.#part = "";
    }
    if (cell === "") return this.#emptyCell;
    return cell.length <= this.#longestToken && this.#nullTokens.includes(cell) ? null : cell;
  }

  /** A field that is wrong and ends at `end`: a record too large is named so whatever else is wrong with it. */
  #failField(reason: DecodeFault["reason"], end: number): void {
    this.#fail(end - this.#recordStart > this.#options.maxRecordBytes ? "record_too_large" : reason);
  }

  #fail(reason: DecodeFault["reason"]): void {
    if (this.fault !== undefined) return;
    this.fault = { reason, start: this.#recordStart, record: this.records + 1 };
    this.#fields = [];
    this.#part = "";
    this.#options.onFault(this.fault);
  }
}
