/** Fix, then `rejects replay`: the records are in, once, where nothing newer is; the counts move; what fails again keeps its row. */
import { rmSync } from "node:fs";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const limits = { reject_limit: 1000, dialect: { nulls: [""] } };

/** Status and outcomes of each object, in the order of keys. */
const history = (table: OneTable) =>
  table.query(
    `select status, rows_read, rows_inserted, rows_updated, rows_deleted, rows_superseded, rows_stale, rows_rejected
     from drayage.load_history where table_name = $1 order by key`,
  );
const open = (table: OneTable) =>
  table.query("select record_no, reason from drayage.rejects where table_name = $1 and replayed_at is null order by 1");

test("records are in after the fix, a newer row stays, the entry is loaded, and nothing is left to replay", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer)");
  table.full(1, csv("id,v", "1,1", "2,x", "3,y", "4,4"));
  table.change(1, csv("Op,id,v", "U,1,z", "I,5,q", "U,3,33"));
  table.change(2, csv("Op,id,v", "U,5,55", "D,2,"));
  expect((await table.load()).counts).toEqual({ read: 9, inserted: 4, unchanged: 1, rejected: 4 });
  expect(await table.rows("id", "v")).toEqual(["1 1", "3 33", "4 4", "5 55"]);

  await widenColumn(table);
  const replayed = await table.replay();
  // 2 was deleted since, 3 and 5 changed since: all three are older than what is there.
  expect(replayed).toMatchObject({ exit: 0, failures: [], counts: { read: 4, updated: 1, stale: 3 } });
  expect(await table.rows("id", "v", "_record")).toEqual(["1 z 1", "3 33 3", "4 4 4", "5 55 1"]);
  expect(await history(table)).toEqual(["loaded 3 1 1 0 0 1 0", "loaded 2 1 0 0 0 0 0", "loaded 4 2 0 0 0 2 0"]);
  expect(await open(table)).toEqual([]);
  expect((await table.replay()).report.tables).toEqual([]);
  expect((await table.load()).counts).toEqual({});
});

async function widenColumn(table: OneTable): Promise<void> {
  await place.client.query(`alter table public.${table.name} alter v type text`);
}

test("what fails again stays open in its own row, with its new reason", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer, n integer)");
  table.full(1, csv("id,v,n", "1,x,1", "2,y,b", "3,3,3", "4,z,2,9"));
  await table.load();
  const ids = await table.query("select id from drayage.rejects where table_name = $1 order by record_no");
  await widenColumn(table);
  const replayed = await table.replay();
  expect(replayed).toMatchObject({ exit: 3, counts: { read: 3, inserted: 1, rejected: 2 } });
  expect(replayed.report.tables[0]?.reasons).toEqual(
    new Map([
      ["field_count", 1],
      ["cast", 1],
    ]),
  );
  expect(await history(table)).toEqual(["loaded_with_rejects 4 2 0 0 0 0 2"]);
  expect(await table.rejects()).toEqual(["1 cast v -", "2 cast n -", "4 field_count - -"]);
  expect(await table.query("select id from drayage.rejects where table_name = $1 order by record_no")).toEqual(ids);
  // By reason, by object, by id: only what was asked for is read.
  expect((await table.replay({ reason: "lossy" })).report.tables).toEqual([]);
  expect((await table.replay({ object: "LOAD00000002.csv" })).report.tables).toEqual([]);
  await place.client.query(`alter table public.${table.name} alter n type text`);
  expect((await table.replay({ object: "LOAD00000001.csv", ids: [ids[1] ?? ""] })).counts).toEqual({
    read: 1,
    inserted: 1,
  });
  expect(await table.rows("id", "v", "n")).toEqual(["1 x 1", "2 y b", "3 3 3"]);
});

// A letter of two bytes in UTF-8, of one in latin1: places are those of the object's own bytes.
const long = `é${"a".repeat(69_999)}`;
const body = csv("id,v", "1,1", `2,${long}`, "3,3", '4,"b\nc"', `5,${long}b`, "6,x");

const latin1 = { ...limits, dialect: { nulls: [""], encoding: "latin1" } };

