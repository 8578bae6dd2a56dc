/** UNIQUE columns beside the key: what the source did step by step passes here, too; what cannot pass costs its own record. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(
    `create function public.refuse_q() returns trigger language plpgsql as
       $$ begin if new.email = 'q' then return null; end if; return new; end $$`,
  );
});
afterAll(() => place.end());

const create =
  "create table TABLE (id integer primary key, email text unique, n integer check (n < 100), _deleted_at timestamptz)";
const refuse =
  "; create trigger refuse before insert or update on TABLE for each row execute function public.refuse_q()";

interface Case {
  readonly name: string;
  /** Records of one change object on the rows `1 a 1`, `2 b 1`, `3 c 1`. */
  readonly records: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly rows: readonly string[];
  readonly rejects?: readonly string[];
  readonly create?: string;
}

const cases: readonly Case[] = [
  {
    name: "two rows swap their values",
    records: ["U,1,tmp,1", "U,2,a,1", "U,1,b,1"],
    counts: { read: 3, updated: 2, superseded: 1 },
    rows: ["1 b 1", "2 a 1", "3 c 1"],
  },
  {
    name: "a value that one row gave up is taken by another, with a bad record among them",
    records: ["U,1,x,1", "U,3,c,999", "U,2,a,2", "U,1,b,1", "I,4,d,1"],
    counts: { read: 5, inserted: 1, updated: 2, superseded: 1, rejected: 1 },
    rows: ["1 b 1", "2 a 2", "3 c 1", "4 d 1"],
    rejects: ["2 check - TABLE_n_check"],
  },
  {
    name: "what still collides is rejected, and the record before it stands",
    records: ["U,1,tmp,1", "U,2,a,1", "U,1,b,1", "U,3,y,5", "U,3,a,6", "I,4,b,1", "I,5,e,1"],
    counts: { read: 7, inserted: 1, updated: 3, superseded: 1, rejected: 2 },
    rows: ["1 b 1", "2 a 1", "3 y 5", "5 e 1"],
    rejects: ["5 unique - TABLE_email_key", "6 unique - TABLE_email_key"],
  },
  {
    name: "a row that comes, goes and comes again on the way is one inserted row; what was there is updated, or deleted",
    records: [
      "I,9,z,1",
      "U,1,t,1",
      "U,2,a,1",
      "U,1,b,1",
      "D,9,z,1",
      "I,9,z,2",
      "D,3,c,1",
      "I,8,c,1",
      "D,8,c,1",
      "I,3,c,3",
      "D,7,,",
    ],
    counts: { read: 11, inserted: 1, updated: 3, unchanged: 2, superseded: 5 },
    rows: ["1 b 1", "2 a 1", "3 c 3", "9 z 2"],
  },
  {
    name: "a record that a trigger refuses gives way to the one before it",
    records: ["U,1,tmp,1", "U,2,a,1", "U,1,b,1", "U,3,y,1", "U,3,q,1"],
    counts: { read: 5, updated: 3, superseded: 1, ignored: 1 },
    rows: ["1 b 1", "2 a 1", "3 y 1"],
    create: create + refuse,
  },
];

test.each(cases)("$name", async (one) => {
  const table = await oneTable(place, {}, one.create ?? create);
  table.full(1, csv("id,email,n", "1,a,1", "2,b,1", "3,c,1"));
  await table.load();
  table.change(5, csv("Op,id,email,n", ...one.records));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(await table.rows("id", "email", "n")).toEqual(one.rows);
  expect(counts).toEqual(one.counts);
  expect(await table.rejects()).toEqual(one.rejects ?? []);
  // Older records that come late are stale; again, the same ones change nothing.
  table.change(4, csv("Op,id,email,n", "U,1,l1,1", "U,2,l2,1"));
  expect((await table.load()).counts).toEqual({ read: 2, stale: 2 });
});

test("as many records as fill several chunks, in order_by's order, with soft deletes", async () => {
  const table = await oneTable(place, { order_by: "seq", deletes: "soft" }, create);
  const ids = Array.from({ length: 200 }, (_, i) => i + 1);
  table.change(1, csv("Op,id,email,n,seq", ...ids.map((id) => `I,${id},e${id},1,${id}`)));
  await table.load();
  // All values move on by one row, the last first, written in the object in the opposite order.
  const moves = ids.toReversed().map((id, i) => `U,${id},e${id + 1},2,${1000 + i}`);
  table.change(2, csv("Op,id,email,n,seq", ...moves.toReversed(), "U,1,free,3,1300", "I,900,e2,1,1301", "D,5,,,1302"));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 203, inserted: 1, updated: 199, deleted: 1, superseded: 2 });
  const rows = await table.rows("id", "email", "_deleted_at is null");
  expect(rows.slice(0, 5)).toEqual(["1 free true", "2 e3 true", "3 e4 true", "4 e5 true", "5 e6 false"]);
  expect(rows.at(-1)).toBe("900 e2 true");
});

describe("row level security", () => {
  const policy = `create table TABLE (id integer primary key, v text);
    alter table TABLE enable row level security; alter table TABLE force row level security;
    create policy no on TABLE using (true) with check (v <> 'secret')`;

  test.each(["full load", "change"])("a row that a policy forbids costs its record, in a %s", async (kind) => {
    const table = await oneTable(place, {}, policy);
    const records = ["1,a", "2,secret", "3,c"];
    if (kind === "change") table.change(1, csv("Op,id,v", ...records.map((record) => `I,${record}`)));
    else table.full(1, csv("id,v", ...records));
    const { exit, failures, counts } = await table.load();
    expect(failures).toEqual([]);
    expect({ exit, counts }).toEqual({ exit: 3, counts: { read: 3, inserted: 2, rejected: 1 } });
    expect(await table.rejects()).toEqual(["2 row_security - -"]);
  });

  test("a privilege that is missing is still the table's failure, not a reject for every record", async () => {
    const table = await oneTable(place, {}, policy);
    table.full(1, csv("id,v", "1,a"));
    await table.load();
    await place.client.query(`alter table public.${table.name} owner to current_user`);
    await place.client.query(`grant select, update, delete on public.${table.name} to ${place.role}`);
    table.change(1, csv("Op,id,v", "U,1,b", "I,2,c", "I,3,d"));
    const { exit, failures } = await table.load();
    expect(exit).toBe(6);
    expect(failures).toEqual([expect.stringMatching(/^TARGET_UNFIT: .*may not insert/)]);
    expect(await table.rejects()).toEqual([]);
  });
});
