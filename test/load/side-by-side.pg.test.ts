/** Full loads of one table by several workers: at the same time where plain inserts do, one after another where more is needed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { armFailpoints } from "../../src/load/failpoint.ts";
import { objectVersion, parseObjectKey } from "../../src/source/object-key.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { reloadedTable } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const rows = 22_000;

/** Some 2.4 MB: large enough for a unit of its own. */
function part(n: number, first = n * rows): string {
  return csv(
    "Op,id,v",
    ...Array.from({ length: rows }, (_, i) => `I,${first + i},${n} ${"some text to make it long ".repeat(4)}`),
  );
}

test("several workers merge at the same time, each its own objects", async () => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" } });
  for (let n = 0; n < 4; n++) table.full(n, part(n));
  let inside = 0;
  let most = 0;
  let open: (() => void) | undefined;
  const two = new Promise<void>((resolve) => {
    open = resolve;
  });
  // Under the table's lock each waits until another is there too: with an exclusive one nobody ever came.
  const disarm = armFailpoints((step) => {
    if (step === "before_commit") inside--;
    if (step !== "after_lock") return undefined;
    most = Math.max(most, ++inside);
    if (inside > 1) open?.();
    return two;
  });
  try {
    const { exit, counts, forms } = await table.load({ concurrency: 3 });
    expect({ exit, counts, forms: new Set(forms) }).toEqual({
      exit: 0,
      counts: { read: 4 * rows, inserted: 4 * rows },
      forms: new Set(["fresh"]),
    });
  } finally {
    disarm();
  }
  expect(most).toBeGreaterThan(1);
  expect(await table.rows("count(*)", "count(distinct _object)")).toEqual([`${4 * rows} 4`]);
});

test("keys that two of them share: the newer version stays, as if they had come one after another", async () => {
  const entry = { primary_key: ["id"], columns: { id: "bigint" } };
  const apart = await oneTable(place, entry);
  // Half of the keys of each are those of the one before.
  for (let n = 0; n < 4; n++) apart.full(n, part(n, (n * rows) / 2));
  const { exit, counts } = await apart.load({ concurrency: 3 });
  expect(exit).toBe(0);
  expect(counts.read).toBe(4 * rows);
  const distinct = (5 * rows) / 2;
  expect(await apart.rows("count(*)")).toEqual([String(distinct)]);
  // The version of a full load is its key's alone: of two records the higher one is there.
  const versions = [0, 1, 2, 3].map((n) => {
    const path = `${apart.name}/LOAD0000000${n}.csv`;
    const key = parseObjectKey(path, { fileTimezone: "UTC", lastModified: new Date() });
    return key === undefined ? 0n : objectVersion(path, key);
  });
  const winner = (id: number) => {
    const own = [0, 1, 2, 3].filter((n) => id >= (n * rows) / 2 && id < (n * rows) / 2 + rows);
    return own.reduce((best, n) => ((versions[n] ?? 0n) > (versions[best] ?? 0n) ? n : best));
  };
  const { rows: found } = await place.client.query<{ id: number; n: number }>(
    `select id::int, split_part(v, ' ', 1)::int as n from public.${apart.name}`,
  );
  expect(found.filter(({ id, n }) => n !== winner(id)).length).toBe(0);
});

test("a bad record in one of them costs that record", async () => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" } });
  for (let n = 0; n < 3; n++) table.full(n, n === 1 ? part(n).replace(`I,${n * rows},`, "I,x,") : part(n));
  const { exit, counts } = await table.load({ concurrency: 3 });
  expect({ exit, counts }).toEqual({ exit: 3, counts: { read: 3 * rows, inserted: 3 * rows - 1, rejected: 1 } });
});

test("a warehouse that has connections for one worker alone is loaded by one", async () => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" } });
  for (let n = 0; n < 4; n++) table.full(n, part(n));
  await place.client.query(`alter role ${place.role} connection limit 2`);
  try {
    const { exit, counts } = await table.load({ concurrency: 3 });
    expect({ exit, counts }).toEqual({ exit: 0, counts: { read: 4 * rows, inserted: 4 * rows } });
  } finally {
    await place.client.query(`alter role ${place.role} connection limit -1`);
  }
});

test("with before images: keys move after side-by-side merges, in a newer full load, and after it", async () => {
  const table = await reloadedTable(place, { dialect: { before_image: { prefix: "b_" } }, delete_limit_pct: 100 });
  const head = "Op,id,v,b_id";
  const text = "some text to make it long ".repeat(5);
  const load = (...ids: number[]) => csv(head, ...ids.map((id) => `I,${id},${text},`));
  const all = Array.from({ length: 66_000 }, (_, i) => i);
  const third = (ids: readonly number[], n: number) => ids.filter((id) => id % 3 === n);
  for (const n of [0, 1, 2]) table.fullAt(`10:0${n}`, n, load(...third(all, n)));
  table.changeAt("10:30", csv(head, "U,900001,moved,1", "U,900002,moved,2", "D,3,,", "U,1,back,900001"));
  const first = await table.loadAt("10:31", { concurrency: 3 });
  expect([first.exit, first.forms.filter((form) => form === "fresh").length]).toEqual([0, 3]);
  // 2 moved away for good, 5 moved while the task was stopped, 3 is there again.
  const newer = all.filter((id) => ![2, 5].includes(id));
  for (const n of [0, 1, 2])
    table.fullAt(`12:0${n}`, n, n === 0 ? load(...third(newer, n), 900_005) : load(...third(newer, n)));
  table.changeAt("11:00", csv(head, "U,900006,late,6"), "11:00");
  table.changeAt("12:30", csv(head, "U,900007,moved,7", "U,5,back,900005"));
  const places = new Map((await table.places("id")).map((line) => [line.split(" ")[0], line]));
  const second = await table.loadAt("12:31", { concurrency: 3 });
  expect([second.exit, second.failures, second.report.tables[0]?.removed]).toEqual([0, [], 2]);
  const ids = (await table.rows("id")).map(Number);
  expect(ids).toEqual([...all.filter((id) => ![2, 7].includes(id)), 900_007]);
  expect(await table.rows("id", "left(v, 5)").then((rows) => [rows[1], rows[4], rows.at(-1)])).toEqual([
    "1 some ",
    "5 back",
    "900007 moved",
  ]);
  const moved = (await table.places("id")).filter((line) => places.get(line.split(" ")[0]) !== line);
  expect(moved.map((line) => line.split(" ")[0])).toEqual(["1", "3", "5", "900007"]);
  const old = await place.client.query("select count(*)::int as n from pg_class where relname ~ '^shadow_'");
  expect(old.rows).toEqual([{ n: 0 }]);
});
