/** Limits hold for a unit as a whole, and what was stopped by one is loaded once somebody raised it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

test("deletes over many small objects are stopped together, not let through one by one", async () => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" } });
  table.full(
    1,
    `id,a\n${ids(1, 1500)
      .map((id) => `${id},x`)
      .join("\n")}\n`,
  );
  expect((await table.load()).exit).toBe(0);
  for (let n = 0; n < 10; n++)
    table.change(
      n,
      `Op,id,a\n${ids(n * 100 + 1, 100)
        .map((id) => `D,${id},x`)
        .join("\n")}\n`,
    );
  const stopped = await table.load();
  expect(stopped.exit).toBe(5);
  expect(stopped.failures).toEqual([expect.stringMatching(/^DELETE_LIMIT: .*1000 of 1500 rows/)]);
  expect(await table.rows("count(*)")).toEqual(["1500"]);
  const allowed = await table.load({ allowDeletes: true });
  expect(allowed).toMatchObject({ exit: 0, counts: { deleted: 1000 } });
  expect(await table.rows("count(*)")).toEqual(["500"]);
});

test("an object past its reject limits is loaded once --reject-limit is raised", async () => {
  const table = await oneTable(place, {
    primary_key: ["id"],
    columns: { id: "bigint" },
    reject_limit: 2,
    reject_limit_pct: 1,
  });
  table.full(1, `id,a\n${ids(1, 20).join(",x\n")},x\nbad,x\nworse,x\nworst,x\n`);
  expect(await table.load()).toMatchObject({ exit: 5 });
  expect((await table.load()).exit).toBe(5);
  expect(await table.load({ rejectLimit: 10 })).toMatchObject({ exit: 3, counts: { inserted: 20, rejected: 3 } });
});
