/** Small objects: one bad record of ten costs that record, hour after hour; an object that is bad as a whole stops its table at once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const create = "create table TABLE (id integer primary key, v integer)";

/** Ten changes of an hour, the one in the middle bad. */
function putHour(table: OneTable, hour: number): void {
  const records = Array.from({ length: 10 }, (_, i) => `I,${hour * 10 + i},${i === 5 ? "bad" : i}`);
  place.put(`${table.name}/20260301-${String(hour).padStart(2, "0")}0000000.csv`, csv("Op,id,v", ...records));
}

test("objects of 10 records with a bad one each load 24 hours long, under the default limits", async () => {
  const table = await oneTable(place, {}, create);
  for (let hour = 0; hour < 24; hour++) {
    putHour(table, hour);
    const { exit, failures, counts } = await table.load();
    expect({ exit, failures, counts }).toEqual({
      exit: 3,
      failures: [],
      counts: { read: 10, inserted: 9, rejected: 1 },
    });
  }
  expect(await table.rejects()).toEqual(Array.from({ length: 24 }, () => "6 cast v -"));
  expect(await table.rows("count(*) over ()").then((rows) => rows.length)).toBe(216);
  expect(
    await table.query("select status, count(*) from drayage.load_history where table_name = $1 group by 1"),
  ).toEqual(["loaded_with_rejects 24"]);
});

test("all of them in one run: the limits are each object's own", async () => {
  const table = await oneTable(place, { reject_limit: 1 }, create);
  for (let hour = 0; hour < 24; hour++) putHour(table, hour);
  const { exit, failures, counts } = await table.load();
  expect({ exit, failures, counts }).toEqual({
    exit: 3,
    failures: [],
    counts: { read: 240, inserted: 216, rejected: 24 },
  });
});

test("a change of the shape, every record of an object, stops with exit 6 at once, and what came before is in", async () => {
  const table = await oneTable(place, { dialect: { header: false }, columns: ["id integer", "v integer"] }, create);
  const records = (hour: number, cells: string) =>
    csv(...Array.from({ length: 10 }, (_, i) => `I,${hour * 10 + i},${cells}`));
  place.put(`${table.name}/20260301-000000000.csv`, records(0, "1"));
  expect((await table.load()).exit).toBe(0);
  for (const hour of ["01", "02"])
    place.put(`${table.name}/20260301-${hour}0000000.csv`, records(Number(hour), "1,new"));
  const changed = await table.load();
  expect(changed.exit).toBe(6);
  expect(changed.failures).toHaveLength(1);
  expect(await table.rejects()).toEqual([]);
  expect((await table.rows("id")).length).toBe(10);

  // The same of documents that are none any more.
  const documents = await oneTable(place, { primary_key: ["_id"], document: "_doc" });
  documents.change(1, csv("Op,_id,_doc", ...Array.from({ length: 10 }, (_, i) => `I,${i},"{""a"":1}"`)));
  expect((await documents.load()).exit).toBe(0);
  documents.change(2, csv("Op,_id,_doc", ...Array.from({ length: 10 }, (_, i) => `I,${10 + i},plain`)));
  const broken = await documents.load();
  expect(broken).toMatchObject({
    exit: 6,
    failures: ["SHAPE_UNREADABLE: All 10 records of the object are rejected for one reason: bad_json"],
  });
  expect(await documents.rejects()).toEqual([]);
});
