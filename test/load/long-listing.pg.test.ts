/** 100,000 objects under one prefix, 50 of them new: listed and planned, listed and loaded, within five seconds each and in flat memory. */
import { availableParallelism, loadavg } from "node:os";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ListedObject, ObjectSource } from "../../src/source/object-source.ts";
import { loadHere, planHere } from "../support/load-here.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const count = 100_000;
const fresh = 50;
const began = Date.UTC(2026, 0, 1);

let place: Workplace;
let table: OneTable;
beforeAll(async () => {
  place = await openWorkplace();
  table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, csv("id,v", "1,a"));
  expect(await table.load()).toMatchObject({ exit: 0 });
  await place.client.query(
    `insert into drayage.load_history (table_name, bucket, key, etag, size, last_modified, kind, file_time, status, rows_read,
       rows_inserted, rows_updated, rows_unchanged, rows_deleted, rows_superseded, rows_stale, rows_ignored, rows_rejected)
     select $1, 'lake', $1 || '/' || to_char(t at time zone 'UTC', 'YYYYMMDD-HH24MISSMS') || '.csv', 'e' || i, 14, t, 'change', t, 'loaded',
            0, 0, 0, 0, 0, 0, 0, 0, 0
     from (select i, timestamptz '2026-01-01 00:00:00Z' + i * interval '1 minute' as t from generate_series(0, $2::int - 1) i) x`,
    [table.name, count - fresh],
  );
  await place.client.query("analyze drayage.load_history");
});
afterAll(() => place.end());

/** What S3 would list, made page by page: nothing of it is held by the test. */
function objectAt(i: number): ListedObject {
  const lastModified = new Date(began + i * 60_000);
  const name = lastModified
    .toISOString()
    .replaceAll(/[-:.Z]/g, "")
    .replace("T", "-");
  const key = `${table.name}/${name}.csv`;
  return { bucket: "lake", key, path: key, etag: `e${i}`, size: 14, lastModified, storageClass: undefined };
}

function longSource(source: ObjectSource): ObjectSource {
  async function* list() {
    for (let i = 0; i < count; i += 1000) yield Array.from({ length: 1000 }, (_, k) => objectAt(i + k));
  }
  return { ...source, list, open: () => Readable.from([Buffer.from("Op,id,v\nU,1,b\n")], { objectMode: false }) };
}

function grown(before: number): number {
  return (process.memoryUsage().rss - before) / 2 ** 20;
}

/** Five seconds of a machine that does nothing else; more where its cores are shared. */
function patience(): number {
  return 5_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

test("plan and load", async () => {
  const before = process.memoryUsage().rss;
  const plan = await planHere(place, { through: longSource });
  expect(plan.listed).toBe(count);
  expect(plan.tables.map(({ objects }) => objects.changes)).toEqual([fresh]);
  expect(plan.milliseconds).toBeLessThan(patience());
  const { report } = await loadHere(place, { through: longSource });
  expect(report.tables.flatMap(({ objects }) => objects)).toHaveLength(fresh);
  expect(report.milliseconds).toBeLessThan(patience());
  const again = await loadHere(place, { through: longSource });
  expect(again.report).toMatchObject({ listed: count, tables: [] });
  expect(again.report.milliseconds).toBeLessThan(patience());
  expect(grown(before)).toBeLessThan(96);
  process.stdout.write(
    `plan ${plan.milliseconds} ms, load ${report.milliseconds} ms, load of nothing new ${again.report.milliseconds} ms, ` +
      `${grown(before)} MiB more; load average ${loadavg()[0]} on ${availableParallelism()} cores\n`,
  );
});
