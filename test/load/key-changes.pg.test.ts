/** A key that changes in the source: the row moves, whether DMS tells it by before images or by a D and an I. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lane } from "../../src/load/staged-unit.ts";
import { planHere } from "../support/load-here.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const create = "create table TABLE (id bigint primary key, v text, n integer check (n < 100), _deleted_at timestamptz)";

interface Case {
  readonly name: string;
  /** `op,id,v,n,before image of id` on the rows `1 a`, `2 b`. */
  readonly records: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly rows: readonly string[];
  readonly rejects?: readonly string[];
  readonly config?: object;
}

const cases: readonly Case[] = [
  {
    name: "the row moves to its new key, and the record counts once",
    records: ["U,9,a,1,1", "U,2,B,1,2"],
    counts: { read: 2, inserted: 1, updated: 1 },
    rows: ["2 B -", "9 a -"],
  },
  {
    name: "an empty before image, one of an I, one that is spelled otherwise: no other key",
    records: ["U,1,A,1,", "I,3,c,1,2", "U,2,B,1,02"],
    counts: { read: 3, inserted: 1, updated: 2 },
    rows: ["1 A -", "2 B -", "3 c -"],
  },
  {
    name: "away and back, and a chain of keys that move up by one",
    records: ["U,9,a,1,1", "U,1,a2,1,9", "U,3,b,1,2", "U,2,a3,1,1"],
    counts: { read: 4, inserted: 1, updated: 1, superseded: 2 },
    rows: ["2 a3 -", "3 b -"],
  },
  {
    name: "an unknown old key is gone in any case",
    records: ["U,9,z,1,8"],
    counts: { read: 1, inserted: 1 },
    rows: ["1 a -", "2 b -", "9 z -"],
  },
  {
    name: "a bad record moves nothing: by a cast, by its before image, by a constraint",
    records: ["U,8,a,x,1", "U,9,b,1,y", "U,7,b,100,2", "I,3,c,1,"],
    counts: { read: 4, inserted: 1, rejected: 3 },
    rows: ["1 a -", "2 b -", "3 c -"],
    rejects: ["1 cast n -", "2 cast id -", "3 check - TABLE_n_check"],
  },
  {
    name: "deletes: soft keeps the old row as a deleted one",
    config: { deletes: "soft" },
    records: ["U,9,a,1,1"],
    counts: { read: 1, inserted: 1 },
    rows: ["1 a deleted", "2 b -", "9 a -"],
  },
  {
    name: "deletes: ignore is about rows that the source deleted, not about keys",
    config: { deletes: "ignore" },
    records: ["U,9,a,1,1", "D,2,b,1,"],
    counts: { read: 2, inserted: 1, ignored: 1 },
    rows: ["2 b -", "9 a -"],
  },
];

describe.each<Lane>(["raw", "decoded"])("%s lane, before images", (lane) => {
  // One lane shows what is the merge's alone.
  test.each(lane === "raw" ? cases : cases.slice(0, 1))("$name", async (one) => {
    const table = await oneTable(place, { dialect: { before_image: { prefix: "b_" } }, ...one.config }, create);
    table.full(1, csv("id,v,n", "1,a,1", "2,b,1"));
    await table.load({ lane });
    table.change(5, csv("Op,id,v,n,b_id", ...one.records));
    const plan = await planHere(place);
    expect(plan.tables[0]?.counts).toMatchObject(one.counts);
    const { failures, counts } = await table.load({ lane });
    expect(failures).toEqual([]);
    expect(counts).toEqual(one.counts);
    expect(await table.rows("id", "v", "case when _deleted_at is not null then 'deleted' end")).toEqual(one.rows);
    expect(await table.rejects()).toEqual(one.rejects ?? []);
    const { rows } = await place.client.query(
      "select from pg_attribute where attrelid = $1::regclass and attname ~ '^b_'",
      [`public.${table.name}`],
    );
    expect(rows, "before images are no columns").toEqual([]);
  });
});

test("the old key has a tombstone: what is older and late does not bring it back", async () => {
  const table = await oneTable(place, { primary_key: ["id"], dialect: { before_image: { suffix: "_old" } } });
  table.change(5, csv("Op,id,v,id_old", "U,9,a,1"));
  await table.load();
  table.change(3, csv("Op,id,v,id_old", "I,1,late,", "U,9,late,1"));
  expect((await table.load()).counts).toEqual({ read: 2, stale: 2 });
  expect(await table.rows("id", "v")).toEqual(["9 a"]);
  table.change(7, csv("Op,id,v,id_old", "I,1,new,"));
  await table.load();
  expect(await table.rows("id", "v")).toEqual(["1 new", "9 a"]);
});

test("without a header, two key columns, order_by and a time; DMS fills what changed alone", async () => {
  const table = await oneTable(place, {
    primary_key: ["shop", "no"],
    order_by: "seq",
    columns: [{ shop: "bigint" }, { no: "bigint" }, "v", "seq", "BI_shop", { BI_no: "ignore" }],
    dialect: { before_image: { prefix: "BI_" }, timestamp_column: "at" },
  });
  const at = "2026-03-01 10:00:00.000000";
  table.change(
    1,
    csv(`I,${at},30004,1,11,1,,`, `I,${at},30004,2,12,2,,`, `U,${at},30004,66,11,3,,1`, `I,${at},30004,3,13,4,,`),
  );
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 4, inserted: 3, superseded: 1 });
  expect(await table.rows("no", "shop", "v")).toEqual(["2 30004 12", "3 30004 13", "66 30004 11"]);
});

test("many keys that move are no deletes that a limit is about", async () => {
  const table = await oneTable(place, { delete_limit_pct: 1, dialect: { before_image: { prefix: "b_" } } }, create);
  const ids = Array.from({ length: 1200 }, (_, i) => i + 1);
  table.full(1, csv("id,v,n", ...ids.map((id) => `${id},x,1`)));
  await table.load();
  table.change(1, csv("Op,id,v,n,b_id", ...ids.map((id) => `U,${id + 10_000},x,1,${id}`), "U,20001,y,100,10001"));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 1201, inserted: 1200, rejected: 1 });
  expect(await table.rows("count(*)", "min(id)", "max(id)")).toEqual(["1200 10001 11200"]);
});

describe("D and I in one object", () => {
  test.each([
    {
      name: "of one key: the row is there, with the I's cells",
      records: ["D,1,a,1", "I,1,again,2"],
      rows: ["1 again", "2 b"],
      counts: { read: 2, updated: 1, superseded: 1 },
    },
    {
      name: "of two keys: the row moves",
      records: ["D,1,a,1", "I,9,a,1"],
      rows: ["2 b", "9 a"],
      counts: { read: 2, inserted: 1, deleted: 1 },
    },
    {
      name: "I and D of one key: it is gone",
      records: ["I,9,a,1", "D,9,a,1"],
      rows: ["1 a", "2 b"],
      counts: { read: 2, unchanged: 1, superseded: 1 },
    },
  ])("$name", async ({ records, rows, counts }) => {
    const table = await oneTable(place, {}, create);
    table.full(1, csv("id,v,n", "1,a,1", "2,b,1"));
    await table.load();
    table.change(1, csv("Op,id,v,n", ...records));
    expect((await table.load()).counts).toEqual(counts);
    expect(await table.rows("id", "v")).toEqual(rows);
  });
});
