/** A table with `unchanged_token` loads strictly in order: what failed or is held holds the rest, and what is late is no silent loss. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backfillHere } from "../support/backfill-here.ts";
import { cutInto } from "../support/load-here.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { refreshHere } from "../support/refresh-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const dialect = { unchanged_token: "~" };
const head = "Op,id,v,n";
const entry = { dialect, primary_key: ["id"], columns: { n: "integer" } };
const nameOf = (n: number) => `20260301-10${String(n).padStart(2, "0")}00000.csv`;

test("what comes late loads where its rows are not newer; else each record is a reject that no replay and no backfill closes", async () => {
  const table = await oneTable(place, entry);
  table.change(1, csv(head, "I,1,a,1", "I,2,b,2", "I,3,c,3"));
  table.change(5, csv(head, "U,1,~,5", "D,3,~,~"));
  await table.load();
  table.change(3, csv(head, "U,1,LOST,~", "U,2,B,~", "U,3,C,~", "I,4,d,4"));
  const late = await table.load();
  expect(late.failures).toEqual([]);
  expect(late.counts).toEqual({ read: 4, updated: 1, inserted: 1, stale: 1, rejected: 1 });
  expect(await table.rows("id", "v", "n")).toEqual(["1 a 5", "2 B 2", "4 d 4"]);
  expect(await table.rejects()).toEqual(["1 late_partial - -"]);
  expect((await table.replay()).counts).toEqual({ read: 1, rejected: 1 });
  const again = await backfillHere(place, table.name, { kind: "all" });
  expect(again.failures).toEqual([]);
  expect(again.counts).toMatchObject({ read: 9, rejected: 1 });
  expect(await table.rows("id", "v", "n")).toEqual(["1 a 5", "2 B 2", "4 d 4"]);
  expect(await table.rejects()).toEqual(["1 late_partial - -"]);
  // All objects in order: the only way to have both cells right.
  await refreshHere(place);
  expect(await table.rows("id", "v", "n")).toEqual(["1 LOST 5", "2 B 2", "4 d 4"]);
});

test("too many of them fail the object, which holds nothing", async () => {
  const table = await oneTable(place, { ...entry, reject_limit: 0, reject_limit_pct: 0 });
  table.change(1, csv(head, "I,1,a,1"));
  table.change(5, csv(head, "U,1,~,5"));
  await table.load();
  // A whole record, too: the row has a cell of the one before it.
  table.change(3, csv(head, "U,1,b,3"));
  table.change(6, csv(head, "U,1,~,6"));
  const { exit, failures } = await table.load();
  expect(exit).toBe(5);
  expect(failures).toEqual([expect.stringMatching(/^LATE_PARTIAL: 1 of 1/)]);
  expect(await table.rows("id", "v", "n")).toEqual(["1 a 6"]);
  table.change(7, csv(head, "U,1,~,7"));
  await table.load();
  expect(await table.rows("id", "v", "n")).toEqual(["1 a 7"]);
});

test("after the fix a record that nobody has passed over is replayed, one that a newer one has is not", async () => {
  const table = await oneTable(place, entry);
  table.change(1, csv(head, "I,1,a,1", "I,2,b,2"));
  table.change(2, csv(head, "U,1,~,x", "U,2,~,y"));
  await table.load();
  table.change(3, csv(head, "U,2,B,~"));
  await table.load();
  await place.client.query(`alter table public.${table.name} alter n type text`);
  table.configure({ ...entry, columns: {} });
  expect((await table.replay()).counts).toEqual({ read: 2, updated: 1, rejected: 1 });
  expect(await table.rows("id", "v", "n")).toEqual(["1 a x", "2 B 2"]);
});

test("an object that failed holds what comes after it", async () => {
  const table = await oneTable(place, { ...entry, reject_limit: 0, reject_limit_pct: 0 });
  table.change(1, csv(head, "I,1,a,1"));
  table.change(2, csv(head, "U,1,~,x"));
  table.change(3, csv(head, "U,1,b,~"));
  for (const load of [await table.load(), await table.load()]) {
    expect(load.report.tables[0]?.waiting).toContainEqual({
      code: "TABLE_HELD",
      key: expect.stringContaining(nameOf(3)),
      reason: expect.stringContaining(nameOf(2)),
    });
    expect(await table.rows("id", "v", "n")).toEqual(["1 a 1"]);
  }
});

test("so does one that another run holds, until that run is done with it", async () => {
  const table = await oneTable(place, entry);
  table.change(1, csv(head, "I,1,a,1"));
  table.change(2, csv(head, "U,1,~,2"));
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let reached = (): void => undefined;
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const pause = () => {
    reached();
    return gate;
  };
  const first = table.load({ through: (source) => cutInto(source, () => 1_000_000, pause) });
  await there;
  table.change(3, csv(head, "U,1,b,~"));
  const second = table.load();
  let ended = false;
  second.finally(() => {
    ended = true;
  });
  await sleep(700);
  expect(ended).toBe(false);
  const { rows } = await place.client.query("select to_regclass($1) as made", [`public.${table.name}`]);
  expect(rows[0].made).toBeNull();
  letGo();
  expect((await first).counts).toEqual({ read: 2, inserted: 1, superseded: 1 });
  expect((await second).counts).toEqual({ read: 1, updated: 1 });
  expect(await table.rows("id", "v", "n")).toEqual(["1 b 2"]);
});
