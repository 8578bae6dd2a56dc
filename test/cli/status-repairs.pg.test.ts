/** What was changed so that PostgreSQL can hold it is counted by column, and status says so for a day. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadHere } from "../support/load-here.ts";
import { csv } from "../support/one-table.ts";
import { programHere } from "../support/program-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  const tables = { orders: { prefix: "o", primary_key: ["id"] }, notes: { prefix: "n", primary_key: ["id"] } };
  place.config(JSON.stringify({ source: { url: place.source }, warehouse: { url: place.url }, tables }));
});
afterAll(() => place.end());

test("status names the columns and counts of the last 24 hours, in a line and as JSON", async () => {
  place.put("o/LOAD00000001.csv", csv("id,v,w", "1,a\0b,x", "2,c\0,d\0", "3,fine,fine"));
  place.put("n/LOAD00000001.csv", csv("id,v", "1,fine"));
  expect((await loadHere(place)).report.tables.map((table) => [...table.repairs])).toEqual([
    [],
    [
      ["v", 2],
      ["w", 1],
    ],
  ]);
  const said =
    "repaired   orders.v 2, orders.w 1: characters that PostgreSQL cannot hold became U+FFFD in the last 24 h";
  const lines = async (...args: string[]) => (await programHere(place, "status", ...args)).stdout.split("\n");
  expect(await lines()).toContain(said);
  expect(await lines("orders")).toContain(said);
  expect((await lines("notes")).filter((line) => line.startsWith("repaired"))).toEqual([]);
  const { tables } = JSON.parse((await lines("--json")).join("\n")) as { tables: unknown[] };
  expect(tables).toMatchObject([
    { table: "notes", repairs: {} },
    { table: "orders", repairs: { v: 2, w: 1 } },
  ]);
  await place.client.query("update drayage.load_history set finished_at = now() - interval '25 hours'");
  expect((await lines()).filter((line) => line.startsWith("repaired"))).toEqual([]);
});
