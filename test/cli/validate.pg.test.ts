/** validate and refresh on the command line: text, JSON and page without cell values, temporary tables alone, and what cannot be compared. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { programHere } from "../support/program-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
const secret = "s3cr3t-cell";

beforeAll(async () => {
  place = await openWorkplace();
  place.config(`
source: { url: "${place.source}" }
warehouse: { url: "\${DATABASE_URL}", schema: shop }
tables:
  orders: { prefix: shop/orders, primary_key: [id], columns: { id: bigint, paid: boolean } }
  people: { prefix: shop/people, document: _doc }
  logs: { prefix: shop/logs, write_mode: append, columns: { id: bigint, line: text } }
  lists: { prefix: shop/lists, primary_key: [id], full_load: changes }
`);
  const rows = Array.from({ length: 40 }, (_, i) => `${i + 1},${secret}-${i},true`);
  place.put("shop/orders/LOAD00000001.csv", `id,note,paid\n${rows.join("\n")}\n`);
  place.put(
    "shop/orders/20260301-100000000.csv",
    `Op,id,note,paid\nU,3,${secret}-new,perhaps\nU,4,${secret}-new,false\nD,5,,\n`,
  );
  place.put(
    "shop/people/LOAD00000001.csv",
    `_id,_doc\na,"{""n"":1,""s"":""${secret}""}"\nb,"{""n"":9007199254740993,""t"":[1,2]}"\n`,
  );
  place.put("shop/logs/LOAD00000001.csv", "id,line\n1,one\n2,two\n");
  place.put("shop/lists/LOAD00000001.csv", "id,v\n1,a\n");
  expect((await programHere(place, "load")).exit).toBe(3);
});

afterAll(() => place.end());

/** Everything that the database holds for good. */
async function kept(): Promise<string> {
  const { rows } = await place.client.query(
    `select relname, relfilenode from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where nspname in ('shop', 'drayage', 'public') order by 1`,
  );
  const { rows: state } = await place.client.query(
    "select (select count(*) from drayage.runs) as runs, (select string_agg(h::text, '' order by id) from drayage.load_history h) as history",
  );
  return JSON.stringify([rows, state]);
}

test("clean tables are right: a reject is in neither side, a document's columns are compared, rows of an append table are counted", async () => {
  const before = await kept();
  const page = join(place.dir, "report.html");
  const told = await programHere(place, "validate", "orders", "people", "logs", "--report", page);
  expect(told.exit).toBe(0);
  expect(told.stdout).toContain("shop.orders  equal to its objects");
  expect(told.stdout).toContain("1 record in rejects");
  expect(told.stdout).toContain("shop.people  equal to its objects");
  expect(told.stdout).toMatch(/shop\.logs {2}equal to its objects\n {2}2 rows of 1 object/);
  const html = readFileSync(page, "utf8");
  expect(html).toContain("Every table is what its objects say");
  for (const text of [told.stdout, told.stderr, html]) expect(text).not.toContain(secret);
  expect(html).not.toMatch(/<script|https?:/);
  expect(await kept()).toBe(before);
});

test("a difference is exit 7, in text, JSON and page; its cells only for who asks", async () => {
  await place.client.query("update shop.orders set note = 'other' where id = 7");
  await place.client.query("delete from shop.people where _id = 'b'");
  const counts = join(place.dir, "counts.csv");
  writeFileSync(counts, "table,count\nshop.orders,38\npeople,2\n");
  const page = join(place.dir, "report.html");
  const told = await programHere(place, "validate", "orders", "people", "--counts", counts, "--report", page, "--json");
  expect(told.exit).toBe(7);
  const json = JSON.parse(told.stdout) as {
    tables: {
      table: string;
      source_count: number;
      rows: { table: number };
      differences: unknown[];
      listed: unknown[];
    }[];
  };
  expect(
    json.tables.map(({ table, differences, source_count, rows }) => [table, differences, source_count, rows.table]),
  ).toEqual([
    ["orders", [{ code: "RECORD_DIFF", why: "changed", rows: 1 }], 38, 39],
    ["people", [{ code: "MISSING_TARGET", why: "missing", rows: 1 }], 2, 1],
  ]);
  expect(json.tables[0]?.listed).toMatchObject([
    { object: "shop/orders/LOAD00000001.csv", record: 7, columns: ["note"], key: ["9"] },
  ]);
  expect(told.stdout + readFileSync(page, "utf8")).not.toContain(secret);
  const asked = await programHere(place, "validate", "orders", "--samples", "full");
  expect(asked.stdout).toContain(secret);
});

