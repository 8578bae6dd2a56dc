/** One bad record costs one record: whatever PostgreSQL has against it, in the fresh form of a merge and in the general one. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lane } from "../../src/load/staged-unit.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(
    `create table public.parents (id integer primary key);
     insert into public.parents values (1);
     alter table public.parents owner to ${place.role};
     create function public.refuse() returns trigger language plpgsql as
       $$ begin if new.s = 'zap' then raise exception 'zap is refused'; end if; return new; end $$`,
  );
});
afterAll(() => place.end());

const create = `create table TABLE (
  id integer primary key,
  n integer,
  required integer not null,
  small integer constraint is_small check (small < 10),
  code integer unique,
  parent integer constraint has_parent references public.parents,
  s varchar(3),
  price numeric(5,2),
  at date
);
create trigger refuse before insert or update on TABLE for each row execute function public.refuse()`;

const header = "id,n,required,small,code,parent,s,price,at";
const good = (id: number) => `${id},1,1,1,${id},1,abc,1.50,2026-01-01`;

/** A record, and why it is rejected: `reason column constraint`. Null: it is good. */
const records: readonly (readonly [record: string, why: string | null])[] = [
  [good(1), null],
  ["2,x,1,1,2,1,abc,1.50,2026-01-01", "cast n -"],
  [good(3), null],
  ["4,5.5,1,1,4,1,abc,1.50,2026-01-01", "lossy n -"],
  ["5,99999999999,1,1,5,1,abc,1.50,2026-01-01", "out_of_range n -"],
  ["6,1,,1,6,1,abc,1.50,2026-01-01", "not_null required -"],
  ["7,1,1,10,7,1,abc,1.50,2026-01-01", "check - is_small"],
  ["8,1,1,1,1,1,abc,1.50,2026-01-01", "unique - TABLE_code_key"],
  ["9,1,1,1,9,2,abc,1.50,2026-01-01", "foreign_key - has_parent"],
  ["10,1,1,1,10,1,abcd,1.50,2026-01-01", "too_long s -"],
  ["11,1,1,1,11,1,abc,1000.00,2026-01-01", "out_of_range price -"],
  ["12,1,1,1,12,1,abc,1.505,2026-01-01", "lossy price -"],
  ['"13",1,1,1,13,1,"a\nb",1.50,2026-01-01', null],
  ["14,1,1,1,14,1,abc,1.50,2026-02-30", "out_of_range at -"],
  [",1,1,1,15,1,abc,1.50,2026-01-01", "null_key id -"],
  ["16,1,1,1,16,1,zap,1.50,2026-01-01", "trigger - -"],
  ["17,1,1,1,17,1,abc", "field_count - -"],
  ['18,1,1,1,18,1,"x\ny\nz",1.50,2026-01-01', "too_long s -"],
  [good(19), null],
];

/** Records of the same shape before them, so that the bad ones lie past the first checkpoint of byte offsets. */
const fillers = 1030;
const all = [...Array.from({ length: fillers }, (_, i) => [good(1000 + i), null] as const), ...records];

function expected(first: number): string[] {
  return all.flatMap(([, why], i) => (why === null ? [] : [`${first + i} ${why}`]));
}

const goodIds = all.flatMap(([record, why]) => (why === null ? [Number.parseInt(record.replace('"', ""), 10)] : []));

async function check(table: OneTable, key: string, texts: readonly string[]): Promise<void> {
  expect(await table.rejects()).toEqual(expected(1));
  expect((await table.rows("id")).map(Number)).toEqual(goodIds.toSorted((a, b) => a - b));
  const { rows } = await place.client.query<{
    record_no: string;
    byte_offset: string;
    byte_length: string;
    record: Buffer;
  }>(
    "select record_no, byte_offset, byte_length, record from drayage.rejects where table_name = $1 order by record_no",
    [table.name],
  );
  for (const row of rows) {
    const text = texts[Number(row.record_no) - 1];
    expect(table.bytes(key, Number(row.byte_offset), Number(row.byte_length)), `bytes of record ${row.record_no}`).toBe(
      text,
    );
    expect(row.record.toString("utf8"), `kept record ${row.record_no}`).toBe(text);
  }
}

