/** order_by: a column of the change records says which is newer, whatever their objects are called. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lane } from "../../src/load/staged-unit.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const entry = { primary_key: ["id"], order_by: "seq" };
const header = "Op,id,v,seq";

async function tombstonesOf(table: OneTable): Promise<string> {
  const { rows } = await place.client.query("select table_id from drayage.tables where table_name = $1", [table.name]);
  return `drayage.tombstones_${rows[0].table_id}`;
}

describe.each<Lane>(["raw", "decoded"])("%s lane", (lane) => {
  test("the greater value wins, in one unit as in several, against the order of objects", async () => {
    const inOneUnit = [[1, 2]];
    for (const batches of lane === "raw" ? [inOneUnit, [[1], [2]], [[2], [1]]] : [inOneUnit]) {
      const table = await oneTable(place, entry);
      // Full loads have no value: they are older than every change.
      table.full(1, csv("id,v,seq", "1,a,", "2,b,", "3,c,"));
      await table.load({ lane });
      const records: Record<number, string[]> = {
        1: ["U,1,new,20230818023705000000000000000000000020", "D,2,b,7", "I,4,x,0", "U,3,last,9", "U,3,first,8"],
        2: ["U,1,old,9", "I,2,late,6", "D,4,x,1", "D,5,x,5"],
      };
      for (const numbers of batches) {
        for (const n of numbers) table.change(n, csv(header, ...(records[n] ?? [])));
        expect((await table.load({ lane })).failures).toEqual([]);
      }
      expect(await table.rows("id", "v", "trunc(_version)")).toEqual([
        "1 new 20230818023705000000000000000000000020",
        "3 last 9",
      ]);
      table.change(3, csv(header, "I,5,late,4", "I,5,new,6"));
      expect((await table.load({ lane })).counts).toEqual({ read: 2, inserted: 1, superseded: 1 });
    }
  });

  test("a value that is no number of up to 38 digits is a reject, and costs nobody else", async () => {
    const table = await oneTable(place, entry);
    const bad = ["", "NULL", "mysql-bin.000003:17", "-1", "1.5", "9".repeat(39)];
    table.change(1, csv(header, ...bad.map((seq, i) => `U,${i},x,${seq}`), "U,9,good,1", "D,9,good,"));
    const { exit, counts } = await table.load({ lane });
    expect({ exit, counts }).toEqual({ exit: 3, counts: { read: 8, inserted: 1, rejected: 7 } });
    expect(await table.rejects()).toEqual([1, 2, 3, 4, 5, 6, 8].map((n) => `${n} no_order seq -`));
    expect(await table.rows("id", "v")).toEqual(["9 good"]);
  });
});

test("records of one value and one number in two objects end alike in any order: the later object's wins", async () => {
  const ends: string[][] = [];
  for (const order of [
    [1, 2],
    [2, 1],
  ]) {
    const table = await oneTable(place, entry);
    for (const n of order) {
      table.change(n, csv(header, `U,1,from ${n},5`, `U,2,from ${n},5`));
      expect((await table.load()).failures).toEqual([]);
    }
    ends.push(await table.rows("id", "v"));
  }
  expect(ends).toEqual([
    ["1 from 2", "2 from 2"],
    ["1 from 2", "2 from 2"],
  ]);
});

test("the same object again is unchanged; an ignored column of a table of documents orders, too", async () => {
  const table = await oneTable(place, { ...entry, columns: { seq: "ignore" }, document: "doc" });
  const body = csv("Op,id,seq,doc", '"U",1,5,"{""a"": 1}"', '"U",1,4,"{""a"": 2}"');
  table.change(1, body);
  expect((await table.load()).counts).toEqual({ read: 2, inserted: 1, superseded: 1 });
  expect(await table.rows("id", "a")).toEqual(["1 1"]);
  table.change(1, body);
  expect((await table.load()).counts).toEqual({ read: 2, unchanged: 1, superseded: 1 });
});

test("a change object without the column needs a decision", async () => {
  const table = await oneTable(place, entry);
  table.change(1, csv("Op,id,v", "U,1,a"));
  const { exit, failures } = await table.load();
  expect(exit).toBe(6);
  expect(failures).toEqual([expect.stringMatching(/^COLUMN_UNKNOWN: A change object has no column seq/)]);
});

test("a table that was loaded by file time: the statement, then its tombstones and floor go along; and back", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, csv("id,v,seq", "1,a,", "2,b,", "3,c,"));
  table.change(1, csv(header, "U,1,A,50", "D,2,b,60"));
  expect((await table.load()).failures).toEqual([]);
  await place.client.query("update drayage.tables set floor = 4611686018427387904 where table_name = $1", [table.name]);
  table.configure(entry);
  table.change(2, csv(header, "U,1,older,40", "U,3,C,1", "I,2,again,61"));
  const stopped = await table.load();
  expect(stopped.exit).toBe(6);
  const { code, lines } = stopped.report.tables[0]?.failures[0]?.error ?? { code: "", lines: [] };
  expect({ code, statements: lines.length }).toEqual({ code: "DDL_NEEDED", statements: 1 });
  await place.client.query(lines.join("\n"));
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 1, updated: 1, stale: 1 });
  expect(await table.rows("id", "v")).toEqual(["1 A", "2 again", "3 C"]);
  table.change(3, csv(header, "D,3,c,70"));
  await table.load();
  const { rows } = await place.client.query(
    `select trunc(_version)::text as version, (select floor::text from drayage.tables where table_name = $1) as floor from ${await tombstonesOf(table)} t`,
    [table.name],
  );
  expect(rows).toEqual([{ version: "70", floor: "0" }]);
  table.configure({ primary_key: ["id"] });
  table.change(4, csv(header, "U,1,back,1"));
  const back = await table.load();
  expect(back.exit).toBe(6);
  await place.client.query((back.report.tables[0]?.failures[0]?.error.lines ?? []).join("\n"));
  expect((await table.load()).counts).toEqual({ read: 1, updated: 1 });
  table.change(5, csv(header, "I,3,back,1"));
  expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
});