test.each<[name: string, file: string, bytes: Uint8Array | string, config: object]>([
  ["plain", "LOAD00000001.csv", body, limits],
  ["gzip", "LOAD00000001.csv.gz", gzipSync(body), limits],
  ["CRLF", "LOAD00000001.csv", body.replaceAll(/(?<!"b)\n/g, "\r\n"), limits],
  [
    "UTF-16",
    "LOAD00000001.csv",
    Buffer.from(body, "utf16le"),
    { ...limits, dialect: { nulls: [""], encoding: "utf-16le" } },
  ],
  ["latin1", "LOAD00000001.csv", Buffer.from(body, "latin1"), latin1],
  ["latin1, gzip", "LOAD00000001.csv.gz", gzipSync(Buffer.from(body, "latin1")), latin1],
])("records larger than what is kept are read from the object again: %s", async (_, file, bytes, config) => {
  const table = await oneTable(place, config, "create table TABLE (id integer primary key, v integer)");
  place.put(`${table.name}/${file}`, bytes);
  expect((await table.load()).counts).toEqual({ read: 6, inserted: 2, rejected: 4 });
  await widenColumn(table);
  expect(await table.replay()).toMatchObject({ exit: 0, failures: [], counts: { read: 4, inserted: 4 } });
  expect(await table.rows("id", "length(v)", "right(v, 3)", "_record")).toEqual([
    "1 1 1 1",
    "2 70000 aaa 2",
    "3 1 3 3",
    "4 3 b\nc 4",
    "5 70001 aab 5",
    "6 1 x 6",
  ]);
});

test("an object that is gone: what was kept of it is enough", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer)");
  table.full(1, csv("v,id", "x,1", "2,2", "y,3"));
  await table.load();
  rmSync(fileURLToPath(`${place.source}/${table.name}/LOAD00000001.csv`));
  await widenColumn(table);
  expect(await table.replay()).toMatchObject({ exit: 0, failures: [], counts: { read: 2, inserted: 2 } });
  expect(await table.rows("id", "v", "_record")).toEqual(["1 x 1", "2 2 2", "3 y 3"]);
});

test("an object that is gone with a record that was not kept: said, and left open", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer)");
  table.full(1, csv("id,v", `1,${long}`));
  await table.load();
  rmSync(fileURLToPath(`${place.source}/${table.name}/LOAD00000001.csv`));
  const replayed = await table.replay();
  expect(replayed).toMatchObject({ exit: 1, failures: [expect.stringContaining("OBJECT_GONE")], counts: {} });
  expect(replayed.report.tables[0]?.left).toBe(1);
  expect(await open(table)).toEqual(["1 cast"]);
});

test.each(["UTF-8", "latin1, gzip"])(
  "one reject that stands for the rest of its object becomes all of its records: %s",
  async (kind) => {
    const { dialect } = kind === "UTF-8" ? limits : latin1;
    const table = await oneTable(place, { ...limits, dialect, primary_key: ["id"] });
    const letter = kind === "UTF-8" ? "a" : "é";
    const text = csv("id,v", `1,${letter}`, '2,"b', `3,${letter}`, "x,d", "4,e");
    if (kind === "UTF-8") table.full(1, text);
    else place.put(`${table.name}/LOAD00000001.csv.gz`, gzipSync(Buffer.from(text, "latin1")));
    expect((await table.load()).counts).toEqual({ read: 2, inserted: 1, rejected: 1 });
    expect(await open(table)).toEqual(["2 unclosed_quote"]);
    await place.client.query(`alter table public.${table.name} alter id type integer using id::integer`);
    table.configure({ ...limits, dialect: { ...dialect, rfc4180: false } });
    expect(await table.replay()).toMatchObject({
      exit: 3,
      failures: [],
      counts: { read: 4, inserted: 3, rejected: 1 },
    });
    expect(await table.rows("id", "v", "_record")).toEqual([`1 ${letter} 1`, '2 "b 2', `3 ${letter} 3`, "4 e 5"]);
    // The one that is still bad, with its own place.
    expect(
      await table.query(
        "select record_no, reason, column_name, convert_from(record, 'UTF8'), byte_offset from drayage.rejects where table_name = $1",
      ),
    ).toEqual(["4 cast id x,d 18"]);
    expect(await history(table)).toEqual(["loaded_with_rejects 5 4 0 0 0 0 1"]);
  },
);

test("documents: a path that did not fit its column", async () => {
  const table = await oneTable(
    place,
    { document: "_doc", contract: { types: "reject" }, ...limits },
    "create table TABLE (_id integer primary key, n integer)",
  );
  table.full(1, csv("_id,_doc", '1,"{""n"":1}"', '2,"{""n"":""x""}"', '3,"{""n"":3,""deep"":{""a"":1}}"'));
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 2, rejected: 1 });
  await place.client.query(`alter table public.${table.name} alter n type text`);
  expect(await table.replay()).toMatchObject({ exit: 0, counts: { read: 1, inserted: 1 } });
  expect(await table.rows("_id", "n", "deep__a")).toEqual(["1 1 -", "2 x -", "3 3 1"]);
});

