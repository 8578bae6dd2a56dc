/** Every BSON type in every dialect, at the top, nested and in an array: one document holds all of it, `select` gives it back. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { lookalikes, nothings, values } from "./bson-cases.ts";

interface Selected {
  readonly type: string;
  readonly text: string | null;
}

let place: Workplace;
/** By path below `_doc`. */
const cells = new Map<string, Selected>();
let elements: readonly string[] = [];
const everything = [...values, ...nothings];

beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query("set timezone = 'UTC'");
  const member = (name: string, written: string) => `"${name}":${written}`;
  const document = `{"t":0,${[
    ...everything.map(([, written], i) => member(`t${i}`, written)),
    ...lookalikes.map(([written], i) => member(`l${i}`, written)),
    member("n", `{"m":{${everything.map(([, written], i) => member(`v${i}`, written)).join(",")}}}`),
    member(
      "a",
      `[${[...everything, ...lookalikes.map(([written]) => ["", written])].map(([, written]) => written).join(", ")}]`,
    ),
  ].join(", ")}}`;
  const table = await oneTable(place, { flatten: { max_columns: 1000 } });
  table.full(1, csv("_id,_doc", `1,"${document.replaceAll('"', '""')}"`));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 1, inserted: 1 });
  const { rows: columns } = await place.client.query<{ path: string; name: string; type: string }>(
    `select substr(c.path, 6) as path, c.column_name as name, format_type(a.atttypid, a.atttypmod) as type
     from drayage.columns c join pg_attribute a on a.attrelid = $2::regclass and a.attname = c.column_name
     where c.table_name = $1 and c.path like '\\_doc:%'`,
    [table.name, `public.${table.name}`],
  );
  // As an array: a row has room for more columns than a select list.
  const { rows } = await place.client.query<{ texts: (string | null)[]; elements: string[] }>(
    `select array[${columns.map(({ name }) => `"${name.replaceAll('"', '""')}"::text`).join(", ")}] as texts,
            array(select e::text from jsonb_array_elements(a) with ordinality as x (e, n) order by n) as elements
     from public.${table.name}`,
  );
  columns.forEach(({ path, type }, i) => {
    cells.set(path, { type, text: rows[0]?.texts[i] ?? null });
  });
  elements = rows[0]?.elements ?? [];
});
afterAll(() => place.end());

describe.each(values.map((one, i) => [one[0], i, one] as const))("%s", (_what, i, [, , type, text, json]) => {
  test("at the top, nested, in an array", () => {
    expect(cells.get(`t${i}`)).toEqual({ type, text });
    expect(cells.get(`n.m.v${i}`)).toEqual({ type, text });
    expect(elements[i]).toBe(json);
  });
});

test.each(nothings.map((one, i) => [one[0], values.length + i, one[2]] as const))("%s", (_what, i, json) => {
  expect(cells.get(`t${i}`)).toBeUndefined();
  expect(cells.get(`n.m.v${i}`)).toBeUndefined();
  expect(elements[i]).toBe(json);
});

test.each(lookalikes.map(([written, expected], i) => [written, i, expected] as const))(
  "%s",
  (_written, i, expected) => {
    const below = [...cells].filter(([path]) => path.startsWith(`l${i}.`));
    expect(Object.fromEntries(below.map(([path, { text }]) => [path.slice(`l${i}.`.length), text]))).toEqual(expected);
    expect(Object.keys(JSON.parse(elements[everything.length + i] ?? "{}")).length).toBeGreaterThan(0);
  },
);
