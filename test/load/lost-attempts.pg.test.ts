/** An object that ends every loader that takes it (out of memory, killed) is not retried for ever. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("after max_attempts it waits, with its reason, until somebody names it", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, "id,a\n1,x\n");
  expect((await table.load()).exit).toBe(0);
  table.full(2, "id,a\n2,y\n");
  // What a loader leaves that was killed each time: claimed by a run whose lock is free.
  await place.client.query(
    `with lost as (
       insert into drayage.runs (command, host, pid, version, status, finished_at) values ('load', 'gone', 1, '0', 'lost', now()) returning run_id
     )
     insert into drayage.load_history (table_name, bucket, key, etag, size, last_modified, kind, status, run_id, attempts)
     select $1, $2, $3, 'x', 1, now(), 'full_load', 'loading', run_id, 24 from lost`,
    [table.name, "-", "-"],
  );
  const { rows } = await place.client.query<{ bucket: string }>(
    "select bucket from drayage.load_history where table_name = $1 and status = 'loaded'",
    [table.name],
  );
  const loaded = await table.load();
  expect(loaded.counts).toMatchObject({ read: 1, inserted: 1 });
  await place.client.query(
    `update drayage.load_history h set status = 'loading', attempts = 24,
       run_id = (select run_id from drayage.load_history l where l.key = '-' and l.table_name = $1)
     where h.table_name = $1 and h.bucket = $2 and h.key like '%LOAD00000002.csv'`,
    [table.name, rows[0]?.bucket],
  );
  const waiting = await table.load();
  expect(waiting.exit).toBe(1);
  expect(waiting.report.tables[0]?.waiting).toMatchObject([
    { code: "LOADER_LOST", reason: expect.stringContaining("24 times") },
  ]);
  const asked = await table.load({ objects: [`${table.name}/LOAD00000002.csv`] });
  expect(asked.exit).toBe(0);
});