test("two replays at once: each record once", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer)");
  for (let n = 1; n <= 5; n++)
    table.change(n, csv("Op,id,v", ...Array.from({ length: 40 }, (_, i) => `I,${n * 100 + i},${i % 2 ? "x" : i}`)));
  expect((await table.load()).counts).toEqual({ read: 200, inserted: 100, rejected: 100 });
  await widenColumn(table);
  const both = await Promise.all([table.replay(), table.replay()]);
  expect(both.map(({ failures }) => failures)).toEqual([[], []]);
  expect(both.reduce((sum, { counts }) => sum + (counts.inserted ?? 0), 0)).toBe(100);
  expect(await history(table)).toEqual(Array.from({ length: 5 }, () => "loaded 40 40 0 0 0 0 0"));
});

test("two replays that have both read a reject before either is done: its row is there once", async () => {
  // Append: no key would hide a second row. The record that stays bad keeps the entry open for the second replay.
  const entry = { ...limits, write_mode: "append" };
  const table = await oneTable(place, entry, "create table TABLE (id integer, v integer)");
  table.full(1, csv("id,v", "1,1", "2,x", "3,y", "4"));
  await table.load();
  await widenColumn(table);
  let arrived = 0;
  let open = () => {};
  const both = new Promise<void>((resolve) => {
    open = resolve;
  });
  const meeting = (source: ObjectSource): ObjectSource => ({
    ...source,
    open: (object, options) => {
      if (++arrived === 2) open();
      const body = source.open(object, options);
      return Readable.from(
        (async function* () {
          await both;
          yield* body as AsyncIterable<Buffer>;
        })(),
      );
    },
  });
  const replays = await Promise.all([table.replay({ through: meeting }), table.replay({ through: meeting })]);
  expect(replays.map(({ failures }) => failures)).toEqual([[], []]);
  expect(await table.rows("id", "v", "_record")).toEqual(["1 1 1", "2 x 2", "3 y 3"]);
  expect(await history(table)).toEqual(["loaded_with_rejects 4 3 0 0 0 0 1"]);
});

test("append: a replayed record is a row, once", async () => {
  const table = await oneTable(
    place,
    { ...limits, write_mode: "append" },
    "create table TABLE (id integer, v integer)",
  );
  table.full(1, csv("id,v", "1,1", "2,x"));
  await table.load();
  await widenColumn(table);
  expect((await table.replay()).counts).toEqual({ read: 1, inserted: 1 });
  expect((await table.replay()).counts).toEqual({});
  expect(await table.rows("id", "v", "_record")).toEqual(["1 1 1", "2 x 2"]);
});

test("a source that breaks off rolls everything back; the next replay finds it all open", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer)");
  table.full(1, csv("id,v", `1,${long}`, "2,x"));
  await table.load();
  await widenColumn(table);
  const breaks = (source: ObjectSource): ObjectSource => ({
    ...source,
    open: (object, options = {}) => {
      const body = source.open(object, options);
      if (options.to !== undefined) queueMicrotask(() => body.destroy(new Error("broken")));
      return body;
    },
  });
  const broken = await table.replay({ through: breaks });
  expect(broken.exit).toBe(1);
  expect(await history(table)).toEqual(["loaded_with_rejects 2 0 0 0 0 0 2"]);
  expect((await table.replay()).counts).toEqual({ read: 2, inserted: 2 });
});

test("a paused table is left alone; an object that is to be loaded anew brings its own rejects", async () => {
  const table = await oneTable(place, limits, "create table TABLE (id integer primary key, v integer)");
  table.full(1, csv("id,v", "1,x"));
  await table.load();
  await widenColumn(table);
  await table.query(
    "update drayage.tables set paused_at = now(), paused_reason = 'move' where table_name = $1 returning 1",
  );
  expect((await table.replay()).report.tables).toMatchObject([{ notes: ["paused: move"], counts: { read: 0 } }]);
  await table.query("update drayage.tables set paused_at = null where table_name = $1 returning 1");
  await table.query("update drayage.load_history set status = 'pending' where table_name = $1 returning 1");
  expect((await table.replay()).report.tables).toEqual([]);
  expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
  expect(await open(table)).toEqual([]);
});
