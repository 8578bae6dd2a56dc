/** What a record does to its row: ops, versions, tombstones, and the bucket in which it is counted. */
import { utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadHere } from "../support/load-here.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

/** Objects that arrive before one load, and what that load and the table must say then. */
interface Step {
  /** Records of full-load objects by number. */
  readonly full?: Readonly<Record<number, readonly string[]>>;
  /** Records of change objects by the minute in which they were closed. */
  readonly change?: Readonly<Record<number, readonly string[]>>;
  readonly counts: Readonly<Record<string, number>>;
  readonly rows: readonly string[];
}

interface Case {
  readonly name: string;
  readonly config?: object;
  readonly steps: readonly Step[];
}

const start: Step = { full: { 1: ["1,a", "2,b"] }, counts: { read: 2, inserted: 2 }, rows: ["1 a", "2 b"] };

const cases: readonly Case[] = [
  {
    name: "I, U and D",
    steps: [
      start,
      {
        change: { 1: ["I,3,c", "U,1,A", "D,2,b"] },
        counts: { read: 3, inserted: 1, updated: 1, deleted: 1 },
        rows: ["1 A", "3 c"],
      },
    ],
  },
  {
    name: "an I of a key that is there updates, a U of one that is not inserts",
    steps: [
      start,
      { change: { 1: ["I,1,A", "U,9,z"] }, counts: { read: 2, updated: 1, inserted: 1 }, rows: ["1 A", "2 b", "9 z"] },
    ],
  },
  {
    name: "a D that holds its key alone, as PostgreSQL sources write it",
    steps: [start, { change: { 1: ["D,2,"] }, counts: { read: 1, deleted: 1 }, rows: ["1 a"] }],
  },
  {
    name: "a D of an unknown key is unchanged, and a late older I does not bring the key up",
    steps: [
      start,
      { change: { 5: ["D,7,x"] }, counts: { read: 1, unchanged: 1 }, rows: ["1 a", "2 b"] },
      { change: { 3: ["I,7,x"] }, counts: { read: 1, stale: 1 }, rows: ["1 a", "2 b"] },
      { change: { 6: ["I,7,y"] }, counts: { read: 1, inserted: 1 }, rows: ["1 a", "2 b", "7 y"] },
      { change: { 4: ["D,7,x"] }, counts: { read: 1, stale: 1 }, rows: ["1 a", "2 b", "7 y"] },
    ],
  },
  {
    name: "an older object that comes late, after a change and after a delete",
    steps: [
      start,
      { change: { 5: ["U,1,new", "D,2,b"] }, counts: { read: 2, updated: 1, deleted: 1 }, rows: ["1 new"] },
      { change: { 2: ["U,1,old", "U,2,old"] }, counts: { read: 2, stale: 2 }, rows: ["1 new"] },
    ],
  },
  {
    name: "the version advances with equal cells, or a late object between the two would win",
    steps: [
      { full: { 1: ["1,a"] }, counts: { read: 1, inserted: 1 }, rows: ["1 a"] },
      { change: { 5: ["U,1,a"] }, counts: { read: 1, updated: 1 }, rows: ["1 a"] },
      { change: { 3: ["U,1,b"] }, counts: { read: 1, stale: 1 }, rows: ["1 a"] },
    ],
  },
  {
    name: "one key many times in one object: the last applied record wins, the others are superseded",
    steps: [
      {
        change: { 1: ["I,1,a", "U,1,b", "D,1,b", "I,1,c", "U,1,d", "I,2,x", "D,2,x"] },
        counts: { read: 7, inserted: 1, superseded: 5, unchanged: 1 },
        rows: ["1 d"],
      },
    ],
  },
  {
    name: "one key in several objects of a unit",
    steps: [
      start,
      {
        change: { 1: ["U,1,b"], 2: ["U,1,c", "I,3,x"], 3: ["U,1,d", "D,3,x"] },
        counts: { read: 5, updated: 1, superseded: 3, unchanged: 1 },
        rows: ["1 d", "2 b"],
      },
    ],
  },
  {
    name: "what loses to a stale record is stale too",
    steps: [
      start,
      { change: { 9: ["U,1,z"] }, counts: { read: 1, updated: 1 }, rows: ["1 z", "2 b"] },
      { change: { 3: ["U,1,c", "U,1,d"] }, counts: { read: 2, stale: 2 }, rows: ["1 z", "2 b"] },
    ],
  },
  {
    name: "deletes: ignore, before the collapse",
    config: { deletes: "ignore" },
    steps: [
      start,
      {
        change: { 1: ["U,1,A", "D,1,A", "D,2,b", "D,9,x"] },
        counts: { read: 4, updated: 1, ignored: 3 },
        rows: ["1 A", "2 b"],
      },
    ],
  },
  {
    name: "a record that cannot be cast supersedes nothing",
    config: { columns: { n: "integer" } },
    steps: [{ change: { 1: ["I,1,a,1", "U,1,b,x"] }, counts: { read: 2, inserted: 1, rejected: 1 }, rows: ["1 a"] }],
  },
];

