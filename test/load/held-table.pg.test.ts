/** An object that failed holds what comes after it in an append table, and nothing in a table with a key. */
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DrayageError } from "../../src/errors.ts";
import { markObjects } from "../../src/load/mark-objects.ts";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { openSource } from "../../src/source/open-source.ts";
import { configHere } from "../support/load-here.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const strict = { reject_limit: 0, reject_limit_pct: 0 };
const append = { write_mode: "append", ...strict };

/** Four objects, the second with a record that no table takes. */
async function fourObjects(entry: object): Promise<OneTable> {
  const table = await oneTable(place, entry);
  for (const n of [1, 2, 3, 4])
    table.change(n, csv("Op,id,v", `I,${n},${n}${n === 2 ? "" : "a"}`, ...(n === 2 ? ["I,9"] : [])));
  return table;
}

const nameOf = (n: number) => `20260301-10${String(n).padStart(2, "0")}00000.csv`;

test("append: what comes after waits, in each run, until it is retried", async () => {
  const table = await fourObjects(append);
  const first = await table.load();
  expect(first.exit).toBe(5);
  expect(await table.rows("id")).toEqual(["1"]);
  expect(first.report.tables[0]?.waiting).toMatchObject(
    [3, 4].map((n) => ({
      code: "TABLE_HELD",
      key: expect.stringContaining(nameOf(n)),
      reason: expect.stringContaining(nameOf(2)),
    })),
  );
  expect(first.report.attention).toMatchObject([
    {
      cause: "failed",
      table: table.name,
      message: expect.stringMatching(/^1 object failed: REJECT_LIMIT.*what came after waits/),
    },
  ]);
  table.change(5, csv("Op,id,v", "I,5,5a"));
  const second = await table.load();
  expect(second.exit).toBe(5);
  expect(second.report.tables[0]?.waiting.map((left) => left.code)).toEqual([
    "REJECT_LIMIT",
    ...Array(3).fill("TABLE_HELD"),
  ]);
  expect(await table.rows("id")).toEqual(["1"]);
  const named = await table.load({ objects: [`${table.name}/${nameOf(2)}`], rejectLimit: 1 });
  expect(named.exit).toBe(3);
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 3 });
  expect(await table.rows("id")).toEqual(["1", "2", "3", "4", "5"]);
});

test("append: what is late, and comes before it, is loaded; mark skipped lets the rest go", async () => {
  const table = await fourObjects(append);
  await table.load();
  table.change(0, csv("Op,id,v", "I,0,0a"));
  expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
  const config = configHere(place);
  await markObjects({
    config,
    source: await openSource(config.source, {}),
    wanted: { wants: () => true, listed: () => undefined },
    mark: "skipped",
    names: [`${table.name}/${nameOf(2)}`],
    before: undefined,
    confirm: () => undefined,
  });
  const rest = await table.load();
  expect(rest).toMatchObject({ exit: 0, counts: { read: 2, inserted: 2 } });
  expect(await table.rows("id")).toEqual(["0", "1", "3", "4"]);
});

test("append: a failure that passes holds the rest for that run alone", async () => {
  const table = await oneTable(place, { write_mode: "append" });
  for (const n of [1, 2, 3]) table.change(n, csv("Op,id", `I,${n}`));
  const away = (source: ObjectSource): ObjectSource => ({
    ...source,
    open: (object, options) =>
      object.key.endsWith(nameOf(2))
        ? new Readable({ read: (): void => undefined }).destroy(new DrayageError("S3_FAILED"))
        : source.open(object, options),
  });
  const first = await table.load({ through: away });
  expect(first.exit).toBe(1);
  expect(first.failures).toEqual([expect.stringMatching(/^S3_FAILED/)]);
  expect(await table.rows("id")).toEqual(["1"]);
  expect(first.report.attention[0]?.message).toMatch(/tried again by each run; what came after waits/);
  expect(await table.load()).toMatchObject({ exit: 0, counts: { read: 2, inserted: 2 } });
});

test("with a key: nothing waits", async () => {
  const table = await fourObjects({ primary_key: ["id"], ...strict });
  const loaded = await table.load();
  expect(loaded.exit).toBe(5);
  expect(loaded.report.tables[0]?.waiting).toEqual([]);
  expect(loaded.report.attention[0]?.message).not.toMatch(/waits/);
  expect(await table.rows("id")).toEqual(["1", "3", "4"]);
});
