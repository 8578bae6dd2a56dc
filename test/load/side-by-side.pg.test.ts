/** Full loads of one table by several workers: at the same time where plain inserts do, one after another where more is needed. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { armFailpoints } from "../../src/load/failpoint.ts";
import { objectVersion, parseObjectKey } from "../../src/source/object-key.ts";
import { csv, oneTable } from "../support/one-table.ts";
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