const headerOf = (test: Case) => (test.config !== undefined && "columns" in test.config ? "id,v,n" : "id,v");

test.each(cases)("$name", async (one) => {
  const table = await oneTable(place, { primary_key: ["id"], ...one.config });
  for (const [i, step] of one.steps.entries()) {
    for (const [n, records] of Object.entries(step.full ?? {})) table.full(Number(n), csv(headerOf(one), ...records));
    for (const [n, records] of Object.entries(step.change ?? {}))
      table.change(Number(n), csv(`Op,${headerOf(one)}`, ...records));
    const { counts, failures } = await table.load();
    expect(failures).toEqual([]);
    expect(counts, `counts of load ${i + 1}`).toEqual(step.counts);
    expect(await table.rows("id", "v"), `rows after load ${i + 1}`).toEqual(step.rows);
  }
});

test("deletes: soft keeps the last values, until a newer record comes", async () => {
  const table = await oneTable(place, { primary_key: ["id"], deletes: "soft" });
  table.full(1, csv("id,v", "1,a", "2,b"));
  await table.load();
  table.change(5, csv("Op,id,v", "D,1,", "D,9,"));
  expect((await table.load()).counts).toEqual({ read: 2, deleted: 1, unchanged: 1 });
  const rows = () => table.rows("id", "v", "_deleted_at is not null");
  expect(await rows()).toEqual(["1 a true", "2 b false"]);
  touch(table, "20260301-100500000.csv");
  expect((await table.load()).counts, "the same deletes again").toEqual({ read: 2, unchanged: 2 });
  table.change(3, csv("Op,id,v", "U,1,old", "I,9,old"));
  expect((await table.load()).counts).toEqual({ read: 2, stale: 2 });
  expect(await rows()).toEqual(["1 a true", "2 b false"]);
  table.change(6, csv("Op,id,v", "I,1,c"));
  expect((await table.load()).counts).toEqual({ read: 1, updated: 1 });
  expect(await rows()).toEqual(["1 c false", "2 b false"]);
});

describe("an object that is delivered again", () => {
  async function loaded(): Promise<OneTable> {
    const table = await oneTable(place, { primary_key: ["id"] });
    table.full(1, csv("id,v", "1,a", "2,b"));
    table.change(5, csv("Op,id,v", "U,1,A", "I,3,c", "D,2,b"));
    await table.load();
    return table;
  }

  test("with equal bytes changes nothing, and says so", async () => {
    const table = await loaded();
    const before = await table.rows("id", "v", "_loaded_at", "_object", "_version", "_record", "xmin");
    touch(table, "20260301-100500000.csv");
    expect((await table.load()).counts).toEqual({ read: 3, unchanged: 3 });
    expect(await table.rows("id", "v", "_loaded_at", "_object", "_version", "_record", "xmin")).toEqual(before);
  });

  test("with other cells in its records brings those", async () => {
    const table = await loaded();
    table.change(5, csv("Op,id,v", "U,1,B", "I,3,c", "D,2,b"));
    expect((await table.load()).counts).toEqual({ read: 3, updated: 1, unchanged: 2 });
    expect(await table.rows("id", "v")).toEqual(["1 B", "3 c"]);
  });
});

