/** An object that breaks while it is staged costs itself alone: not the records of its unit, nor the tables after it. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadHere } from "../support/load-here.ts";
import { csv } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

function configure(...tables: readonly string[]): void {
  const entries = tables.map((name) => [name, { prefix: name, primary_key: ["id"], document: "doc" }]);
  place.config(
    JSON.stringify({
      source: { url: place.source },
      warehouse: { url: place.url, schema: "public" },
      tables: Object.fromEntries(entries),
    }),
  );
}

const quoted = (value: unknown) => `"${JSON.stringify(value).replaceAll('"', '""')}"`;

function documents(prefix: string, values: readonly unknown[]): string {
  return csv("Op,id,doc", ...values.map((value, i) => `I,${prefix}${i},${quoted(value)}`));
}

test.each([
  ["before", "20260301-100100000"],
  ["after", "20260301-100300000"],
])("the documents of an object that breaks off change nothing, %s the others of the unit", async (when, name) => {
  const table = `broken_${when}`;
  configure(table);
  const noise = Array.from({ length: 9000 }, (_, i) => ({ a: `s${i}`, noise: String(Math.sin(i)) }));
  // At its third record `a` becomes JSON, which the broken object alone would do; `fresh` is a path that no other has.
  const cut = gzipSync(documents("x", [{ a: "s" }, { a: "s" }, { a: [1] }, { fresh: 1 }, ...noise]));
  place.put(`${table}/20260301-100000000.csv`, documents("a", [{ a: "one" }, { a: "1" }]));
  place.put(`${table}/${name}.csv.gz`, cut.subarray(0, cut.length - 5000));
  place.put(`${table}/20260301-100200000.csv`, documents("b", [{ a: "two" }, { a: "2" }, { a: "3" }, { a: "four" }]));
  const { failures, counts, forms } = await loadHere(place);
  expect(failures).toEqual(["GZIP_BROKEN: The object is not a complete gzip file"]);
  expect(counts).toEqual({ read: 6, inserted: 6 });
  // One unit: it was not taken apart because of the one that broke.
  expect(forms).toEqual(["general"]);
  const { rows } = await place.client.query(
    `select id, a #>> '{}' as a, jsonb_typeof(a) as type from public.${table} order by id`,
  );
  expect(rows.map(({ id, a, type }) => `${id} ${a} ${type}`)).toEqual([
    "a0 one string",
    "a1 1 string",
    "b0 two string",
    "b1 2 string",
    "b2 3 string",
    "b3 four string",
  ]);
});

test("a row that no page of PostgreSQL takes costs its object alone", async () => {
  configure("wide", "wide_next");
  const names = Array.from({ length: 700 }, (_, i) => `c${i}`);
  const header = ["id", ...names].join(",");
  place.put(
    "wide/LOAD00000001.csv",
    csv(header, ["1", ...names.map((name) => `a text of thirty letters ${name}`)].join(",")),
  );
  place.put("wide/LOAD00000002.csv", csv(header, ["2", ...names.map(() => "x")].join(",")));
  place.put("wide_next/LOAD00000001.csv", csv("id,v", "1,a"));
  const { exit, failures, counts } = await loadHere(place);
  expect(exit).toBe(1);
  expect(failures).toEqual([
    "WAREHOUSE_FAILED: Could not stage the object: the server refused a statement (SQLSTATE 54000)",
  ]);
  expect(counts).toEqual({ read: 2, inserted: 2 });
});
