import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CopyEncoder } from "../../src/rows/encode-copy.ts";

function encode(rows: readonly (readonly (string | null)[])[], width: number): Buffer[] {
  const buffers: Buffer[] = [];
  const encoder = new CopyEncoder((bytes) => buffers.push(bytes));
  rows.forEach((row, i) => {
    encoder.row(i + 1, row, width);
  });
  encoder.flush();
  expect(encoder.rows).toBe(rows.length);
  return buffers;
}

test.each<[string, (string | null)[], string]>([
  ["plain", ["a", "b"], "1\ta\tb\n"],
  ["NULL and empty", [null, ""], "1\t\\N\t\n"],
  ["what looks like NULL or an end", ["\\N", "\\."], "1\t\\\\N\t\\\\.\n"],
  ["tab, LF, CR, CRLF, backslash", ["\t\n\r", "\r\n\\"], "1\t\\t\\n\\r\t\\r\\n\\\\\n"],
  ["bytes beyond ASCII as they are", ["\xc3\xa9", "\xff"], "1\t\xc3\xa9\t\xff\n"],
  ["missing cells", ["a"], "1\ta\t\\N\n"],
  ["no cell at all", [], "1\t\\N\t\\N\n"],
])("encodes %s", (_, row, expected) => {
  expect(Buffer.concat(encode([row], 2)).toString("latin1")).toBe(expected);
});

test("a row wider than its table is refused, without its cells", () => {
  expect(() => encode([["a", "b", "secret"]], 2)).toThrow(/^A row has more cells than its table$/);
});

test("row numbers of any unit are exact", () => {
  const buffers: Buffer[] = [];
  const encoder = new CopyEncoder((bytes) => buffers.push(bytes));
  encoder.row(8191 * 2 ** 40 + 123, [], 0);
  encoder.flush();
  expect(Buffer.concat(buffers).toString()).toBe(`${8191n * 2n ** 40n + 123n}\n`);
});

test("buffers hold about 64 KiB, and nothing is handed out for nothing", () => {
  expect(encode([], 1)).toEqual([]);
  const buffers = encode(
    Array.from({ length: 10_000 }, () => ["x".repeat(100)]),
    1,
  );
  for (const buffer of buffers.slice(0, -1)) expect(Math.abs(buffer.length - 65_536)).toBeLessThan(200);
  expect(Buffer.concat(buffers).toString().split("\n")).toHaveLength(10_001);
});

test("every cell comes back by the rules of COPY text", () => {
  const cell = fc.option(
    fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)) }),
  );
  const awkward = fc.constantFrom("\\", "\\N", "\\.", "\t", "\n", "\r\n", "", null);
  fc.assert(
    fc.property(fc.array(fc.array(fc.oneof(cell, awkward), { minLength: 3, maxLength: 3 })), (rows) => {
      const text = Buffer.concat(encode(rows, 3)).toString("latin1");
      const read = text
        .split("\n")
        .slice(0, -1)
        .map((line) => line.split("\t").slice(1).map(unescaped));
      expect(read).toEqual(rows);
    }),
    { numRuns: 500 },
  );
});

function unescaped(field: string): string | null {
  if (field === "\\N") return null;
  const named: Record<string, string> = { t: "\t", n: "\n", r: "\r", "\\": "\\" };
  return field.replace(/\\(.)/g, (_, letter: string) => named[letter] ?? `?${letter}`);
}
