/** What the CSV tests share: options with defaults, random cuts, and a plain reader to compare with. */
import * as fc from "fast-check";
import { fromByteText } from "../../src/rows/byte-text.ts";
import { type Cell, CsvDecoder, type DecodeFault, type DecoderOptions } from "../../src/rows/decode-csv.ts";
import { RecordScanner, type ScannerOptions } from "../../src/rows/record-scanner.ts";

export interface Decoded {
  readonly records: { readonly fields: Cell[]; readonly start: number; readonly length: number }[];
  readonly fault: DecodeFault | undefined;
  readonly suspect: boolean;
}

export function decode(bytes: Buffer, options: Partial<DecoderOptions> = {}, cuts: readonly number[] = []): Decoded {
  const records: Decoded["records"] = [];
  let fault: DecodeFault | undefined;
  const decoder = new CsvDecoder({
    delimiter: 44,
    quoted: true,
    rowDelimiter: "auto",
    nullTokens: ["NULL", ""],
    maxRecordBytes: 1_000_000,
    onRecord: (fields, start, length) => records.push({ fields, start, length }),
    onFault: (found) => {
      fault = found;
    },
    ...options,
  });
  for (const chunk of cut(bytes, cuts)) decoder.write(chunk);
  decoder.end();
  return { records, fault, suspect: decoder.suspect };
}

/** Cells as real text. */
export function cells(text: string | Buffer, options: Partial<DecoderOptions> = {}): (string | null)[][] {
  return decode(Buffer.from(text), options).records.map((record) =>
    record.fields.map((cell) => (cell === null ? null : fromByteText(cell))),
  );
}

export function scan(
  bytes: Buffer,
  options: Partial<ScannerOptions> = {},
  cuts: readonly number[] = [],
): RecordScanner {
  const scanner = new RecordScanner({
    delimiter: 44,
    quoted: true,
    nullTokens: ["NULL", ""],
    checkQuotedTokens: false,
    maxRecordBytes: 1_000_000,
    singleColumn: false,
    ...options,
  });
  for (const chunk of cut(bytes, cuts)) scanner.scan(chunk);
  scanner.end();
  return scanner;
}

/** Copies, as a stream may use its buffers again. */
export function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((to, i) => Buffer.from(bytes.subarray(places[i], to)));
}

export const anyCuts = fc.array(fc.nat({ max: 10_000 }), { maxLength: 12 });

/** Bytes made of what CSV readers trip over, valid and not. */
export const awkwardBytes = fc
  .array(
    fc.constantFrom(
      ...["a", "bc", "1", ",", ",", "\n", "\n", "\r\n", "\r", '"', '"', '""', '","', '"\n', "\\.", "\\", "NULL"],
      ...["\u00e9", "\u{1f600}", "\0", "\t", " "],
      Buffer.of(0xc3),
      Buffer.of(0xe2),
      Buffer.of(0xf0, 0x9f),
      Buffer.of(0xff),
      Buffer.of(0xed, 0xa0, 0x80),
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part))));

/** A CSV writer by the rules of DMS: quoted where it must be, or everywhere. */
export function writeRecord(fields: readonly (string | null)[], lineEnd: string, always: boolean): string {
  const written = fields.map((field) => {
    if (field === null) return "NULL";
    const must = always || /["\n\r,]/.test(field) || field === "" || field === "NULL" || field === "\\.";
    return must ? `"${field.replaceAll('"', '""')}"` : field;
  });
  return written.join(",") + lineEnd;
}

/** A plain reader, a byte at a time over the whole input: the second opinion on CsvDecoder. */
export function readPlainly(bytes: Buffer): { records: Cell[][]; fault: string | undefined } {
  const text = bytes.toString("latin1");
  const records: Cell[][] = [];
  let at = 0;
  const lineEndAt = (i: number): number => (text[i] === "\n" ? 1 : text.startsWith("\r\n", i) ? 2 : 0);
  while (at < text.length) {
    if (lineEndAt(at) > 0) {
      at += lineEndAt(at);
      continue;
    }
    const fields: Cell[] = [];
    for (;;) {
      let value = "";
      if (text[at] === '"') {
        at++;
        while (text[at] !== '"' || text[at + 1] === '"') {
          if (at >= text.length) return { records, fault: "unclosed_quote" };
          at += text[at] === '"' ? 1 : 0;
          value += text[at++];
        }
        at++;
        if (at < text.length && text[at] !== "," && lineEndAt(at) === 0) return { records, fault: "bad_quote" };
        fields.push(value);
      } else {
        while (at < text.length && text[at] !== "," && lineEndAt(at) === 0) value += text[at++];
        fields.push(value === "" || value === "NULL" ? null : value);
      }
      if (text[at] !== ",") break;
      at++;
    }
    at += lineEndAt(at);
    records.push(fields);
  }
  return { records, fault: undefined };
}
