/** Objects may come in any order and in any company: the table ends as if they had come one by one, in order. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
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
const schedule = fc.record({
  objects: fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), {
    minLength: objectCount,
    maxLength: objectCount,
  }),
  /** Number of the load before which each object arrives. */
  arrivals: fc.array(fc.nat({ max: 3 }), { minLength: objectCount, maxLength: objectCount }),
  deletes: fc.constantFrom("hard", "soft", "ignore"),
});

/** Rows by key: the value, and whether the row is deleted. */
function inOrder(objects: readonly (readonly Change[])[], deletes: string): string[] {
  const rows = new Map<number, { n: number; deleted: boolean }>();
  for (const { op, id, n } of objects.flat()) {
    const row = rows.get(id);
    if (op === "D") {
      if (deletes === "hard") rows.delete(id);
      else if (deletes === "soft" && row !== undefined) row.deleted = true;
    } else if (n !== "bad" && n !== 99) rows.set(id, { n, deleted: false });
  }
  const lines = [...rows].map(([id, { n, deleted }]) => `${id} ${n} ${deleted}`);
  return lines.toSorted();
}

test("the end state does not depend on arrival or on batches", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(schedule, async ({ objects, arrivals, deletes }) => {
      const table = await oneTable(
        place,
        { deletes, reject_limit: 1000 },
        "create table TABLE (id integer primary key, n integer check (n <> 99), _deleted_at timestamptz)",
      );
      let read = 0;
      for (let load = 0; load <= 3; load++) {
        for (const [i, records] of objects.entries()) {
          if (arrivals[i] === load)
            table.change(i, csv("Op,id,n", ...records.map(({ op, id, n }) => `${op},${id},${n}`)));
        }
        const { failures, counts } = await table.load();
        expect(failures).toEqual([]);
        read += counts.read ?? 0;
      }
      expect(read).toBe(objects.flat().length);
      const rows = await table.rows("id", "n", "_deleted_at is not null");
      // A delete that came before its row leaves a tombstone alone: with soft deletes the order decides whether the dead row is there.
      const late = deletes === "soft" ? (line: string) => !line.endsWith(" true") : () => true;
      expect(rows.filter(late)).toEqual(inOrder(objects, deletes).filter(late));
    }),
    { numRuns: process.env.LONG === "1" ? 150 : 12 },
  );
});
