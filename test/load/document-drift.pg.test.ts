/** A path whose type changes from object to object: its column grows, and no value is lost on the way. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const line = (id: number, value: unknown) =>
  `${id},"${JSON.stringify({ _id: String(id), ...(value === undefined ? {} : { v: value }) }).replaceAll('"', '""')}"`;

async function typeOf(table: OneTable): Promise<string> {
  const { rows } = await place.client.query<{ type: string }>(
    "select format_type(atttypid, atttypmod) as type from pg_attribute where attrelid = $1::regclass and attname = 'v'",
    [`public.${table.name}`],
  );
  return rows[0]?.type ?? "none";
}

/** Values by load, the type after it, and what the column then holds. */
const drifts: Readonly<Record<string, readonly (readonly [value: unknown, type: string, cells: readonly string[]])[]>> =
  {
    "integer, fraction, string, array": [
      [1, "bigint", ["1 1"]],
      [1.5, "double precision", ["1 1", "2 1.5"]],
      ["x", "text", ["1 1", "2 1.5", "3 x"]],
      [[1, "a"], "jsonb", ['1 "1"', '2 "1.5"', '3 "x"', '4 [1, "a"]']],
    ],
    "absent, boolean, integer": [
      [undefined, "none", []],
      [true, "boolean", ["1 -", "2 true"]],
      [7, "text", ["1 -", "2 true", "3 7"]],
    ],
    "beyond 2^53, then a fraction: exact": [
      [{ $numberLong: "9007199254740993" }, "bigint", ["1 9007199254740993"]],
      [0.5, "numeric", ["1 9007199254740993", "2 0.5"]],
    ],
    "date, then object": [
      [{ $date: { $numberLong: "0" } }, "timestamp with time zone", ["1 1970-01-01 00:00:00+00"]],
      [[{ a: 1 }], "jsonb", ['1 "1970-01-01T00:00:00+00:00"', '2 [{"a": 1}]']],
    ],
  };

test.each(Object.entries(drifts))("%s", async (_, steps) => {
  await place.client.query("set timezone = 'UTC'");
  const table = await oneTable(place);
  for (const [i, [value, type, cells]] of steps.entries()) {
    table.change(i, csv("Op,_id,_doc", `I,${line(i + 1, value)}`));
    const { failures, counts } = await table.load();
    expect(failures).toEqual([]);
    expect(counts).toEqual({ read: 1, inserted: 1 });
    expect(await typeOf(table)).toBe(type);
    if (type !== "none") expect(await table.rows("_id", "v")).toEqual(cells);
  }
});

test("any order of arrival ends in the same type", async () => {
  const values = [1, 1.5, "x", [1]];
  const types: string[] = [];
  for (const order of [
    [0, 1, 2, 3],
    [3, 2, 1, 0],
    [2, 0, 3, 1],
  ]) {
    const table = await oneTable(place);
    for (const i of order) {
      table.change(i, csv("Op,_id,_doc", `I,${line(i + 1, values[i])}`));
      expect((await table.load()).failures).toEqual([]);
    }
    types.push(await typeOf(table));
  }
  const table = await oneTable(place);
  table.change(1, csv("Op,_id,_doc", ...values.map((value, i) => `I,${line(i + 1, value)}`)));
  expect((await table.load()).failures).toEqual([]);
  types.push(await typeOf(table));
  expect(new Set(types)).toEqual(new Set(["jsonb"]));
});

test("a new table is made once, for what all of its pending objects hold, in whatever order they are loaded", async () => {
  const values: readonly Record<string, unknown>[] = [
    { v: 1, w: 1, only: { first: true } },
    { v: { $numberLong: "9007199254740993" }, w: [1] },
    { v: 1.5, "W ": 2, late: { $date: "2026-03-01T00:00:00Z" } },
  ];
  const made: string[] = [];
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ]) {
    // A full load and changes are never one unit, and neither are objects with other columns.
    const table = await oneTable(place);
    for (const [at, i] of order.entries()) {
      const document = `"${JSON.stringify({ _id: `${i}`, ...values[i] }).replaceAll('"', '""')}"`;
      if (at === 0) table.full(1, csv("_id,_doc", `${i},${document}`));
      else
        table.change(
          at,
          csv(at === 1 ? "Op,_id,_doc" : "Op,_doc,_id", `I,${at === 1 ? `${i},${document}` : `${document},${i}`}`),
        );
    }
    const { failures, report, forms } = await table.load();
    expect(failures).toEqual([]);
    expect(forms).toHaveLength(3);
    const ddl = report.tables.flatMap((one) => one.ddl).filter((statement) => !statement.startsWith("create schema"));
    expect(ddl).toEqual([expect.stringMatching(/^create table/)]);
    const { rows } = await place.client.query<{ line: string }>(
      `select attname || ' ' || format_type(atttypid, atttypmod) as line from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and attname !~ '^_' order by attname collate "C"`,
      [`public.${table.name}`],
    );
    made.push(rows.map((row) => row.line).join(", "));
    expect(await table.rows("_id", "v", "only__first")).toEqual(["0 1 true", "1 9007199254740993 -", "2 1.5 -"]);
  }
  expect(new Set(made)).toEqual(
    new Set(["late timestamp with time zone, only__first boolean, v numeric, w jsonb, w_ bigint"]),
  );
});
