/** Objects that are gone, archived, or there twice: what nobody loaded is said until it is covered, and nothing is loaded twice unasked. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { armHere } from "../support/armed.ts";
import { csv } from "../support/one-table.ts";
import { type ReloadedTable, reloadedTable } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

/** A change object that failed for a passing reason: it is open. */
async function failing(entry: object = {}): Promise<{ table: ReloadedTable; path: string }> {
  const table = await reloadedTable(place, entry);
  table.fullAt("10:00", 1, csv("Op,id,v", "I,1,a", "I,2,a"));
  const path = table.changeAt("10:30", "not csv at all\0\0\0");
  const first = await table.loadAt("10:31");
  expect(first.exit).not.toBe(0);
  expect(await table.rows("id", "v")).toEqual(["1 a", "2 a"]);
  return { table, path };
}

describe("a change object that was never loaded is gone", () => {
  test("it fails once, waits in every run, and is covered by a newer full load", async () => {
    const { table, path } = await failing();
    table.remove(path);
    const first = await table.loadAt("11:00");
    expect([first.exit, first.failures]).toEqual([
      1,
      ["OBJECT_GONE: The object is gone from the source, and was never loaded"],
    ]);
    const second = await table.loadAt("11:05");
    expect([second.exit, second.failures, second.report.tables[0]?.waiting.map((one) => one.code)]).toEqual([
      1,
      [],
      ["OBJECT_GONE"],
    ]);
    table.fullAt("12:00", 1, csv("Op,id,v", "I,1,b"));
    // The run that applies it still had it to say.
    await table.loadAt("13:00");
    expect((await table.loadAt("13:05")).exit).toBe(0);
    expect((await table.history("retry")).filter((line) => line.startsWith("2026"))).toEqual([
      "20260310-103000000 superseded 1",
    ]);
  });

  test("one that becomes open while the run works was listed, and is not taken for gone", async () => {
    const table = await reloadedTable(place);
    table.fullAt("10:00", 1, csv("Op,id,v", "I,1,a"));
    table.changeAt("10:30", csv("Op,id,v", "U,1,b"));
    expect((await table.loadAt("10:31")).exit).toBe(0);
    const armed = armHere({ "": "after_list" });
    try {
      const loading = table.loadAt("10:35");
      await armed.allReached;
      // As `mark pending` and a backfill that is killed leave it.
      await place.client.query(
        "update drayage.load_history set status = 'pending', finished_at = null where table_name = $1",
        [table.name],
      );
      armed.letGo();
      expect(await loading).toMatchObject({ exit: 0, failures: [] });
    } finally {
      armed.disarm();
    }
    expect((await table.loadAt("10:36")).counts).toMatchObject({ read: 2 });
  });

  test("a failed version of a key that came again is replaced by it", async () => {
    const { table } = await failing();
    table.changeAt("10:30", "still not csv\0\0\0", "10:50");
    const { failures } = await table.loadAt("11:00");
    expect(failures.filter((failure) => failure.startsWith("OBJECT_GONE"))).toEqual([]);
    expect((await table.history()).filter((line) => line.startsWith("2026"))).toEqual([
      "20260310-103000000 superseded 1",
      "20260310-103000000 pending 1",
    ]);
  });

  test("one that was to be loaded again says so, and is loaded as it was by mark", async () => {
    const table = await reloadedTable(place);
    table.fullAt("10:00", 1, csv("Op,id,v", "I,1,a"));
    const path = table.changeAt("10:30", csv("Op,id,v", "U,1,b"));
    await table.loadAt("10:31");
    expect((await place.run(["mark", "pending", table.name, "--object", path, "--yes"])).exit).toBe(0);
    table.remove(path);
    expect((await table.loadAt("11:00")).failures).toEqual([
      "OBJECT_GONE: The object is gone from the source, and cannot be loaded again",
    ]);
    expect((await place.run(["mark", "loaded", table.name, "--object", path, "--yes"])).exit).toBe(0);
    expect((await table.loadAt("11:01")).exit).toBe(0);
    expect(await table.history()).toEqual(["LOAD00000001 loaded 1", "20260310-103000000 loaded 1"]);
  });

  test("back again it is loaded", async () => {
    const { table, path } = await failing();
    table.remove(path);
    await table.loadAt("11:00");
    table.changeAt("10:30", csv("Op,id,v", "U,2,back"));
    expect((await table.loadAt("11:05")).counts).toEqual({ read: 1, updated: 1 });
    expect((await table.loadAt("11:06")).exit).toBe(0);
  });

  test("named objects say nothing about others", async () => {
    const { table, path } = await failing();
    table.remove(path);
    table.changeAt("10:40", csv("Op,id,v", "U,2,named"));
    const named = await table.loadAt("11:00", { objects: [`${table.name}/20260310-104000000.csv`] });
    expect([named.exit, named.counts]).toEqual([0, { read: 1, updated: 1 }]);
    table.remove(`${table.name}/LOAD00000001.csv`);
  });
});

