/** A table that was loaded anew at the source becomes equal to it: by the difference alone, in one step, whatever arrives before and after. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { armFailpoints } from "../../src/load/failpoint.ts";
import { csv } from "../support/one-table.ts";
import { type ReloadedTable, reloadedTable, timeOf } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const head = "Op,id,v";

/** Rows 1 to 4 from a full load at ten, 2 updated and 4 deleted by a change at half past. */
async function loaded(entry: object = {}, create?: string): Promise<ReloadedTable> {
  const table = await reloadedTable(place, entry, create);
  table.fullAt("10:00", 1, csv(head, "I,1,one", "I,2,two", "I,3,three", "I,4,four"));
  table.changeAt("10:30", csv(head, "U,2,zwei", "D,4,"));
  expect((await table.loadAt("10:31")).exit).toBe(0);
  expect(await table.rows("id", "v")).toEqual(["1 one", "2 zwei", "3 three"]);
  return table;
}

describe("a reload in one object", () => {
  test("waits until it is settled, then removes what the source lacks and leaves equal rows alone", async () => {
    const table = await loaded();
    const before = await table.places("id");
    table.fullAt("12:00", 1, csv(head, "I,1,one", "I,2,deux", "I,5,five"));
    const early = await table.loadAt("12:05");
    expect([early.exit, early.report.tables[0]?.settlesAt]).toEqual([0, timeOf("12:15")]);
    expect(early.report.tables[0]?.notes).toEqual([
      "a full load is arriving: 1 object so far, settled at 2026-03-10 12:15 UTC",
    ]);
    expect(await table.rows("id", "v")).toEqual(["1 one", "2 zwei", "3 three"]);
    expect(await table.history()).toEqual([
      "LOAD00000001 loaded 1",
      "20260310-103000000 loaded 1",
      "LOAD00000001 pending 2",
    ]);
    const late = await table.loadAt("12:15");
    expect([late.exit, late.failures]).toEqual([0, []]);
    expect(await table.rows("id", "v")).toEqual(["1 one", "2 deux", "5 five"]);
    expect(late.counts).toEqual({ read: 3, inserted: 1, updated: 1, unchanged: 1 });
    expect(late.report.tables[0]).toMatchObject({ removed: 1, superseded: 0 });
    expect((await table.places("id"))[0]).toBe(before[0]);
    expect(await table.history("rows_removed")).toEqual([
      "LOAD00000001 superseded 1",
      "20260310-103000000 superseded 1",
      "LOAD00000001 loaded 2 1",
    ]);
    expect(await table.generation()).toBe(2);
    expect((await table.loadAt("12:16")).counts).toEqual({});
  });

  test("a change object after it settles it", async () => {
    const table = await loaded();
    table.fullAt("12:00", 1, csv(head, "I,1,uno", "I,2,dos"));
    table.changeAt("12:02", csv(head, "U,1,eins", "I,7,seven"));
    expect((await table.loadAt("12:03")).exit).toBe(0);
    expect(await table.rows("id", "v")).toEqual(["1 eins", "2 dos", "7 seven"]);
  });

  test("changes that were loaded while it waited stay", async () => {
    const table = await loaded({ reload_settle: "1h" });
    table.changeAt("12:01", csv(head, "U,1,eins", "D,2,", "I,7,seven"));
    table.fullAt("12:02", 1, csv(head, "I,1,uno", "I,2,dos", "I,3,tres", "I,4,cuatro"));
    // Half of it was written when the first of these came.
    table.fullAt("12:00", 2, csv(head, "I,9,nueve"));
    expect((await table.loadAt("12:10")).exit).toBe(0);
    expect(await table.rows("id", "v")).toEqual(["1 eins", "3 three", "7 seven"]);
    const after = await table.loadAt("13:30");
    // 1 was changed and 2 deleted since; 4 was deleted before, and is there again.
    expect(after.counts).toEqual({ read: 5, inserted: 2, updated: 1, stale: 2 });
    expect(await table.rows("id", "v")).toEqual(["1 eins", "3 tres", "4 cuatro", "7 seven", "9 nueve"]);
    // What was deleted before it may be there, and be changed, again.
    table.changeAt("14:00", csv(head, "U,4,vier", "I,2,zwei"));
    await table.loadAt("14:01");
    expect(await table.rows("id", "v")).toEqual(["1 eins", "2 zwei", "3 tres", "4 vier", "7 seven", "9 nueve"]);
  });

  test("an older change object that arrives after it changes nothing", async () => {
    const table = await loaded();
    table.fullAt("12:00", 1, csv(head, "I,1,uno"));
    await table.loadAt("12:20");
    table.changeAt("11:00", csv(head, "U,1,late", "I,8,late", "D,1,"), "12:30");
    const late = await table.loadAt("12:31");
    expect([late.exit, late.counts, late.report.tables[0]?.superseded]).toEqual([0, {}, 1]);
    expect(await table.rows("id", "v")).toEqual(["1 uno"]);
    expect((await table.loadAt("12:32")).report.tables).toEqual([]);
  });

  test("another run applies it while an older change object is on its way: that is sorted anew", async () => {
    const table = await loaded();
    table.changeAt("11:00", csv(head, "U,1,late", "I,8,late"));
    const disarm = armFailpoints((step) => {
      if (step !== "before_stage_commit") return undefined;
      disarm();
      return place.client
        .query("update drayage.tables set generation = 2, generation_began = $2 where table_name = $1", [
          table.name,
          timeOf("12:00"),
        ])
        .then(() => undefined);
    });
    const late = await table.loadAt("12:31");
    expect([late.exit, late.counts, late.report.tables[0]?.superseded]).toEqual([0, {}, 1]);
    expect(await table.rows("id", "v")).toEqual(["1 one", "2 zwei", "3 three"]);
  });

  test("with hold it waits for somebody, and changes go on", async () => {
    const table = await loaded({ on_reload: "hold" });
    table.fullAt("12:00", 1, csv(head, "I,1,uno"));
    table.changeAt("12:30", csv(head, "U,3,drei"));
    const held = await table.loadAt("13:00");
    expect([held.exit, held.failures]).toEqual([
      6,
      ["NEW_GENERATION: 1 full-load object came again with other bytes: a newer full load waits"],
    ]);
    expect(await table.rows("id", "v")).toEqual(["1 one", "2 zwei", "3 drei"]);
    table.configure({ primary_key: ["id"], columns: { id: "bigint" } });
    expect((await table.loadAt("13:05")).exit).toBe(0);
    expect(await table.rows("id", "v")).toEqual(["1 uno", "3 drei"]);
  });
});

