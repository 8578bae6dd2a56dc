/** Below the floor nothing is inserted, not even where a plain insert would be tried. The rest of the floor: guard-cases. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("a late full-load object, where nothing but full loads seems to have come", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, csv("id,v", "1,a"));
  await table.load();
  // As if history said so, and the floor did not.
  await place.client.query("update drayage.tables set floor = 4611686018427387904 where table_name = $1", [table.name]);
  table.full(2, csv("id,v", "2,b", "3,c"));
  const { counts, forms } = await table.load();
  expect({ counts, forms }).toEqual({ counts: { read: 2, stale: 2 }, forms: ["general"] });
  expect(await table.rows("id", "v")).toEqual(["1 a"]);
});
