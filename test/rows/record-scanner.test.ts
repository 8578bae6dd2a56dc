import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkpointEvery, type ScannerOptions } from "../../src/rows/record-scanner.ts";
import { anyCuts, awkwardBytes, decode, scan, writeRecord } from "./csv-cases.ts";

test.each<[string, string, number]>([
  ["plain", "1,a\n2,b\n", 2],
  ["no final newline", "1,a\n2,b", 2],
  ["nothing", "", 0],
  ["CRLF", "1,a\r\n2,b\r\n", 2],
  ["newlines, returns and quotes in quotes", '1,"a\nb\r\nc\rd""e"\n2,b\n', 2],
  ["CRLF in quotes of an LF object", '1,"a\r\nb"\n2,b\n', 2],
  ["backslashes and tabs", "1,\\N\n2,\\.x\n3,a\\\tb\n", 3],
  ["an end marker in quotes", '1,"a\n\\.\nb"\n"\\."\n', 2],
  ["a quoted last field without newline", '1,"a"', 1],
  ["empty fields, quoted and not", ',""\n"",\n', 2],
  ["emoji and accents", "1,\u{1f600}\u00e9\n", 1],
  ["100 kB", `1,"${"x".repeat(100_000)}"\n2,${"y".repeat(100_000)}\n`, 2],
])("counts %s", (_, text, records) => {
  const scanner = scan(Buffer.from(text));
  expect(scanner.violation).toBeUndefined();
  expect(scanner.records).toBe(records);
});

const invalid = Buffer.concat([Buffer.from("1,a\n2,"), Buffer.of(0xc3), Buffer.from("b\n")]);

test.each<[string, string | Buffer, string, number, number, Partial<ScannerOptions>?]>([
  ["a quote inside a field", '1,a\n2,5" pipe\n', "quote_out_of_place", 2, 7],
  ["text after a closing quote", '1,"a"b\n', "quote_out_of_place", 1, 5],
  ["a lone return", "1,a\n2,b\rc\n", "bare_cr", 2, 7],
  ["a return at the end", "1,a\r", "bare_cr", 1, 3],
  ["CRLF in an LF object", "1,a\n2,b\r\n", "mixed_line_ends", 2, 7],
  ["LF in a CRLF object", "1,a\r\n2,b\n", "mixed_line_ends", 2, 8],
  ["an end marker", "1,a\n\\.\n2,b\n", "end_marker", 2, 4],
  ["an end marker before CRLF", "1,a\r\n\\.\r\n", "end_marker", 2, 5],
  ["an end marker at the very end", "1,a\n\\.", "end_marker", 2, 4],
  ["a blank line", "1,a\n\n2,b\n", "blank_line", 2, 4],
  ["a NUL", "1,a\n2,\0\n", "nul", 2, 6],
  ["invalid UTF-8", invalid, "invalid_utf8", 2, 6],
  ["a cut character at the end", Buffer.from("1,\u00e9").subarray(0, 3), "invalid_utf8", 1, 2],
  ["a quoted token", '1,a\n2,"NULL"\n', "quoted_null", 2, 6, { checkQuotedTokens: true }],
  ["a quoted empty field", '1,""', "quoted_null", 1, 2, { checkQuotedTokens: true }],
  ["a large record", "1,a\n2,bcdef\n", "record_too_large", 2, 4, { maxRecordBytes: 6 }],
  ["an unclosed quote", '1,a\n2,"b\n3,c\n', "unclosed_quote", 2, 4],
  ["COPY's quote in an object without quotes", "1,a\x01\n", "quote_out_of_place", 1, 3, { quoted: false }],
])("stops at %s", (_, text, reason, record, offset, options) => {
  const scanner = scan(Buffer.from(text), options);
  expect(scanner.violation).toEqual({ reason, record, offset });
  expect(scanner.records).toBe(record - 1);
});

test("without quoting a quote is text", () => {
  expect(scan(Buffer.from('1,5" pipe\n2,"x\n'), { quoted: false })).toMatchObject({ records: 2, violation: undefined });
});

