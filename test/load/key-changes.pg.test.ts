/** Before images in objects without a header, and of many rows at once. What becomes of the rows: guard-cases. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const create = "create table TABLE (id bigint primary key, v text, n integer check (n < 100), _deleted_at timestamptz)";

test("without a header, two key columns, order_by and a time; DMS fills what changed alone", async () => {
  const table = await oneTable(place, {
    primary_key: ["shop", "no"],
    order_by: "seq",
    columns: [{ shop: "bigint" }, { no: "bigint" }, "v", "seq", "BI_shop", { BI_no: "ignore" }],
    dialect: { before_image: { prefix: "BI_" }, timestamp_column: "at" },
  });
  const at = "2026-03-01 10:00:00.000000";
  table.change(
    1,
    csv(`I,${at},30004,1,11,1,,`, `I,${at},30004,2,12,2,,`, `U,${at},30004,66,11,3,,1`, `I,${at},30004,3,13,4,,`),
  );
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 4, inserted: 3, superseded: 1 });
  expect(await table.rows("no", "shop", "v")).toEqual(["2 30004 12", "3 30004 13", "66 30004 11"]);
  const { rows } = await place.client.query(
    "select from pg_attribute where attrelid = $1::regclass and attname ~* '^bi_'",
    [`public.${table.name}`],
  );
  expect(rows, "before images are no columns").toEqual([]);
});

test("many keys that move are no deletes that a limit is about", async () => {
  const table = await oneTable(place, { delete_limit_pct: 1, dialect: { before_image: { prefix: "b_" } } }, create);
  const ids = Array.from({ length: 1200 }, (_, i) => i + 1);
  const moved = ids.slice(0, 130);
  table.full(1, csv("id,v,n", ...ids.map((id) => `${id},x,1`)));
  await table.load();
  table.change(1, csv("Op,id,v,n,b_id", ...moved.map((id) => `U,${id + 10_000},x,1,${id}`), "U,20001,y,100,10001"));
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 131, inserted: 130, rejected: 1 });
  expect(await table.rows("count(*)", "min(id)", "max(id)")).toEqual(["1200 131 10130"]);
});
