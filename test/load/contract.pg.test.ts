/** The schema contract: what a new path, or a value that its column does not take, becomes under each mode. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planHere } from "../support/load-here.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query("set timezone = 'UTC'");
});
afterAll(() => place.end());

const record = (id: number, document: object, op = "I") =>
  `${op},${id},"${JSON.stringify(document).replaceAll('"', '""')}"`;
const header = "Op,_id,_doc";

/** A table with the column v, of one record `{v: 1}`. */
async function loaded(entry: object = {}, first: object = { v: 1 }): Promise<OneTable> {
  const table = await oneTable(place, entry);
  table.change(0, csv(header, record(1, first)));
  expect((await table.load()).failures).toEqual([]);
  return table;
}

describe("new columns", () => {
  test("rescue: a new path is kept in _rescued, a column that the config names is made", async () => {
    const table = await loaded({ contract: { columns: "rescue" }, columns: { named: "bigint" } });
    table.change(
      1,
      csv(`${header},extra`, `${record(2, { v: 2, deep: { er: [1] }, named: 7 })},x`, `${record(3, { v: 3 })},`),
    );
    const { failures, exit, report } = await table.load();
    expect(failures).toEqual([]);
    expect(exit).toBe(0);
    expect(await table.rows("_id", "v", "named", "_rescued")).toEqual([
      "1 1 - -",
      '2 2 7 {"deep": {"er": [1]}, "extra": "x"}',
      "3 3 - -",
    ]);
    expect(report.tables[0]?.notes.join()).toMatch(/kept in _rescued: extra, at the top of documents/);
    // A newer version without them takes the older one's away.
    table.change(2, csv(header, record(2, { v: 4 }, "U")));
    expect((await table.load()).failures).toEqual([]);
    expect((await table.rows("_id", "v", "_rescued"))[1]).toBe("2 4 -");
  });

  test("discard: a new path is left out, and that is said", async () => {
    const table = await loaded({ contract: { columns: "discard" } });
    table.change(1, csv(`${header},extra`, `${record(2, { v: 2, deep: { er: 1 } })},x`));
    const { failures, report, counts } = await table.load();
    expect(failures).toEqual([]);
    expect(counts).toEqual({ read: 1, inserted: 1 });
    expect(await table.rows("_id", "v", "_rescued")).toEqual(["1 1 -", "2 2 -"]);
    expect(report.tables[0]?.notes.join()).toMatch(/discarded by contract.columns: extra, at the top of documents/);
  });

  test("freeze: nothing is loaded before one of the printed lines was taken", async () => {
    const entry = { contract: { columns: "freeze" } };
    const table = await loaded(entry);
    table.change(1, csv(header, record(2, { v: 2, "odd key": 1, deep: { er: 1.5 } })));
    const refused = await table.load();
    expect(refused.exit).toBe(6);
    const lines = refused.report.tables[0]?.failures[0]?.error.lines ?? [];
    const config = lines.slice(lines.indexOf("columns:") + 1);
    expect(config).toEqual(['  "odd key": ignore   # or bigint', "  deep.er: ignore   # or double precision"]);
    table.configure({ ...entry, columns: { "odd key": "ignore", "deep.er": "double precision" } });
    expect((await table.load()).failures).toEqual([]);
    expect(await table.rows("_id", "v", "deep__er")).toEqual(["1 1 -", "2 2 1.5"]);

    const byHand = await loaded(entry);
    byHand.change(1, csv(header, record(2, { v: 2, more: "x" })));
    const [statement] = (await byHand.load()).report.tables[0]?.failures[0]?.error.lines ?? [];
    await place.client.query(statement ?? "");
    expect((await byHand.load()).failures).toEqual([]);
    expect(await byHand.rows("_id", "more")).toEqual(["1 -", "2 x"]);
  });

  test("more than max_new_columns go to _rescued; the printed line takes them", async () => {
    const table = await loaded({ contract: { max_new_columns: 3 } });
    const map = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`k${i}`, i]));
    table.change(1, csv(header, record(2, { v: 2, map })));
    const first = await table.load();
    expect(first.exit).toBe(6);
    expect(first.counts).toEqual({ read: 1, inserted: 1 });
    expect(first.report.tables[0]?.failures[0]?.error.lines).toContain("  map: jsonb   # 7 new columns below it");
    expect(await table.rows("_id", "v", "_rescued -> 'map.k6'")).toEqual(["1 1 -", "2 2 6"]);
    table.configure({ contract: { max_new_columns: 3 }, columns: { map: "jsonb" } });
    table.change(2, csv(header, record(2, { v: 3, map }, "U")));
    expect((await table.load()).exit).toBe(0);
    expect(await table.rows("_id", "v", "map -> 'k6'", "_rescued")).toEqual(["1 1 - -", "2 3 6 -"]);
  });
});

