/** The service for a while in the weather: crashes of PostgreSQL, stops, kills, two at once, a table that fails, one that is late. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { s3Installed } from "../support/s3-server.ts";
import type { LogLine, RunningSchedule } from "../support/schedule.ts";
import { Soak } from "../support/soak.ts";
import { storyOf } from "../support/soak-alerts.ts";
import { soakSource } from "../support/soak-source.ts";

let opened: Soak | undefined;
afterEach(async () => {
  await opened?.end();
  opened = undefined;
});

async function open(seed: number, hours: number): Promise<Soak> {
  opened = await Soak.open(await soakSource(seed, hours));
  return opened;
}

const keyMissing = ({ level, code }: LogLine) => level === "error" && code === "KEY_MISSING";
const passEnded = ({ message }: LogLine) => message === "pass ended";

/** What it counted, by its own word, is what the history says of its runs. */
async function stopSettled(soak: Soak, service: RunningSchedule, withReturns: boolean): Promise<void> {
  await soak.settle([service], withReturns);
  const recorded = await soak.recorded(service);
  expect(await soak.counted(service)).toEqual(recorded);
  expect(soak.logged(service)).toEqual(recorded);
  expect((await service.stop()).exit).toBe(143);
}

async function checkEnd(soak: Soak): Promise<void> {
  expect(await soak.problems()).toEqual([]);
  // Each had its share of the work, or it proved nothing.
  for (const service of soak.services) expect(await soak.recorded(service)).not.toEqual({});
  expect(await soak.ask("select run_id from drayage.runs where status = 'running'")).toEqual([]);
}

test.skipIf(!s3Installed)("a minute of everything ends as the source says", { timeout: 300_000 }, async () => {
  const pauseMs = 200;
  const soak = await open(91, 64);
  soak.configure(false);
  const first = soak.start();
  await soak.deliver(0.15, pauseMs);
  await first.line(keyMissing);

  // A table is late, and comes again.
  const lateness = ({ cause }: LogLine) => cause === "late_table";
  expect(first.log().filter(lateness)).toEqual([]);
  const quiet = sleep(8_000);
  await soak.deliver(0.3, pauseMs, false);
  await quiet;
  await first.line((line) => lateness(line) && line.level === "warn" && line.table === "deliveries");
  await soak.deliverPunctually();
  await first.line((line) => lateness(line) && line.message === "no longer so");

  const crashed = soak.restart("crash");
  await soak.deliver(0.45, pauseMs);
  await crashed;
  await stopSettled(soak, first, false);

  // Somebody has read the error: returns has its key now. And two services run.
  soak.configure(true);
  const [stopped, killed] = [soak.start(), soak.start()];
  await Promise.all([stopped.line(passEnded), killed.line(passEnded)]);
  await soak.deliverStray();
  await soak.deliver(0.6, pauseMs);
  const restarted = soak.restart("fast");
  await soak.deliver(0.7, pauseMs);
  await restarted;

  // Stopped in the middle of its work, it has loaded what its log says; killed, at least that.
  expect((await stopped.stop()).exit).toBe(143);
  expect(soak.logged(stopped)).toEqual(await soak.recorded(stopped));
  const last = soak.start();
  await soak.deliver(0.8, pauseMs);
  const before = await soak.counted(killed);
  await soak.kill(killed);
  await soak.deliver(1, pauseMs);
  await stopSettled(soak, last, true);
  const recorded = await soak.recorded(killed);
  for (const [name, n] of Object.entries(before)) expect(n, name).toBeLessThanOrEqual(recorded[name] ?? 0);
  await checkEnd(soak);

  expect(await soak.alertProblems()).toEqual([]);
  const told = (cause: string, subject: string) => storyOf(soak.hooks.calls, cause, subject);
  expect(told("decision", "returns")).toEqual(["raised", "cleared"]);
  expect(told("late_table", "deliveries").slice(0, 2)).toEqual(["raised", "cleared"]);
  expect(told("rejects", "refunds")).toEqual(["raised"]);
  expect(told("unclaimed", "shop/strays")).toEqual(["raised"]);
  expect(soak.hooks.calls.some(({ method, path }) => method === "GET" && path === "/beat")).toBe(true);
});
