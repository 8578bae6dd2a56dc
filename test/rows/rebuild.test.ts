/** Nothing of a document is lost: its cells, what was rescued and what the config ignores rebuild it, but for a written list of equivalences. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ByteText, fromByteText, toByteText } from "../../src/rows/byte-text.ts";
import { uniqueNames } from "../../src/rows/column-name.ts";
import { kinds, takenKinds } from "../../src/rows/kinds.ts";
import { flattener, isJsonCell } from "./flattening.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a document and its rebuilt one may differ in. The test prints it. */
const equivalences = [
  "a null, and an object with nothing in it, are the same as a path that is not there",
  "of duplicate keys the last one counts, whole",
  "keys and values that are Extended JSON are what they stand for (extended-json.test.ts)",
  "NUL and half a surrogate pair are U+FFFD (flatten-property.test.ts)",
  "the order of keys, and how a number is spelled",
];

const key = fc.oneof(
  fc.constantFrom("a", "b", "c", "a.b", "", "__proto__", "constructor", 'x"; drop table x; --', "\\", "A"),
  fc.string({ maxLength: 3 }).filter((text) => !text.startsWith("$") && !text.includes("\0")),
);
const scalar = fc.oneof(
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ maxLength: 4 }),
);
const json = fc.letrec<{ value: Json; object: { [key: string]: Json } }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "max", withCrossShrink: true },
    { arbitrary: scalar, weight: 4 },
    { arbitrary: fc.constant(null), weight: 1 },
    { arbitrary: fc.array(tie("value"), { maxLength: 3 }), weight: 1 },
    { arbitrary: tie("object"), weight: 4 },
  ),
  object: fc.dictionary(key, tie("value"), { minKeys: 1, maxKeys: 4 }),
}));

type Leaves = Map<string, string>;

/** Leaves by path; what is empty is not there. */
function leavesOf(value: Json, path: readonly string[] = [], found: Leaves = new Map()): Leaves {
  if (value === null) return found;
  if (typeof value !== "object" || Array.isArray(value)) return found.set(JSON.stringify(path), JSON.stringify(value));
  for (const [name, inner] of Object.entries(value)) leavesOf(inner, [...path, name], found);
  return found;
}

/** The segments of a rescued key. */
function segments(text: string): string[] {
  return text.split(/(?<!(?:^|[^\\])(?:\\\\)*\\)\./).map((part) => part.replaceAll(/\\(.)/gs, "$1"));
}

function sorted(leaves: Leaves): [string, string][] {
  return [...leaves].sort(([a], [b]) => (a < b ? -1 : 1));
}

const stored = fc.constantFrom<string | undefined>(undefined, "bigint", "text", "boolean", "double precision", "jsonb");
const options = fc.record({
  maxColumns: fc.constantFrom(0, 1, 3, 400),
  maxDepth: fc.constantFrom(1, 2, 8),
  rules: fc.constantFrom<readonly (readonly [string, "ignore" | "json"])[]>(
    [],
    [["a", "ignore"]],
    [["*.b", "ignore"]],
    [["a", "json"]],
    [
      ["b.*", "ignore"],
      ["b", "json"],
    ],
  ),
  knownA: stored,
});

const numRuns = process.env.LONG === undefined ? 400 : 20_000;

test("cells, rescued paths and ignored ones rebuild the document", { timeout: 120_000 }, () => {
  process.stdout.write(`Equal but for:\n- ${equivalences.join("\n- ")}\n`);
  fc.assert(
    fc.property(fc.array(json.object, { minLength: 1, maxLength: 6 }), options, (documents, chosen) => {
      const known =
        chosen.knownA === undefined
          ? []
          : [
              {
                path: ["a"],
                kinds: 0,
                fixed: chosen.knownA === "jsonb" ? ("json" as const) : undefined,
                takes: takenKinds(chosen.knownA),
              },
            ];
      const one = flattener({ ...chosen, rules: new Map(chosen.rules), known });
      const read = documents.map((document, i) => {
        const cells: (ByteText | null)[] = [];
        const rescued = one.flatten(toByteText(JSON.stringify(document)), i + 1, cells);
        return { cells, rescued: rescued === null ? null : fromByteText(rescued) };
      });
      for (const [i, { cells, rescued }] of read.entries()) {
        const rebuilt: Leaves = new Map();
        for (const column of one.columns) {
          const cell = cells[column.index];
          if (cell !== null && cell !== undefined) {
            const text = fromByteText(cell);
            const isBare = (column.plainKinds & (kinds.string | kinds.timestamp | kinds.uuid | kinds.binary)) === 0;
            const value = isJsonCell(column, i + 1) || isBare ? JSON.parse(text) : text;
            leavesOf(value, column.path, rebuilt);
          }
          const strange = column.strangeIndex === undefined ? undefined : cells[column.strangeIndex];
          if (strange !== null && strange !== undefined)
            leavesOf(JSON.parse(fromByteText(strange)), column.path, rebuilt);
        }
        if (rescued !== null)
          for (const [path, value] of Object.entries(JSON.parse(rescued) as Record<string, Json>))
            leavesOf(value, segments(path), rebuilt);
        const whole = leavesOf(documents[i]!);
        const isIgnored = (path: string) => {
          const names = JSON.parse(path) as string[];
          return chosen.rules.some(([rule, what]) => {
            const parts = rule.split(".");
            if (what !== "ignore" || names.length < parts.length) return false;
            // Below a path that is JSON as a whole nothing is taken out.
            if (chosen.rules.some(([other, kind]) => kind === "json" && other === names[0])) return false;
            return parts.every((part, at) => part === "*" || part.toLowerCase() === names[at]?.toLowerCase());
          });
        };
        const wanted = new Map([...whole].filter(([path]) => !isIgnored(path)));
        const got = new Map([...rebuilt].filter(([path]) => !isIgnored(path)));
        expect(sorted(got)).toEqual(sorted(wanted));
      }
    }),
    {
      numRuns,
      // Two ignored keys share a node: they took the key "" back, which was rescued.
      examples: [
        [[{ "": false, A: 0, a: 0 }], { maxColumns: 0, maxDepth: 1, rules: [["a", "ignore"]], knownA: undefined }],
      ],
    },
  );
});

test("names of columns have at most 63 bytes, are unique, and do not depend on the order of the paths", () => {
  const path = fc.array(fc.oneof(key, fc.string({ unit: "binary", maxLength: 90 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.uniqueArray(path, { selector: (one) => JSON.stringify(one), maxLength: 12 }), (paths) => {
      const naming = { separator: "__", naming: "snake" as const };
      const nameBy = (all: readonly (readonly string[])[]) => {
        const names = uniqueNames(all, new Set(["taken"]), new Set(["_version"]), naming);
        return new Map(all.map((one, i) => [JSON.stringify(one), names[i]!]));
      };
      const names = nameBy(paths);
      for (const name of names.values()) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(new Set(names.values()).size).toBe(paths.length);
      expect(sorted(nameBy([...paths].reverse()))).toEqual(sorted(names));
    }),
    { numRuns: numRuns / 4 },
  );
});
