/** Objects that come again, append tables, reject limits, units that are taken apart. Which record wins: guard-cases. */
import { utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("an object that is delivered again with equal bytes changes nothing, and says so", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, csv("id,v", "1,a", "2,b"));
  table.change(5, csv("Op,id,v", "U,1,A", "I,3,c", "D,2,b"));
  await table.load();
  const before = await table.rows("id", "v", "_loaded_at", "_object", "_version", "_record", "xmin");
  touch(table, "20260301-100500000.csv");
  expect((await table.load()).counts).toEqual({ read: 3, unchanged: 3 });
  expect(await table.rows("id", "v", "_loaded_at", "_object", "_version", "_record", "xmin")).toEqual(before);
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
