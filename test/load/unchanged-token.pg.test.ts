/** `unchanged_token`: a cell that DMS did not log keeps what its row has, whatever the unit and the form of the merge. */
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

const dialect = { unchanged_token: "~" };
const create =
  "create table TABLE (id bigint primary key, v text not null, n integer check (n < 100), d date, j jsonb, _deleted_at timestamptz)";
const full = csv("id,v,n,d,j", '1,a,1,2026-01-01,"{""x"": 1}"', "2,b,2,2026-01-02,", "3,c,3,,");

interface Case {
  readonly name: string;
  /** `op,id,v,n,d,j` on the rows of `full`; a list is an object. */
  readonly objects: readonly (readonly string[])[];
  readonly counts: Readonly<Record<string, number>>;
  readonly rows: readonly string[];
  readonly rejects?: readonly string[];
  readonly config?: object;
  readonly create?: string;
}

const one = '1 a 1 2026-01-01 {"x": 1}';
const two = "2 b 2 2026-01-02 -";
const three = "3 c 3 - -";

const cases: readonly Case[] = [
  {
    name: "cells of any type keep what the row has, NOT NULL ones too; a quoted token is one, a NULL is none",
    objects: [["U,1,~,~,~,~", 'U,2,"~",22,~,~', "U,3,C,~,2026-03-03,"]],
    counts: { read: 3, updated: 3 },
    rows: [one, "2 b 22 2026-01-02 -", "3 C 3 2026-03-03 -"],
  },
  {
    name: "records of one unit add up cell by cell, over a delete and a new row",
    objects: [
      ["U,1,A,~,~,~", "U,1,~,11,~,~", "U,1,~,~,,~", "U,2,B,~,~,~", "D,2,~,~,~,~", "I,2,new,22,,", "U,2,~,23,~,~"],
      ["U,3,~,33,~,~", "U,3,CC,~,~,~", "D,1,~,~,~,~", "I,1,z,9,,", "U,1,~,~,2026-09-09,~"],
    ],
    counts: { read: 12, updated: 3, superseded: 9 },
    rows: ["1 z 9 2026-09-09 -", "2 new 23 - -", "3 CC 33 - -"],
  },
  {
    name: "a key that nobody knows is one reject a record, until a whole record comes; after a delete nobody knows it",
    objects: [["U,8,~,8,~,~", "U,8,x,8,~,~", "U,8,h,8,,", "U,8,~,9,~,~", "D,1,,,,", "U,1,~,5,~,~", "U,9,~,1,,"]],
    counts: { read: 7, inserted: 1, deleted: 1, superseded: 1, rejected: 4 },
    rows: [two, three, "8 h 9 - -"],
    rejects: [
      "1 partial_unknown_key - -",
      "2 partial_unknown_key - -",
      "6 partial_unknown_key - -",
      "7 partial_unknown_key - -",
    ],
  },
  {
    name: "a bad record gives no cell to the next: by a cast, by a constraint; lenient casts see no token",
    objects: [["U,1,A,x,~,~", "U,1,~,~,2026-05-05,~", "U,2,B,100,~,~", "U,2,~,~,2026-06-06,~", "U,3,~,+3.0e0,~,~"]],
    counts: { read: 5, updated: 3, rejected: 2 },
    rows: ['1 a 1 2026-05-05 {"x": 1}', "2 b 2 2026-06-06 -", three],
    rejects: ["1 cast n -", "3 check - TABLE_n_check"],
  },
  {
    name: "in the source's own steps, many of one key among them",
    create: create.replace("n integer", "n integer unique"),
    objects: [
      [
        "U,1,~,50,~,~",
        "U,2,~,1,~,~",
        "U,1,~,2,~,~",
        "U,1,A,~,~,~",
        "U,1,~,~,,~",
        "U,3,~,2,~,~",
        "U,7,~,7,~,~",
        "D,3,,,,",
        "U,3,~,3,~,~",
      ],
    ],
    counts: { read: 9, updated: 2, deleted: 1, superseded: 3, rejected: 3 },
    rows: ['1 A 2 - {"x": 1}', "2 b 1 2026-01-02 -"],
    rejects: ["6 unique - TABLE_n_key", "7 partial_unknown_key - -", "9 partial_unknown_key - -"],
  },
  {
    name: "a token in the key is no key, and one in a record that is deleted says nothing",
    objects: [["U,~,x,1,,", "D,2,~,~,~,~"]],
    counts: { read: 2, deleted: 1, rejected: 1 },
    rows: [one, three],
    rejects: ["1 null_key id -"],
  },
  {
    name: "deletes: soft keeps cells that the next row of the key does not have",
    config: { deletes: "soft" },
    objects: [["D,1,~,~,~,~"], ["U,1,~,5,~,~", "U,2,~,5,~,~", "D,3,,,,", "U,3,x,~,~,~"]],
    counts: { read: 5, updated: 1, deleted: 2, rejected: 2 },
    rows: [one, "2 b 5 2026-01-02 -", three],
    rejects: ["1 partial_unknown_key - -", "4 partial_unknown_key - -"],
  },
  {
    name: "deletes: ignore leaves the row, and what it has",
    config: { deletes: "ignore" },
    objects: [["D,1,~,~,~,~", "U,1,~,5,~,~"]],
    counts: { read: 2, updated: 1, ignored: 1 },
    rows: ['1 a 5 2026-01-01 {"x": 1}', two, three],
  },
];

