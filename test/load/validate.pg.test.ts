/** validate: each planted difference is found with what explains it, and none in a clean table; nothing is changed by it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { validateHere } from "../support/validate-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;

beforeAll(async () => {
  place = await openWorkplace();
});

afterAll(() => place.end());

const types = {
  id: "bigint",
  first: "text",
  last: "text",
  amount: "numeric(12,3)",
  at: "timestamptz",
  note: "text",
};

/** Six rows by a full load and two change objects; row 5 is deleted, row 6 changed twice. */
async function clean(entry: object = {}, create?: string): Promise<OneTable> {
  const table = await oneTable(place, { primary_key: ["id"], columns: types, ...entry }, create);
  const head = "id,first,last,amount,at,note";
  table.full(
    1,
    csv(
      head,
      "1,Ada,Byron,1.005,2026-03-01 08:00:00,long enough",
      "2,Alan,Turing,2.5,2026-03-01 08:00:00,x",
      "3,Grace,Hopper,3.5,2026-03-01 08:00:00,",
      "4,Edsger,Dijkstra,4.5,2026-03-01 08:00:00,y",
      "5,Barbara,Liskov,5.5,2026-03-01 08:00:00,z",
    ),
  );
  table.change(
    1,
    csv(`Op,${head}`, "I,6,Donald,Knuth,6,2026-03-01 08:00:00,old", "U,4,Edsger,Dijkstra,4.75,2026-03-01 08:00:00,y"),
  );
  table.change(2, csv(`Op,${head}`, "D,5,,,,,", "U,6,Donald,Knuth,6,2026-03-01 08:00:00,new"));
  expect(await table.load()).toMatchObject({ exit: 0 });
  return table;
}

const noUniqueKey = `create table TABLE (id bigint, first text, last text, amount numeric(12,3), at timestamptz, note text)`;

interface Planted {
  readonly name: string;
  readonly sql: string;
  readonly create?: string;
  readonly counts: readonly string[];
  readonly rows: readonly string[];
}

const change1 = "20260301-100100000.csv";
const change2 = "20260301-100200000.csv";

const planted: readonly Planted[] = [
  {
    name: "a missing row",
    sql: "delete from TABLE where id = 4",
    counts: ["MISSING_TARGET missing 1"],
    rows: [`MISSING_TARGET ${change1} 2`],
  },
  {
    name: "an extra row",
    sql: "insert into TABLE (id, first) values (99, 'x')",
    counts: ["MISSING_SOURCE foreign 1"],
    rows: ["MISSING_SOURCE - -"],
  },
  {
    name: "a changed value",
    sql: "update TABLE set last = 'Turin' where id = 2",
    counts: ["RECORD_DIFF changed 1"],
    rows: ["RECORD_DIFF LOAD00000001.csv 2 last"],
  },
  {
    name: "a duplicate key where no index is unique",
    create: noUniqueKey,
    sql: "insert into TABLE select * from TABLE where id = 3",
    counts: ["MISSING_SOURCE duplicate 1"],
    rows: ["MISSING_SOURCE LOAD00000001.csv 3"],
  },
  {
    name: "a wrong NULL",
    sql: "update TABLE set note = null where id = 2",
    counts: ["RECORD_DIFF changed 1"],
    rows: ["RECORD_DIFF LOAD00000001.csv 2 note"],
  },
  {
    name: "a cut text",
    sql: "update TABLE set note = left(note, 4) where id = 1",
    counts: ["RECORD_DIFF changed 1"],
    rows: ["RECORD_DIFF LOAD00000001.csv 1 note"],
  },
  {
    name: "a shifted zone",
    sql: "update TABLE set at = at + interval '5:30' where id = 3",
    counts: ["RECORD_DIFF changed 1"],
    rows: ["RECORD_DIFF LOAD00000001.csv 3 at"],
  },
  {
    name: "a rounding",
    sql: "update TABLE set amount = round(amount, 2) where id = 1",
    counts: ["RECORD_DIFF changed 1"],
    rows: ["RECORD_DIFF LOAD00000001.csv 1 amount"],
  },
  {
    name: "swapped columns",
    sql: "update TABLE set first = last, last = first where id = 4",
    counts: ["RECORD_DIFF changed 1"],
    rows: [`RECORD_DIFF ${change1} 2 first,last`],
  },
  {
    name: "a stale row",
    sql: `update TABLE t set note = 'old', _object = h.id, _record = 1, _version = (select _version from TABLE where id = 4)
          from drayage.load_history h where h.table_name = $1 and h.key like '%${change1}' and t.id = 6`,
    counts: ["RECORD_DIFF stale 1"],
    rows: [`RECORD_DIFF ${change2} 2 note`],
  },
  {
    name: "a resurrected row",
    sql: `insert into TABLE (id, first, _object, _record, _version) select 5, 'Barbara', _object, 5, _version from TABLE where id = 1`,
    counts: ["MISSING_SOURCE deleted 1"],
    rows: [`MISSING_SOURCE ${change2} 1`],
  },
];

/** Puts the rows back, so that one load serves all. */
async function restored(table: OneTable, copy: string, damage: string, work: () => Promise<void>): Promise<void> {
  const name = `public.${table.name}`;
  await place.client.query(damage.replaceAll("TABLE", name).replaceAll("$1", `'${table.name}'`));
  await work();
  await place.client.query(`truncate ${name}; insert into ${name} select * from ${copy}`);
}

describe("planted", () => {
  let tables: { plain: Kept; loose: Kept };

  interface Kept {
    readonly table: OneTable;
    readonly copy: string;
  }

  const kept = async (create?: string): Promise<Kept> => {
    const table = await clean({}, create);
    const found = await validateHere(place);
    expect(found.counts).toEqual([]);
    expect(found.exit).toBe(0);
    const copy = `public.copy_of_${table.name}`;
    await place.client.query(`create table ${copy} as select * from public.${table.name}`);
    return { table, copy };
  };

  beforeAll(async () => {
    tables = { loose: await kept(noUniqueKey), plain: await kept() };
  });

  test.each(planted)("$name", async ({ sql, create, counts, rows }) => {
    const { table, copy } = create === undefined ? tables.plain : tables.loose;
    table.writeConfig();
    await restored(table, copy, sql, async () => {
      const found = await validateHere(place);
      expect(found.counts).toEqual(counts);
      expect(found.rows).toEqual(rows);
      expect(found.exit).toBe(7);
    });
  });

  test("a changed type", async () => {
    const { table } = tables.plain;
    table.writeConfig();
    await place.client.query(`alter table public.${table.name} alter amount type text`);
    const found = await validateHere(place);
    expect(found.exit).toBe(7);
    expect(found.table.compared?.columns.filter(({ expectedType }) => expectedType !== undefined)).toMatchObject([
      { column: "amount", type: "text", expectedType: "numeric(12,3)" },
    ]);
  });
});
