/** The service as it runs on a server: objects arrive, tables fail, it is stopped and started, somebody asks how it is. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { isAlive } from "../support/process-alive.ts";
import { type RunningSchedule, startSchedule, until } from "../support/schedule.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const everySecond = "* * * * * *";
/** Never due while a test runs. */
const yearly = "0 0 29 2 *";

let place: Workplace;
let running: RunningSchedule[];
beforeEach(async () => {
  place = await openWorkplace();
  running = [];
});
afterEach(async () => {
  for (const one of running) one.kill("SIGKILL");
  await Promise.all(running.map((one) => one.ended));
  await place.end();
});

function start(options?: Parameters<typeof startSchedule>[1]): RunningSchedule {
  const one = startSchedule(place, options);
  running.push(one);
  return one;
}

function configure(schedule: object, more: object = {}): void {
  place.config(
    JSON.stringify({
      source: { url: place.source },
      warehouse: { url: place.url },
      schedule,
      tables: {
        orders: { prefix: "shop/orders", primary_key: ["id"] },
        clicks: { prefix: "shop/clicks", primary_key: ["id"] },
      },
      ...more,
    }),
  );
}

/** A change object of `table` that inserts rows from `id` on. */
function put(table: string, minute: number, id: number, rows = 1): void {
  const lines = Array.from({ length: rows }, (_, i) => `I,${id + i},value ${id + i}\n`);
  place.put(`shop/${table}/20260301-10${String(minute).padStart(2, "0")}00000.csv`, `Op,id,v\n${lines.join("")}`);
}

async function count(sql: string): Promise<number> {
  const { rows } = await place.client
    .query<{ n: number }>(`select (${sql})::int as n`)
    .catch((error: { code?: string }) => {
      // Not made yet.
      if (error.code === "42P01") return { rows: [{ n: 0 }] };
      throw error;
    });
  return rows[0]?.n ?? 0;
}

function metric(text: string, name: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.split(" ").at(-1));
}

test("objects arrive while it runs; a table that fails stops no other; what it counts is what the history says", async () => {
  configure(
    {
      cron: everySecond,
      http: { port: 0, token: "open-sesame" },
      after: ['echo "built $DRAYAGE_RUN_ID $DRAYAGE_TABLES"'],
    },
    {
      tables: {
        orders: { prefix: "shop/orders", primary_key: ["id"] },
        clicks: { prefix: "shop/clicks", primary_key: ["id"] },
        keyless: { prefix: "shop/keyless" },
      },
    },
  );
  put("orders", 1, 1, 10);
  const schedule = start();
  const rows = (table: string, n: number) =>
    until(async () => (await count(`select count(*) from public.${table}`)) === n);
  await rows("orders", 10);
  expect(await schedule.line(({ message }) => message.startsWith("after: built"))).toMatchObject({
    message: expect.stringMatching(/^after: built \d+ orders$/),
    step: 1,
    stream: "stdout",
  });
  put("keyless", 2, 1);
  await schedule.line(({ level, code }) => level === "error" && code === "KEY_MISSING");
  for (let minute = 3; minute < 6; minute++) {
    put("orders", minute, minute * 100, 5);
    put("clicks", minute, minute * 100, 7);
    await rows("orders", 10 + (minute - 2) * 5);
    await rows("clicks", (minute - 2) * 7);
  }
  const token = { headers: { Authorization: "Bearer open-sesame" } };
  await until(async () =>
    (await (await schedule.get("/metrics", token)).text()).includes('drayage_freshness_seconds{table="clicks"}'),
  );
  expect(await (await schedule.get("/readyz", token)).json()).toEqual({ format: 1, ready: true });
  const text = await (await schedule.get("/metrics", token)).text();
  for (const table of ["orders", "clicks"]) {
    const inserted = await count(`select sum(rows_inserted) from drayage.load_history where table_name = '${table}'`);
    expect(metric(text, `drayage_rows_total{table="${table}",outcome="inserted"}`)).toBe(inserted);
    expect(metric(text, `drayage_bytes_total{table="${table}"}`)).toBe(
      await count(`select sum(bytes) from drayage.load_history where table_name = '${table}'`),
    );
    expect(metric(text, `drayage_rejects_open{table="${table}"}`)).toBe(0);
    expect(metric(text, `drayage_freshness_seconds{table="${table}"}`)).toBeLessThan(60);
  }
  expect(metric(text, "drayage_pass_duration_seconds_count")).toBeGreaterThan(1);
  expect(text).toContain("# TYPE drayage_last_success_timestamp_seconds gauge");

  const { exit, stdout, stderr } = await schedule.stop();
  expect({ exit, stderr }).toEqual({ exit: 143, stderr: "" });
  for (const line of schedule.log())
    expect(line).toMatchObject({ time: expect.stringMatching(/Z$/), level: expect.any(String) });
  expect(stdout).not.toContain("value 1");
  expect(schedule.log().at(-1)).toMatchObject({ message: "schedule stopped" });
  expect(
    await count("select count(*) from drayage.runs where command = 'schedule' and status in ('running', 'lost')"),
  ).toBe(0);
});

