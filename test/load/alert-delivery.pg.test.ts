/** How alerts, the daily summary and the heartbeat leave: once among many loaders, late when the webhook is dead, never in the way of a load. */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockClass } from "../../src/warehouse/advisory-locks.ts";
import { AlertScene, broken, cutGzip, inHours, orders } from "../support/alert-scene.ts";
import type { HookServer } from "../support/hook-server.ts";
import { until } from "../support/schedule.ts";
import type { Workplace } from "../support/workplace.ts";

let scene: AlertScene;
let place: Workplace;
let hooks: HookServer;
beforeEach(async () => {
  scene = await AlertScene.open();
  ({ place, hooks } = scene);
});
afterEach(() => scene.close());

test("two loaders that end at once, and two more: one alert", async () => {
  await scene.load();
  place.put(broken, cutGzip);
  // Long enough for the others to come while one posts.
  hooks.delayMs = 300;
  await Promise.all([scene.load(), scene.load()]);
  await Promise.all(Array.from({ length: 4 }, () => scene.runEnds(new Date())));
  expect(hooks.told()).toEqual(["raised failed GZIP_BROKEN 1"]);
  expect(scene.warnings).toEqual([]);
});

test("a comparison waits for the one before it, and sees what that one told", async () => {
  await scene.load();
  place.put(broken, cutGzip);
  await place.client.query("begin");
  await place.client.query("select pg_advisory_xact_lock($1, hashtext('drayage'))", [lockClass.alerts]);
  await place.client.query(
    `insert into drayage.alerts (cause, subject, place, message, raised_at)
     values ('failed', 'GZIP_BROKEN table orders', 'table orders', 'told by the other', now())`,
  );
  const loading = scene.load();
  await until(async () => (await place.client.query("select from pg_locks where not granted")).rows.length > 0);
  await place.client.query("commit");
  expect(await loading).toBe(1);
  expect([hooks.told(), scene.warnings]).toEqual([[], []]);
});

test("a webhook that answers 500: the exit stays, the same event comes later, in its order; status says so meanwhile", async () => {
  hooks.answer = 500;
  place.put("shop/new/LOAD00000001.csv", "id\n1\n");
  expect(await scene.load()).toBe(0);
  // Not due again before a minute is over.
  expect(await scene.load()).toBe(0);
  expect(hooks.told()).toEqual(["raised unclaimed 1"]);
  expect(scene.warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    "ALERT_FAILED: The webhook of alerts was answered with HTTP status 500",
  ]);
  expect(await scene.attention()).toEqual([
    "unclaimed No table reads the object of this folder",
    "alerts 1 alert was not delivered, each run tries again: the webhook was answered with HTTP status 500",
  ]);
  // Over before anybody heard of it: both are told, in order.
  rmSync(fileURLToPath(`${place.source}/shop/new`), { recursive: true });
  expect(await scene.load()).toBe(0);
  hooks.answer = 200;
  await scene.runEnds(inHours(0.02));
  expect(hooks.told()).toEqual(["raised unclaimed 1", "raised unclaimed 1", "cleared unclaimed 1"]);
  const [first, again] = hooks.calls;
  expect(again?.body).toEqual(first?.body);
  expect(await scene.attention()).toEqual([]);
  const { rows } = await place.client.query("select attempts, fault from drayage.alert_events order by position");
  expect(rows).toEqual([
    { attempts: 2, fault: null },
    { attempts: 1, fault: null },
  ]);
  expect(
    JSON.stringify([scene.warnings.map(({ message, next }) => [message, next]), await scene.attention()]),
  ).not.toContain("hush");
});

test("a webhook that takes one event and not the other is not waited for; one that is a week old is given up", async () => {
  hooks.answer = 500;
  place.put(broken, cutGzip);
  place.put("shop/new/LOAD00000001.csv", "id\n1\n");
  expect(await scene.load()).toBe(1);
  expect(hooks.told()).toEqual(["raised failed GZIP_BROKEN 1", "raised unclaimed 1"]);
  const { rows } = await place.client.query(
    "select extract(epoch from next_attempt_at - created_at)::integer as pause from drayage.alert_events",
  );
  expect(rows).toEqual([{ pause: 60 }, { pause: 60 }]);
  await scene.runEnds(inHours(0.02));
  await scene.runEnds(inHours(0.03));
  expect(hooks.calls).toHaveLength(4);
  await scene.runEnds(inHours(7 * 24 + 1));
  expect(scene.warnings.map(({ message }) => message)).toContain("2 alerts were given up after 7 days");
  expect(hooks.calls).toHaveLength(5);
  expect(hooks.told().at(-1)).toMatch(/^raised late_source/);
  expect((await scene.attention()).at(-1)).toMatch(
    /^alerts 3 alerts were not delivered, 2 of them given up: the webhook was/,
  );
});

