/** Loads side by side on one database, and a load that is frozen while another takes its objects over. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Ran } from "../support/drayage.ts";
import { backends, holdLoad, terminate } from "../support/held-load.ts";
import { type FrontendMessage, isFence, mergeCommits } from "../support/postgres-proxy.ts";
import { faultsOf, loadedKeys, openScene, type Scene, type Stage, summaryOf } from "../support/scene.ts";

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

/** Where the first load is frozen: its message is held back, so that its claims, and what it has locked, stand. */
const frozenAt: readonly { name: string; at: () => (message: FrontendMessage) => boolean }[] = [
  {
    name: "in COPY",
    at:
      () =>
      ({ type }) =>
        type === "d",
  },
  {
    name: "at the fence, under the table's lock",
    at:
      () =>
      ({ type, sql }) =>
        type === "P" && isFence(sql),
  },
  { name: "at COMMIT", at: mergeCommits },
];

/** The backends that are ended under the frozen load. */
const broken: readonly { name: string; where: string }[] = [
  { name: "every connection", where: backends.all },
  { name: "the run lock's connection alone", where: backends.run },
];

describe("a frozen load", () => {
  for (const { name, at } of frozenAt) {
    test(`${name}: while it lives, another ends with 4 after lock_wait, and names it`, () =>
      frozen(at(), async (stage) => {
        const began = performance.now();
        const other = await stage.load({ lockWait: "1s", args: ["--concurrency", "4"] });
        expect(other.exit).toBe(4);
        expect(JSON.stringify(summaryOf(other).tables)).toMatch(/HELD_ELSEWHERE/);
        // Waiting once for each table, not once for each object of it.
        expect(performance.now() - began).toBeLessThan(15_000);
        return undefined;
      }));
  }

  for (const { name, at } of frozenAt) {
    for (const { name: what, where } of broken) {
      // What holds the table's lock holds everybody off: only its own backend's end frees it.
      if (where !== backends.all && name !== "in COPY") continue;
      test(`${name}: ${what} broken, another takes over, and it is fenced when it wakes`, () =>
        frozen(at(), async (stage) => {
          expect(await terminate(stage.client, where)).toBeGreaterThan(0);
          const other = await stage.load();
          expect(faultsOf(other)).toEqual([]);
          expect(other.exit).toBe(0);
          await scene.check(stage.client);
          return other;
        }));
    }
  }
});

/** Freezes a load at its first such message, wakes it after `meanwhile`, and checks that nothing was applied twice. */
async function frozen(
  at: (message: FrontendMessage) => boolean,
  meanwhile: (stage: Stage) => Promise<Ran | undefined>,
): Promise<void> {
  await onStage(async (stage) => {
    // One table at a time: a connection that breaks while it is being made is not tried again.
    const held = await holdLoad(stage, at, ["--concurrency", "1"]);
    try {
      held.run.kill("SIGSTOP");
      const other = await meanwhile(stage);
      held.letGo();
      held.run.kill("SIGCONT");
      const ran = await held.run.ended;
      expect(faultsOf(ran)).toEqual([]);
      expect(ran.exit).toBe(0);
      const keys = loadedKeys(ran).concat(other === undefined ? [] : loadedKeys(other));
      expect(new Set(keys).size).toBe(keys.length);
      await scene.check(stage.client);
    } finally {
      await held.end();
    }
  });
}
