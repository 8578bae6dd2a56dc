import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ByteText, fromByteText, toByteText } from "../../src/rows/byte-text.ts";
import { DocumentFault } from "../../src/rows/flatten-document.ts";
import { kinds } from "../../src/rows/kinds.ts";
import { flatten, flattener, isJsonCell } from "./flattening.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const key = fc.oneof(
  fc.constantFrom("a", "b", "a.b", "", "__proto__", "$oid", "$x", "é", 'q"', "back\\"),
  fc.string({ unit: "binary", maxLength: 5 }),
);
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\0", "\ud800", "\u0001", '"', "\\", "\u2028"));
/** Extended JSON, and objects that only look like it. */
const special = fc.oneof(
  fc.record({ $oid: fc.string({ maxLength: 3 }) }),
  fc.record({ $numberInt: fc.integer().map(String) }),
  fc.record({ $numberLong: fc.maxSafeInteger().map(String) }),
  fc.record({ $date: fc.record({ $numberLong: fc.integer().map(String) }) }),
  fc.record({ $date: fc.integer() }),
  fc.record({ $oid: fc.string({ maxLength: 3 }), more: fc.integer() }),
  fc.record({ $numberInt: fc.boolean() }),
  fc.record({ $binary: fc.string({ maxLength: 3 }) }),
);
const json = fc.letrec<{ value: Json; object: { [key: string]: Json } }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    special,
    fc.array(tie("value"), { maxLength: 4 }),
    tie("object"),
  ),
  object: fc.dictionary(key, tie("value"), { maxKeys: 5 }),
}));

/** Encoding puts U+FFFD in the place of half a surrogate pair. */
const clean = (value: string) => Buffer.from(value).toString().replaceAll("\0", "\ufffd");
const utc = (millis: number) => new Date(millis).toISOString().replace(".000Z", "Z");

/** What an object stands for; undefined: itself. Slow and plain, over JSON.parse. */
function unwrapped(value: { [key: string]: Json }): Json | undefined {
  const entries = Object.entries(value);
  const [name, inner] = entries[0] ?? [];
  if (entries.length !== 1 || inner === undefined) return undefined;
  if (name === "$oid") return typeof inner === "string" ? clean(inner) : undefined;
  if (name === "$numberInt" || name === "$numberLong")
    return typeof inner === "string" && /^-?(0|[1-9]\d*)$/.test(inner) ? Number(inner) : undefined;
  if (name !== "$date") return undefined;
  if (typeof inner === "number" && Number.isInteger(inner)) return utc(inner);
  if (typeof inner === "object" && inner !== null && !Array.isArray(inner) && typeof inner.$numberLong === "string")
    return utc(Number(inner.$numberLong));
  return undefined;
}

function reference(value: Json): Json {
  if (typeof value === "string") return clean(value);
  if (Array.isArray(value)) return value.map(reference);
  if (typeof value !== "object" || value === null) return value;
  return (
    unwrapped(value) ??
    Object.fromEntries(Object.entries(value).map(([name, inner]) => [clean(name), reference(inner)]))
  );
}

/** Every leaf by its path. */
function leaves(value: Json, path: readonly string[], found: Map<string, Json>): Map<string, Json> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    if (value !== null) found.set(JSON.stringify(path), reference(value));
    return found;
  }
  const scalar = path.length === 0 ? undefined : unwrapped(value);
  if (scalar !== undefined) return found.set(JSON.stringify(path), scalar);
  for (const [name, inner] of Object.entries(value)) leaves(inner, [...path, clean(name)], found);
  return found;
}

/** Repaired keys may fall together, which JSON.parse does not know of. */
function hasCleanKeys(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.entries(value).every(([name, inner]) => clean(name) === name && hasCleanKeys(inner));
}

/** The same JSON in libbson's spacing. */
function spaced(document: Json): string {
  return JSON.stringify(document, null, 1);
}

/** Longer by `npm run test:long`. */
const numRuns = process.env.LONG === undefined ? 300 : 10_000;
const timeout = 120_000;

test("JSON cells mean what JSON.parse says of the document, Extended JSON unwrapped", { timeout }, () => {
  fc.assert(
    fc.property(json.value, fc.constantFrom(JSON.stringify, spaced), (value, write) => {
      const { rows } = flatten([write({ v: [value] })]);
      // As text: toEqual would not see `__proto__`.
      expect(JSON.stringify(JSON.parse(rows[0]!.v!))).toBe(JSON.stringify(reference([value])));
    }),
    { numRuns },
  );
});