test("a webhook that never answers holds a run up for a bounded time", async () => {
  await scene.load();
  hooks.answer = "silent";
  for (const [i, cause] of ["failed", "decision", "rejects", "held", "backfill"].entries())
    await place.client.query(
      `insert into drayage.alert_events (event_id, kind, cause, body, created_at, next_attempt_at)
       select id, 'raised', $1, jsonb_build_object('drayage', jsonb_build_object('event_id', id)), now(), now() - $2 * interval '1 s'
       from gen_random_uuid() id`,
      [cause, i],
    );
  const began = performance.now();
  await scene.runEnds(new Date(), { patience: { callMs: 200, totalMs: 500 } });
  expect(performance.now() - began).toBeLessThan(2_000);
  // Two whole calls, and perhaps the beginning of a third; the others are left to the next run.
  const { rows } = await place.client.query(
    "select count(*)::integer as tried, min(fault) as fault from drayage.alert_events where attempts = 1",
  );
  expect(rows).toEqual([{ tried: expect.any(Number), fault: "was not answered (TimeoutError)" }]);
  expect(rows[0].tried).toBeLessThanOrEqual(3);
});

test("the daily summary: once a day, from its time on, however many runs there are", async () => {
  scene.configure(", on: [], daily: 08:00");
  place.put(broken, cutGzip);
  await scene.load();
  await scene.forget();
  await place.client.query("update drayage.load_history set finished_at = '2026-03-01T07:00Z'");
  const at = (time: string) => scene.runEnds(new Date(`2026-03-${time}:00Z`));
  await at("01T07:59");
  expect(hooks.told()).toEqual([]);
  await Promise.all([at("01T08:10"), at("01T08:10"), at("01T08:10")]);
  await at("01T23:59");
  await at("02T00:10");
  expect(hooks.told()).toHaveLength(1);
  await at("02T09:00");
  expect(hooks.calls.map(({ body }) => [body?.drayage.day, body?.drayage.objects])).toEqual([
    ["2026-03-01", 1],
    ["2026-03-02", 0],
  ]);
  expect(hooks.calls[0]?.body?.text.split("\n").slice(0, 3)).toEqual([
    "drayage daily: 1 object, 1 record in 24 h to 2026-03-01 08:10 UTC; tables: 0 fine, 0 quiet",
    "1 needs attention:",
    "• failed: orders: 1 object failed: GZIP_BROKEN",
  ]);
});

test("the heartbeat is called after good whole runs alone; its fault is logged and no more", async () => {
  scene.configure(`, heartbeat: "${hooks.url}/beat/hush"`);
  expect(await scene.load()).toBe(0);
  const beats = () => hooks.calls.filter(({ path }) => path === "/beat/hush").map(({ method }) => method);
  expect(beats()).toEqual(["GET"]);
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,twelve\n");
  expect(await scene.load({ objects: ["shop/orders/20260101-010000000.csv"] })).toBe(3);
  expect(beats()).toHaveLength(1);
  place.put(broken, cutGzip);
  expect(await scene.load()).toBe(1);
  scene.configure(`, heartbeat: "${hooks.url}/beat/hush"`, orders, `${place.source}/nowhere`);
  await expect(scene.load()).rejects.toThrow();
  expect(beats()).toHaveLength(1);
  expect(scene.warnings).toEqual([]);
  scene.configure(`, heartbeat: "${hooks.url}/beat/hush"`, '"else/where": {}');
  hooks.answer = 503;
  expect(await scene.load()).toBe(0);
  expect(beats()).toHaveLength(2);
  expect(scene.warnings.map(({ message }) => message)).toContain("The heartbeat was answered with HTTP status 503");
});

test("no state that cannot be written stops a load", async () => {
  await scene.load();
  await place.client.query("alter table drayage.alerts rename to gone");
  place.put(broken, cutGzip);
  expect(await scene.load()).toBe(1);
  expect(scene.warnings.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    expect.stringMatching(/^WAREHOUSE_FAILED: Could not drop what is older/),
    expect.stringMatching(/^ALERT_FAILED: Alerts could not be compared: /),
  ]);
  expect((await place.client.query("select status from drayage.runs order by run_id desc limit 1")).rows).toEqual([
    { status: "failed" },
  ]);
});
