/**
 * Bytes that nobody meant: bodies and documents of a corpus, changed at random. The CSV reader says what its reference says, however
 * its input is cut; a document ends in cells or in a fault. A few thousand here, minutes by `npm run fuzz`.
 */
import { expect, test } from "vitest";
import { type ByteText, toByteText } from "../../src/rows/byte-text.ts";
import { CsvDecoder } from "../../src/rows/decode-csv.ts";
import type { Decoder, DecoderOptions } from "../../src/rows/decoder-port.ts";
import { DocumentFault } from "../../src/rows/flatten-document.ts";
import { RecordReader } from "../../src/rows/record-reader.ts";
import { flattener } from "./flattening.ts";
import { csvBodies, documents } from "./fuzz-corpus.ts";

const minutes = Number(process.env.FUZZ_MINUTES ?? 0);
const seed = Number(process.env.FUZZ_SEED ?? 20_260_301);
const atLeast = 1_500;
/** One input; what takes longer hangs, or soon will. */
const mostMs = 2_000;

/** Numbers from 0 to below `n`, the same for the same seed (mulberry32). */
function dice(start: number): (n: number) => number {
  let state = start >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

type Roll = ReturnType<typeof dice>;

const tokens = [
  '"',
  '""',
  ",",
  "\n",
  "\r",
  "\r\n",
  "\0",
  "\xff",
  "\xc3",
  "\\",
  "{",
  "}",
  "[",
  "]",
  ":",
  '{"$date":',
  '{"$oid":',
  "\\ud8",
  "1e999",
  "-",
  "null",
];

/** A byte changed, a piece cut out, doubled or put elsewhere, a token put in, an end lost, or another input's rest. */
function mutate(text: ByteText, all: readonly ByteText[], roll: Roll): ByteText {
  let made = text;
  for (let n = 1 + roll(4); n > 0; n--) {
    const at = roll(made.length + 1);
    const to = at + roll(Math.min(20, made.length - at + 1));
    const kind = roll(7);
    if (kind === 0) made = made.slice(0, at) + String.fromCharCode(roll(256)) + made.slice(at + 1);
    else if (kind === 1) made = made.slice(0, at) + made.slice(to);
    else if (kind === 2) made = made.slice(0, to) + made.slice(at);
    else if (kind === 3) made = made.slice(0, at) + tokens[roll(tokens.length)] + made.slice(at);
    else if (kind === 4) made = made.slice(0, at);
    else if (kind === 5) made = made.slice(to) + made.slice(0, at);
    else {
      const other = all[roll(all.length)] ?? "";
      made = made.slice(0, at) + other.slice(roll(other.length + 1));
    }
  }
  return made.slice(0, 4_000);
}

/** Calls `look` with ever new inputs; what became of one may be changed further. */
function fuzz(name: string, corpus: readonly string[], look: (input: ByteText, roll: Roll) => void): void {
  const roll = dice(seed);
  const pool = corpus.map((text) => toByteText(text));
  const until = performance.now() + (minutes * 60_000) / 2;
  let inputs = 0;
  for (; inputs < atLeast || performance.now() < until; inputs++) {
    const input = mutate(pool[roll(pool.length)] ?? "", pool, roll);
    const began = performance.now();
    try {
      look(input, roll);
    } catch (error) {
      const base64 = Buffer.from(input, "latin1").toString("base64");
      throw new Error(`${name}: input ${inputs} of seed ${seed}, as base64 ${base64}`, { cause: error });
    }
    expect(performance.now() - began, `input ${inputs} of seed ${seed} hangs`).toBeLessThan(mostMs);
    if (roll(20) === 0) pool[corpus.length + roll(200)] = input;
  }
  if (minutes > 0) process.stdout.write(`${name}: ${inputs} inputs, seed ${seed}\n`);
}

const timeout = minutes * 60_000 + 60_000;

test("CSV", { timeout }, () => {
  fuzz("CSV", csvBodies, (input, roll) => {
    const bytes = Buffer.from(input, "latin1");
    const options = {
      delimiter: [44, 59, 9, 124][roll(4)] ?? 44,
      quoted: roll(5) > 0,
      rowDelimiter: (["auto", "auto", "\n", "\r\n", "\r"] as const)[roll(5)] ?? "auto",
      nullTokens: [["NULL", ""], [], [""]][roll(3)] ?? [],
      maxRecordBytes: [1_000_000, 40][roll(2)] ?? 40,
      singleColumn: roll(3) === 0,
    };
    const cuts = Array.from({ length: roll(5) }, () => roll(bytes.length + 1)).sort((a, b) => a - b);
    const run = (make: (all: DecoderOptions) => Decoder, chunks: readonly Buffer[]) => {
      const seen: unknown[] = [];
      const decoder = make({
        ...options,
        onRecord: (fields, start, length) => void seen.push([fields, start, length]),
        onFault: (fault) => void seen.push(fault),
      });
      for (const chunk of chunks) decoder.write(chunk);
      decoder.end();
      return { seen, records: decoder.records };
    };
    const whole = run((all) => new RecordReader(all), [bytes]);
    const pieces = [0, ...cuts].map((from, i) => Buffer.from(bytes.subarray(from, cuts[i] ?? bytes.length)));
    expect(run((all) => new RecordReader(all), pieces)).toEqual(whole);
    expect(run((all) => new CsvDecoder(all), [bytes])).toEqual(whole);
  });
});

test("documents", { timeout }, () => {
  let one = flattener({ maxColumns: 40 });
  let read = 0;
  fuzz("documents", documents, (input, roll) => {
    // One flattener serves many documents: a fault must leave nothing behind.
    if (read++ % 50 === 0) one = flattener({ maxColumns: [0, 5, 40][roll(3)] ?? 40, maxDepth: 1 + roll(8) });
    const cells: (ByteText | null)[] = [];
    const kindsOf = () => one.columns.filter((column) => column.kinds !== 0).map(({ path, kinds }) => [path, kinds]);
    const before = kindsOf();
    try {
      const rescued = one.flatten(input, read, cells);
      if (rescued !== null) JSON.parse(Buffer.from(rescued, "latin1").toString());
      for (const column of one.columns) {
        const cell = cells[column.index];
        if (cell === null || cell === undefined || column.encoding !== "json" || column.jsonFrom !== undefined)
          continue;
        JSON.parse(Buffer.from(cell, "latin1").toString());
      }
    } catch (error) {
      if (!(error instanceof DocumentFault)) throw error;
      // The record is rejected: what its path would have held decides no type.
      expect(kindsOf()).toEqual(before);
    }
  });
});
