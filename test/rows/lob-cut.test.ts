/** Which lengths and ends say that DMS cut a cell. */
import { describe, expect, test } from "vitest";
import { toByteText } from "../../src/rows/byte-text.ts";
import { isCutDocument, isCutText, mayHoldCut } from "../../src/rows/lob-cut.ts";
import { RecordScanner } from "../../src/rows/record-scanner.ts";

const kilobyte = 1024;

test.each<[bytes: number, lobMaxSize: number | undefined, cut: boolean]>([
  [32 * kilobyte, undefined, true],
  [32 * kilobyte - 3, undefined, true],
  [32 * kilobyte - 4, undefined, false],
  [32 * kilobyte + 1, undefined, false],
  [kilobyte, undefined, true],
  [7 * kilobyte, undefined, true],
  [0, undefined, false],
  [500, undefined, false],
  [32 * kilobyte, 32 * kilobyte, true],
  [32 * kilobyte - 3, 32 * kilobyte, true],
  [32 * kilobyte - 4, 32 * kilobyte, false],
  // Another whole number of kilobytes means nothing once the size is known.
  [kilobyte, 32 * kilobyte, false],
  [64 * kilobyte, 32 * kilobyte, false],
  [1500, 1500, true],
])("a document of %i bytes that breaks off, LobMaxSize %s", (bytes, lobMaxSize, cut) => {
  expect(isCutDocument(bytes, lobMaxSize)).toBe(cut);
});

describe("a text, LobMaxSize 1 KB", () => {
  const euro = toByteText("€");
  test.each<[name: string, cell: string, cut: boolean]>([
    ["of that length", "a".repeat(kilobyte), true],
    ["a byte shorter", "a".repeat(kilobyte - 1), false],
    ["a byte longer", "a".repeat(kilobyte + 1), false],
    ["of that length, the last character begun", "a".repeat(kilobyte - 2) + euro.slice(0, 2), true],
    ["two bytes shorter, the last character begun", "a".repeat(kilobyte - 3) + euro.slice(0, 1), true],
    ["two bytes shorter, the last character whole", "a".repeat(kilobyte - 5) + euro, false],
    ["much shorter, the last character begun", "a".repeat(100) + euro.slice(0, 1), false],
  ])("%s", (_, cell, cut) => {
    expect(isCutText(cell, kilobyte)).toBe(cut);
    // Else the raw lane would keep what the other rejects.
    if (cut) expect(mayHoldCut(cell.length, kilobyte)).toBe(true);
  });
});

test("the scanner stops at a record that is long enough to hold a cut cell, and at no other", () => {
  const scan = (text: string) => {
    const options = { delimiter: 44, quoted: true, nullTokens: [], checkQuotedTokens: false, singleColumn: false };
    const scanner = new RecordScanner({ ...options, maxRecordBytes: 1e6, lobMaxSize: kilobyte });
    scanner.scan(Buffer.from(text));
    scanner.end();
    return scanner.violation;
  };
  expect(scan(`1,a\n2,${"a".repeat(kilobyte - 6)}\n`)).toBeUndefined();
  expect(scan(`1,a\n2,${"a".repeat(kilobyte - 5)}\n3,b\n`)).toEqual({ reason: "maybe_cut", record: 2, offset: 4 });
  expect(scan(`1,a\n2,${"a".repeat(kilobyte)}`)).toMatchObject({ reason: "maybe_cut", record: 2 });
});
