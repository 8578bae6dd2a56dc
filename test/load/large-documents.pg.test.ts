/** Documents at their limits, of hostile keys too: each is loaded, rescued or rejected with its reason, and memory stays where it was. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const record = (id: number, json: string) => `I,${id},"${json.replaceAll('"', '""')}"`;
const header = "Op,_id,_doc";

/** An object around a value, `levels` times. */
const nested = (levels: number, inner = "1") => `${'{"d":'.repeat(levels)}${inner}${"}".repeat(levels)}`;

async function small(entry: object = {}): Promise<OneTable> {
  const table = await oneTable(place, entry);
  table.change(0, csv(header, record(1, '{"v":1}')));
  expect((await table.load()).failures).toEqual([]);
  return table;
}

test("5,000 keys at once: a decision for a new table; for one that is there they are rescued, and the lines take them", async () => {
  const wide = JSON.stringify({
    v: 2,
    map: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key ${i}`, i])),
  });
  const fresh = await oneTable(place);
  fresh.change(0, csv(header, record(1, wide)));
  const refused = await fresh.load();
  expect(refused.exit).toBe(6);
  expect(refused.failures[0]).toMatch(/^TOO_MANY_COLUMNS/);
  const [, line = ""] = refused.report.tables[0]?.failures[0]?.error.lines ?? [];
  expect(line).toMatch(/^ {2}map: jsonb /);
  fresh.configure({ columns: { map: "jsonb" } });
  expect((await fresh.load()).failures).toEqual([]);
  expect(await fresh.rows("_id", "v", "(select count(*) from jsonb_object_keys(map))")).toEqual(["1 2 5000"]);

  const table = await small();
  table.change(1, csv(header, record(2, wide), record(3, '{"v":3}')));
  const { exit, counts } = await table.load();
  expect(exit).toBe(6);
  expect(counts).toEqual({ read: 2, inserted: 2 });
  expect(await table.rows("_id", "v", "(select count(*) from jsonb_object_keys(_rescued))")).toEqual([
    "1 1 0",
    "2 2 5000",
    "3 3 0",
  ]);
});

test("97 levels are JSON below max_depth; more than limits.max_depth are too_deep", async () => {
  const table = await small({ contract: { max_new_columns: 50 } });
  const deep = (levels: number) => `{"v":${levels},"a":${nested(levels)}}`;
  table.change(1, csv(header, record(2, deep(96)), record(3, deep(1_000)), record(4, '{"v":4}')));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 3, inserted: 2, rejected: 1 });
  expect(await table.rejects()).toEqual(["2 too_deep _doc -"]);
  const [column] = await table.query(
    `select attname from pg_attribute where attrelid = 'TABLE'::regclass and attname ~ '^a__' and $1 = $1`,
  );
  expect(await table.rows("_id", `length(regexp_replace(${column}::text, '[^{]', '', 'g'))`)).toEqual([
    "1 -",
    `2 ${96 - 7}`,
    "4 -",
  ]);
});

test("keys that would be SQL, prototypes, or other columns", async () => {
  const table = await small();
  const keys = [
    '"; drop table x; --',
    "__proto__",
    "constructor",
    "_version",
    "ctid",
    "",
    "a.b",
    "A.B",
    "é".repeat(150),
    "$where",
    "V",
  ];
  // JSON.stringify of an object literal would lose __proto__.
  const hostile = `{"v":2,${keys.map((key, i) => `${JSON.stringify(key)}:${i}`).join(",")}}`;
  table.change(1, csv(header, record(2, hostile), record(3, '{"__proto__":{"polluted":1},"v":3}')));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 2, inserted: 2 });
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  const { rows } = await place.client.query<{ path: string; column_name: string }>(
    "select path, column_name from drayage.columns where table_name = $1 and path <> '_doc:v' and path ~ '^_doc'",
    [table.name],
  );
  expect(rows).toHaveLength(keys.length + 1);
  expect(new Set(rows.map((row) => row.column_name)).size).toBe(rows.length);
  const cells = rows.map((row) => `"${row.column_name.replaceAll('"', '""')}"`).join(", ");
  const [values = ""] = await table.query(
    `select array_to_string(array(select v from unnest(array[${cells}]::text[]) v order by v::integer), ' ') from TABLE where _id = '2' and $1 = $1`,
  );
  expect(values.split(" ").filter((value) => value !== "")).toEqual(keys.map((_, i) => String(i)));
});

/** Half a minute: by `npm run test:long`. */
test.runIf(process.env.LONG !== undefined)(
  "a document of 15 MB, and many of them: all of it is there, memory is not",
  async () => {
    const table = await small();
    const big = (id: number) => {
      const items = Array.from({ length: 150_000 }, (_, i) => `{"i":{"$numberInt":"${i}"},"t":"${"x".repeat(60)}"}`);
      return record(id, `{"v":${id},"items":[${items.join(",")}]}`);
    };
    table.change(1, csv(header, big(2)));
    const body = csv(header, big(3), big(4), big(5), big(6));
    expect(body.length).toBeGreaterThan(60_000_000);
    table.change(2, body);
    const before = process.memoryUsage().rss;
    let most = 0;
    const sampling = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    try {
      const { failures, counts } = await table.load();
      expect(failures).toEqual([]);
      expect(counts).toEqual({ read: 5, inserted: 5 });
    } finally {
      clearInterval(sampling);
    }
    expect(await table.rows("_id", "jsonb_array_length(items)", "items -> 149999 ->> 'i'")).toEqual([
      "1 - -",
      ...[2, 3, 4, 5, 6].map((id) => `${id} 150000 149999`),
    ]);
    // A record is held whole, a few times over; five of them at once would be far more.
    expect((most - before) / 2 ** 20).toBeLessThan(400);
  },
);
