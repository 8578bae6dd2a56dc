/** A load that is told to end, or whose backends are ended under it: units are whole or not there, and nothing is reported wrong. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/demo/random.ts";
import { backends, holdLoad, terminate } from "../support/held-load.ts";
import { type FrontendMessage, isFence, mergeCommits } from "../support/postgres-proxy.ts";
import { faultsOf, loadedKeys, openScene, type Scene, type Stage } from "../support/scene.ts";

const seed = Number(process.env.DRAYAGE_TEST_SEED ?? 20260302);

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

const isClaim = (sql: string) => /insert into \S+load_history as h/.test(sql);

/** Where the load stands when it happens. */
const places: readonly { name: string; at: () => (message: FrontendMessage) => boolean }[] = [
  { name: "before a claim", at: always(({ type, sql }: FrontendMessage) => type === "P" && isClaim(sql)) },
  { name: "after a claim", at: afterClaim },
  { name: "in COPY", at: always(({ type }: FrontendMessage) => type === "d") },
  {
    name: "after COPY",
    at: always(({ type, sql }: FrontendMessage) => type === "Q" && sql === "release savepoint drayage_raw"),
  },
  { name: "before the fence", at: always(({ type, sql }: FrontendMessage) => type === "P" && isFence(sql)) },
  {
    name: "in the merge",
    at: always(({ type, sql }: FrontendMessage) => type === "Q" && sql === 'savepoint "drayage_merge"'),
  },
  { name: "before COMMIT", at: mergeCommits },
];

function always<T>(value: T): () => T {
  return () => value;
}

function afterClaim(): (message: FrontendMessage) => boolean {
  const claimed = new Set<number>();
  return ({ connection, type, sql }) => {
    if (type === "S" && isClaim(sql)) claimed.add(connection);
    return type === "Q" && claimed.has(connection);
  };
}

describe.concurrent("SIGTERM", () => {
  for (const { name, at } of places) {
    test(`${name}: exit 143, claims given back, the next load completes`, () =>
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
        const { rows } = await stage.client.query(
          `select distinct status from drayage.load_history where status not in ('loaded', 'pending')
           union all select status from drayage.runs where status <> 'failed'
           union all select 'a session' from pg_stat_activity where datname = current_database() and application_name like 'drayage%'`,
        );
        expect(rows).toEqual([]);
        const next = await stage.load();
        expect(faultsOf(next)).toEqual([]);
        expect(next.exit).toBe(0);
        await scene.check(stage.client);
      }));
  }
});

describe.concurrent("a backend is ended", () => {
  for (const { name, at } of places) {
    test(`${name}: the load goes on on a new connection`, () =>
      onStage(async (stage) => {
        // One table at a time: another's connection may be one that is just being made, and that is not tried again.
        const held = await holdLoad(stage, at(), ["--concurrency", "1"]);
        try {
          expect(await terminate(stage.client, backends.loading)).toBeGreaterThan(0);
          held.letGo();
          const ran = await held.run.ended;
          expect(faultsOf(ran)).toEqual([]);
          expect(ran.exit).toBe(0);
          expect(new Set(loadedKeys(ran)).size).toBe(scene.objects);
        } finally {
          await held.end();
        }
        await scene.check(stage.client);
      }));
  }

  test("the one that holds the run's lock: the load ends as if nothing had been", () =>
    onStage(async (stage) => {
      const held = await holdLoad(stage, ({ type }) => type === "d");
      try {
        expect(await terminate(stage.client, backends.run)).toBe(1);
        held.letGo();
        const ran = await held.run.ended;
        expect(faultsOf(ran)).toEqual([]);
        expect(ran.exit).toBe(0);
      } finally {
        await held.end();
      }
      await scene.check(stage.client);
      expect((await stage.client.query("select status from drayage.runs")).rows).toEqual([{ status: "done" }]);
    }));

  for (let n = 1; n <= 6; n++) {
    test(`at random moments, load ${n} (DRAYAGE_TEST_SEED=${seed})`, () =>
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