test("refresh prints the difference, mends it, and says nothing is left", async () => {
  expect((await programHere(place, "refresh", "orders", "--dry-run")).exit).toBe(7);
  const mended = await programHere(place, "refresh", "orders");
  expect(mended).toMatchObject({ exit: 0 });
  expect(mended.stdout).toMatch(/RECORD_DIFF +1 .*\n[\s\S]*refreshed {2}0 rows removed, 1 changed, 0 brought back/);
  expect((await programHere(place, "refresh", "orders", "--json")).stdout).toContain('"applied": null');
  expect((await programHere(place, "refresh", "people")).exit).toBe(0);
  expect((await programHere(place, "validate", "orders", "people")).exit).toBe(0);
});

test("a sample is of the same keys on both sides", async () => {
  const whole = await programHere(place, "validate", "orders", "--sample", "8", "--json");
  expect(JSON.parse(whole.stdout)).toMatchObject({ exit: 0, tables: [{ one_in: 4, right: true }] });
  await place.client.query("update shop.orders set note = 'other'");
  const { tables } = JSON.parse((await programHere(place, "validate", "orders", "--sample", "8", "--json")).stdout) as {
    tables: { rows: { table: number; source: number }; differences: { rows: number }[] }[];
  };
  expect(tables[0]?.rows.source).toBe(tables[0]?.rows.table);
  expect(tables[0]?.differences).toMatchObject([{ rows: tables[0]?.rows.table }]);
  await programHere(place, "refresh", "orders");
});

test("as of, on the command line: paused, waiting, forward again", async () => {
  const back = await programHere(place, "refresh", "orders", "--as-of", "2026-03-01T09:30");
  expect(back.exit).toBe(6);
  place.put("shop/orders/20260301-110000000.csv", "Op,id,note,paid\nU,4,bad,false\n");
  await programHere(place, "load", "orders");
  const told = await programHere(place, "refresh", "orders", "--as-of", "2026-03-01T10:30", "--reason", "bad export");
  expect(told.exit).toBe(0);
  expect(told.stdout).toContain("it is paused, 1 object waiting:\n    shop/orders/20260301-110000000.csv");
  const status = await programHere(place, "status", "orders");
  expect(status.stdout).toContain("Paused: as of 2026-03-01 10:30 UTC: bad export, 1 object waiting");
  await programHere(place, "mark", "skipped", "orders", "--object", "shop/orders/20260301-110000000.csv");
  await programHere(place, "resume", "orders");
  expect((await programHere(place, "load", "orders")).stdout).toContain("Nothing new");
  const { rows } = await place.client.query("select note from shop.orders where id = 4");
  expect(rows).toEqual([{ note: `${secret}-new` }]);
});

test("what cannot be compared says why", async () => {
  const lists = await programHere(place, "validate", "lists");
  expect(lists.exit).toBe(2);
  expect(lists.stdout).toContain("NOT_COMPARABLE  With full_load: changes");
  const logs = await programHere(place, "refresh", "logs");
  expect(logs.exit).toBe(2);
  expect(logs.stderr).toContain("NOT_COMPARABLE  An append table has no key");
  await place.client.query("delete from shop.logs where line = 'one'");
  expect(await programHere(place, "validate", "logs")).toMatchObject({ exit: 7 });
});
