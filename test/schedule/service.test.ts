/** Passes come when they are due and never two at once; a stop waits for the one in progress. */
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Arriving, serve } from "../../src/schedule/service.ts";
import { keptLog } from "../support/kept-log.ts";

function scene(missed: boolean | Promise<boolean>) {
  const control = new AbortController();
  const log = keptLog();
  const passes: ((arriving?: Arriving) => void)[] = [];
  const asked: (readonly string[] | undefined)[] = [];
  let alarm: { at: string; ring: () => void } | undefined;
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
    alarm: {
      set: (at, ring) => {
        alarm = { at: at.toISOString().slice(11, 16), ring };
      },
      clear: () => {
        alarm = undefined;
      },
    },
    pass: (tables) => {
      asked.push(tables);
      return new Promise((resolve) => passes.push((arriving) => resolve(arriving ?? new Map())));
    },
    missed: async () => missed,
    log,
    signal: control.signal,
  }).then(() => {
    over = true;
  });
  return {
    control,
    log,
    passes,
    asked,
    alarm: () => alarm,
    tick: () => tick(),
    stops: () => stops,
    over: () => over,
    served,
  };
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

const at = (clock: string) => new Date(`2026-03-01T${clock}Z`);

test("it comes back for tables whose full load will have settled, and only then, until all have", async () => {
  const { tick, passes, asked, alarm, log, control, served } = scene(false);
  tick();
  passes[0]?.(
    new Map([
      ["orders", at("10:07")],
      ["clicks", at("10:09")],
    ]),
  );
  await turn();
  expect(alarm()?.at).toBe("10:07");
  expect(log.lines).toEqual(["info a full load is arriving: a pass comes back when it will have settled"]);
  alarm()?.ring();
  expect(asked).toEqual([undefined, ["orders"]]);
  // More of it has come meanwhile.
  passes[1]?.(new Map([["orders", at("10:11")]]));
  await turn();
  expect(alarm()?.at).toBe("10:09");
  alarm()?.ring();
  passes[2]?.();
  await turn();
  expect(alarm()?.at).toBe("10:11");
  // The pass that is due looks at all of them.
  tick();
  expect(alarm()).toBeUndefined();
  passes[3]?.();
  await turn();
  expect([asked, alarm()]).toEqual([[undefined, ["orders"], ["clicks"], undefined], undefined]);
  control.abort();
  await served;
});

test("a pass that is due while one that came back runs follows it", async () => {
  const { tick, passes, asked, alarm, log, control, served } = scene(false);
  tick();
  passes[0]?.(new Map([["orders", at("10:07")]]));
  await turn();
  alarm()?.ring();
  tick();
  expect(asked).toHaveLength(2);
  passes[1]?.();
  await turn();
  expect(asked).toEqual([undefined, ["orders"], undefined]);
  expect(log.lines.filter((line) => line.startsWith("warn"))).toEqual([]);
  passes[2]?.(new Map([["orders", at("11:07")]]));
  control.abort();
  await served;
  expect(alarm()).toBeUndefined();
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
