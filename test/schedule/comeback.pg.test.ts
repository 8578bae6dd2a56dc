/** A snapshot set that is written minutes before each hourly pass is applied within that hour: the service comes back for it. */
import { dirname } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Metrics } from "../../src/observe/metrics.ts";
import { After } from "../../src/schedule/after.ts";
import { Passes } from "../../src/schedule/pass.ts";
import { Readiness } from "../../src/schedule/readiness.ts";
import { type Arriving, serve } from "../../src/schedule/service.ts";
import { keptLog } from "../support/kept-log.ts";
import { configHere } from "../support/load-here.ts";
import { csv } from "../support/one-table.ts";
import { reloadedTable, timeOf } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

test("every hour", async () => {
  const table = await reloadedTable(place, { full_load: "snapshot" });
  table.fullAt("0:00", 1, csv("id,v", "1,h0"));
  await table.loadAt("0:05");
  let now = timeOf("0:05");
  let tick = (): void => undefined;
  let alarm: { at: Date; ring: () => void } | undefined;
  const due = {
    next: () => [now, now] as const,
    wasDue: () => false,
    start: (onDue: () => void) => {
      tick = onDue;
    },
    stop: () => undefined,
  };
  const config = configHere(place);
  const log = keptLog();
  const control = new AbortController();
  const passes = new Passes({
    config,
    env: {},
    version: "0.0.0",
    host: "test",
    pid: process.pid,
    log,
    metrics: new Metrics(),
    readiness: new Readiness(
      async () => undefined,
      () => now,
    ),
    after: new After({ steps: [], directory: dirname(config.file), env: {}, log }),
    due,
    signal: control.signal,
    now: () => now,
  });
  let last: Promise<Arriving> = Promise.resolve(new Map());
  const served = serve({
    due,
    alarm: {
      set: (at, ring) => {
        alarm = { at, ring };
      },
      clear: () => {
        alarm = undefined;
      },
    },
    pass: (tables) => {
      last = passes.make(tables);
      return last;
    },
    missed: async () => false,
    log,
    signal: control.signal,
  });
  const ended = async () => {
    await last;
    await turn();
  };
  for (const hour of [1, 2, 3]) {
    table.fullAt(`${hour}:04`, 1, csv("id,v", `1,h${hour}`, `${10 + hour},x`));
    now = timeOf(`${hour}:05`);
    tick();
    await ended();
    expect(await table.rows("v")).not.toContain(`h${hour}`);
    expect(alarm?.at).toEqual(timeOf(`${hour}:06`));
    now = timeOf(`${hour}:06`);
    alarm?.ring();
    await ended();
    expect(alarm).toBeUndefined();
    expect(await table.rows("id", "v")).toEqual([`1 h${hour}`, `${10 + hour} x`]);
  }
  control.abort(new Error("stop"));
  await served;
  expect(log.lines.filter((line) => /^error|skipped/.test(line))).toEqual([]);
});
