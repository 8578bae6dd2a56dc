/** A table, key, column, path, option or command that is misspelled is answered with the one that was probably meant. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;

beforeAll(async () => {
  place = await openWorkplace();
  place.put("shop/orders/LOAD00000001.csv", csv("Op,id,amount", "I,1,2"));
  place.put("shop/lines/LOAD00000001.csv", csv("Op,id", "I,1"));
  place.put("shop/keys/LOAD00000001.csv", csv("Op,number", "I,1"));
  place.config(`source: { url: "${place.source}" }
warehouse: { url: "${place.url}" }
tables:
  orders: { prefix: shop/orders, primary_key: [id], columns: { amont: numeric } }
  lines: { prefix: shop/lnes, primary_key: [id] }
  keys: { prefix: shop/keys, primary_key: [nubmer] }
`);
  await place.run(["load", "--quiet", "orders"]);
});
afterAll(() => place.end());

test.each([
  ["a command", ["laod"], /did you mean load\?/i],
  ["a command of a group", ["rejects", "lst", "orders"], /did you mean rejects list\?/],
  ["an option", ["load", "--concurency", "2"], /did you mean --concurrency\?/i],
  ["what an option takes", ["history", "--status", "laoded"], /Did you mean loaded\?/],
  ["a reject's reason", ["rejects", "list", "--reason", "csat"], /Did you mean cast\?/],
  ["an argument", ["mark", "skiped", "orders"], /Did you mean skipped\?/],
  ["a table", ["load", "ordrs"], /did you mean orders\?/],
  ["an object", ["load", "--object", "shop/orders/LOAD00000002.csv"], /did you mean shop\/orders\/LOAD00000001\.csv\?/],
  ["a key column", ["load", "keys"], /did you mean number\?/],
  ["a folder of the config, in load", ["load"], /no object below shop\/lnes \(line 5 .*did you mean shop\/lines\?/],
  ["a folder of the config, in plan", ["plan"], /no object below shop\/lnes \(line 5 .*did you mean shop\/lines\?/],
  ["a folder on the command line", ["plan", "shop/ordres"], /did you mean shop\/orders\?/],
])("%s", async (_, args, meant) => {
  const { stdout, stderr } = await place.run(args);
  expect(stdout + stderr).toMatch(meant);
});

test("a column of the config that nothing read bears, in plan", async () => {
  place.put("shop/orders/20260301-100000000.csv", csv("Op,id,amount", "I,2,2"));
  expect((await place.run(["plan", "orders"])).stdout).toContain(
    "note  columns: amont is nowhere in what was read; did you mean amount?",
  );
});
