/** The floor: once tombstones were dropped by age, what is at or below their versions makes no row. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { planHere } from "../support/load-here.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

/** Key 2 was deleted in minute 5, and its tombstone dropped since. */
async function withFloor(config: object = {}): Promise<OneTable> {
  const table = await oneTable(place, { primary_key: ["id"], ...config });
  table.full(1, csv("id,v", "1,a", "2,b"));
  table.change(5, csv("Op,id,v", "D,2,"));
  expect((await table.load()).failures).toEqual([]);
  const tombstones = await tombstonesOf(table);
  await place.client.query(
    `update drayage.tables set floor = (select max(_version) from ${tombstones}) where table_name = $1`,
    [table.name],
  );
  await place.client.query(`delete from ${tombstones}`);
  return table;
}

async function tombstonesOf(table: OneTable): Promise<string> {
  const { rows } = await place.client.query("select table_id from drayage.tables where table_name = $1", [table.name]);
  return `drayage.tombstones_${rows[0].table_id}`;
}

test("below the floor a record updates a row and makes none; above it all is as ever", async () => {
  const table = await withFloor();
  table.change(3, csv("Op,id,v", "I,2,late", "U,1,A", "I,7,late", "U,8,late", "D,9,"));
  const plan = await planHere(place);
  expect(plan.tables[0]?.counts).toMatchObject({ read: 5, updated: 1, unchanged: 1, stale: 3 });
  expect((await table.load()).counts).toEqual({ read: 5, updated: 1, unchanged: 1, stale: 3 });
  expect(await table.rows("id", "v")).toEqual(["1 A"]);
  const { rows } = await place.client.query(`select count(*)::int as n from ${await tombstonesOf(table)}`);
  expect(rows[0].n, "a tombstone below the floor could hold nothing back").toBe(0);
  table.change(6, csv("Op,id,v", "I,2,new", "U,7,new", "D,9,"));
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 2, unchanged: 1 });
  expect(await table.rows("id", "v")).toEqual(["1 A", "2 new", "7 new"]);
  table.change(4, csv("Op,id,v", "I,9,late", "D,1,"));
  expect((await table.load()).counts).toEqual({ read: 2, stale: 1, deleted: 1 });
});

test("a late full-load object, where a plain insert would be tried", async () => {
  const table = await withFloor();
  // As if nothing but full loads had come: history says so, the floor does not.
  await place.client.query("delete from drayage.load_history where table_name = $1 and kind = 'change'", [table.name]);
  table.full(2, csv("id,v", "2,b", "3,c"));
  const { counts, forms } = await table.load({ objects: [`${table.name}/LOAD00000002.csv`] });
  expect({ counts, forms }).toEqual({ counts: { read: 2, stale: 2 }, forms: ["general"] });
  expect(await table.rows("id", "v")).toEqual(["1 a"]);
});

test("soft deletes: the row is there, so a record below the floor is judged by its version", async () => {
  const table = await withFloor({ deletes: "soft" });
  table.change(3, csv("Op,id,v", "U,2,late", "I,7,late"));
  expect((await table.load()).counts).toEqual({ read: 2, stale: 2 });
  expect(await table.rows("id", "v", "_deleted_at is not null")).toEqual(["1 a false", "2 b true"]);
});
