/** A main table of the user's own is kept as it is, with its types, constraints, generated and identity columns. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("types, modifiers, NOT NULL, generated columns and the table's identity are kept", async () => {
  const table = await oneTable(
    place,
    { deletes: "soft" },
    `create table TABLE (
       "Order Id" bigint primary key,
       name varchar(10) not null,
       price numeric(8,2) not null check (price >= 0),
       at timestamp(3),
       tags text[],
       doc jsonb,
       total numeric generated always as (price * 2) stored
     )`,
  );
  const columns = async () => {
    const { rows } = await place.client.query<{ line: string }>(
      `select attnum || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull as line
       from pg_attribute where attrelid = 'public.${table.name}'::regclass and attnum > 0 and attname !~ '^_' order by attnum`,
    );
    return rows.map((row) => row.line);
  };
  const before = await columns();
  table.full(
    1,
    csv(
      "order_id,NAME,price,at,tags,doc,total",
      '1,ann,1.50,2026-01-01 10:00:00.123,"{a,""b c""}","{""x"": 1.0}",99',
      "2,bob,2.5,,{},null,99",
    ),
  );
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 2, inserted: 2 });
  expect(await columns()).toEqual(before);
  expect(await table.rows('"Order Id"', "name", "price", "at", "tags", "doc", "total")).toEqual([
    '1 ann 1.50 2026-01-01 10:00:00.123 {a,"b c"} {"x": 1.0} 3.00',
    "2 bob 2.50 - {} null 5.00",
  ]);
  table.change(1, csv("Op,order_id,NAME,price,at,tags,doc,total", "U,1,anna,3.00,,,,1", "D,2,,,,,,"));
  expect((await table.load()).counts).toEqual({ read: 2, updated: 1, deleted: 1 });
  expect(await table.rows('"Order Id"', "name", "total", "_deleted_at is null")).toEqual([
    "1 anna 6.00 true",
    "2 bob 5.00 false",
  ]);
});

describe("identity columns", () => {
  test.each(["always", "by default"])(
    "the key is generated %s as identity: the source's numbers are taken",
    async (kind) => {
      const table = await oneTable(
        place,
        {},
        `create table TABLE (id integer generated ${kind} as identity primary key, v text)`,
      );
      table.full(1, csv("id,v", "10,a", "20,b"));
      expect((await table.load()).counts).toEqual({ read: 2, inserted: 2 });
      table.change(1, csv("Op,id,v", "U,10,A", "I,30,c", "D,20,b"));
      const { failures, counts } = await table.load();
      expect(failures).toEqual([]);
      expect(counts).toEqual({ read: 3, inserted: 1, updated: 1, deleted: 1 });
      expect(await table.rows("id", "v")).toEqual(["10 A", "30 c"]);
    },
  );

  test("one that is not the key, and is in the source, takes the source's number", async () => {
    const table = await oneTable(
      place,
      {},
      "create table TABLE (id integer primary key, number integer generated always as identity, v text)",
    );
    table.full(1, csv("id,number,v", "1,7,a"));
    expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
    table.change(1, csv("Op,id,number,v", "U,1,7,b", "I,2,9,c"));
    const { failures, counts } = await table.load();
    expect(failures).toEqual([]);
    expect(counts).toEqual({ read: 2, inserted: 1, updated: 1 });
    expect(await table.rows("id", "number", "v")).toEqual(["1 7 b", "2 9 c"]);
  });

  test("one that is not in the source counts on", async () => {
    const table = await oneTable(
      place,
      {},
      "create table TABLE (id integer primary key, number integer generated always as identity, v text)",
    );
    table.full(1, csv("id,v", "1,a", "2,b"));
    expect((await table.load()).counts).toEqual({ read: 2, inserted: 2 });
    table.change(1, csv("Op,id,v", "U,1,A"));
    expect((await table.load()).counts).toEqual({ read: 1, updated: 1 });
    expect((await table.rows("id", "number", "v")).toSorted()).toEqual(["1 1 A", "2 2 b"]);
  });
});

test("a citext key is one key in any case, and its new case arrives", async () => {
  await place.client.query("create extension if not exists citext schema public");
  const table = await oneTable(place, {}, "create table TABLE (name citext primary key, v citext)");
  table.full(1, csv("name,v", "Bob,x", "ann,y"));
  expect((await table.load()).counts).toEqual({ read: 2, inserted: 2 });
  table.change(1, csv("Op,name,v", "U,BOB,X", "I,bob,Y", "D,ANN,y", "D,zed,z"));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 4, updated: 1, superseded: 1, deleted: 1, unchanged: 1 });
  expect(await table.rows("v")).toEqual(["Y"]);
  table.change(0, csv("Op,name,v", "I,Ann,late", "I,ZED,late"));
  expect((await table.load()).counts).toEqual({ read: 2, stale: 2 });
});

test("keys compare in their own type: 1.0 is 1, char(3) ignores blanks", async () => {
  const table = await oneTable(place, {}, "create table TABLE (a numeric, b char(3), v text, primary key (a, b))");
  table.full(1, csv("a,b,v", "1,x,first"));
  expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
  table.change(1, csv("Op,a,b,v", "U,1.0,x  ,second", "D,2.00,y,", "U,01,x ,third"));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 3, updated: 1, superseded: 1, unchanged: 1 });
  expect(await table.rows("v")).toEqual(["third"]);
  table.change(0, csv("Op,a,b,v", "I,2,y,late"));
  expect((await table.load()).counts).toEqual({ read: 1, stale: 1 });
});

test("a key with a collation of its own, a domain and an enum", async () => {
  await place.client.query(
    `create type public.mood as enum ('sad', 'glad');
     create domain public.short as varchar(4) check (value <> 'no');
     create collation public.blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`,
  );
  const table = await oneTable(
    place,
    {},
    "create table TABLE (name text collate public.blind primary key, mood public.mood, s public.short)",
  );
  table.full(1, csv("name,mood,s", "Bob,glad,ok", "eve,angry,ok", "joe,sad,no", "may,sad,toolong", "ben,sad,ok"));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 5, inserted: 2, rejected: 3 });
  expect((await table.rejects()).map((line) => line.split(" ").slice(0, 3).join(" "))).toEqual([
    "2 cast mood",
    "3 check s",
    "4 too_long s",
  ]);
  table.change(1, csv("Op,name,mood,s", "U,BOB,sad,ok"));
  expect((await table.load()).counts).toEqual({ read: 1, updated: 1 });
  expect(await table.rows("mood")).toEqual(["sad", "sad"]);
});

test.each([
  ["without a unique index on the key", "create table TABLE (id integer, v text)"],
  ["with a deferrable key", "create table TABLE (id integer primary key deferrable, v text)"],
  [
    "partitioned, by another column than the key",
    `create table TABLE (id integer, v text) partition by list (v);
     create table TABLE_a partition of TABLE for values in ('a', 'A');
     create table TABLE_rest partition of TABLE default`,
  ],
])("a main table %s takes the general form", async (_, create) => {
  const table = await oneTable(place, { primary_key: ["id"] }, create);
  await place.client.query(
    `do $$ declare t text; begin for t in select inhrelid::regclass from pg_inherits where inhparent = 'public.${table.name}'::regclass
     loop execute format('alter table %s owner to ${place.role}', t); end loop; end $$`,
  );
  table.full(1, csv("id,v", "1,a", "2,b", "3,c"));
  const { failures, forms } = await table.load();
  expect(failures).toEqual([]);
  expect(forms).toEqual(["general"]);
  table.change(1, csv("Op,id,v", "U,1,z", "D,2,b", "I,4,a", "U,1,y"));
  expect((await table.load()).counts).toEqual({ read: 4, inserted: 1, updated: 1, deleted: 1, superseded: 1 });
  expect(await table.rows("id", "v")).toEqual(["1 y", "3 c", "4 a"]);
});

test("a NOT NULL column that the source does not feed needs a decision, not a million rejects", async () => {
  const table = await oneTable(place, {}, "create table TABLE (id integer primary key, v text, must text not null)");
  table.full(1, csv("id,v", "1,a"));
  const { exit, report } = await table.load();
  expect(exit).toBe(6);
  expect(report.tables[0]?.failures[0]?.error).toMatchObject({
    code: "COLUMN_UNFED",
    lines: [`alter table "public"."${table.name}" alter column "must" drop not null;`],
  });
});