test("cells, read back by the column's encoding, are the leaves of their documents", { timeout }, () => {
  const documents = fc.array(json.object.filter(hasCleanKeys), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(documents, fc.constantFrom(JSON.stringify, spaced), (all, write) => {
      const one = flattener({ maxDepth: 50 });
      const rows = all.map((document, i) => {
        const cells: (ByteText | null)[] = [];
        expect(one.flatten(toByteText(write(document)), i + 1, cells)).toBeNull();
        return cells;
      });
      for (const [i, document] of all.entries()) {
        const read = new Map<string, unknown>();
        for (const column of one.columns) {
          const cell = rows[i]![column.index];
          if (cell === null || cell === undefined) continue;
          const value = fromByteText(cell);
          read.set(
            JSON.stringify(column.path),
            isJsonCell(column, i + 1) ? JSON.parse(value) : plainValue(value, column.plainKinds),
          );
        }
        const wanted = leaves(document, [], new Map());
        expect(new Set(read.keys())).toEqual(new Set(wanted.keys()));
        for (const [path, value] of wanted) expect(JSON.stringify(read.get(path)), path).toBe(JSON.stringify(value));
      }
    }),
    { numRuns },
  );
});

function plainValue(cell: string, plainKinds: number): unknown {
  const isBare = kinds.integer | kinds.bigInteger | kinds.wideInteger | kinds.fraction | kinds.decimal | kinds.boolean;
  return (plainKinds & ~isBare) === 0 ? JSON.parse(cell) : cell;
}

test("the kinds of a path do not depend on the order of the documents", { timeout }, () => {
  fc.assert(
    fc.property(fc.array(json.object, { maxLength: 6 }), (all) => {
      const kindsOf = (documents: readonly Json[]) =>
        flatten(documents.map((document) => JSON.stringify(document)))
          .flattener.columns.map((column) => [JSON.stringify(column.path), column.kinds] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1));
      expect(kindsOf([...all].reverse())).toEqual(kindsOf(all));
    }),
    { numRuns },
  );
});

describe("hostile bytes", { timeout }, () => {
  const faults = (document: ByteText): string => {
    try {
      flattener({ maxColumns: 5 }).flatten(document, 1, []);
    } catch (error) {
      if (error instanceof DocumentFault) return error.reason;
      throw error;
    }
    return "none";
  };

  test("a document cut anywhere is a truncated one", () => {
    fc.assert(
      fc.property(json.object, fc.constantFrom(JSON.stringify, spaced), fc.nat(), (document, write, at) => {
        const whole = toByteText(write({ ...document, last: 1 }));
        expect(faults(whole)).toBe("none");
        expect(faults(whole.slice(0, at % whole.length))).toBe("broken_off");
      }),
      { numRuns },
    );
  });

  test("any bytes, and any document with bytes changed, end in cells or in a fault", () => {
    const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array).toString("latin1"));
    const tokens = fc
      .array(
        fc.constantFrom(
          "{",
          "}",
          "[",
          "]",
          ":",
          ",",
          '"',
          '"a"',
          "\\",
          "\\u",
          "d800",
          '"$oid"',
          '"$date"',
          '"$binary"',
          '"$code"',
          "1",
          "-",
          "e",
          ".",
          "nan",
          "true",
          "null",
          " ",
          "\0",
          "\xc3",
        ),
      )
      .map((parts) => `{"a":${parts.join("")}`);
    const changed = fc.tuple(json.object, fc.nat(), fc.nat(255)).map(([document, at, byte]) => {
      const whole = toByteText(JSON.stringify(document));
      return `${whole.slice(0, at % whole.length)}${String.fromCharCode(byte)}${whole.slice((at % whole.length) + 1)}`;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, tokens, changed), (document) => {
        expect(["none", "bad_json", "broken_off", "not_object", "too_deep"]).toContain(faults(document));
      }),
      { numRuns: numRuns * 5 },
    );
  });

  test.each<[string, string]>([
    ["look-alike wrappers in each other", `{"v":${'{"$code":"x","$scope":'.repeat(150)}1${"}".repeat(150)}}`],
    ["many look-alikes", `{"v":[${'{"$oid":1},'.repeat(200_000)}0]}`],
    ["escapes far apart", `{"v":[${'"\\n","x",'.repeat(200_000)}0]}`],
    ["an unclosed string of quotes", `{"v":"${'\\"'.repeat(1_000_000)}`],
    ["keys without end", `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":{"$x":${i}}`).join(",")}}`],
  ])("%s take no time", (_what, document) => {
    const began = performance.now();
    faults(document);
    expect(performance.now() - began).toBeLessThan(3_000);
  });
});
