/** Objects may come in any order and in any company: the table ends as if they had come one by one, in order. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadTogether, openTables } from "../support/lockstep.ts";
import { csv } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

interface Change {
  readonly op: "I" | "U" | "D";
  readonly id: number;
  /** `bad` cannot be cast, 99 is refused by the CHECK. */
  readonly n: number | "bad";
}

const change: fc.Arbitrary<Change> = fc.record({
  op: fc.constantFrom("I", "U", "U", "D"),
  id: fc.integer({ min: 1, max: 4 }),
  n: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 50 }) },
    { weight: 1, arbitrary: fc.constant("bad" as const) },
    { weight: 1, arbitrary: fc.constant(99) },
  ),
});

const objectCount = 5;
const loads = 4;
const schedule = fc.record({
  /** The first is a full load: of it only ids and cells count. */
  objects: fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), {
    minLength: objectCount,
    maxLength: objectCount,
  }),
  /** Number of the load before which each object arrives. */
  arrivals: fc.array(fc.nat({ max: loads - 1 }), { minLength: objectCount, maxLength: objectCount }),
  deletes: fc.constantFrom("hard", "soft", "ignore"),
});

/** Rows by key: the value, and whether the row is deleted. */
function inOrder(objects: readonly (readonly Change[])[], deletes: string): string[] {
  const rows = new Map<number, { n: number; deleted: boolean }>();
  for (const [i, records] of objects.entries()) {
    for (const { op, id, n } of records) {
      const row = rows.get(id);
      if (op === "D" && i > 0) {
        if (deletes === "hard") rows.delete(id);
        else if (deletes === "soft" && row !== undefined) row.deleted = true;
      } else if (n !== "bad" && n !== 99) rows.set(id, { n, deleted: false });
    }
  }
  const lines = [...rows].map(([id, { n, deleted }]) => `${id} ${n} ${deleted}`);
  return lines.toSorted();
}

let made = 0;

test("loading all objects of a table with a key in any order gives the same values", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(schedule, { minLength: 1, maxLength: 12, size: "max" }), async (schedules) => {
      const tables = schedules.map(({ deletes }) => ({
        name: `t${++made}`,
        entry: { deletes, reject_limit: 1000, delete_limit_pct: 100 },
        create: "create table TABLE (id integer primary key, n integer check (n <> 99), _deleted_at timestamptz)",
      }));
      await openTables(place, tables);
      for (let load = 0; load < loads; load++) {
        for (const [t, { objects, arrivals }] of schedules.entries())
          for (const [i, records] of objects.entries())
            if (arrivals[i] === load) put(tables[t]?.name ?? "", i, records);
        expect((await loadTogether(place)).failures).toEqual([]);
      }
      for (const [t, { objects, deletes }] of schedules.entries()) {
        const name = tables[t]?.name ?? "";
        const { rows: read } = await place.client.query<{ read: number }>(
          "select sum(rows_read)::int as read from drayage.load_history where table_name = $1",
          [name],
        );
        expect(read[0]?.read).toBe(objects.flat().length);
        const { rows } = await place.client.query<{ line: string }>(
          `select concat_ws(' ', id, n, (_deleted_at is not null)::text) as line from public.${name} order by 1`,
        );
        // A delete that came before its row leaves a tombstone alone: with soft deletes the order decides whether the dead row is there.
        const late = deletes === "soft" ? (line: string) => !line.endsWith(" true") : () => true;
        expect(rows.map(({ line }) => line).filter(late)).toEqual(inOrder(objects, deletes).filter(late));
      }
    }),
    { numRuns: process.env.LONG === "1" ? 25 : 2 },
  );
});

function put(table: string, i: number, records: readonly Change[]): void {
  const lines = records.map(({ op, id, n }) => `${op},${id},${n}`);
  if (i > 0) place.put(`${table}/20260301-100${i}00000.csv`, csv("Op,id,n", ...lines));
  else place.put(`${table}/LOAD00000001.csv`, csv("id,n", ...lines.map((line) => line.slice(2))));
}
