/** Line 7 of the checklist: what cells and objects are made of. */
import { gzipSync } from "node:zlib";
import { csv, type Line, type Lines } from "./dms-checklist-line.ts";

const load = "LOAD00000001.csv";

type Text = readonly [written: string | Buffer, value: string];

/** An object each, so that each goes its own way: the text between two plain records. */
function objects(texts: readonly Text[]): Pick<Line, "first" | "rows" | "select" | "read"> {
  const name = (i: number) => `LOAD000000${String(i + 10)}.csv`;
  const body = ([written]: Text, n: number) =>
    Buffer.concat([Buffer.from(`id,v\n${n},a\n${n + 1},`), Buffer.from(written), Buffer.from(`\n${n + 2},c\n`)]);
  return {
    first: Object.fromEntries(texts.map((text, i) => [name(i), body(text, 100 + 3 * i)])),
    select: ["id", "v"],
    rows: texts.flatMap(([, value], i) => ["a", value, "c"].map((v, k) => [String(100 + 3 * i + k), v])),
    read: 3 * texts.length,
  };
}

/** Objects whose records are those of `csv("id,v", "1,a", "2,b")`. */
function whole(body: string | Buffer, name = load): Line {
  return {
    first: { [name]: body },
    select: ["id", "v"],
    rows: [
      ["1", "a"],
      ["2", "b"],
    ],
    read: 2,
  };
}

/** The first object is not loaded, the other one is. */
function broken(body: Buffer, failures: readonly string[]): Line {
  const first = { "LOAD00000001.csv.gz": body, "LOAD00000002.csv": csv("id,v", "9,z") };
  return { first, select: ["id", "v"], rows: [["9", "z"]], read: 1, failures };
}

const plain = csv("id,v", "1,a", "2,b");
const cut = Buffer.from("é".repeat(16_400)).subarray(0, 32_767);

export const byteLines: Readonly<Record<string, Lines>> = {
  "7 cells": {
    "embedded LF, CRLF, quote, delimiter, lone backslash, \\. line, 4-byte UTF-8, U+2028": objects([
      ['"a\nb"', "a\nb"],
      ['"a\r\nb"', "a\r\nb"],
      ['"say ""hi"""', 'say "hi"'],
      ['5" pipe', '5" pipe'],
      ['"a,b"', "a,b"],
      ["\\", "\\"],
      ["C:\\tmp\\x", "C:\\tmp\\x"],
      ['"a\n\\.\nb"', "a\n\\.\nb"],
      ["a🚚b", "a🚚b"],
      ["a\u2028b", "a\u2028b"],
    ]),
    "0x00, invalid UTF-8, 32 KB cut inside a character: repaired and counted": {
      ...objects([
        ["a\0b", "a\ufffdb"],
        [Buffer.from([0x61, 0xff, 0x62]), "a\ufffdb"],
        [cut, `${"é".repeat(16_383)}\ufffd`],
      ]),
      repairs: 3,
    },
    "invalid UTF-8, to be rejected": {
      ...objects([[Buffer.from([0x61, 0xff, 0x62]), ""]]),
      entry: { invalid_text: "reject" },
      rows: [
        ["100", "a"],
        ["102", "c"],
      ],
      rejects: ["2 invalid_text v"],
    },
  },
  "7 objects": {
    "a byte order mark": whole(`\ufeff${plain}`),
    "no final line end": whole(plain.trimEnd()),
    "blank lines": whole("id,v\n\n1,a\n\n2,b\n\n"),
    "a line \\. of its own": {
      entry: { primary_key: ["v"] },
      first: { [load]: "v\na\n\\.\nb\n" },
      select: ["v"],
      order: 'v collate "C"',
      rows: [["\\."], ["a"], ["b"]],
      read: 3,
    },
    "a header alone": {
      ...whole(plain),
      second: { "LOAD00000002.csv": "id,v\n", "20260301-100000000.csv": "Op,id,v" },
    },
    "no byte at all": { ...whole(plain), second: { "LOAD00000002.csv": "", "20260301-100000000.csv": "" } },
    "concatenated gzip members": whole(
      Buffer.concat([gzipSync(plain.slice(0, 7)), gzipSync(plain.slice(7))]),
      "LOAD00000001.csv.gz",
    ),
    "a truncated gzip": broken(gzipSync(plain).subarray(0, -6), ["GZIP_BROKEN The object is not a complete gzip file"]),
    "a quote that is never closed ends its object": {
      first: { [load]: csv("id,v", "1,a", '2,"b', "3,c"), "LOAD00000002.csv": csv("id,v", "4,d") },
      select: ["id", "v"],
      rows: [
        ["1", "a"],
        ["4", "d"],
      ],
      read: 3,
      rejects: ["2 unclosed_quote"],
    },
  },
};
