/** Passes come when they are due and never two at once; a stop waits for the one in progress. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { serve } from "../../src/schedule/service.ts";
import { keptLog } from "../support/kept-log.ts";

function scene(missed: boolean | Promise<boolean>) {
  const control = new AbortController();
  const log = keptLog();
  const passes: (() => void)[] = [];
  let tick: () => void = () => undefined;
  let stops = 0;
  let over = false;
  const served = serve({
    due: {
      next: () => [new Date(0), new Date(0)],
      wasDue: () => false,
      start: (onDue) => {
        tick = onDue;
      },
      stop: () => void stops++,
    },
    pass: () => new Promise<void>((resolve) => passes.push(resolve)),
    missed: async () => missed,
    log,
    signal: control.signal,
  }).then(() => {
    over = true;
  });
  return { control, log, passes, tick: () => tick(), stops: () => stops, over: () => over, served };
}

test("one that is due while one runs is skipped and logged, the next is made", async () => {
  const { tick, passes, log, control, served } = scene(false);
  await turn();
  expect(passes).toHaveLength(0);
  tick();
  tick();
  expect(passes).toHaveLength(1);
  expect(log.lines).toEqual(["warn pass skipped: the one before still runs"]);
  passes[0]?.();
  await turn();
  tick();
  expect(passes).toHaveLength(2);
  passes[1]?.();
  control.abort();
  await served;
});

test("a missed one begins at start, unless one became due meanwhile", async () => {
  const first = scene(true);
  await turn();
  expect(first.passes).toHaveLength(1);
  expect(first.log.lines).toEqual(["info a pass was missed: it begins now"]);

  let answer: (missed: boolean) => void = () => undefined;
  const second = scene(new Promise((resolve) => (answer = resolve)));
  second.tick();
  answer(true);
  await turn();
  expect(second.passes).toHaveLength(1);
});

test("a stop lets the pass in progress come to its end, and begins no other", async () => {
  const { tick, passes, control, over, stops, served } = scene(false);
  await turn();
  tick();
  control.abort();
  tick();
  await turn();
  expect({ over: over(), stops: stops(), passes: passes.length }).toEqual({ over: false, stops: 1, passes: 1 });
  passes[0]?.();
  await served;
});
