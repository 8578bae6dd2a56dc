/** Health and metrics over real HTTP: who may ask, what is answered. */
import { request } from "node:http";
import { afterEach, expect, test } from "vitest";
import { type HttpServer, type HttpSettings, startHttp } from "../../src/observe/http-server.ts";
import { Metrics } from "../../src/observe/metrics.ts";

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function open(
  settings: Partial<HttpSettings> = {},
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const opened = await startHttp({
    port: 0,
    bind: "127.0.0.1",
    token: undefined,
    ready: async () => ({ ready: true }),
    metrics: async () => "m 1\n",
    metricsType: "text/plain; version=0.0.4; charset=utf-8",
    ...settings,
  });
  server = opened;
  return (path, init = {}) => fetch(`http://127.0.0.1:${opened.port}${path}`, init);
}

test("three pages, and no other", async () => {
  const get = await open({ ready: async () => ({ ready: false, reason: "no pass has ended yet" }) });
  const health = await get("/healthz");
  expect([health.status, await health.json()]).toEqual([200, { format: 1, alive: true }]);
  const ready = await get("/readyz");
  expect([ready.status, await ready.json()]).toEqual([
    503,
    { format: 1, ready: false, reason: "no pass has ended yet" },
  ]);
  const metrics = await get("/metrics");
  expect([metrics.status, metrics.headers.get("content-type"), await metrics.text()]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
    "m 1\n",
  ]);
  expect((await get("/")).status).toBe(404);
});

test.each(["POST", "PUT", "DELETE", "OPTIONS", "HEAD"])("%s is refused", async (method) => {
  const response = await (await open())("/metrics", { method });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
});

test.each([
  ["no token", {}, 401],
  ["another", { Authorization: "Bearer wrong" }, 401],
  ["a longer one", { Authorization: "Bearer open-sesame2" }, 401],
  ["another scheme", { Authorization: "Basic open-sesame" }, 401],
  ["the token", { Authorization: "Bearer open-sesame" }, 200],
])("with a token set, %s", async (_, headers: Record<string, string>, status) => {
  const get = await open({ token: "open-sesame" });
  for (const path of ["/metrics", "/readyz"]) expect((await get(path, { headers })).status, path).toBe(status);
  expect((await get("/nothing", { headers })).status).toBe(status === 200 ? 404 : 401);
  expect((await get("/healthz", { headers })).status).toBe(200);
});

test("the Host header decides nothing", async () => {
  await open();
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request(
      { port: server?.port, host: "127.0.0.1", path: "/healthz", headers: { Host: "elsewhere.example:81" } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    )
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
});

test("what a page throws stays inside", async () => {
  const get = await open({
    metrics: async () => {
      throw new Error("secret host");
    },
  });
  const response = await get("/metrics");
  expect([response.status, await response.text()]).toEqual([500, "failed\n"]);
});

test("a port that is taken is an error with a code", async () => {
  await open();
  const taken = startHttp({
    port: server?.port ?? 0,
    bind: "127.0.0.1",
    token: undefined,
    ready: async () => ({ ready: true }),
    metrics: async () => "",
    metricsType: "text/plain",
  });
  await expect(taken).rejects.toMatchObject({ code: "HTTP_LISTEN", message: expect.stringContaining("EADDRINUSE") });
});

test("metrics: counters add up, gauges are of the moment", async () => {
  const metrics = new Metrics();
  metrics.countObject("a", { inserted: 3, rejected: 0 }, 10);
  metrics.countObject("a", { inserted: 4, rejected: 1 }, 20);
  metrics.passEnded(2_000);
  metrics.succeeded(new Date(5_000));
  metrics.setTables([
    { table: "a", lastObjectAt: new Date(60_000), openRejects: 1 },
    { table: 'b"c', lastObjectAt: undefined, openRejects: 0 },
  ]);
  const lines = (await metrics.text(new Date(90_000))).split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      'drayage_rows_total{table="a",outcome="inserted"} 7',
      'drayage_rows_total{table="a",outcome="rejected"} 1',
      'drayage_bytes_total{table="a"} 30',
      'drayage_freshness_seconds{table="a"} 30',
      'drayage_rejects_open{table="a"} 1',
      'drayage_rejects_open{table="b\\"c"} 0',
      "drayage_last_success_timestamp_seconds 5",
      "drayage_pass_duration_seconds_sum 2",
    ]),
  );
  metrics.setTables([{ table: "a", lastObjectAt: new Date(60_000), openRejects: 0 }]);
  const later = await metrics.text(new Date(120_000));
  expect(later).toContain('drayage_freshness_seconds{table="a"} 60');
  expect(later).not.toContain('b\\"c');
});
