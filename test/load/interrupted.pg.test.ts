/** A load that is told to end, or whose backends are ended under it, at each step: units are whole or not there, and nothing is reported wrong. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/demo/random.ts";
import { armHere, stepsOfTable as ofTable } from "../support/armed.ts";
import { type CrashScene, openCrashScene, stopsOf, untilQuiet } from "../support/crash-scene.ts";
import { backends, holdLoad, terminate } from "../support/held-load.ts";
import { type FrontendMessage, mergeCommits } from "../support/postgres-proxy.ts";
import { faultsOf, openScene, type Scene, type Stage } from "../support/scene.ts";

const seed = Number(process.env.DRAYAGE_TEST_SEED ?? 20260302);
const randomLoads = process.env.LONG === undefined ? 1 : 6;

/** Every table stands at its step; what happens then; the load's end. */
async function atEachStep<T>(scene: CrashScene, happen: () => Promise<T>, signal?: AbortSignal) {
  const armed = armHere(stopsOf(scene, ofTable));
  try {
    const loading = scene.loadHere(signal).then(
      (loaded) => ({ loaded, error: undefined }),
      (error: unknown) => ({ loaded: undefined, error }),
    );
    await Promise.race([armed.allReached, loading.then((end) => expect.fail(`it ended: ${JSON.stringify(end)}`))]);
    const happened = await happen();
    armed.letGo();
    return { ...(await loading), happened };
  } finally {
    armed.letGo();
    armed.disarm();
  }
}

describe("at each step of the way, of full loads and of changes", () => {
  test("told to end: claims are given back, the next load completes", async () => {
    const scene = await openCrashScene(ofTable, ["full", "changes"]);
    try {
      const controller = new AbortController();
      const why = new Error("told to end");
      const { error } = await atEachStep(scene, async () => controller.abort(why), controller.signal);
      expect(error).toBe(why);
      await untilQuiet(scene.place);
      const { rows } = await scene.place.client.query(
        `select status from drayage.load_history where status not like 'loaded%' and status <> 'pending'
         union all select status from drayage.runs where run_id = (select max(run_id) from drayage.runs) and status <> 'failed'`,
      );
      expect(rows).toEqual([]);
      expect((await scene.loadHere()).failures).toEqual([]);
      await scene.check();
    } finally {
      await scene.end();
    }
  });

  test("the backends that load are ended: it goes on on new connections", async () => {
    const scene = await openCrashScene(ofTable, ["full", "changes"]);
    try {
      const end = await atEachStep(scene, () => terminate(scene.place.client, backends.loading));
      expect(end.happened).toBe(scene.tables.length);
      expect(end.error).toBeUndefined();
      expect(end.loaded?.failures).toEqual([]);
      await scene.check();
    } finally {
      await scene.end();
    }
  });
});

test("the backend that holds the run's lock is ended: the load ends as if nothing had been", async () => {
  const scene = await openCrashScene(["mid_object"], ["full"]);
  try {
    const armed = armHere(stopsOf(scene, ["mid_object"]));
    const loading = scene.loadHere();
    await armed.allReached;
    armed.disarm();
    expect(await terminate(scene.place.client, backends.run)).toBe(1);
    armed.letGo();
    expect(await loading).toMatchObject({ exit: 3, failures: [] });
    expect((await scene.place.client.query("select status from drayage.runs")).rows).toEqual([{ status: "done" }]);
    await scene.check();
  } finally {
    await scene.end();
  }
});

describe.concurrent("the program", () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene(
      [
        {
          name: "orders",
          drops: { seed: 41, rows: 6000, objects: 4, hours: 3, objectsPerHour: 2, changesPerObject: 60 },
        },
        { name: "clicks", append: true, drops: { seed: 42, rows: 2000, objects: 4, hours: 3, changesPerObject: 40 } },
      ],
      "200KB",
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

  const places: readonly { name: string; at: () => (message: FrontendMessage) => boolean }[] = [
    {
      name: "in COPY",
      at:
        () =>
        ({ type }) =>
          type === "d",
    },
    { name: "before COMMIT", at: mergeCommits },
  ];
  for (const { name, at } of places) {
    test(`SIGTERM ${name}: exit 143, claims given back`, () =>
      onStage(async (stage) => {
        const held = await holdLoad(stage, at());
        try {
          held.run.kill("SIGTERM");
          // The signal is in before the answer is.
          await sleep(100);
          held.letGo();
          const ran = await held.run.ended;
          expect(ran.exit).toBe(143);
          expect(ran.stdout + ran.stderr).not.toMatch(/INTERNAL|WAREHOUSE/);
        } finally {
          await held.end();
        }
        await untilQuiet(stage);
        const { rows } = await stage.client.query(
          `select distinct status from drayage.load_history where status not in ('loaded', 'pending')
           union all select status from drayage.runs where status <> 'failed'`,
        );
        expect(rows).toEqual([]);
      }));
  }

  for (let n = 1; n <= randomLoads; n++) {
    test(`backends are ended at random moments, load ${n} (DRAYAGE_TEST_SEED=${seed})`, () =>
      onStage(async (stage) => {
        const random = new Random().reset(seed, n, 0, 8);
        const run = stage.start();
        let over = false;
        const ended = run.ended.finally(() => {
          over = true;
        });
        let killed = 0;
        while (!over) {
          await sleep(60 + random.below(240));
          // Four at the most: a unit is given up after three breaks.
          if (killed < 4) killed += await terminate(stage.client, random.pick(Object.values(backends)));
        }
        const ran = await ended;
        if (ran.exit !== 0) {
          expect(ran.exit).toBe(1);
          for (const fault of faultsOf(ran)) expect(fault).toMatch(/^WAREHOUSE_LOST: /);
          const next = await stage.load();
          expect(faultsOf(next)).toEqual([]);
          expect(next.exit).toBe(0);
        }
        await scene.check(stage.client);
      }));
  }
});