test("two full-load objects with one key end alike in whatever order they come", async () => {
  const ends: string[][] = [];
  // One folder name for all: the version of a full-load row is a hash of the key.
  for (const order of [[[1, 2]], [[1], [2]], [[2], [1]]]) {
    const other = await openWorkplace();
    try {
      for (const numbers of order) {
        for (const n of numbers) other.put(`same/LOAD0000000${n}.csv`, csv("id,v", `1,from ${n}`, `2${n},x`));
        other.config(
          JSON.stringify({
            source: { url: other.source },
            warehouse: { url: other.url, schema: "public" },
            tables: { same: { prefix: "same", primary_key: ["id"] } },
          }),
        );
        expect((await loadHere(other)).failures).toEqual([]);
      }
      const { rows } = await other.client.query<{ line: string }>(
        "select id || ' ' || v as line from public.same order by id",
      );
      ends.push(rows.map((row) => row.line));
    } finally {
      await other.end();
    }
  }
  expect(ends[1]).toEqual(ends[0]);
  expect(ends[2]).toEqual(ends[0]);
});

test("append: every record is a row with its op, once for each object", async () => {
  const table = await oneTable(place, { write_mode: "append" });
  table.change(1, csv("Op,id,v", "I,1,a", "U,1,b", "D,1,b"));
  table.change(2, csv("Op,id,v", "I,1,c"));
  const { counts, forms } = await table.load();
  expect({ counts, forms }).toEqual({ counts: { read: 4, inserted: 4 }, forms: ["append"] });
  expect(await table.rows("_version", "_record", "id", "v", "_op")).toEqual(
    ["1 1 a I", "2 1 b U", "3 1 b D", "1 1 c I"].map((line) => expect.stringMatching(`^\\d+ ${line}$`)),
  );
  expect((await table.load()).counts).toEqual({});
});

test("a unit that fails is taken apart: one bad object costs one object", async () => {
  const table = await oneTable(place, {
    primary_key: ["id"],
    columns: { n: "integer" },
    reject_limit: 0,
    reject_limit_pct: 0,
  });
  table.change(1, csv("Op,id,n", "I,1,1"));
  table.change(2, csv("Op,id,n", "I,2,2", "I,3,x"));
  table.change(3, csv("Op,id,n", "I,4,4"));
  const { exit, failures, counts, report } = await table.load();
  expect(exit).toBe(5);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatch(/^REJECT_LIMIT: 1 of 2 records/);
  expect(report.tables[0]?.failures[0]?.key).toBe(`${table.name}/20260301-100200000.csv`);
  expect(counts).toEqual({ read: 2, inserted: 2 });
  expect(await table.rows("id", "n")).toEqual(["1 1", "4 4"]);
  const { rows } = await place.client.query(
    "select status, error_code, rows_read from drayage.load_history where table_name = $1 order by key",
    [table.name],
  );
  expect(rows).toEqual([
    { status: "loaded", error_code: null, rows_read: "1" },
    { status: "failed", error_code: "REJECT_LIMIT", rows_read: null },
    { status: "loaded", error_code: null, rows_read: "1" },
  ]);
});

test.each([
  { limits: { reject_limit: 2, reject_limit_pct: 5 }, exit: 5, why: "both are exceeded" },
  { limits: { reject_limit: 3, reject_limit_pct: 5 }, exit: 3, why: "the number is not exceeded" },
  { limits: { reject_limit: 2, reject_limit_pct: 30 }, exit: 3, why: "the percentage is not exceeded" },
])("3 rejects of 10 records under $limits: exit $exit, $why", async ({ limits, exit }) => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { n: "integer" }, ...limits });
  table.full(1, csv("id,n", "1,1", "2,x", "3,3", "4,x", "5,5", "6,x", "7,7", "8,8", "9,9", "10,10"));
  const loaded = await table.load();
  expect(loaded.exit).toBe(exit);
  if (exit === 3) expect(await table.rows("id::int")).toEqual(["1", "3", "5", "7", "8", "9", "10"]);
  else {
    expect(await table.rows("id")).toEqual([]);
    expect(loaded.failures).toEqual([expect.stringMatching(/^REJECT_LIMIT: 3 of 10 records/)]);
  }
});

/** The same bytes at another time: S3 lists such an object as a new version. */
function touch(table: OneTable, name: string): void {
  utimesSync(fileURLToPath(`${place.source}/${table.name}/${name}`), new Date(), new Date(Date.now() + 60_000));
}
