import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CsvDecoder } from "../../src/rows/decode-csv.ts";
import type { Cell, DecodeFault, Decoder, DecoderOptions } from "../../src/rows/decoder-port.ts";
import { RecordReader } from "../../src/rows/record-reader.ts";
import { anyCuts, awkwardBytes, cut, writeRecord } from "./csv-cases.ts";

/** With LONG set the searches are ten times as long. */
const long = process.env.LONG !== undefined;
const runs = (short: number) => (long ? short * 10 : short);
const patience = { timeout: long ? 600_000 : 30_000 };

interface Outcome {
  readonly records: { readonly fields: Cell[]; readonly start: number; readonly length: number }[];
  readonly faults: DecodeFault[];
  readonly count: number;
  /** After a fault the rest is not looked at, and the decoders find one after more or fewer chunks. */
  readonly suspect: boolean | undefined;
}

const defaults: Omit<DecoderOptions, "onRecord" | "onFault"> = {
  delimiter: 44,
  quoted: true,
  rowDelimiter: "auto",
  nullTokens: ["NULL", ""],
  maxRecordBytes: 1_000_000,
};

type Make = (options: DecoderOptions) => Decoder;
const reader: Make = (options) => new RecordReader(options);
const reference: Make = (options) => new CsvDecoder(options);

function run(make: Make, chunks: readonly Buffer[], options: Partial<DecoderOptions> = {}): Outcome {
  const records: Outcome["records"] = [];
  const faults: DecodeFault[] = [];
  const decoder = make({
    ...defaults,
    onRecord: (fields, start, length) => {
      expect(decoder.records).toBe(records.push({ fields, start, length }));
    },
    onFault: (fault) => faults.push(fault),
    ...options,
  });
  for (const chunk of chunks) decoder.write(chunk);
  decoder.end();
  expect(decoder.fault).toBe(faults[0]);
  return { records, faults, count: decoder.records, suspect: faults.length > 0 ? undefined : decoder.suspect };
}

const read = (text: string, options: Partial<DecoderOptions> = {}) => run(reader, [Buffer.from(text)], options);

const delimiters = [",", "|", "\t", ";", " ", "a"];

const anyOptions: fc.Arbitrary<Partial<DecoderOptions>> = fc.record({
  delimiter: fc.constantFrom(...delimiters.map((delimiter) => delimiter.charCodeAt(0))),
  quoted: fc.boolean(),
  rowDelimiter: fc.constantFrom("auto" as const, "\n" as const, "\r\n" as const, "\r" as const),
  nullTokens: fc.constantFrom([], [""], ["NULL", ""], ["NULL"], ["\u00e9", "\\."], ["b", "", "NULL", "1"]),
  maxRecordBytes: fc.constantFrom(0, 1, 3, 9, 20, 1000, Number.POSITIVE_INFINITY),
  singleColumn: fc.constantFrom(undefined, true, false),
  startOffset: fc.constantFrom(undefined, 0, 7, 2 ** 40),
});

/** Fields that are mostly well formed, so that many records come before the first fault. */
const fieldBytes = fc.oneof(
  { weight: 4, arbitrary: awkwardBytes.map((bytes) => `"${bytes.toString("latin1").replaceAll('"', '""')}"`) },
  {
    weight: 4,
    arbitrary: fc.constantFrom("", "NULL", "1", "bc", "\\.", 'b"c"', "\xc3\xa9", "\xff", "\0", "\r", "x\ry"),
  },
  { weight: 1, arbitrary: fc.constantFrom('"b"c', '"b"\r', '""\0', '"b"\0"', '"', "\n", '"b""', '"" ""') },
);
const recordBytes = fc
  .tuple(
    fc.constantFrom(...delimiters),
    fc.array(fieldBytes, { minLength: 1, maxLength: 4 }),
    fc.constantFrom("\n", "\n", "\r\n", "\r\n", "\r", "\n\n", "\r\n\r\n", ""),
  )
  .map(([delimiter, fields, lineEnd]) => fields.join(delimiter) + lineEnd);
const likelyBytes = fc.array(recordBytes, { maxLength: 8 }).map((records) => Buffer.from(records.join(""), "latin1"));

