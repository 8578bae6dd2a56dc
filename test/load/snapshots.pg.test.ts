/** Full loads every hour under one key: snapshots are the whole table each time, changes hold changed rows alone. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { reloadedTable, timeOf } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

/** The source at an hour: rows come, change and go. */
function rowsAt(hour: number): string[] {
  return Array.from({ length: 20 }, (_, i) => i + hour).map(
    (id) => `${id},${id % 7 === hour % 7 ? `h${hour}` : "same"}`,
  );
}

test("six hours of snapshots, each written minutes before the pass: each is applied within its hour, unchanged rows stay where they are", async () => {
  const table = await reloadedTable(place, { full_load: "snapshot" });
  let places = new Map<string, string>();
  for (let hour = 1; hour <= 6; hour++) {
    const rows = rowsAt(hour);
    table.fullAt(`${hour}:03`, 1, csv("id,v", ...rows.slice(0, 10)));
    table.fullAt(`${hour}:04`, 2, csv("id,v", ...rows.slice(10)));
    const due = await table.loadAt(`${hour}:05`);
    expect([due.exit, due.report.tables[0]?.settlesAt]).toEqual([0, hour === 1 ? undefined : timeOf(`${hour}:06`)]);
    if (hour > 1) expect((await table.loadAt(`${hour}:06`)).failures).toEqual([]);
    const expected = rows.map((row) => row.replace(",", " "));
    expect(await table.rows("id", "v")).toEqual(expected);
    const now = new Map((await table.places("id")).map((line) => [line.split(" ")[0] ?? "", line]));
    if (hour > 1) {
      const before = rowsAt(hour - 1);
      for (const row of rows)
        if (before.includes(row)) expect(now.get(row.split(",")[0] ?? "")).toBe(places.get(row.split(",")[0] ?? ""));
    }
    places = now;
  }
  expect(await table.generation()).toBe(6);
  expect((await table.history()).filter((line) => line.includes(" loaded "))).toHaveLength(2);
});

test("a snapshot with equal bytes, and one that is written over before it was applied, which is said", async () => {
  const table = await reloadedTable(place, { full_load: "snapshot" });
  table.fullAt("1:00", 1, csv("id,v", "1,a", "2,a"));
  await table.loadAt("1:05");
  table.fullAt("2:00", 1, csv("id,v", "1,a", "2,a"));
  expect((await table.loadAt("2:05")).report.tables[0]?.notes).toEqual([expect.stringContaining("equal bytes")]);
  table.fullAt("3:04", 1, csv("id,v", "1,b"));
  await table.loadAt("3:05");
  table.fullAt("4:00", 1, csv("id,v", "1,c"));
  const next = await table.loadAt("4:05");
  expect(next.report.tables[0]?.notes).toEqual([
    "a full load that began at 2026-03-10 03:04 UTC was written over before it was applied",
    "a newer full load was applied; 1 row that it lacks was removed",
  ]);
  expect(await table.rows("id", "v")).toEqual(["1 c"]);
  expect(await table.history()).toEqual([
    "LOAD00000001 superseded 1",
    "LOAD00000001 superseded 1",
    "LOAD00000001 superseded 2",
    "LOAD00000001 loaded 2",
  ]);
});

test("one of two objects is written over before it was applied: the other is no part of any full load", async () => {
  const table = await reloadedTable(place, { full_load: "snapshot" });
  table.fullAt("1:00", 1, csv("id,v", "1,a"));
  await table.loadAt("1:05");
  table.fullAt("2:03", 1, csv("id,v", "1,b"));
  table.fullAt("2:04", 2, csv("id,v", "2,b"));
  await table.loadAt("2:05");
  table.fullAt("3:04", 1, csv("id,v", "1,c", "3,c"));
  const early = await table.loadAt("3:05");
  expect([early.exit, await table.rows("id", "v")]).toEqual([0, ["1 a"]]);
  expect((await table.loadAt("3:06")).exit).toBe(0);
  expect(await table.rows("id", "v")).toEqual(["1 c", "3 c"]);
  expect(await table.history()).toEqual([
    "LOAD00000001 superseded 1",
    "LOAD00000001 superseded 2",
    "LOAD00000002 superseded 2",
    "LOAD00000001 loaded 2",
  ]);
});

test("back to the bytes of before: it is a snapshot like any other", async () => {
  const table = await reloadedTable(place, { full_load: "snapshot" });
  for (const [hour, v] of ["a", "b", "a"].entries()) {
    table.fullAt(`${hour}:00`, 1, csv("id,v", `1,${v}`));
    expect((await table.loadAt(`${hour}:05`)).exit).toBe(0);
    expect(await table.rows("v")).toEqual([v]);
  }
});

test("changes: six hours of changed rows under one key, beside change objects; nothing is ever removed", async () => {
  const table = await reloadedTable(place, { full_load: "changes" });
  table.fullAt("0:00", 1, csv("id,v", "1,a", "2,a", "3,a"));
  await table.loadAt("0:01");
  for (let hour = 1; hour <= 6; hour++) {
    table.fullAt(`${hour}:00`, 1, csv("id,v", `${(hour % 3) + 1},h${hour}`, `${hour + 10},new`));
    const done = await table.loadAt(`${hour}:01`);
    expect([done.exit, done.counts]).toEqual([0, { read: 2, inserted: 1, updated: 1 }]);
  }
  expect((await table.rows("id", "v")).slice(0, 3)).toEqual(["1 h6", "2 h4", "3 h5"]);
  expect(await table.generation()).toBe(1);
  // A change object is older or newer than a full load by the time at which that came.
  table.changeAt("5:30", csv("Op,id,v", "U,1,late", "U,3,late", "D,2,"));
  await table.loadAt("6:30");
  expect((await table.rows("id", "v")).slice(0, 2)).toEqual(["1 h6", "3 late"]);
  // Equal bytes once more change nothing.
  table.fullAt("7:00", 1, csv("id,v", "1,h6", "16,new"));
  expect((await table.loadAt("7:01")).report.tables[0]?.notes).toEqual([expect.stringContaining("equal bytes")]);
});

test("write_mode: replace makes the table equal to the first full load, too", async () => {
  const table = await reloadedTable(
    place,
    { write_mode: "replace", delete_limit_pct: 100 },
    "create table TABLE (id bigint primary key, v text); insert into TABLE values (1, 'a'), (2, 'old'), (9, 'old')",
  );
  const before = (await table.rows("id", "ctid")).at(0);
  table.fullAt("10:00", 1, csv("id,v", "1,a", "2,b"));
  expect((await table.loadAt("10:01")).report.tables[0]?.settlesAt).toEqual(timeOf("10:02"));
  const done = await table.loadAt("10:02");
  expect([done.exit, done.counts]).toEqual([0, { read: 2, updated: 1, unchanged: 1 }]);
  expect(await table.rows("id", "v")).toEqual(["1 a", "2 b"]);
  expect((await table.rows("id", "ctid")).at(0)).toBe(before);
});
