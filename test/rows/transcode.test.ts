import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openTranscoder } from "../../src/rows/transcode.ts";
import { cut } from "./csv-cases.ts";

function transcode(encoding: string, bytes: Buffer, cuts: readonly number[] = []): Buffer {
  const transcoder = openTranscoder(encoding);
  const parts = cut(bytes, cuts).map((chunk) => Buffer.from(transcoder.write(chunk)));
  return Buffer.concat([...parts, transcoder.end()]);
}

test.each<[string, Buffer, Buffer]>([
  ["latin1", Buffer.from([0x80, 0xe9, 0x00, 0x81, 0x9f]), Buffer.from("€é\0\x81Ÿ")],
  ["windows-1253", Buffer.from([0x41, 0xd2, 0xe1]), Buffer.from([0x41, 0xff, 0xce, 0xb1])],
  ["utf-16le", Buffer.from("\ufeffa\ufeff\ufffd", "utf16le"), Buffer.from("a\ufeff\ufffd")],
  ["utf-16le", Buffer.from([0x3d, 0xd8, 0x61, 0x00, 0x9a]), Buffer.from([0xff, 0x61, 0xff])],
  ["utf-16be", Buffer.from([0xfe, 0xff, 0xd8, 0x3d, 0xde, 0x9a]), Buffer.from("🚚")],
  ["utf-8", Buffer.from([0xff, 0x61]), Buffer.from([0xff, 0x61])],
])("%s", (encoding, bytes, text) => {
  expect(transcode(encoding, bytes)).toEqual(text);
});

test("wherever the bytes are cut, and whole characters are those of TextDecoder", () => {
  const encodings = ["utf-16le", "utf-16be", "shift_jis", "euc-kr", "windows-1251"];
  fc.assert(
    fc.property(
      fc.constantFrom(...encodings),
      fc.uint8Array({ maxLength: 40 }),
      fc.array(fc.nat(40), { maxLength: 6 }),
      (encoding, array, cuts) => {
        const bytes = Buffer.from(array);
        const whole = transcode(encoding, bytes);
        expect(transcode(encoding, bytes, cuts)).toEqual(whole);
        expect(whole.toString("utf8")).toBe(new TextDecoder(encoding).decode(bytes));
      },
    ),
    { numRuns: 500 },
  );
});