test("delivers what csv-parse does, whatever the bytes, the cuts and the options", patience, () => {
  fc.assert(
    fc.property(fc.oneof(awkwardBytes, likelyBytes), anyCuts, anyOptions, (bytes, cuts, options) => {
      const chunks = cut(bytes, cuts);
      expect(run(reader, chunks, options)).toEqual(run(reference, chunks, options));
    }),
    { numRuns: runs(1_000) },
  );
});

test("delivers what csv-parse does for all short inputs of the bytes that matter, cut at every byte", patience, () => {
  const alphabet = ['"', ",", "\n", "\r", "a", "\0"];
  const variants = (["auto", "\n", "\r\n", "\r"] as const).flatMap((rowDelimiter) => [
    { rowDelimiter },
    { rowDelimiter, maxRecordBytes: 2, singleColumn: true },
  ]);
  let inputs = [""];
  for (let length = 1; length <= (long ? 5 : 4); length++) {
    inputs = inputs.flatMap((input) => alphabet.map((byte) => input + byte));
    for (const input of inputs) {
      const bytes = Buffer.from(input);
      for (const options of variants) {
        const expected = JSON.stringify(run(reference, [bytes], options));
        const bytewise = cut(bytes, [...bytes.keys()]);
        if (JSON.stringify(run(reader, [bytes], options)) !== expected) expect.fail(`whole: ${JSON.stringify(input)}`);
        if (JSON.stringify(run(reader, bytewise, options)) !== expected) expect.fail(`cut: ${JSON.stringify(input)}`);
      }
    }
  }
});

// Longer chunks than the reader walks at a time: it cuts them itself, so the awkward bytes are put where it cuts.
test("delivers what csv-parse does where a long chunk is walked in pieces", patience, () => {
  const opening = fc.constantFrom("", '"', '1,"', '"""');
  const endless = fc.record({ quoted: fc.boolean(), maxRecordBytes: fc.constantFrom(65_530, 1_000_000) });
  fc.assert(
    fc.property(opening, fc.nat({ max: 30 }), likelyBytes, endless, (open, short, bytes, options) => {
      const chunk = Buffer.concat([Buffer.from(open.padEnd(65_536 - short, "x")), bytes]);
      expect(run(reader, [chunk], options)).toEqual(run(reference, [chunk], options));
    }),
    { numRuns: runs(40) },
  );
});

test.each<[string, string, (string | null)[][], Partial<DecoderOptions>?]>([
  ["doubled quotes", '"He said ""hi""",""""\n', [['He said "hi"', '"']]],
  ["a quote inside an unquoted field", '5" pipe,a"b"\n', [['5" pipe', 'a"b"']]],
  ["null tokens, quoted and not", 'NULL,"NULL",,""\n', [[null, "NULL", null, ""]]],
  ["line ends of both kinds, and a lone return", "1\r2\r\n3\n", [["1\r2"], ["3"]]],
  ["a lone LF, when CRLF is set", "1\n2,3\r\n4\r5\r\n", [["1\n2", "3"], ["4\r5"]], { rowDelimiter: "\r\n" }],
  [
    "a lone return, when it is set",
    '1,"a\r\nb"\r2,c\n\r',
    [
      ["1", "a\r\nb"],
      ["2", "c\n"],
    ],
    { rowDelimiter: "\r" },
  ],
  ["a return before LF, when LF is set", "1,a\r\n", [["1", "a\r"]], { rowDelimiter: "\n" }],
  ["a line end inside quotes", '"a\r\nb\n"\r\n', [["a\r\nb\n"]]],
  ["blank lines", "\n1\n\r\n\n2", [["1"], ["2"]]],
  ["blank lines of one column", "\n1\n\r\n2\n", [[null], ["1"], [null], ["2"]], { singleColumn: true }],
  ["no quoting", '"a,b"\n', [['"a', 'b"']], { quoted: false }],
  ["an empty last field without a line end", "1,", [["1", null]]],
])("reads %s, wherever it is cut", (_, text, expected, options) => {
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at++) {
    const outcome = run(reader, cut(bytes, [at]), options);
    expect(outcome.records.map((record) => record.fields)).toEqual(expected);
    expect(outcome.faults).toEqual([]);
  }
});