test("a record may be exactly as large as allowed, with either line end", () => {
  for (const text of ["1,abcd\n", "1,abcd\r\n", "1,abcd"]) {
    expect(scan(Buffer.from(text), { maxRecordBytes: 6 }).violation).toBeUndefined();
    expect(scan(Buffer.from(text), { maxRecordBytes: 5 }).violation?.reason).toBe("record_too_large");
  }
});

test("a quoted token at the limit is judged alike at every cut", () => {
  const bytes = Buffer.from('1,"NULL",x\n');
  for (let at = 0; at <= bytes.length; at++) {
    const reason = (maxRecordBytes: number) =>
      scan(bytes, { checkQuotedTokens: true, maxRecordBytes }, [at]).violation?.reason;
    expect(reason(7)).toBe("record_too_large");
    expect(reason(8)).toBe("quoted_null");
  }
});

test("with one column an empty line is a record, in both lanes", () => {
  const bytes = Buffer.from("a\n\nb\n\n");
  expect(scan(bytes, { singleColumn: true }).records).toBe(4);
  expect(decode(bytes, { singleColumn: true }).records).toHaveLength(4);
  expect(decode(bytes).records).toHaveLength(2);
});

test("checkpoints are the starts of every 1,024th record", () => {
  const lines = Array.from({ length: checkpointEvery * 2 }, (_, i) => `${i},x\n`);
  const bytes = Buffer.from(lines.join(""));
  const second = lines.slice(0, checkpointEvery).join("").length;
  // The offset after the last record is no checkpoint: no record starts there.
  expect(scan(bytes, { startOffset: 10 }).checkpoints).toEqual([10, second + 10]);
  expect(scan(Buffer.alloc(0)).checkpoints).toEqual([]);
});

test("a broken character hides the line end behind it, wherever it is cut", () => {
  const bytes = Buffer.from([0x61, 0xe2, 0x0a, 0x62, 0x0a]);
  for (let from = 0; from <= 5; from++)
    for (let to = from; to <= 5; to++)
      expect(scan(bytes, {}, [from, to])).toMatchObject({
        records: 0,
        violation: { reason: "invalid_utf8", record: 1, offset: 1 },
      });
});

test("the result does not depend on how the bytes are cut", () => {
  const options = fc.record({
    quoted: fc.boolean(),
    checkQuotedTokens: fc.boolean(),
    singleColumn: fc.boolean(),
    maxRecordBytes: fc.constantFrom(3, 5, 8, 1000),
  });
  fc.assert(
    fc.property(awkwardBytes, anyCuts, options, (bytes, cuts, chosen) => {
      const whole = scan(bytes, chosen);
      const cutUp = scan(bytes, chosen, cuts);
      expect([cutUp.records, cutUp.violation, cutUp.checkpoints]).toEqual([
        whole.records,
        whole.violation,
        whole.checkpoints,
      ]);
    }),
    { numRuns: 5000 },
  );
});

test("scanner and decoder count the same records of clean input", () => {
  const field = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 6 }).filter((text) => !text.includes("\0")),
    fc.constantFrom(null, "", "NULL", "\\.", "a\r\nb", "\r", 'say "hi"', "\u{1f600}", "\t"),
  );
  const table = fc.array(fc.tuple(field, field, field), { maxLength: 8 });
  fc.assert(
    fc.property(table, fc.constantFrom("\n", "\r\n"), fc.boolean(), anyCuts, (rows, lineEnd, always, cuts) => {
      const bytes = Buffer.from(rows.map((row) => writeRecord(row, lineEnd, always)).join(""));
      const scanner = scan(bytes, {}, cuts);
      expect(scanner.violation).toBeUndefined();
      expect(scanner.records).toBe(rows.length);
      expect(decode(bytes, {}, cuts).records).toHaveLength(rows.length);
    }),
    { numRuns: 1000 },
  );
});

test("whatever the scanner lets pass, the decoder counts the same", () => {
  fc.assert(
    fc.property(awkwardBytes, (bytes) => {
      const scanner = scan(bytes);
      if (scanner.violation === undefined) expect(decode(bytes).records).toHaveLength(scanner.records);
    }),
    { numRuns: 5000 },
  );
});