test("a pass is made at start when one was missed, and only then", async () => {
  configure({ cron: yearly });
  put("orders", 1, 1);
  const passes = () => count("select count(*) from drayage.runs where command = 'schedule'");
  const first = start();
  await first.line(({ message }) => message === "pass ended");
  expect((await first.stop()).exit).toBe(143);

  const second = start();
  await second.line(({ message }) => message === "schedule started");
  await until(
    async () =>
      (await count("select count(*) from pg_stat_activity where application_name = 'drayage schedule'")) === 0,
  );
  expect((await second.stop()).exit).toBe(143);
  expect(second.log().map(({ message }) => message)).toEqual(["schedule started", "stopping", "schedule stopped"]);
  expect(await passes()).toBe(1);

  await place.client.query("update drayage.runs set started_at = started_at - interval '9 years'");
  put("orders", 2, 2);
  const third = start();
  await third.line(({ message }) => message === "a pass was missed: it begins now");
  await third.line(({ message }) => message === "pass ended");
  expect(await passes()).toBe(2);
  expect(await count("select count(*) from public.orders")).toBe(2);
});

test("SIGTERM in the middle of a unit rolls it back and ends; the next start loads it", async () => {
  configure({ cron: yearly });
  put("orders", 1, 1, 200_000);
  // Held before the merge, so that the signal meets a unit in progress.
  await place.client.query("create table public.orders (id bigint primary key, v text)");
  await place.client.query(`alter table public.orders owner to ${place.role}`);
  await place.client.query("begin");
  await place.client.query("lock table public.orders in share mode");
  const schedule = start();
  await until(
    async () =>
      (await count("select count(*) from pg_locks where not granted and relation = 'public.orders'::regclass")) > 0,
  );
  const stopped = schedule.stop();
  await schedule.line(({ message }) => message === "stopping");
  await place.client.query("rollback");
  expect((await stopped).exit).toBe(143);
  const left = await count("select count(*) from public.orders");
  expect([0, 200_000]).toContain(left);
  const loaded = await count("select count(*) from drayage.load_history where status = 'loaded'");
  expect(loaded).toBe(left === 0 ? 0 : 1);

  const again = start();
  await again.line(({ message }) => message === (left === 0 ? "pass ended" : "schedule started"));
  expect((await again.stop()).exit).toBe(143);
  expect(await count("select count(*) from public.orders")).toBe(200_000);
});

test("a second signal ends it at once, and the server takes back what was not committed", async () => {
  configure({ cron: yearly });
  put("orders", 1, 1, 10);
  await place.client.query("create table public.orders (id bigint primary key, v text)");
  await place.client.query(`alter table public.orders owner to ${place.role}`);
  await place.client.query("begin");
  await place.client.query("lock table public.orders in share mode");
  const schedule = start();
  const waits = "select count(*) from pg_locks where not granted and relation = 'public.orders'::regclass";
  await until(async () => (await count(waits)) > 0);
  schedule.kill("SIGTERM");
  await schedule.line(({ message }) => message === "stopping");
  schedule.kill("SIGTERM");
  expect((await schedule.ended).exit).toBe(143);
  await place.client.query("rollback");
  expect(await count("select count(*) from drayage.load_history where status = 'loaded'")).toBe(0);
  const again = start();
  await again.line(({ message }) => message === "pass ended");
  expect(await count("select count(*) from public.orders")).toBe(10);
});

test("two at once load each object once", async () => {
  configure({ cron: everySecond });
  for (let minute = 1; minute < 30; minute++) {
    put("orders", minute, minute * 100, 20);
    put("clicks", minute, minute * 100, 20);
  }
  const both = [start(), start()];
  await until(async () => (await count("select count(*) from drayage.load_history where status = 'loaded'")) === 58);
  for (let minute = 30; minute < 34; minute++) {
    put("orders", minute, minute * 100, 20);
    await until(
      async () => (await count(`select count(*) from public.orders where id::int >= ${minute * 100}`)) === 20,
    );
  }
  for (const one of both) expect((await one.stop()).exit).toBe(143);
  expect(await count("select count(*) from public.orders")).toBe(33 * 20);
  expect(await count("select count(*) from public.clicks")).toBe(29 * 20);
  expect(await count("select count(*) from drayage.load_attempts")).toBe(62);
  for (const one of both) expect(one.log().filter(({ level }) => level === "error")).toEqual([]);
});

test("a warehouse that is away is logged with its code, and told by readyz; the service goes on", async () => {
  configure({ cron: everySecond, http: { port: 0 } });
  put("orders", 1, 1);
  const schedule = start();
  await until(async () => (await schedule.get("/readyz")).status === 200);
  const name = new URL(place.url).pathname.slice(1);
  await place.client.query(`alter role ${place.role} connection limit 0`);
  await place.client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
  );
  await schedule.line(
    ({ level, code, message }) => level === "error" && message.startsWith("pass failed") && code !== undefined,
  );
  await until(async () => (await schedule.get("/readyz")).status === 503);
  expect(await (await schedule.get("/readyz")).json()).toMatchObject({
    ready: false,
    reason: "the warehouse cannot be reached",
  });
  expect((await schedule.get("/healthz")).status).toBe(200);
  put("orders", 2, 2);
  await place.client.query(`alter role ${place.role} connection limit -1`);
  await until(async () => (await count("select count(*) from public.orders")) === 2);
  await until(async () => (await schedule.get("/readyz")).status === 200);
});

test.runIf(process.env.LONG === "1")("what does not end within the grace is ended with the process", async () => {
  configure({ cron: yearly, after: ["trap '' TERM; while :; do sleep 1; done & echo $!; wait; wait"] });
  put("orders", 1, 1);
  const schedule = start();
  const { message } = await schedule.line((line) => line.stream === "stdout");
  const began = performance.now();
  expect((await schedule.stop()).exit).toBe(143);
  expect(performance.now() - began).toBeGreaterThan(29_000);
  expect(schedule.log().at(-1)).toMatchObject({ level: "error", message: "stopped in the middle: the grace is over" });
  const pid = Number(message.split(" ").at(-1));
  await until(async () => !isAlive(pid));
});
