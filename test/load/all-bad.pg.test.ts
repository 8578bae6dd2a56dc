/** An object of which every record is bad is stopped soon after its limit, whatever is wrong with it, and leaves nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const records = 5000;
const lines = (of: (id: number) => string) => Array.from({ length: records }, (_, i) => of(i + 1));

test.each([
  ["a cast", "n integer", (id: number) => `${id},x`],
  ["NOT NULL", "n integer not null", (id: number) => `${id},`],
  ["a CHECK", "n integer check (n > 0)", (id: number) => `${id},0`],
  ["a foreign key", "n integer references TABLE", (id: number) => `${id},-1`],
] as const)("%s: exit 5 before all were tried, no row and no reject", async (_, column, record) => {
  const table = await oneTable(
    place,
    { reject_limit: 100, reject_limit_pct: 5, dialect: { nulls: [""] } },
    `create table TABLE (id integer primary key, ${column})`,
  );
  for (const [kind, body] of [
    ["full", csv("id,n", ...lines(record))],
    ["change", csv("Op,id,n", ...lines((id) => `I,${record(id)}`))],
  ] as const) {
    if (kind === "full") table.full(1, body);
    else table.change(1, body);
    const { exit, failures } = await table.load();
    expect({ exit, failures: failures.at(-1) }).toEqual({
      exit: 5,
      failures:
        "REJECT_LIMIT: More than 250 of 5000 records cannot be loaded, the rest was not tried; the limits are 100 and 5 %",
    });
    expect(await table.rows("count(*)")).toEqual(["0"]);
    expect(await table.rejects()).toEqual([]);
  }
});