test("a full load that is gone before it was loaded: superseded when a newer one is there, else said", async () => {
  const table = await reloadedTable(place);
  table.fullAt("10:00", 1, csv("id,v", "1,a"));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, csv("id,v", "1,b"));
  table.fullAt("12:01", 2, csv("id,v", "2,b"));
  await table.loadAt("12:02");
  table.remove(`${table.name}/LOAD00000002.csv`);
  table.fullAt("13:00", 1, csv("id,v", "1,c"));
  expect((await table.loadAt("13:30")).exit).toBe(0);
  expect(await table.history()).toEqual([
    "LOAD00000001 superseded 1",
    "LOAD00000001 superseded 2",
    "LOAD00000002 superseded 2",
    "LOAD00000001 loaded 2",
  ]);
  table.fullAt("14:00", 1, csv("id,v", "1,d"));
  await table.loadAt("14:01");
  table.remove(`${table.name}/LOAD00000001.csv`);
  expect((await table.loadAt("14:30")).failures).toEqual([expect.stringMatching(/^OBJECT_GONE/)]);
  expect(await table.rows("id", "v")).toEqual(["1 c"]);
  await place.client.query("delete from drayage.load_history where status = 'failed'");
});

test("an archived object is not opened, waits, and is loaded once it is restored", async () => {
  const table = await reloadedTable(place);
  table.fullAt("10:00", 1, csv("id,v", "1,a"));
  const opened: string[] = [];
  const classed =
    (storageClass: string, restored?: boolean) =>
    (source: ObjectSource): ObjectSource => ({
      ...source,
      async *list(folder) {
        for await (const page of source.list(folder)) yield page.map((one) => ({ ...one, storageClass, restored }));
      },
      open(object, options) {
        opened.push(object.key);
        return source.open(object, options);
      },
    });
  const first = await table.loadAt("10:01", { through: classed("DEEP_ARCHIVE") });
  expect([first.exit, first.failures, opened]).toEqual([1, [expect.stringMatching(/^OBJECT_ARCHIVED/)], []]);
  const second = await table.loadAt("10:02", { through: classed("DEEP_ARCHIVE", false) });
  expect([second.exit, second.failures, second.report.tables[0]?.waiting.length, opened]).toEqual([1, [], 1, []]);
  expect((await table.loadAt("10:03", { through: classed("GLACIER", true) })).exit).toBe(0);
  expect(await table.rows("id", "v")).toEqual(["1 a"]);
});

