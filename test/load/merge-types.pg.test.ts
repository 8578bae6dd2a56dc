/** Types of main tables that a cast, a key or a plan could get wrong without an error. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { planHere } from "../support/load-here.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(
    `create schema extensions; grant usage on schema extensions to ${place.role};
     create extension citext schema extensions; create extension btree_gist schema extensions`,
  );
});
afterAll(() => place.end());

test("bits and fractions arrive whole, or their record is rejected", async () => {
  const table = await oneTable(
    place,
    {},
    "create table TABLE (id integer primary key, flags bit(3), at timestamp(0), codes char(3)[])",
  );
  table.full(
    1,
    csv(
      "id,flags,at,codes",
      '1,101,2026-01-01 10:00:00.000000,"{abc,d}"',
      "2,10,2026-01-01 10:00:00,{}",
      "3,011,2026-01-01 10:00:00.700000,{}",
      "4,011,2026-01-01 10:00:00,{abcd}",
      "5,011,2026-01-01 10:00:00,{}",
    ),
  );
  expect((await table.load()).counts).toEqual({ read: 5, inserted: 2, rejected: 3 });
  expect(await table.rows("id", "flags", "at")).toEqual(["1 101 2026-01-01 10:00:00", "5 011 2026-01-01 10:00:00"]);
  expect(await table.rejects()).toEqual(["2 cast - -", "3 lossy at -", "4 too_long - -"]);
});

test("citext is text, in whatever schema: an empty key is a key, an empty NOT NULL cell is empty", async () => {
  const table = await oneTable(
    place,
    {},
    "create table TABLE (name extensions.citext primary key, v extensions.citext not null)",
  );
  table.full(1, csv("name,v", "Bob,x", '"",'));
  expect((await table.load()).counts).toEqual({ read: 2, inserted: 2 });
  table.change(1, csv("Op,name,v", "U,BOB,", "D,,"));
  expect((await table.load()).counts).toEqual({ read: 2, updated: 1, deleted: 1 });
  expect(await table.rows("name", "v")).toEqual(["Bob "]);
});

test("a document key that grows finds the tombstones and the rows from before", async () => {
  const change = (op: string, id: unknown, v: string) =>
    `${op},"${JSON.stringify({ _id: id, v }).replaceAll('"', '""')}",${String(id)}`;
  const table = await oneTable(place, { primary_key: ["_id"], columns: { seen: "ignore" } });
  table.change(2, csv("Op,_doc,seen", change("I", 1, "a"), change("I", 2, "b")));
  expect((await table.load()).counts).toEqual({ read: 2, inserted: 2 });
  table.change(3, csv("Op,_doc,seen", change("I", "x", "c"), change("U", 1, "d")));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 2, inserted: 1, updated: 1 });
  expect(await table.rows("_id", "v")).toEqual(["1 d", "2 b", "x c"]);
  const { rows } = await place.client.query(
    `select format_type(a.atttypid, null) as type from drayage.tables t
     join pg_attribute a on a.attrelid = ('drayage.tombstones_' || t.table_id)::regclass and a.attname = '_id'
     where t.table_name = $1`,
    [table.name],
  );
  expect(rows).toEqual([{ type: "text" }]);
  const shown = await place.client.query("select from drayage.tombstones where table_name <> $1", [table.name]);
  expect(shown.rowCount, "the view shows the tombstones of the other tables again").toBe(1);
});

test("plan of a table with a deferrable exclusion constraint", async () => {
  const table = await oneTable(
    place,
    {},
    "create table TABLE (id integer primary key, n integer, exclude using gist (n with =) deferrable)",
  );
  table.full(1, csv("id,n", "1,1", "2,2"));
  await table.load();
  table.change(1, csv("Op,id,n", "U,1,9", "I,3,3"));

  const planned = (await planHere(place)).tables[0];
  expect(planned?.errors).toEqual([]);
  expect(planned?.counts).toMatchObject({ read: 2, inserted: 1, updated: 1 });
});

test("a zero date in the key is a NULL key, where the table has no key of its own, too", async () => {
  const table = await oneTable(place, { primary_key: ["day"] }, "create table TABLE (day date, v text)");
  table.full(1, csv("day,v", "0000-00-00,a", "2026-01-01,b", "x,c", "2026-01-01,d"));
  expect((await table.load()).counts).toEqual({ read: 4, inserted: 1, superseded: 1, rejected: 2 });
  expect(await table.rejects()).toEqual(["1 null_key day -", "3 lossy day -"]);
  expect(await table.rows("day", "v")).toEqual(["2026-01-01 d"]);
});

test("nulls: [] means that nothing is NULL, control characters neither", async () => {
  const table = await oneTable(place, { primary_key: ["id"], dialect: { nulls: [] } });
  table.full(1, csv("id,v", "1,\u0002", "2,", "3,NULL"));
  expect((await table.load()).lanes).toEqual(["raw"]);
  expect(await table.rows("id", "v is null", "length(v)")).toEqual(["1 false 1", "2 false 0", "3 false 4"]);
});
