/**
 * The crash matrix: killed at every step of the way, in a full load and in changes, restarted or taken over by another process
 * that runs beside it: the end is what the source says. Tables of one process stand still each at a step of its own, so that one
 * kill is many cells.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { steps } from "../../src/load/failpoint.ts";
import {
  armedProgram,
  stepsOfRun as ofRun,
  stepsOfTable as ofTable,
  reachedCount,
  type Stops,
} from "../support/armed.ts";
import { type CrashKind, type CrashScene, openCrashScene, stopsOf } from "../support/crash-scene.ts";
import type { RunningDrayage } from "../support/drayage.ts";
import { faultsOf } from "../support/scene.ts";

const kinds: readonly CrashKind[] = ["full", "changes"];
const processes = [1, 2] as const;

const cells = new Set<string>();
afterAll(() => {
  const all = steps.length * kinds.length * processes.length;
  process.stdout.write(
    `crash matrix: ${cells.size} of ${all} cells (${steps.length} steps x ${kinds.join(", ")} x 1, 2 processes) end as the source says\n`,
  );
});

describe.each(processes)("%i process", (count) => {
  test("killed while each table stands at a step of its own", { timeout: 120_000 }, async () => {
    const scene = await openCrashScene(ofTable, kinds);
    try {
      await crash(scene, stopsOf(scene, ofTable), count);
      for (const { name } of scene.tables) cells.add(`${cellOf(name)} ${count}`);
    } finally {
      await scene.end();
    }
  });

  describe.concurrent("a step of the run as a whole", () => {
    test.each(ofRun)("%s", { timeout: 120_000 }, async (step) => {
      const scene = await openCrashScene([undefined], kinds);
      try {
        await crash(scene, { "": step }, count);
        for (const kind of kinds) cells.add(`${step} ${kind} ${count}`);
      } finally {
        await scene.end();
      }
    });
  });
});

test("every cell was there", () => {
  expect(cells.size).toBe(steps.length * kinds.length * processes.length);
});

/** `step kind` of a table's name. */
function cellOf(name: string): string {
  const step = ofTable.find((one) => name.startsWith(`${one}_`));
  const kind = kinds.find((one) => name.startsWith(`${step}_${one}`));
  return `${step} ${kind}`;
}

async function crash(scene: CrashScene, stops: Stops, count: 1 | 2): Promise<void> {
  const wanted = Object.keys(stops).length;
  // Alone, a process ends itself where it can: the step is the last thing that it does.
  const dies = count === 1 && "" in stops;
  const first = scene.start(armedProgram(stops, dies ? "die" : "freeze"));
  if (dies) {
    expect((await first.ended).exit).toBe(-1);
  } else {
    await untilReached(first, wanted);
    const second = count === 2 ? scene.start() : undefined;
    if (second !== undefined) await untilBeside(scene, second);
    first.kill("SIGKILL");
    expect((await first.ended).exit).toBe(-1);
    if (second !== undefined) {
      const ran = await second.ended;
      expect(faultsOf(ran)).toEqual([]);
      // Where the first one had come to its end, the second has nothing left to do, nor to reject.
      expect([0, 3], ran.stdout.slice(0, 3000)).toContain(ran.exit);
      return scene.check();
    }
  }
  // The next one is a loader like any other: it need not cost a process.
  const again = await scene.loadHere();
  expect(again.failures).toEqual([]);
  expect([0, 3]).toContain(again.exit);
  return scene.check();
}

async function untilReached(run: RunningDrayage, wanted: number): Promise<void> {
  let over = false;
  void run.ended.finally(() => {
    over = true;
  });
  for (let tries = 0; reachedCount(run.complained()) < wanted; tries++) {
    if (over || tries > 3000)
      expect.fail(`only ${reachedCount(run.complained())} of ${wanted}: ${run.complained()}${run.said()}`);
    await sleep(10);
  }
}

/** The second process has listed and come to where the first one stands in its way, or to its own end. */
async function untilBeside({ place }: CrashScene, second: RunningDrayage): Promise<void> {
  let over = false;
  void second.ended.finally(() => {
    over = true;
  });
  while (!over) {
    const { rows } = await place.client.query<{ waits: boolean }>(
      "select count(*) > 0 as waits from drayage.runs where status = 'running' and run_id = (select max(run_id) from drayage.runs) and run_id > (select min(run_id) from drayage.runs where status = 'running')",
    );
    if (rows[0]?.waits === true) break;
    await sleep(10);
  }
  // It lists, claims what is free, and waits.
  await Promise.race([second.ended, sleep(700)]);
}