test.each<[string, string, DecodeFault, Partial<DecoderOptions>?]>([
  ["an unclosed quote", '1,a\n2,"b\n3,c\n', { reason: "unclosed_quote", start: 4, record: 2 }],
  ["text after a closing quote", '1,a\n2,"b"c\n', { reason: "bad_quote", start: 4, record: 2 }],
  ["a lone return after a closing quote", '1,a\n2,"b"\r', { reason: "bad_quote", start: 4, record: 2 }],
  [
    "CRLF after a closing quote, when LF is set",
    '"b"\r\n',
    { reason: "bad_quote", start: 0, record: 1 },
    { rowDelimiter: "\n" },
  ],
  [
    "a large record",
    `1\n${"b".repeat(51)}\n3\n`,
    { reason: "record_too_large", start: 2, record: 2 },
    { maxRecordBytes: 50 },
  ],
])("stops at %s, wherever it is cut", (_, text, fault, options) => {
  const bytes = Buffer.from(text);
  for (let at = 0; at <= bytes.length; at++) {
    const outcome = run(reader, cut(bytes, [at]), options);
    expect(outcome.faults).toEqual([fault]);
    expect(outcome.count).toBe(fault.record - 1);
  }
});

test("a record as large as allowed is read, its line end not counted", () => {
  expect(read("12345\r\n12345\n12345", { maxRecordBytes: 5 }).count).toBe(3);
});

test("records that end in a chunk are delivered before write returns", () => {
  const field = fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", "a"), maxLength: 4 });
  const record = fc.record({ fields: fc.array(field, { minLength: 1, maxLength: 3 }), crlf: fc.boolean() });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 6 }), (written) => {
      const delivered: Cell[][] = [];
      const decoder = new RecordReader({
        ...defaults,
        onRecord: (fields) => delivered.push(fields),
        onFault: () => expect.fail("no fault is in these records"),
      });
      for (const { fields, crlf } of written) {
        decoder.write(Buffer.from(writeRecord(fields, crlf ? "\r\n" : "\n", true)));
        expect(delivered.at(-1)).toEqual(fields);
      }
      expect(delivered).toHaveLength(written.length);
    }),
  );
});

test("a record too large is told by the chunk that makes it so", () => {
  const faults: DecodeFault[] = [];
  const decoder = new RecordReader({
    ...defaults,
    maxRecordBytes: 5,
    onRecord: () => undefined,
    onFault: (fault) => faults.push(fault),
  });
  decoder.write(Buffer.from('"1234'));
  expect(faults).toEqual([]);
  decoder.write(Buffer.from("5"));
  expect(faults).toEqual([{ reason: "record_too_large", start: 0, record: 1 }]);
});

test("chunks may be written over once they were taken", () => {
  const bytes = Buffer.from('a,"b ""c""",d\r\n"long text that is no copy ""1"" of it",e\r\n');
  fc.assert(
    fc.property(anyCuts, (cuts) => {
      const records: Cell[][] = [];
      const decoder = new RecordReader({
        ...defaults,
        onRecord: (fields) => records.push(fields),
        onFault: () => undefined,
      });
      for (const chunk of cut(bytes, cuts)) {
        decoder.write(chunk);
        chunk.fill("#");
      }
      decoder.end();
      expect(records).toEqual([
        ["a", 'b "c"', "d"],
        ['long text that is no copy "1" of it', "e"],
      ]);
    }),
  );
});

test("a record of many chunks is put together once", () => {
  const document = '{"name":"value"},'.repeat(200_000);
  const bytes = Buffer.from(`1,"${document.replaceAll('"', '""')}",2\n`);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 1_021) chunks.push(bytes.subarray(at, at + 1_021));
  const { records } = run(reader, chunks, { maxRecordBytes: 64_000_000 });
  expect(records).toHaveLength(1);
  expect(records[0]!.fields[1] === document).toBe(true);
  expect(records[0]!.length).toBe(bytes.length - 1);
});

test("an error of the caller comes out as it is, and nothing is decoded after it", () => {
  let calls = 0;
  const decoder = new RecordReader({
    ...defaults,
    onRecord: () => {
      calls++;
      throw new RangeError("mine");
    },
    onFault: () => undefined,
  });
  expect(() => decoder.write(Buffer.from("1,a\n2,b\n"))).toThrow(new RangeError("mine"));
  decoder.write(Buffer.from("3,c\n"));
  decoder.end();
  expect(calls).toBe(1);
});