test("a bucket that was re-encrypted is read and skipped; older changes that come with it stay what they are", async () => {
  const table = await reloadedTable(place);
  table.fullAt("10:00", 1, csv("Op,id,v", "I,1,a", "I,2,a"));
  table.changeAt("10:30", csv("Op,id,v", "U,1,old", "D,2,"));
  await table.loadAt("10:31");
  table.fullAt("12:00", 1, csv("Op,id,v", "I,1,b", "I,2,b"));
  table.changeAt("12:30", csv("Op,id,v", "U,1,c"));
  await table.loadAt("12:31");
  const rows = ["1 c", "2 b"];
  expect(await table.rows("id", "v")).toEqual(rows);
  table.fullAt("20:00", 1, csv("Op,id,v", "I,1,b", "I,2,b"));
  table.changeAt("10:30", csv("Op,id,v", "U,1,old", "D,2,"), "20:00");
  table.changeAt("12:30", csv("Op,id,v", "U,1,c"), "20:00");
  const copied = await table.loadAt("20:01");
  expect([copied.exit, copied.failures, copied.report.tables[0]?.superseded]).toEqual([0, [], 1]);
  expect(copied.counts).toEqual({ read: 1, unchanged: 1 });
  expect([await table.rows("id", "v"), await table.generation()]).toEqual([rows, 2]);
});

describe("a bucket that was copied to another place", () => {
  test("stops with 6 and the lines to paste; nothing is loaded until somebody says so", async () => {
    const other = await openWorkplace();
    try {
      const table = await reloadedTable(other, { write_mode: "append", primary_key: undefined });
      for (let i = 0; i < 30; i++) table.change(i, csv("Op,id,v", `I,${i},a`));
      expect((await table.load()).exit).toBe(0);
      const from = fileURLToPath(`${other.source}/${table.name}`);
      cpSync(from, join(other.dir, "copy"), { recursive: true });
      cpSync(join(other.dir, "copy"), join(from, "2026"), { recursive: true });
      await expect(table.load()).rejects.toMatchObject({
        code: "SOURCE_COPIED",
        exit: 6,
        lines: expect.arrayContaining([expect.stringContaining(`drayage mark loaded ${table.name} --before`)]),
      });
      expect(await table.rows("count(*)")).toEqual(["30"]);
      expect((await table.load({ copiesToo: true })).counts).toEqual({ read: 30, inserted: 30 });
    } finally {
      await other.end();
    }
  });

  test("a backlog is none: new names, whatever their number", async () => {
    const table = await reloadedTable(place);
    for (let i = 0; i < 20; i++) table.change(i, csv("Op,id,v", `I,${i},a`));
    await table.load();
    for (let i = 20; i < 59; i++) table.change(i, csv("Op,id,v", `I,${i},a`));
    expect((await table.load()).exit).toBe(0);
  });
});

describe("changes older than the first full load", () => {
  const drop = async (entry: object, modified?: string) => {
    const table = await reloadedTable(place, entry);
    table.changeAt("8:00", csv("Op,id,v", "U,1,april", "D,2,"), modified);
    table.fullAt("1 10:00", 1, csv("Op,id,v", "I,1,may", "I,2,may"));
    table.changeAt("1 11:00", csv("Op,id,v", "I,3,june"), modified);
    return { table, done: await table.loadAt("1 12:00") };
  };

  test("are superseded where times can be trusted", async () => {
    const { table, done } = await drop({});
    expect([done.exit, done.report.tables[0]?.superseded]).toEqual([0, 1]);
    expect(await table.rows("id", "v")).toEqual(["1 may", "2 may", "3 june"]);
  });

  test("are applied, and said, where the bucket was copied", async () => {
    const { table, done } = await drop({}, "1 11:30");
    expect(done.report.tables[0]?.notes).toEqual([expect.stringMatching(/^1 change objects? seem.*applied/)]);
    expect(await table.rows("id", "v")).toEqual(["1 april", "3 june"]);
  });

  test("changes_from decides", async () => {
    const { table } = await drop({ changes_from: "2026-03-10T09:00" }, "1 11:30");
    expect(await table.rows("id", "v")).toEqual(["1 may", "2 may", "3 june"]);
  });
});
