/**
 * 100,000 objects under one prefix, 50 of them new, over HTTP with a pause of 20 ms a page: listed and planned, listed and loaded, within
 * five seconds each and in flat memory. The server is a process of its own.
 */
import { availableParallelism, loadavg } from "node:os";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createS3Source } from "../../src/source/s3-source.ts";
import { migrate } from "../../src/warehouse/migrate.ts";
import { Session } from "../../src/warehouse/session.ts";
import { configHere, loadHere, planHere } from "../support/load-here.ts";
import { type LongServer, longFolder, longKey, longModified, serveLongFolder } from "../support/long-folder.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const count = 100_000;
const fresh = 50;
const pauseMs = 20;

let place: Workplace;
let server: LongServer;
beforeAll(async () => {
  place = await openWorkplace();
  server = await serveLongFolder(count, pauseMs);
  place.config(
    `source: { url: "s3://lake", endpoint: "${server.endpoint}", region: us-east-1 }\nwarehouse: { url: "\${DATABASE_URL}" }\n` +
      `tables:\n  long: { prefix: ${longFolder}, primary_key: [id], columns: { id: bigint } }\n`,
  );
  const session = await Session.connect(configHere(place).warehouse, "test", "UTC");
  await migrate(session, "drayage").finally(() => session.close());
  const known = Array.from({ length: count - fresh }, (_, i) => i);
  await place.client.query("create table public.long (id bigint primary key, v text)");
  await place.client.query(`alter table public.long owner to ${place.role}`);
  await place.client.query(
    "insert into drayage.tables (table_name, main_schema, main_table) values ('long', 'public', 'long')",
  );
  await place.client.query(
    `insert into drayage.load_history (table_name, bucket, key, etag, size, last_modified, kind, file_time, status, rows_read,
       rows_inserted, rows_updated, rows_unchanged, rows_deleted, rows_superseded, rows_stale, rows_ignored, rows_rejected)
     select 'long', 'lake', key, 'e' || n - 1, $3, time, 'change', time, 'loaded', 0, 0, 0, 0, 0, 0, 0, 0, 0
     from unnest($1::text[], $2::timestamptz[]) with ordinality as o (key, time, n)`,
    [known.map(longKey), known.map((i) => longModified(i).toISOString()), server.size],
  );
  await place.client.query("analyze drayage.load_history");
}, 120_000);
afterAll(async () => {
  await server?.stop();
  await place?.end();
});

const through = () =>
  createS3Source(configHere(place).source, { AWS_ACCESS_KEY_ID: "listing", AWS_SECRET_ACCESS_KEY: "listing" });

/** The same pages by eight at a time, thrown away: what of the time is the server's and the network's. */
async function httpAlone(): Promise<number> {
  const began = performance.now();
  const pages = Array.from({ length: count / 1000 }, (_, i) => i * 1000);
  const take = async (): Promise<void> => {
    for (let first = pages.pop(); first !== undefined; first = pages.pop())
      await (await fetch(`${server.endpoint}/lake?list-type=2&continuation-token=${first}`)).arrayBuffer();
  };
  await Promise.all(Array.from({ length: 8 }, take));
  return performance.now() - began;
}

function grown(before: number): number {
  return Math.round((process.memoryUsage().rss - before) / 2 ** 20);
}

/** Five seconds of a machine that does nothing else; more where its cores are shared. */
function patience(): number {
  return 5_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism());
}

test("plan and load", { timeout: 300_000 }, async () => {
  const http = await httpAlone();
  const before = process.memoryUsage().rss;
  const began = process.cpuUsage();
  const plan = await planHere(place, { through });
  const { user, system } = process.cpuUsage(began);
  const afterOne = process.memoryUsage().rss;
  expect(plan.listed).toBe(count);
  expect(plan.tables.map(({ objects }) => objects.changes)).toEqual([fresh]);
  const { report } = await loadHere(place, { through });
  expect(report.tables.flatMap(({ objects }) => objects)).toHaveLength(fresh);
  const again = await loadHere(place, { through });
  expect(again.report).toMatchObject({ listed: count, tables: [] });
  const [first, more] = [grown(before), grown(afterOne)];
  const times = [plan.milliseconds, report.milliseconds, again.report.milliseconds].map(Math.round);
  process.stdout.write(
    `long listing: plan ${times[0]} ms (${Math.round((user + system) / 1000)} ms of this process's CPU), load ${times[1]} ms, load of nothing new ${times[2]} ms; HTTP alone ${Math.round(http)} ms; ` +
      `${first} MiB more, ${more} of it after the first listing; load average ${loadavg()[0]} on ${availableParallelism()} cores\n`,
  );
  for (const time of times) expect(time).toBeLessThan(patience());
  expect(first).toBeLessThan(96);
  expect(more).toBeLessThan(48);
});
