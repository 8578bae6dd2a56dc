/** validate finds nothing in tables that are right, however they became so; refresh writes no row of them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { refreshHere } from "../support/refresh-here.ts";
import { type ReloadedTable, reloadedTable } from "../support/reloaded-table.ts";
import { validateHere } from "../support/validate-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;

beforeAll(async () => {
  place = await openWorkplace();
});

afterAll(() => place.end());

interface Clean {
  readonly name: string;
  readonly entry?: object;
  readonly create?: string;
  /** Rows at the end, `id v`. */
  readonly rows: readonly string[];
  load(table: ReloadedTable): Promise<void>;
}

const cleans: readonly Clean[] = [
  {
    name: "a newer full load over changes: equal rows kept the version of a change that it covers",
    rows: ["1 a", "2 x", "4 d"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v", "1,a", "2,b", "3,c"));
      table.changeAt("10:00", csv("Op,id,v", "U,2,x", "D,1,"));
      await table.loadAt("10:30");
      table.fullAt("11:00", 1, csv("id,v", "1,a", "2,x"));
      table.changeAt("12:00", csv("Op,id,v", "I,4,d"));
      await table.loadAt("12:30");
      expect(await table.generation()).toBe(2);
    },
  },
  {
    name: "snapshots, each written over the one before",
    entry: { full_load: "snapshot" },
    rows: ["1 a", "3 c"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v", "1,a", "2,b"));
      await table.loadAt("09:30");
      table.fullAt("10:00", 1, csv("id,v", "1,a", "3,c"));
      await table.loadAt("10:30");
    },
  },
  {
    name: "soft deletes: of rows that lived for less than a unit, and of rows that a newer full load lacks",
    entry: { deletes: "soft" },
    rows: ["1 a", "2 b", "3 c", "5 e"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v", "1,a", "2,b"));
      table.changeAt("10:00", csv("Op,id,v", "I,3,c", "I,4,d", "D,4,"));
      await table.loadAt("10:30");
      table.changeAt("11:00", csv("Op,id,v", "D,3,"));
      await table.loadAt("11:30");
      table.fullAt("12:00", 1, csv("id,v", "1,a"));
      table.changeAt("13:00", csv("Op,id,v", "I,5,e"));
      await table.loadAt("13:30");
      table.changeAt("14:00", csv("Op,id,v", "U,5,ee", "D,5,"));
      await table.loadAt("14:30");
    },
  },
  {
    name: "deletes that are ignored",
    entry: { deletes: "ignore" },
    rows: ["1 a", "2 b"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v", "1,a", "2,b"));
      table.changeAt("10:00", csv("Op,id,v", "D,1,"));
      await table.loadAt("10:30");
      table.fullAt("11:00", 1, csv("id,v", "2,b"));
      await table.loadAt("12:30");
    },
  },
  {
    name: "order_by, objects that came in another order",
    entry: { order_by: "seq", columns: { id: "bigint", seq: "bigint" } },
    rows: ["1 new", "3 c"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v,seq", "1,a,", "2,b,"));
      table.changeAt("11:00", csv("Op,id,v,seq", "U,1,old,5", "D,2,,6"));
      table.changeAt("10:00", csv("Op,id,v,seq", "U,1,new,7", "I,3,c,8"));
      await table.loadAt("11:30");
    },
  },
  {
    name: "a key that changed",
    entry: { dialect: { before_image: { prefix: "BI_" } } },
    rows: ["2 b", "9 a"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v", "1,a", "2,b"));
      await table.loadAt("09:30");
      table.changeAt("10:00", csv("Op,id,v,BI_id,BI_v", "U,9,a,1,a"));
      await table.loadAt("10:30");
    },
  },
  {
    name: "cells that were not logged",
    entry: { dialect: { unchanged_token: "__same__" } },
    rows: ["1 a2", "2 b"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v,w", "1,a,x", "2,b,y"));
      table.changeAt("10:00", csv("Op,id,v,w", "U,1,a2,__same__", "U,2,__same__,y2"));
      await table.loadAt("10:30");
      table.changeAt("11:00", csv("Op,id,v,w", "U,1,__same__,x3"));
      await table.loadAt("11:30");
    },
  },
  {
    name: "rejects of a constraint, the older record in their place",
    create: "create table TABLE (id bigint primary key, v text check (v <> 'bad'))",
    rows: ["1 a", "2 b"],
    async load(table) {
      table.fullAt("09:00", 1, csv("id,v", "1,a", "2,b"));
      table.changeAt("10:00", csv("Op,id,v", "U,1,bad", "I,3,bad"));
      expect((await table.loadAt("10:30")).exit).toBe(3);
      // The reject stays one, whatever would become of it today.
      await place.client.query(`alter table public.${table.name} drop constraint ${table.name}_v_check`);
    },
  },
];

test.each(cleans)("$name", async ({ entry, create, rows, load }) => {
  const table = await reloadedTable(place, entry, create);
  await load(table);
  expect(await table.rows("id", "v")).toEqual(rows);
  const found = await validateHere(place);
  expect(found.table.error).toBeUndefined();
  expect(found.counts.filter((line) => !line.startsWith("LEFT_OUT"))).toEqual([]);
  expect(found.exit).toBe(0);
  const before = await table.places("id");
  expect((await refreshHere(place)).applied).toBeUndefined();
  expect(await table.places("id")).toEqual(before);
});
