/** Reads the first records of an object from its first bytes. */
import { CsvDecoder } from "./decode-csv.ts";
import type { Cell, DecodeFault } from "./decoder-port.ts";

export interface HeadOptions {
  readonly delimiter: number;
  readonly quoted: boolean;
  readonly rowDelimiter: "auto" | "\n" | "\r\n" | "\r";
  readonly nullTokens: readonly string[];
  /** Where the first record begins in the head. */
  readonly from: number;
  /** Records wanted. */
  readonly limit: number;
}

export interface HeadRecord {
  readonly fields: readonly Cell[];
  /** Offset in the head. */
  readonly start: number;
  /** Bytes without the line end. */
  readonly length: number;
}

export interface Head {
  /** Complete records only. */
  readonly records: readonly HeadRecord[];
  readonly fault: DecodeFault | undefined;
}

/** Small enough that a head of 1 MB is not decoded for its first hundred records. */
const sliceBytes = 8 * 1024;

/** `whole`: the head is all there is, so that its last record may lack a line end. */
export function readHead(head: Buffer, whole: boolean, options: HeadOptions): Head {
  const records: HeadRecord[] = [];
  let fault: DecodeFault | undefined;
  const decoder = new CsvDecoder({
    delimiter: options.delimiter,
    quoted: options.quoted,
    rowDelimiter: options.rowDelimiter,
    nullTokens: options.nullTokens,
    maxRecordBytes: Number.POSITIVE_INFINITY,
    startOffset: options.from,
    onRecord: (fields, start, length) => {
      if (records.length < options.limit) records.push({ fields, start, length });
    },
    onFault: (found) => {
      fault = found;
    },
  });
  let at = options.from;
  while (at < head.length && records.length < options.limit && fault === undefined) {
    decoder.write(head.subarray(at, at + sliceBytes));
    at += sliceBytes;
  }
  if (whole && records.length < options.limit) decoder.end();
  return { records, fault };
}