describe.each<Lane>(["raw", "decoded"])("%s lane", (lane) => {
  test.each(lane === "raw" ? cases : cases.slice(0, 4))("$name", async (one) => {
    const table = await oneTable(place, { dialect, ...one.config }, one.create ?? create);
    table.full(1, full);
    await table.load({ lane });
    for (const [i, records] of one.objects.entries()) table.change(i + 1, csv("Op,id,v,n,d,j", ...records));
    expect((await planHere(place)).tables[0]?.counts).toMatchObject(one.counts);
    const { failures, counts, lanes } = await table.load({ lane });
    expect(failures).toEqual([]);
    expect(await table.rows("id", "v", "n", "d", "j")).toEqual(one.rows);
    expect(await table.rejects()).toEqual(one.rejects ?? []);
    expect(counts).toEqual(one.counts);
    expect(new Set(lanes)).toEqual(new Set([lane]));
    const again = await table.load({ lane });
    expect(again.counts).toEqual({});
  });
});

test("full loads are plain inserts; a change without a token takes the general form, and none is read twice", async () => {
  const table = await oneTable(place, { dialect }, create);
  table.full(1, full);
  expect((await table.load()).forms).toEqual(["fresh"]);
  table.change(1, csv("Op,id,v,n,d,j", "U,1,A,2,,"));
  expect((await table.load()).counts).toEqual({ read: 1, updated: 1 });
  table.change(2, csv("Op,id,v,n,d,j", "U,1,~,3,~,~"));
  await table.load();
  expect(await table.rows("id", "v", "n", "d")).toContain("1 A 3 -");
});

test("a document that is left out keeps all of its columns", async () => {
  const table = await oneTable(place, { dialect, document: ["doc"], primary_key: ["id"] });
  table.full(1, csv("id,v,doc", '1,a,"{""x"": 1, ""y"": [1]}"', '2,b,"{""x"": ""t"", ""z"": 2}"'));
  await table.load();
  table.change(
    1,
    csv("Op,id,v,doc", "U,1,A,~", 'U,2,~,"{""x"": 3, ""z"": ""new"", ""w"": true}"', "U,2,B,~", "U,9,x,~"),
  );
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 4, updated: 2, superseded: 1, rejected: 1 });
  expect(await table.rows("id", "v", "x", "y", "z", "w")).toEqual(["1 A 1 [1] - -", "2 B 3 - new true"]);
  expect(await table.rejects()).toEqual(["4 partial_unknown_key - -"]);
});

describe("a key that changes", () => {
  const images = { ...dialect, before_image: { prefix: "b_" } };
  const start = csv("a,b,v,w", "1,1,v1,w1", "1,2,v2,w2", "1,3,v3,w3");

  test("takes its cells along, as often as it changes; the newer of two rows is a reject", async () => {
    const table = await oneTable(
      place,
      { dialect: images },
      "create table TABLE (a integer, b text, v text not null, w text, primary key (a, b))",
    );
    table.full(1, start);
    await table.load();
    table.change(
      1,
      csv("Op,a,b,v,w,b_a,b_b", "U,1,2,~,~,1,~", "U,2,1,~,W1,1,1", "U,2,5,V,~,2,1", "U,1,3,~,x,~,", "U,7,7,~,~,6,6"),
    );
    const { failures, counts } = await table.load();
    expect(failures).toEqual([]);
    expect(counts).toEqual({ read: 5, updated: 3, superseded: 1, rejected: 1 });
    expect(await table.rows("(a, b)", "v", "w")).toEqual(["(1,2) v2 w2", "(1,3) v3 x", "(2,5) V W1"]);
    expect(await table.rejects()).toEqual(["5 partial_unknown_key - -"]);
    table.change(2, csv("Op,a,b,v,w,b_a,b_b", "U,1,3,~,w5,2,5"));
    expect((await table.load()).counts).toEqual({ read: 1, rejected: 1 });
  });

  test("deletes: soft: a copy of the row goes, over one that was deleted", async () => {
    const table = await oneTable(place, { dialect: images, deletes: "soft", primary_key: ["a", "b"] });
    table.full(1, start);
    await table.load();
    table.change(1, csv("Op,a,b,v,w,b_a,b_b", "D,1,2,,,,", "U,1,2,V,~,1,1"));
    const { failures } = await table.load();
    expect(failures).toEqual([]);
    expect(await table.rows("a || b", "v", "w", "_deleted_at is not null")).toEqual([
      "11 v1 w1 true",
      "12 V w1 false",
      "13 v3 w3 false",
    ]);
  });
});

test("plan does not take the token for a value", async () => {
  const table = await oneTable(place, { dialect, primary_key: ["id"] });
  table.full(1, csv("id,v,n", "1,a,1"));
  await table.load();
  table.change(1, csv("Op,id,v,n", "U,1,~,12", "U,1,zz,~", "U,1,~,~"));
  const plan = (await planHere(place)).tables[0];
  expect(plan?.columns.map(({ column, nullShare, sample }) => [column, nullShare.toFixed(2), sample])).toEqual([
    ["id", "0.00", "1"],
    ["v", "0.67", "zz"],
    ["n", "0.67", "12"],
  ]);
});
