/** What a trigger refuses without an error is counted as ignored, and what it refused stands for nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(
    `create function public.refuse_quietly() returns trigger language plpgsql as $$ begin
       if tg_op = 'DELETE' then return case when old.v = 'kept' then null else old end; end if;
       return case when new.v = 'refused' then null else new end;
     end $$`,
  );
});
afterAll(() => place.end());

const trigger =
  "create trigger refuse before insert or update or delete on TABLE for each row execute function public.refuse_quietly()";
const create = `create table TABLE (id integer primary key, v text, _deleted_at timestamptz); ${trigger}`;

describe.each(["hard", "soft"])("deletes: %s", (deletes) => {
  test("a refused record gives way to the one before it, in one unit as in two", async () => {
    const changes = csv("Op,id,v", "I,1,a", "U,1,b", "U,1,refused", "U,1,refused", "I,2,refused", "D,3,", "I,4,d");
    const [header = "", ...records] = changes.trimEnd().split("\n");
    const one = await oneTable(place, { deletes, primary_key: ["id"] }, create);
    one.change(1, changes);
    expect((await one.load()).counts).toEqual({ read: 7, inserted: 2, unchanged: 1, superseded: 1, ignored: 3 });
    const several = await oneTable(place, { deletes, primary_key: ["id"] }, create);
    for (const [i, record] of records.entries()) {
      several.change(i, csv(header, record));
      await several.load();
    }
    expect(await one.rows("id", "v")).toEqual(["1 b", "4 d"]);
    expect(await several.rows("id", "v")).toEqual(["1 b", "4 d"]);
  });

  test("a good record before a refused one and a bad one", async () => {
    const table = await oneTable(
      place,
      { deletes },
      `create table TABLE (id integer primary key, v text check (v <> 'bad'), _deleted_at timestamptz); ${trigger}`,
    );
    table.change(1, csv("Op,id,v", "I,1,a", "U,1,refused", "U,1,bad", "U,1,refused", "I,2,bad"));
    expect((await table.load()).counts).toEqual({ read: 5, inserted: 1, ignored: 2, rejected: 2 });
    expect(await table.rows("id", "v")).toEqual(["1 a"]);
  });
});

test("a row that a trigger keeps from being deleted is not counted as deleted, and goes on", async () => {
  const table = await oneTable(place, {}, create);
  table.full(1, csv("id,v", "1,kept", "2,b"));
  await table.load();
  table.change(2, csv("Op,id,v", "D,1,", "D,2,"));
  expect((await table.load()).counts).toEqual({ read: 2, deleted: 1, ignored: 1 });
  expect(await table.rows("id", "v")).toEqual(["1 kept"]);
  table.change(1, csv("Op,id,v", "U,1,late", "U,2,late"));
  expect((await table.load()).counts).toEqual({ read: 2, updated: 1, stale: 1 });
  expect(await table.rows("id", "v")).toEqual(["1 late"]);
});

test("append: a record that makes no row is ignored", async () => {
  const table = await oneTable(place, { write_mode: "append" }, `create table TABLE (id integer, v text); ${trigger}`);
  table.full(1, csv("id,v", "1,refused", "2,b", "3,refused"));
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 1, ignored: 2 });
});

test("a trigger of one partition alone", async () => {
  const table = await oneTable(
    place,
    {},
    `create table TABLE (id integer primary key, v text) partition by range (id);
     create table TABLE_low partition of TABLE for values from (0) to (10);
     create table TABLE_high partition of TABLE for values from (10) to (20);
     ${trigger.replace("TABLE", "TABLE_low")}`,
  );
  for (const part of ["low", "high"])
    await place.client.query(`alter table public.${table.name}_${part} owner to ${place.role}`);
  table.full(1, csv("id,v", "1,refused", "2,b", "11,refused"));
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 2, ignored: 1 });
});