describe("a reload in three objects", () => {
  const three = async () => {
    const table = await reloadedTable(place);
    for (const n of [1, 2, 3]) table.fullAt(`10:0${n}`, n, csv("id,v", `${n},a`, `${n}0,a`));
    await table.loadAt("10:10");
    return table;
  };

  test("half-arrived it waits; whole, it is applied as one", async () => {
    const table = await three();
    table.fullAt("12:00", 1, csv("id,v", "1,b"));
    await table.loadAt("12:01");
    table.fullAt("12:10", 2, csv("id,v", "20,b", "2,a"));
    table.fullAt("12:11", 3, csv("id,v", "3,a", "4,b"));
    const early = await table.loadAt("12:20");
    expect(early.report.tables[0]?.settlesAt).toEqual(timeOf("12:26"));
    expect(await table.rows("id", "v")).toEqual(["1 a", "2 a", "3 a", "10 a", "20 a", "30 a"]);
    const done = await table.loadAt("12:26");
    expect(done.counts).toEqual({ read: 5, inserted: 1, updated: 2, unchanged: 2 });
    expect(await table.rows("id", "v")).toEqual(["1 b", "2 a", "3 a", "4 b", "20 b"]);
  });

  test("with fewer objects than before: the stale tail is superseded, and copied onto itself it stays so", async () => {
    const table = await three();
    table.fullAt("12:00", 1, csv("id,v", "1,b"));
    table.fullAt("12:01", 2, csv("id,v", "2,b"));
    expect((await table.loadAt("12:30")).exit).toBe(0);
    expect(await table.rows("id", "v")).toEqual(["1 b", "2 b"]);
    for (const n of [1, 2]) table.fullAt("13:00", n, csv("id,v", `${n},b`));
    table.fullAt("13:00", 3, csv("id,v", "3,a", "30,a"));
    const again = await table.loadAt("14:00");
    expect([again.exit, again.counts, again.report.tables[0]?.superseded]).toEqual([0, {}, 1]);
    expect(await table.rows("id", "v")).toEqual(["1 b", "2 b"]);
    expect(await table.generation()).toBe(2);
  });

  test("one of its objects has the bytes that it had: it is part of it, though it was skipped as equal before", async () => {
    const table = await three();
    table.fullAt("12:00", 1, csv("id,v", "1,a", "10,a"));
    expect((await table.loadAt("12:00")).report.tables[0]?.notes).toEqual([
      expect.stringContaining("equal bytes: skipped"),
    ]);
    table.fullAt("12:01", 2, csv("id,v", "2,b"));
    expect((await table.loadAt("12:30")).exit).toBe(0);
    expect(await table.rows("id", "v")).toEqual(["1 a", "2 b", "10 a"]);
  });

  test("a part of it that comes late is merged into it", async () => {
    const table = await three();
    table.changeAt("11:00", csv("Op,id,v", "D,30,"));
    await table.loadAt("11:01");
    table.fullAt("12:00", 1, csv("id,v", "1,b"));
    await table.loadAt("12:30");
    table.fullAt("12:40", 3, csv("id,v", "30,b"));
    expect((await table.loadAt("12:41")).counts).toEqual({ read: 1, inserted: 1 });
    expect(await table.rows("id", "v")).toEqual(["1 b", "30 b"]);
  });
});
