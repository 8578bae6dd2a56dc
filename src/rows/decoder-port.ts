/** What every CSV decoder takes, delivers and reports, and the repair that its cells may need. */
import { isUtf8 } from "node:buffer";
import { type ByteText, toByteText } from "./byte-text.ts";

/** A cell as byte text; null where an unquoted field is one of the null tokens. */
export type Cell = ByteText | null;

export interface DecoderOptions {
  /** The byte between fields. */
  readonly delimiter: number;
  /** False: a quote is a character like any other. */
  readonly quoted: boolean;
  /** `auto` takes LF and CRLF, each record its own; a lone carriage return is text unless it is the row delimiter. */
  readonly rowDelimiter: "auto" | "\n" | "\r\n" | "\r";
  /** Real text. "" is the empty field. */
  readonly nullTokens: readonly string[];
  /** Bytes, the line end not counted. */
  readonly maxRecordBytes: number;
  /** A table of one column: an empty line is a record with an empty field. Otherwise empty lines are skipped. */
  readonly singleColumn?: boolean | undefined;
  /** Offset in the decompressed object of the first byte written; default 0. */
  readonly startOffset?: number | undefined;
  /** Called for each record, in order. The array belongs to the callee. `length` does not count the line end. */
  readonly onRecord: (fields: Cell[], start: number, length: number) => void;
  /** Called at most once; nothing is decoded after it. */
  readonly onFault: (fault: DecodeFault) => void;
}

/** Why the rest of an object cannot be read as records. */
export interface DecodeFault {
  readonly reason: "unclosed_quote" | "bad_quote" | "record_too_large";
  /** Offset at which the record begins. */
  readonly start: number;
  /** From 1. */
  readonly record: number;
}

export interface Decoder {
  /** Records delivered. */
  readonly records: number;
  readonly fault: DecodeFault | undefined;
  /** True once a chunk held a NUL or invalid UTF-8: cells then need `repairText`. */
  readonly suspect: boolean;
  /** Decodes the next bytes; records that end in them are delivered before it returns. */
  write(chunk: Buffer): void;
  /** The stream is over: delivers a last record without a line end. */
  end(): void;
}

const mayNeedRepair = /[\0\x80-\xff]/;

/** The text with each NUL and each invalid UTF-8 sequence replaced by U+FFFD: what PostgreSQL can store. */
export function repairText(cell: ByteText): { text: ByteText; repaired: boolean } {
  if (!mayNeedRepair.test(cell)) return { text: cell, repaired: false };
  const bytes = Buffer.from(cell, "latin1");
  if (isUtf8(bytes) && !cell.includes("\0")) return { text: cell, repaired: false };
  return { text: toByteText(bytes.toString("utf8").replaceAll("\0", "\ufffd")), repaired: true };
}
