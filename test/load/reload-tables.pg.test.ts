/** Main tables of all kinds take a newer full load: the user's own columns, views, soft deletes, documents, rejects stay what they are. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { backfillHere } from "../support/backfill-here.ts";
import { csv } from "../support/one-table.ts";
import { reloadedTable } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("a table of the user's own: other columns, defaults, generated ones, indexes and views", async () => {
  const table = await reloadedTable(
    place,
    { columns: {} },
    `create table TABLE (
       row_no serial primary key, id integer not null unique, v varchar(5), noted text default 'new', twice integer generated always as (id * 2) stored,
       checked integer check (checked > 0)
     );
     create index on TABLE (v)`,
  );
  await place.client.query(`create view public.${table.name}_view as select id, v from public.${table.name}`);
  table.fullAt("10:00", 1, csv("id,v,checked", "1,a,1", "2,a,1", "3,a,1"));
  expect((await table.loadAt("10:01")).failures).toEqual([]);
  await place.client.query(`update public.${table.name} set noted = 'mine' where id = 1`);
  const before = await table.places("id");
  // 4 breaks the check, 5 is too long.
  table.fullAt("12:00", 1, csv("id,v,checked", "1,b,1", "2,a,1", "4,x,0", "5,toolong,1", "6,new,2"));
  const done = await table.loadAt("13:00");
  expect([done.exit, done.failures]).toEqual([3, []]);
  expect(done.counts).toEqual({ read: 5, inserted: 1, updated: 1, unchanged: 1, rejected: 2 });
  expect(await table.rejects()).toEqual(
    ["3 check checked TABLE_checked_check", "4 cast v -"].map((line) =>
      expect.stringMatching(new RegExp(`^${line.split(" ")[0]} `)),
    ),
  );
  expect(await table.rows("id", "v", "noted", "twice", "checked")).toEqual([
    "1 b mine 2 1",
    "2 a new 4 1",
    "6 new new 12 2",
  ]);
  expect((await table.places("id"))[1]).toBe(before[1]);
  const { rows } = await place.client.query(`select * from public.${table.name}_view order by id`);
  expect(rows).toEqual([
    { id: 1, v: "b" },
    { id: 2, v: "a" },
    { id: 6, v: "new" },
  ]);
  // The sequence was moved by the rows that were inserted alone.
  const { rows: numbers } = await place.client.query(`select row_no from public.${table.name} where id = 6`);
  expect(numbers).toEqual([{ row_no: 4 }]);
});

test("rows that pass on the values of a unique column: one takes another's, two swap, the user's own cells stay", async () => {
  const table = await reloadedTable(
    place,
    { columns: {} },
    "create table TABLE (id bigint primary key, email text not null unique, ours text default 'ours', n integer generated always as identity)",
  );
  const rows = (...pairs: string[]) => csv("id,email", ...pairs);
  table.fullAt("10:00", 1, rows("1,a", "2,b", "3,c", "4,d", "5,e"));
  await table.loadAt("10:01");
  await place.client.query(`update public.${table.name} set ours = 'mine' where id = 2`);
  const before = await table.places("id");
  table.fullAt("12:00", 1, rows("1,b", "2,a", "3,e", "4,d", "6,c"));
  const done = await table.loadAt("13:00");
  expect([done.failures, done.counts]).toEqual([[], { read: 5, inserted: 1, updated: 3, unchanged: 1 }]);
  expect(await table.rows("id", "email", "ours", "n")).toEqual([
    "1 b ours 1",
    "2 a mine 2",
    "3 e ours 3",
    "4 d ours 4",
    "6 c ours 6",
  ]);
  expect((await table.places("id"))[3]).toBe(before[3]);
});

test.each([
  ["soft", ["1 a false", "2 a true", "3 a true", "4 b false"]],
  ["ignore", ["1 a false", "2 a false", "3 a false", "4 b false"]],
])("deletes: %s", async (deletes, expected) => {
  const table = await reloadedTable(
    place,
    { deletes },
    "create table TABLE (id bigint primary key, v text, _deleted_at timestamptz)",
  );
  table.fullAt("10:00", 1, csv("Op,id,v", "I,1,a", "I,2,a", "I,3,a", "I,4,a"));
  table.changeAt("10:30", csv("Op,id,v", "D,3,", "D,4,"));
  await table.loadAt("10:31");
  table.fullAt("12:00", 1, csv("Op,id,v", "I,1,a", "I,4,b"));
  const done = await table.loadAt("13:00");
  expect([done.exit, done.report.tables[0]?.removed]).toEqual([0, deletes === "soft" ? 1 : 0]);
  expect(await table.rows("id", "v", "_deleted_at is not null")).toEqual(expected);
});

test("minimal system columns, a key of two, a case-insensitive one, a column that only the newer one has", async () => {
  await place.client.query("create extension citext schema public");
  const table = await reloadedTable(
    place,
    { primary_key: ["id", "name"], system_columns: "minimal", columns: {} },
    "create table TABLE (id bigint, name public.citext, v numeric, primary key (name, id))",
  );
  table.fullAt("10:00", 1, csv("id,name,v", "1,Bob,1.0", "2,Eve,2", "3,Al,3"));
  expect((await table.loadAt("10:01")).failures).toEqual([]);
  const before = await table.places("id");
  table.fullAt("12:00", 1, csv("id,name,v,w", "1,BOB,1.00,x", "2,eve,2,", "4,Zoe,4,y"));
  const done = await table.loadAt("13:00");
  expect([done.exit, done.failures]).toEqual([0, []]);
  expect(done.counts).toEqual({ read: 3, inserted: 1, updated: 1, unchanged: 1 });
  expect(await table.rows("id", "name", "v", "w")).toEqual(["1 Bob 1.00 x", "2 Eve 2 -", "4 Zoe 4 y"]);
  expect((await table.places("id"))[1]).toBe(before[1]);
});

test("documents, in a table that drayage made: types grow, paths come and go", async () => {
  const table = await reloadedTable(place, { document: "_doc", primary_key: undefined, columns: {} });
  const doc = (text: string) => `"${text.replaceAll('"', '""')}"`;
  table.fullAt("10:00", 1, csv("_id,_doc", `a,${doc('{"n":1,"gone":"x"}')}`, `b,${doc('{"n":2}')}`));
  expect((await table.loadAt("10:01")).failures).toEqual([]);
  table.fullAt("12:00", 1, csv("_id,_doc", `a,${doc('{"n":1.5,"new":{"x":true}}')}`, `c,${doc('{"n":3}')}`));
  const done = await table.loadAt("13:00");
  expect([done.exit, done.failures]).toEqual([0, []]);
  expect(await table.rows("_id", "n", "gone", "new__x")).toEqual(["a 1.5 - true", "c 3 - -"]);
});

test("a backfill of a reloaded table fills a column that was ignored, in rows that the reload left alone, too", async () => {
  const entry = { primary_key: ["id"], columns: { id: "bigint", w: "ignore" } };
  const table = await reloadedTable(place, entry);
  table.fullAt("10:00", 1, csv("id,v,w", "1,a,x", "2,a,x", "3,a,x"));
  await table.loadAt("10:01");
  // The records of 2 and 3 move up.
  table.fullAt("12:00", 1, csv("id,v,w", "2,a,x", "3,a,x"));
  table.changeAt("12:30", csv("Op,id,v,w", "U,3,c,y"));
  await table.loadAt("13:00");
  table.configure({ ...entry, columns: { id: "bigint" } });
  await table.loadAt("13:01");
  const ran = await backfillHere(place, table.name, { kind: "full_load" });
  expect([ran.exit, ran.failures]).toEqual([0, []]);
  expect(ran.counts).toEqual({ read: 2, updated: 1, stale: 1 });
  expect(await table.rows("id", "v", "w")).toEqual(["2 a x", "3 c -"]);
  const all = await backfillHere(place, table.name, { kind: "all" });
  expect([all.exit, await table.rows("id", "v", "w")]).toEqual([0, ["2 a x", "3 c y"]]);
});

test("keys that are in two objects of it count once; the others are superseded", async () => {
  const table = await reloadedTable(place);
  for (const n of [1, 2]) table.fullAt("10:00", n, csv("id,v", `${n},a`));
  await table.loadAt("10:01");
  for (const n of [1, 2]) table.fullAt("12:00", n, csv("id,v", `${n},a`, "7,x", "7,y", "8,z"));
  const done = await table.loadAt("13:00");
  expect(done.counts).toMatchObject({ read: 8, inserted: 2, unchanged: 2 });
  const { inserted = 0, unchanged = 0, superseded = 0, stale = 0 } = done.counts;
  expect(inserted + unchanged + superseded + stale).toBe(8);
  expect((await table.rows("id", "v")).map((line) => line.split(" ")[0])).toEqual(["1", "2", "7", "8"]);
});

test("what a trigger refuses is counted as ignored", async () => {
  await place.client.query(
    `create function public.refuse_x() returns trigger language plpgsql as $$ begin
       return case when new.v = 'x' then null else new end;
     end $$`,
  );
  const table = await reloadedTable(
    place,
    {},
    "create table TABLE (id bigint primary key, v text); create trigger refuse before insert or update on TABLE for each row execute function public.refuse_x()",
  );
  table.fullAt("10:00", 1, csv("id,v", "1,a", "2,a"));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, csv("id,v", "1,x", "2,b", "3,x"));
  expect((await table.loadAt("13:00")).counts).toEqual({ read: 3, updated: 1, ignored: 2 });
  expect(await table.rows("id", "v")).toEqual(["1 a", "2 b"]);
});
