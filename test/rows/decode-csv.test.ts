import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fromByteText, toByteText } from "../../src/rows/byte-text.ts";
import { type DecoderOptions, repairText } from "../../src/rows/decode-csv.ts";
import { anyCuts, awkwardBytes, cells, decode, readPlainly } from "./csv-cases.ts";

const long = "x".repeat(100_000);

test.each<[string, string, (string | null)[][], Partial<DecoderOptions>?]>([
  ["CRLF inside quotes", '1,"a\r\nb"\n', [["1", "a\r\nb"]]],
  ["a lone return, quoted and not", '"a\rb",c\rd\n', [["a\rb", "c\rd"]]],
  ["a tab", "a\tb,c\n", [["a\tb", "c"]]],
  ["backslashes", 'C:\\tmp\\x,"\\"\n', [["C:\\tmp\\x", "\\"]]],
  ["doubled quotes", '"He said ""hi""",""""\n', [['He said "hi"', '"']]],
  ["a quote inside an unquoted field", '5" pipe,a"b"\n', [['5" pipe', 'a"b"']]],
  ["emoji", "\u{1f600},\u00e9\n", [["\u{1f600}", "\u00e9"]]],
  ["100 kB", `${long},"${long}"\n`, [[long, long]]],
  ["COPY's NULL", "\\N,1\n", [["\\N", "1"]]],
  ["COPY's end marker on a line", "a\n\\.\nb\n", [["a"], ["\\."], ["b"]]],
  ["NULL unquoted and quoted", 'NULL,"NULL"\n', [[null, "NULL"]]],
  ["empty unquoted and quoted", '1,,""\n', [["1", null, ""]]],
  ["only the listed tokens", "NULL,,null\n", [[null, "", "null"]], { nullTokens: ["NULL"] }],
  [
    "mixed line ends",
    "1,a\r\n2,b\n3,c\r\n",
    [
      ["1", "a"],
      ["2", "b"],
      ["3", "c"],
    ],
  ],
  ["a return before LF, when LF is set", "1,a\r\n", [["1", "a\r"]], { rowDelimiter: "\n" }],
  [
    "no final newline",
    "1,a\n2,b",
    [
      ["1", "a"],
      ["2", "b"],
    ],
  ],
  [
    "blank lines",
    "\n1,a\n\r\n\n2,b\n\n",
    [
      ["1", "a"],
      ["2", "b"],
    ],
  ],
  ["records of other widths", "1\n1,2,3\n1,2\n", [["1"], ["1", "2", "3"], ["1", "2"]]],
  [
    "no quoting",
    '"a,b"\n5" x,"\n',
    [
      ['"a', 'b"'],
      ['5" x', '"'],
    ],
    { quoted: false },
  ],
  ["another delimiter", '1|"a|b"|c,d\n', [["1", "a|b", "c,d"]], { delimiter: 124 }],
])("decodes %s", (_, text, expected, options) => {
  expect(cells(text, options)).toEqual(expected);
});

test.each<[string, string, string, number, number, Partial<DecoderOptions>?]>([
  ["an unclosed quote", '1,a\n2,"b\n3,c\n', "unclosed_quote", 4, 2],
  ["text after a closing quote", '1,a\n2,"b"c\n3,d\n', "bad_quote", 4, 2],
  ["a quoted word that goes on with a quote", '"a"b"\n', "bad_quote", 0, 1],
  ["a NUL after a closing quote", '"a"\0\n', "bad_quote", 0, 1],
  ["a NUL and text after a closing quote", '"a"\0b\n', "bad_quote", 0, 1],
  ["a large record", `1,a\n2,${"b".repeat(100)}\n`, "record_too_large", 4, 2, { maxRecordBytes: 50 }],
  ["a large record without an end", `1,a\n2,"${"b".repeat(100)}`, "record_too_large", 4, 2, { maxRecordBytes: 50 }],
])("stops at %s", (_, text, reason, start, record, options) => {
  const decoded = decode(Buffer.from(text), options);
  expect(decoded.fault).toEqual({ reason, start, record });
  expect(decoded.records).toHaveLength(record - 1);
});

test("a NUL inside quotes is text", () => {
  expect(cells('"a\0","\0b","\0"\n')).toEqual([["a\0", "\0b", "\0"]]);
});

test("start and length find each record's bytes", () => {
  const bytes = Buffer.from('\n1,"a\nb"\r\n\n2,\n3,c');
  const { records } = decode(bytes, { startOffset: 7 });
  expect(records.map(({ start, length }) => bytes.toString("utf8", start - 7, start - 7 + length))).toEqual([
    '1,"a\nb"',
    "2,",
    "3,c",
  ]);
});

test("an error of the caller comes out as it is", () => {
  const onRecord = () => {
    throw new RangeError("mine");
  };
  expect(() => decode(Buffer.from("1,a\n2,b\n3,c\n"), { onRecord })).toThrow(new RangeError("mine"));
});

test.each<[string, Buffer, boolean]>([
  ["clean text", Buffer.from("1,\u{1f600}\n"), false],
  ["a NUL", Buffer.from("1,\0\n"), true],
  ["invalid UTF-8", Buffer.of(49, 0xff, 10), true],
  ["a character cut at the end", Buffer.of(49, 0xc3), true],
])("%s: suspect is told however it is cut", (_, bytes, suspect) => {
  for (let at = 0; at <= bytes.length; at++) expect(decode(bytes, {}, [at]).suspect).toBe(suspect);
});

test.each<[string, string, string]>([
  ["plain", "a", "a"],
  ["valid", toByteText("\u00e9\u{1f600}"), "\u00e9\u{1f600}"],
  ["a NUL", "a\0b", "a\ufffdb"],
  ["a cut character", "a\xc3", "a\ufffd"],
  ["a surrogate", "\xed\xa0\x80", "\ufffd\ufffd\ufffd"],
])("repairs %s", (_, cell, expected) => {
  const { text, repaired } = repairText(cell);
  expect(fromByteText(text)).toBe(expected);
  expect(repaired).toBe(text !== cell);
});

test("decodes as the plain reader does, however the bytes are cut", () => {
  fc.assert(
    fc.property(awkwardBytes, anyCuts, (bytes, cuts) => {
      const decoded = decode(bytes, {}, cuts);
      const plainly = readPlainly(bytes);
      expect(decoded.records.map((record) => record.fields)).toEqual(plainly.records);
      expect(decoded.fault?.reason).toBe(plainly.fault);
    }),
    { numRuns: 5000 },
  );
});

test("offsets, faults and suspicion do not depend on the cuts", () => {
  const options = fc.record({
    quoted: fc.boolean(),
    rowDelimiter: fc.constantFrom("auto" as const, "\n" as const, "\r\n" as const),
    maxRecordBytes: fc.constantFrom(3, 9, 1000),
  });
  fc.assert(
    fc.property(awkwardBytes, anyCuts, options, (bytes, cuts, chosen) => {
      const whole = decode(bytes, chosen);
      const cutUp = decode(bytes, chosen, cuts);
      expect(cutUp.records).toEqual(whole.records);
      expect(cutUp.fault).toEqual(whole.fault);
      // After a fault the rest of the bytes is not looked at.
      if (whole.fault === undefined) expect(cutUp.suspect).toBe(whole.suspect);
    }),
    { numRuns: 5000 },
  );
});
