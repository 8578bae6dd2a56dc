/** Loads side by side on one database, and a load that is frozen while another takes its objects over. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { armHere, stepsOfTable } from "../support/armed.ts";
import { type CrashScene, openCrashScene, stopsOf } from "../support/crash-scene.ts";
import { backends, terminate } from "../support/held-load.ts";
import type { LoadedHere } from "../support/load-here.ts";
import { faultsOf, loadedKeys, openScene, type Scene, type Stage } from "../support/scene.ts";

let scene: Scene;
beforeAll(async () => {
  const hourly = { hours: 12, objectsPerHour: 5, changesPerObject: 30 };
  scene = await openScene(
    [
      { name: "orders", drops: { seed: 21, rows: 8000, objects: 8, ...hourly } },
      { name: "returns", drops: { seed: 22, rows: 300, objects: 2, ...hourly } },
      { name: "coupons", drops: { seed: 23, rows: 40, objects: 1, ...hourly } },
      { name: "clicks", append: true, drops: { seed: 24, rows: 4000, objects: 40, ...hourly } },
    ],
    "60KB",
  );
});
afterAll(() => scene.end());

async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await scene.stage();
  try {
    await work(stage);
  } finally {
    await stage.end();
  }
}

describe("loads started together", () => {
  for (const count of [2, 4]) {
    test(`${count} share the work, each object is applied once`, () =>
      onStage(async (stage) => {
        const rans = await Promise.all(Array.from({ length: count }, () => stage.load()));
        for (const ran of rans) {
          expect(faultsOf(ran)).toEqual([]);
          expect(ran.exit).toBe(0);
        }
        const keys = rans.flatMap(loadedKeys);
        expect(keys).toHaveLength(scene.objects);
        expect(new Set(keys).size).toBe(scene.objects);
        await scene.check(stage.client);
      }));
  }

  test("a load that ends with 0 has seen every object final, also those that another one loads", () =>
    onStage(async (stage) => {
      const counts = await Promise.all(
        [0, 150].map(async (delay) => {
          await sleep(delay);
          const ran = await stage.load();
          const { rows } = await stage.client.query(
            "select count(*)::int as n from drayage.load_history where status = 'loaded'",
          );
          return { exit: ran.exit, loaded: rows[0].n };
        }),
      );
      for (const count of counts) expect(count).toEqual({ exit: 0, loaded: scene.objects });
    }));
});

/** Each table of the first load stands still at a step of its own; `meanwhile`, then it goes on. */
describe("a load that is frozen at each step of the way, of full loads and of changes", () => {
  async function frozen(meanwhile: (scene: CrashScene, wake: () => void) => Promise<LoadedHere>): Promise<LoadedHere> {
    const scene = await openCrashScene(stepsOfTable, ["full", "changes"]);
    const armed = armHere(stopsOf(scene, stepsOfTable));
    try {
      const first = scene.loadHere();
      await Promise.race([
        armed.allReached,
        first.then((ended) => expect.fail(`it ended: ${ended.failures.join("; ")}`)),
      ]);
      const other = await meanwhile(scene, armed.letGo);
      armed.letGo();
      const ended = await first;
      expect(ended.failures).toEqual([]);
      // Nothing was applied twice, whoever it was that loaded it.
      const keys = [ended, other]
        .flatMap(({ report }) => report.tables.flatMap((table) => table.objects))
        .map((one) => one.key);
      expect(new Set(keys).size).toBe(keys.length);
      await scene.check();
      return other;
    } finally {
      armed.letGo();
      armed.disarm();
      await scene.end();
    }
  }

  test("while it lives, another ends with 4 after lock_wait, and names it", async () => {
    let took = 0;
    const other = await frozen(async (scene) => {
      scene.lockWait("1s");
      const began = performance.now();
      const ended = await scene.loadHere();
      took = performance.now() - began;
      return ended;
    });
    expect(other.exit).toBe(4);
    const held = other.report.tables.flatMap((table) => [...table.held, ...table.failures.map(({ error }) => error)]);
    expect(held.length).toBeGreaterThan(stepsOfTable.length);
    expect(new Set(held.map((one) => one.code))).toEqual(new Set(["HELD_ELSEWHERE"]));
    // Waiting once for each table, not once for each object of it.
    expect(took).toBeLessThan(30_000);
  });

  test("every connection broken: another takes over, and it is fenced when it wakes", async () => {
    const other = await frozen(async (scene) => {
      expect(await terminate(scene.place.client, backends.all)).toBe(scene.tables.length + 1);
      return scene.loadHere();
    });
    expect(other.failures).toEqual([]);
  });

  test("the run lock's connection alone broken: what another takes over meanwhile is fenced", async () => {
    const other = await frozen(async (scene, wake) => {
      expect(await terminate(scene.place.client, backends.run)).toBe(1);
      const loading = scene.loadHere();
      // What holds a table's lock holds everybody off, until it wakes.
      await sleep(500);
      wake();
      return loading;
    });
    expect(other.failures).toEqual([]);
  });
});
