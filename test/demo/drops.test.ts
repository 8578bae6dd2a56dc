import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type DropFormat, defaultFormat, readBody } from "../../src/demo/drop-writer.ts";
import { type DropOptions, makeDrops } from "../../src/demo/drops.ts";
import { type ReadObject, readObject, replay } from "./replay.ts";

async function readAll(options: DropOptions): Promise<ReadObject[]> {
  const read: ReadObject[] = [];
  for (const object of makeDrops(options).objects()) {
    read.push(await readObject(object, { ...defaultFormat, ...options.format }));
  }
  return read;
}

async function digest(options: DropOptions): Promise<string> {
  const hash = createHash("sha256");
  for (const object of makeDrops(options).objects()) hash.update(object.path).update(await readBody(object));
  return hash.digest("hex");
}

describe("the same flags make the same bytes", () => {
  test.each(["relational", "documents"] as const)("%s", async (kind) => {
    const options: DropOptions = { kind, seed: 1, rows: 200, objects: 2, hours: 2, keyChanges: "pair" };
    expect(await digest(options)).toBe(await digest(options));
    expect(await digest({ ...options, seed: 2 })).not.toBe(await digest(options));
  });

  test("whatever the number of objects that share the rows", async () => {
    const one = await readAll({ kind: "relational", seed: 1, rows: 1000 });
    const three = await readAll({ kind: "relational", seed: 1, rows: 1000, objects: 3 });
    expect(three.map(({ records }) => records.length)).toEqual([333, 333, 334]);
    expect(three.flatMap(({ records }) => records)).toEqual(one.flatMap(({ records }) => records));
  });
});

test("objects are named as DMS names them", async () => {
  const read = await readAll({ kind: "relational", seed: 1, rows: 20, objects: 17, hours: 2, objectsPerHour: 2 });
  const names = read.map(({ path }) => path);
  expect(names.slice(8, 11)).toEqual([
    "shop/orders/LOAD00000009.csv",
    "shop/orders/LOAD0000000A.csv",
    "shop/orders/LOAD0000000B.csv",
  ]);
  expect(names.slice(16)).toEqual([
    "shop/orders/LOAD00000011.csv",
    "shop/orders/20260101-013000117.csv",
    "shop/orders/20260101-020000117.csv",
    "shop/orders/20260101-023000117.csv",
    "shop/orders/20260101-030000117.csv",
  ]);
});

describe("500,000 rows have the size that the speed figures are given for", () => {
  test.each([
    { kind: "relational", megabytes: 64 },
    { kind: "documents", megabytes: 266 },
  ] as const)("$kind: $megabytes MB", async ({ kind, megabytes }) => {
    let bytes = 0;
    let read = 0;
    let number = 0;
    // Any LOAD object can be read without the others: 4 of 200 stand for all.
    for (const object of makeDrops({ kind, seed: 1, rows: 500_000, objects: 200 }).objects()) {
      number += 1;
      if (number % 50 !== 25) continue;
      bytes += (await readBody(object)).length;
      read += 1;
    }
    expect(read).toBe(4);
    const total = (bytes * 200) / read / 1e6;
    expect(total).toBeGreaterThan(megabytes * 0.98);
    expect(total).toBeLessThan(megabytes * 1.02);
  });
});

const formats: readonly Partial<DropFormat>[] = [
  {},
  { header: false, opOnFullLoad: false, timestampColumn: undefined },
  { gzip: true, nulls: "" },
  { delimiter: ";", rowDelimiter: "\r\n", nulls: "\\N" },
  { delimiter: "|", opOnFullLoad: false },
  { delimiter: "\t", rfc4180: false, timestampColumn: "written_at" },
];

describe("objects are CSV of the format that was asked for, and their records end in the state that is told", () => {
  const cases = formats.flatMap((format) => (["relational", "documents"] as const).map((kind) => ({ kind, format })));
  test.each(cases)("$kind $format", async ({ kind, format: part }) => {
    const format = { ...defaultFormat, ...part };
    const drops = makeDrops({ kind, seed: 3, rows: 300, objects: 2, hours: 3, format });
    const read: ReadObject[] = [];
    for (const object of drops.objects()) read.push(await readObject(object, format));
    expect(read.map(({ records }) => records.length)).toEqual([150, 150, 100, 100, 100]);
    for (const { path, header, records } of read) {
      const ops = path.includes("LOAD") ? (format.opOnFullLoad ? ["Op"] : []) : ["Op"];
      const times = format.timestampColumn === undefined ? [] : [format.timestampColumn];
      expect(header).toEqual(format.header ? [...ops, ...times, ...drops.columns] : undefined);
      for (const { op, cells } of records) {
        expect("IUD").toContain(op);
        expect(cells).toHaveLength(drops.columns.length);
      }
    }
    expect([...replay(read).values()].sort(byKey)).toEqual([...drops.state()].sort(byKey));
  });
});

test("property: replayed records are the state, for every kind of key change and delete", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        kind: fc.constantFrom("relational" as const, "documents" as const),
        seed: fc.nat(),
        rows: fc.nat({ max: 40 }),
        hours: fc.integer({ min: 1, max: 3 }),
        changesPerObject: fc.integer({ min: 1, max: 80 }),
        keyChanges: fc.constantFrom("none" as const, "pair" as const, "before-image" as const),
        deleted: fc.constantFrom("row" as const, "key" as const),
      }),
      async (options) => {
        const drops = makeDrops(options);
        const read: ReadObject[] = [];
        for (const object of drops.objects()) read.push(await readObject(object, defaultFormat));
        for (const { records } of read.slice(1)) expect(records).toHaveLength(options.changesPerObject);
        const replayed = replay(read, options.keyChanges === "before-image");
        expect([...replayed.values()].sort(byKey)).toEqual([...drops.state()].sort(byKey));
      },
    ),
    { numRuns: 60 },
  );
});

test("changes hold what makes loading hard", async () => {
  const read = await readAll({
    kind: "relational",
    seed: 1,
    rows: 500,
    hours: 4,
    keyChanges: "before-image",
    deleted: "key",
  });
  const changes = read.slice(1).flatMap(({ records }) => records);
  const share = (op: string) => changes.filter((record) => record.op === op).length / changes.length;
  expect(share("I")).toBeGreaterThan(0.2);
  expect(share("U")).toBeGreaterThan(0.4);
  expect(share("D")).toBeGreaterThan(0.08);
  const deletes = changes.filter(({ op }) => op === "D");
  expect(deletes.every(({ cells }) => cells.slice(1, -1).every((cell) => cell === null))).toBe(true);
  expect(changes.some(({ op, cells }) => op === "U" && cells[0] !== cells.at(-1))).toBe(true);
  const sequences = new Map<string, string>();
  for (const { op, cells } of changes) sequences.set(cells[0] ?? "", (sequences.get(cells[0] ?? "") ?? "") + op);
  const all = [...sequences.values()];
  expect(all.some((ops) => ops.includes("UU"))).toBe(true);
  expect(all.some((ops) => ops.includes("DI"))).toBe(true);
});

test("documents without quotes are refused where a comma would cut them", () => {
  expect(() => makeDrops({ kind: "documents", seed: 1, rows: 1, format: { rfc4180: false } })).toThrow(
    expect.objectContaining({ code: "USAGE" }),
  );
});

function byKey(a: readonly (string | null)[], b: readonly (string | null)[]): number {
  return (a[0] ?? "") < (b[0] ?? "") ? -1 : 1;
}
