/** Ready: a pass ended within two periods, and the warehouse answers. */
import { expect, test } from "vitest";
import { DrayageError } from "../../src/errors.ts";
import type { Due } from "../../src/schedule/cron.ts";
import { Readiness } from "../../src/schedule/readiness.ts";

const minute = 60_000;
const at = (minutes: number) => new Date(Date.UTC(2026, 2, 1, 10) + minutes * minute);
const dueAt = (first: number, second: number): Due => ({
  next: () => [at(first), at(second)],
  wasDue: () => false,
  start: () => undefined,
  stop: () => undefined,
});

test("by the cron's own times, with as much more as the last pass took", async () => {
  let now = at(0);
  const readiness = new Readiness(
    async () => undefined,
    () => now,
  );
  expect(await readiness.answer()).toEqual({ ready: false, reason: "no pass has ended yet" });
  readiness.passEnded(dueAt(60, 120), 5 * minute);
  expect(await readiness.answer()).toEqual({ ready: true });
  now = at(125);
  expect(await readiness.answer()).toEqual({ ready: true });
  now = at(125.1);
  expect(await readiness.answer()).toEqual({
    ready: false,
    reason: "the last pass is older than two periods of the schedule",
  });
  readiness.passEnded(dueAt(180, 240), 0);
  expect(await readiness.answer()).toEqual({ ready: true });
});

test("many probes are one connection; what was found holds for seconds", async () => {
  let now = at(0);
  let asked = 0;
  let fault: Error | undefined;
  const reach = async () => {
    asked++;
    if (fault !== undefined) throw fault;
  };
  const readiness = new Readiness(reach, () => now);
  readiness.passEnded(dueAt(60, 120), 0);
  await Promise.all(Array.from({ length: 10 }, () => readiness.answer()));
  expect(asked).toBe(1);
  fault = new DrayageError("WAREHOUSE_PASSWORD");
  expect(await readiness.answer()).toEqual({ ready: true });
  now = at(1);
  expect(await readiness.answer()).toEqual({
    ready: false,
    reason: "the warehouse cannot be reached",
    code: "WAREHOUSE_PASSWORD",
  });
  expect(asked).toBe(2);
});
