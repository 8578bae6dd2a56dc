/** `kill -9` at random moments, then `load`: the end is that of a load which nobody disturbed. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../src/demo/random.ts";
import { LoadWatch, loadedEntries } from "../support/load-watch.ts";
import { faultsOf, openScene, type Scene, type Stage } from "../support/scene.ts";
import { type Digest, digestOf } from "../support/table-digest.ts";

const seed = Number(process.env.DRAYAGE_TEST_SEED ?? 20260302);
const kills = 20;
/** Of the kills, those between the first COPY byte and the last COMMIT. */
const leastInside = 12;

let scene: Scene;
let undisturbed: Digest;
/** Milliseconds of the undisturbed load: from its start to the first COPY byte, and from there to its end. */
let startMs = 0;
let workMs = 0;

/** About so many merges are a load. */
const units = 6;
const names = ["orders", "clicks"];

beforeAll(async () => {
  scene = await openScene(
    [
      {
        name: "orders",
        drops: { seed, rows: 60_000, objects: 3, hours: 3, objectsPerHour: 2, changesPerObject: 300 },
      },
      {
        name: "clicks",
        append: true,
        drops: { seed: seed + 1, rows: 6_000, objects: 4, hours: 2, changesPerObject: 200 },
      },
    ],
    "3MB",
  );
  const stage = await scene.stage();
  try {
    const watch = await LoadWatch.begin(stage.client);
    const run = stage.start();
    let over = false;
    const ended = run.ended.finally(() => {
      over = true;
    });
    const first = await watch.until(
      (sighting) => sighting.begun,
      () => over,
    );
    startMs = first?.at ?? 0;
    expect(faultsOf(await ended)).toEqual([]);
    workMs = (await watch.look()).at - startMs;
    await scene.check(stage.client);
    undisturbed = await digestOf(stage.client, names);
  } finally {
    await stage.end();
  }
});
afterAll(() => scene.end());

interface Kill {
  readonly round: number;
  readonly at: number;
  readonly place: string;
  readonly inside: boolean;
}

test(`killed ${kills} times (DRAYAGE_TEST_SEED=${seed})`, { timeout: 180_000 }, async () => {
  const random = new Random().reset(seed, 0, 0, 9);
  const killed: Kill[] = [];
  // A load that ends before its moment comes was not killed: there are more rounds than are needed.
  for (let round = 1; killed.length < kills && round <= kills * 2; round++) {
    const stage = await scene.stage();
    try {
      // Up to four in a row: who takes over may be killed as well.
      for (let left = 1 + random.below(4); left > 0 && killed.length < kills; left--) {
        const kill = await killOne(stage, random, round, killed.length % 6 === 2);
        if (kill === undefined) break;
        killed.push(kill);
      }
      const ran = await stage.load();
      expect(faultsOf(ran)).toEqual([]);
      expect(ran.exit).toBe(0);
      expect(await digestOf(stage.client, names)).toEqual(undisturbed);
      await scene.checkHistory(stage.client);
      // A run that was killed after its last word is done, too.
      expect(await statusOfRuns(stage)).toMatch(/^((lost|done) )*done$/);
    } finally {
      await stage.end();
    }
  }
  process.stdout.write(`${report(killed)}\n`);
  expect(killed).toHaveLength(kills);
  expect(killed.filter((kill) => kill.inside).length).toBeGreaterThanOrEqual(leastInside);
});

/** `early`: before the work begins. Else while it is under way: after so many more objects, and a part of the time of one unit. */
async function killOne(stage: Stage, random: Random, round: number, early: boolean): Promise<Kill | undefined> {
  const share = random.below(1000) / 1000;
  const watch = await LoadWatch.begin(stage.client);
  const before = await loadedEntries(stage.client);
  const target = before + Math.floor(share * (scene.objects - before));
  const run = stage.start();
  let over = false;
  const ended = run.ended.finally(() => {
    over = true;
  });
  if (early) await sleep(share * startMs);
  else {
    await watch.until(
      ({ begun, loaded }) => begun && loaded >= target,
      () => over,
    );
    await sleep((random.below(1000) / 1000) * (workMs / units));
  }
  const seen = await watch.look();
  run.kill("SIGKILL");
  const { exit } = await ended;
  if (exit !== -1) return undefined;
  const inside = seen.begun && (await loadedEntries(stage.client)) < scene.objects;
  return {
    round,
    at: Math.round(seen.at),
    place: `${seen.place}; ${seen.loaded} of ${scene.objects} objects loaded`,
    inside,
  };
}

async function statusOfRuns(stage: Stage): Promise<string> {
  const { rows } = await stage.client.query("select string_agg(status, ' ' order by run_id) as runs from drayage.runs");
  return rows[0].runs;
}

function report(killed: readonly Kill[]): string {
  const inside = killed.filter((kill) => kill.inside).length;
  return [
    `kill -9, seed ${seed}; undisturbed: ${Math.round(startMs)} ms to the first COPY byte, ${Math.round(workMs)} ms from there`,
    ...killed.map(
      ({ round, at, place, inside: within }, i) =>
        `${String(i + 1).padStart(3)}. round ${String(round).padStart(2)}  ${String(at).padStart(5)} ms  ${within ? "inside " : "outside"}  ${place}`,
    ),
    `${inside} of ${killed.length} between the first COPY byte and the last COMMIT`,
  ].join("\n");
}
