/** A reloaded table that gets order_by: a backfill of its full load must not take back newer changes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { backfillHere } from "../support/backfill-here.ts";
import { csv } from "../support/one-table.ts";
import { reloadedTable } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("its newer changes stay", async () => {
  const base = { primary_key: ["id"], columns: { id: "bigint" } };
  const table = await reloadedTable(place, base);
  table.fullAt("10:00", 1, csv("Op,id,v,seq", "I,1,a,", "I,2,a,"));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, csv("Op,id,v,seq", "I,1,b,", "I,2,b,"));
  await table.loadAt("13:00");
  table.configure({ ...base, order_by: "seq" });
  table.changeAt("14:00", csv("Op,id,v,seq", "U,1,newer,500"));
  const asks = await table.loadAt("14:01");
  expect(asks.failures).toEqual([expect.stringMatching(/^DDL_NEEDED/)]);
  for (const line of asks.report.tables[0]?.failures[0]?.error.lines ?? [])
    if (!line.startsWith("--")) await place.client.query(line);
  expect((await table.loadAt("14:02")).failures).toEqual([]);
  expect(await table.rows("id", "v")).toEqual(["1 newer", "2 b"]);
  const ran = await backfillHere(place, table.name, { kind: "full_load" });
  expect(ran.failures).toEqual([]);
  expect(await table.rows("id", "v")).toEqual(["1 newer", "2 b"]);
});