describe("a value that its column does not take", () => {
  test("where something depends on the column, the cell waits in _rescued until the printed statements were run", async () => {
    const table = await loaded();
    await place.client.query(`create view public.over_${table.name} as select v from public.${table.name}`);
    table.change(
      1,
      csv(header, record(2, { v: 2.5, w: 1 }), record(3, { v: 3 }), record(4, { v: [4] }), record(5, { v: "x" })),
    );
    const [planned] = (await planHere(place)).tables;
    expect(planned?.errors).toEqual([]);
    expect(planned?.rescued).toMatchObject([
      { path: "v", column: "v", type: "jsonb", why: `view public.over_${table.name} depends on the column` },
    ]);
    const { failures, exit, report, counts } = await table.load();
    expect(failures).toEqual([]);
    expect(exit).toBe(0);
    expect(counts).toEqual({ read: 4, inserted: 4 });
    const waiting = ["1 1 - -", '2 - 1 {"v": 2.5}', "3 3 - -", '4 - - {"v": [4]}', '5 - - {"v": "x"}'];
    expect(await table.rows("_id", "v", "w", "_rescued")).toEqual(waiting);
    expect(report.tables[0]?.notes[0]).toMatch(/v would have to become jsonb, and view .* depends on the column/);

    const status = await place.run(["status", table.name]);
    expect(status.exit).toBe(7);
    expect(status.stdout).toMatch(
      /rescued {4}\S+: Values that v cannot take are in _rescued: view .* depends on the column/,
    );
    expect(status.stdout).toContain(`${planned?.rescued[0]?.statements.join("; ")};`);

    const explained = await place.run(["explain", table.name, "v"]);
    expect(explained.stdout).toMatch(
      /v +_doc:v +bigint +the documents held integers, fractions, texts, arrays or objects +\S+ \S+ +t\d+\/2026/,
    );
    expect(explained.stdout).toMatch(/rescued {2}v \(jsonb, 3 rows\): view .* depends on the column/);
    expect(explained.stdout).toContain("  alter table ");
    expect(explained.stdout).not.toContain("_doc:w");
    const [json] = JSON.parse((await place.run(["explain", table.name, "--json"])).stdout).tables;
    expect(json).toMatchObject({
      columns: [{ column: "_id" }, { column: "v" }, { column: "w" }],
      rescued: [{ key: "v", type: "jsonb" }],
      changes: [{ statement: expect.stringContaining("create table") }, { statement: expect.stringContaining("w") }],
    });
    expect((await place.run(["explain", table.name, "nothing"])).exit).toBe(2);

    // By hand, as printed.
    await place.client.query(`drop view public.over_${table.name}`);
    for (const statement of planned?.rescued[0]?.statements ?? []) await place.client.query(statement);
    const home = ["1 1 - -", "2 2.5 1 -", "3 3 - -", "4 [4] - -", '5 "x" - -'];
    expect(await table.rows("_id", "v", "w", "_rescued")).toEqual(home);
    expect((await place.run(["status", table.name])).exit).toBe(0);
  });

  test("the next run takes the cells home by itself when the obstacle is gone", async () => {
    const table = await loaded();
    const holder = new pg.Client({ connectionString: place.url });
    await holder.connect();
    await holder.query(`begin; lock table public.${table.name} in access share mode`);
    table.configure({}, { lock_timeout: "300ms" });
    table.change(1, csv(header, record(2, { v: 2.5 }), record(3, { v: 3 })));
    const first = await table.load();
    expect(first.failures).toEqual([]);
    expect(first.report.tables[0]?.notes[0]).toMatch(/its lock could not be had within lock_timeout/);
    expect(await table.rows("_id", "v", "_rescued")).toEqual(["1 1 -", '2 - {"v": 2.5}', "3 3 -"]);
    await holder.end();
    // Nothing in it needs the wider type: what the path held is remembered.
    table.change(2, csv(header, record(4, { v: 4 })));
    const second = await table.load();
    expect(second.failures).toEqual([]);
    expect(second.report.tables[0]?.ddl.join()).toContain("type double precision");
    expect(await table.rows("_id", "v", "_rescued")).toEqual(["1 1 -", "2 2.5 -", "3 3 -", "4 4 -"]);
    const { rows } = await place.client.query("select from drayage.rescued where table_name = $1", [table.name]);
    expect(rows).toEqual([]);
  });

  test("a new column waits for its lock once a run; the next run makes it and takes its cells home", async () => {
    const table = await loaded();
    table.configure({}, { lock_timeout: "1s" });
    const holder = new pg.Client({ connectionString: place.url });
    await holder.connect();
    await holder.query(`begin; select from public.${table.name}`);
    for (const hour of [1, 2])
      table.change(
        hour,
        csv(header, record(2 * hour, { v: 2, late: { at: hour } }), record(2 * hour + 1, { v: 2.5, word: "x" })),
      );
    const began = performance.now();
    const loading = table.load();
    const reader = place.client.query(`select count(*) from public.${table.name}`);
    const first = await loading;
    await reader;
    expect(first.failures).toEqual([]);
    expect(first.counts).toEqual({ read: 4, inserted: 4 });
    // Two objects of new columns, and a column that would have to grow, cost it once.
    expect(performance.now() - began).toBeLessThan(1900);
    expect(first.report.tables[0]?.notes.join()).toMatch(/late__at is a new column, and its lock could not be had/);
    const waiting = await table.rows("_id", "v", "_rescued");
    expect(waiting[2]).toBe('3 - {"v": 2.5, "word": "x"}');
    expect(waiting[3]).toBe('4 2 {"late.at": 2}');
    expect((await place.run(["status", table.name])).stdout).toMatch(
      /Values of late__at, v, word wait in _rescued until .* lock_timeout .*\n.*drayage load t/,
    );
    await holder.end();
    // It holds none of them.
    table.change(3, csv(header, record(9, { v: 9 })));
    const second = await table.load();
    expect(second.failures).toEqual([]);
    expect(await table.rows("_id", "v", "late__at", "word", "_rescued")).toEqual([
      "1 1 - - -",
      "2 2 1 - -",
      "3 2.5 - x -",
      "4 2 2 - -",
      "5 2.5 - x -",
      "9 9 - - -",
    ]);
    const { rows } = await place.client.query("select from drayage.rescued where table_name = $1", [table.name]);
    expect(rows).toEqual([]);
  });

  test("a key cannot wait: somebody has to decide", async () => {
    const table = await oneTable(place, { primary_key: ["_id"] });
    const keyed = (id: unknown) => `I,"${JSON.stringify({ _id: id, v: 1 }).replaceAll('"', '""')}"`;
    table.change(0, csv("Op,_doc", keyed(1)));
    expect((await table.load()).failures).toEqual([]);
    await place.client.query(`create view public.over_${table.name} as select _id from public.${table.name}`);
    table.change(1, csv("Op,_doc", keyed("a")));
    const refused = await table.load();
    expect(refused.exit).toBe(6);
    expect(refused.failures[0]).toMatch(
      /^DDL_NEEDED: The key column _id must become text, and view .* depends on the column/,
    );
    await place.client.query(`drop view public.over_${table.name}`);
    expect((await table.load()).failures).toEqual([]);
    expect(await table.rows("_id", "v")).toEqual(["1 1", "a 1"]);
  });
});