describe.each<Lane>(["raw", "decoded"])("%s lane", (lane) => {
  const limits = { reject_limit: 1000, dialect: { nulls: [""] } };

  test("full load, where a plain insert is tried first", async () => {
    const table = await oneTable(place, limits, create);
    const texts = all.map(([record]) => record);
    table.full(1, csv(header, ...texts));
    const { exit, failures, counts } = await table.load({ lane });
    expect(failures).toEqual([]);
    expect(exit).toBe(3);
    expect(counts).toEqual({ read: all.length, inserted: goodIds.length, rejected: all.length - goodIds.length });
    await check(table, `${table.name}/LOAD00000001.csv`, texts);
  });

  test("changes, with rows there already", async () => {
    const table = await oneTable(place, limits, create);
    table.full(1, csv(header, good(1), good(3)));
    await table.load({ lane });
    const texts = all.map(([record], i) => `${i % 2 === 0 ? "I" : "U"},${record}`);
    table.change(1, csv(`Op,${header}`, ...texts));
    const { exit, failures, counts } = await table.load({ lane });
    expect(failures).toEqual([]);
    expect(exit).toBe(3);
    expect(counts).toEqual({
      read: all.length,
      inserted: goodIds.length - 2,
      updated: 2,
      rejected: all.length - goodIds.length,
    });
    await check(table, `${table.name}/20260301-100100000.csv`, texts);
  });
});

test("an op that is none is a reject of its own", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.change(1, csv("Op,id,v", "I,1,a", "X,2,b", ",3,c", "i,4,d", "D,5,"));
  const { exit, counts } = await table.load();
  expect({ exit, counts }).toEqual({ exit: 3, counts: { read: 5, inserted: 1, unchanged: 1, rejected: 3 } });
  expect(await table.rejects()).toEqual(["2 bad_op - -", "3 bad_op - -", "4 bad_op - -"]);
});

test("a D is judged by its key alone", async () => {
  const table = await oneTable(place, {}, create);
  table.full(1, csv(header, good(1), good(2)));
  await table.load();
  table.change(1, csv(`Op,${header}`, "D,1,x,,99,x,9,abcdef,9999999,never", "D,x,1,1,1,1,1,abc,1,2026-01-01"));
  const { counts } = await table.load();
  expect(counts).toEqual({ read: 2, deleted: 1, rejected: 1 });
  expect(await table.rejects()).toEqual(["2 cast id -"]);
});

test("a record that a constraint refuses gives way to the one before it", async () => {
  const table = await oneTable(place, {}, create);
  const row = (id: number, small: number) => `${id},1,1,${small},${id},1,abc,1.50,2026-01-01`;
  table.change(
    1,
    csv(
      `Op,${header}`,
      `I,${row(1, 1)}`,
      `U,${row(1, 2)}`,
      `U,${row(1, 99)}`,
      `U,${row(1, 98)}`,
      `I,${row(2, 97)}`,
      `I,${row(3, 3)}`,
    ),
  );
  const { counts } = await table.load();
  expect(counts).toEqual({ read: 6, inserted: 2, superseded: 1, rejected: 3 });
  expect(await table.rows("id", "small")).toEqual(["1 2", "3 3"]);
  expect(await table.rejects()).toEqual(["3 check - is_small", "4 check - is_small", "5 check - is_small"]);
});

test("columns may bear the names of anything that looks for bad records", async () => {
  const names = ["n", "state", "found", "lo", "hi", "top", "place", "round", "verdict", "col", "con", "said"];
  const table = await oneTable(
    place,
    { primary_key: ["state", "n"] },
    `create table TABLE (${names.map((name) => `${name} integer check (${name} < 100)`).join(", ")}, primary key (state, n))`,
  );
  const row = (value: string, n: number) => names.map((name) => (name === "n" ? String(n) : value)).join(",");
  table.full(1, csv(names.join(","), row("1", 1), row("x", 2), row("100", 3)));
  const first = await table.load();
  expect(first.failures).toEqual([]);
  expect(first.counts).toEqual({ read: 3, inserted: 1, rejected: 2 });
  table.change(1, csv(`Op,${names.join(",")}`, `U,${row("1", 1)}`, `D,${row("7", 7)}`, `I,${row("100", 3)}`));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 3, updated: 1, unchanged: 1, rejected: 1 });
});

test("deferred constraints are judged with their record, not at COMMIT", async () => {
  const table = await oneTable(
    place,
    {},
    `create table TABLE (
       id integer primary key,
       parent integer constraint later references public.parents deferrable initially deferred
     )`,
  );
  table.full(1, csv("id,parent", "1,1", "2,77", "3,"));
  const { exit, counts } = await table.load();
  expect({ exit, counts }).toEqual({ exit: 3, counts: { read: 3, inserted: 2, rejected: 1 } });
  expect(await table.rejects()).toEqual(["2 foreign_key - later"]);
});
