import { isUtf8 } from "node:buffer";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TextCheck } from "../../src/rows/text-check.ts";
import { anyCuts, awkwardBytes, cut } from "./csv-cases.ts";

/** Offset and reason of the first fault, or where the check ended. */
function firstFault(chunks: readonly Buffer[]): string {
  const check = new TextCheck();
  let offset = 0;
  for (const chunk of chunks) {
    const fault = check.check(chunk);
    if (fault !== undefined) return `${fault.reason} ${offset + fault.at}`;
    offset += chunk.length;
  }
  return check.held > 0 ? `invalid_utf8 ${offset - check.held}` : "clean";
}

test.each<[string, number[], string]>([
  ["all lengths of characters", [...Buffer.from("a\u00e9\u20ac\u{1f600}")], "clean"],
  ["a NUL", [97, 0], "nul 1"],
  ["a NUL before invalid UTF-8", [97, 0, 0xff], "nul 1"],
  ["invalid UTF-8 before a NUL", [97, 0xff, 0], "invalid_utf8 1"],
  ["a lone continuation", [97, 0x80], "invalid_utf8 1"],
  ["an overlong form", [0xc0, 0x80], "invalid_utf8 0"],
  ["a surrogate", [97, 0xed, 0xa0, 0x80], "invalid_utf8 1"],
  ["beyond Unicode", [0xf5, 0x80, 0x80, 0x80], "invalid_utf8 0"],
  ["a character cut by another", [0xe2, 0x82, 97], "invalid_utf8 0"],
  ["a character cut at the end", [97, 0xf0, 0x9f, 0x98], "invalid_utf8 1"],
])("%s, wherever it is cut", (_, bytes, expected) => {
  const whole = Buffer.from(bytes);
  for (let a = 0; a <= whole.length; a++)
    for (let b = a; b <= whole.length; b++) expect(firstFault(cut(whole, [a, b]))).toBe(expected);
});

test("agrees with isUtf8, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.oneof(awkwardBytes, fc.uint8Array({ min: 0xbe, maxLength: 12 }).map(Buffer.from)),
      anyCuts,
      (bytes, cuts) => {
        const buffer = Buffer.from(bytes);
        const found = firstFault(cut(buffer, cuts));
        expect(found).toBe(firstFault([buffer]));
        expect(found === "clean").toBe(isUtf8(buffer) && !buffer.includes(0));
      },
    ),
    { numRuns: 3000 },
  );
});
