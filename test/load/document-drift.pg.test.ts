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
