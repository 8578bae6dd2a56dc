/** Decodes the CSV bytes of an object into records of byte text; the only place that knows csv-parse. */
import { CsvError, Parser } from "csv-parse";
import { DrayageError } from "../errors.ts";
import { type ByteText, toByteText } from "./byte-text.ts";
import { type Cell, type DecodeFault, type Decoder, type DecoderOptions, repairText } from "./decoder-port.ts";
import { TextCheck } from "./text-check.ts";

export type { Cell, DecodeFault, DecoderOptions };
export { repairText };

/** The part of csv-parse's field and record contexts that is read here. */
interface Context {
  quoting: boolean;
  /** Offset where the field ends; of the next record, once a record is complete. */
  bytes: number;
}

/** csv-parse 7 below its stream. */
interface ParserApi {
  readonly state: { readonly wasQuoting: boolean };
  readonly info: { readonly bytes: number };
  __infoField(): Context;
  __infoRecord(): Context;
}

/** What a cell callback throws to make csv-parse stop. */
const stop = new Error("stop");
/** csv-parse keeps back at most this many bytes of what it was given, to look ahead. */
const lookAhead = 8;
const quote = '"';
const quoteByte = 34;

export class CsvDecoder implements Decoder {
  records = 0;
  fault: DecodeFault | undefined;
  /** True once a chunk held a NUL or invalid UTF-8: cells then need `repairText`. */
  suspect = false;

  readonly #options: DecoderOptions;
  readonly #parser: Parser;
  /** csv-parse's own counts. */
  readonly #counts: { records: number };
  readonly #text = new TextCheck();
  readonly #nullTokens: readonly ByteText[];
  readonly #startOffset: number;
  readonly #takeError = (error?: Error | null): void => {
    if (error) this.#stopped(error);
  };
  // Offsets from here on count from the first byte written, as csv-parse does.
  #written = 0;
  #recordStart = 0;
  #fieldStart = 0;
  #chunk: Buffer = Buffer.alloc(0);
  /** The last bytes before the chunk. */
  #before: Buffer = Buffer.alloc(0);

  constructor(options: DecoderOptions) {
    this.#options = options;
    this.#startOffset = options.startOffset ?? 0;
    this.#nullTokens = options.nullTokens.map(toByteText);
    this.#parser = new Parser({
      bom: false,
      cast: (value, context) => this.#cell(value, context),
      delimiter: Buffer.of(options.delimiter),
      encoding: "latin1",
      on_record: (fields: Cell[], context) => this.#record(fields, context.bytes),
      quote: options.quoted ? quote : null,
      record_delimiter: options.rowDelimiter === "auto" ? ["\r\n", "\n"] : [options.rowDelimiter],
      relax_column_count: true,
      relax_quotes: true,
    });
    this.#counts = this.#parser.info;
    reuseContexts(this.#parser);
  }

  /** Decodes the next bytes; records that end in them are delivered before it returns. */
  write(chunk: Buffer): void {
    if (this.fault !== undefined || chunk.length === 0) return;
    if (!this.suspect) this.suspect = this.#text.check(chunk) !== undefined;
    this.#before = Buffer.concat([this.#before, this.#chunk.subarray(-lookAhead)]).subarray(-lookAhead);
    this.#chunk = chunk;
    this.#written += chunk.length;
    // The stream machinery is left out: a Transform would buffer, and hand out its errors a tick later.
    this.#parser._transform(chunk, "latin1", this.#takeError);
    if (this.#written - lookAhead - this.#recordStart > this.#options.maxRecordBytes) this.#fail("record_too_large");
  }

  /** The stream is over: delivers a last record without a line end. */
  end(): void {
    if (this.fault !== undefined) return;
    if (this.#text.held > 0) this.suspect = true;
    if (this.#written > 0) this.#parser._flush(this.#takeError);
  }

  #cell(value: ByteText, context: Context): Cell {
    const start = this.#fieldStart;
    this.#fieldStart = context.bytes + 1;
    if (context.bytes - this.#recordStart > this.#options.maxRecordBytes) {
      this.#fail("record_too_large");
      throw stop;
    }
    if (!context.quoting) return this.#nullTokens.includes(value) ? null : value;
    // With relaxed quotes csv-parse takes `"a"b` as text, quotes and all. Such a field is shorter than its text would be
    // in quotes, so the length tells. Only a NUL after the closing quote it drops the quotes for; there the last byte tells.
    const closed = !this.suspect || !value.includes("\0") || this.#byteAt(context.bytes - 1) === quoteByte;
    if (!closed || context.bytes - start !== value.length + 2 + countQuotes(value)) {
      this.#fail("bad_quote");
      throw stop;
    }
    return value;
  }

  #record(fields: Cell[], next: number): null {
    const start = this.#recordStart;
    // Where the last field ended, without its delimiter.
    const length = this.#fieldStart - 1 - start;
    this.#recordStart = next;
    this.#fieldStart = next;
    // csv-parse expects every record to be as wide as its first, and builds an error for each that is not.
    this.#counts.records = 0;
    if (length === 0 && this.#options.singleColumn !== true) return null;
    this.records++;
    this.#options.onRecord(fields, this.#startOffset + start, length);
    return null;
  }

  #byteAt(offset: number): number | undefined {
    const at = offset - (this.#written - this.#chunk.length);
    return at >= 0 ? this.#chunk[at] : this.#before.at(at);
  }

  #fail(reason: DecodeFault["reason"]): void {
    if (this.fault !== undefined) return;
    this.fault = { reason, start: this.#startOffset + this.#recordStart, record: this.records + 1 };
    this.#options.onFault(this.fault);
  }

  /** csv-parse gave up. Its own errors carry the record, so they go no further. */
  #stopped(error: Error): void {
    if (error === stop) return;
    if (!(error instanceof CsvError)) throw error;
    if (error.code !== "CSV_QUOTE_NOT_CLOSED")
      throw new DrayageError("INTERNAL", { message: `csv-parse: ${error.code}` });
    const tooLarge = this.#written - this.#recordStart > this.#options.maxRecordBytes;
    this.#fail(tooLarge ? "record_too_large" : "unclosed_quote");
  }
}

/**
 * Makes csv-parse fill one context again and again. It builds three objects for every field otherwise, which costs ten
 * times the parsing. The contexts have the same names as its own, so a version without these methods is slow, not wrong.
 */
function reuseContexts(parser: Parser): void {
  const { api } = parser as unknown as { api: ParserApi };
  const context: Context = { quoting: false, bytes: 0 };
  const fill = (): Context => {
    context.quoting = api.state.wasQuoting;
    context.bytes = api.info.bytes;
    return context;
  };
  api.__infoField = fill;
  api.__infoRecord = fill;
}

function countQuotes(value: ByteText): number {
  let count = 0;
  for (let at = value.indexOf(quote); at >= 0; at = value.indexOf(quote, at + 1)) count++;
  return count;
}
