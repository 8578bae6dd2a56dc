/** The connection breaks at a COMMIT, or at another statement that changes something: every object is there once all the same. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FrontendMessage, mergeCommits, startPostgresProxy, type Verdict } from "../support/postgres-proxy.ts";
import { faultsOf, loadedKeys, openScene, type Scene, type Stage } from "../support/scene.ts";

let scene: Scene;
beforeAll(async () => {
  scene = await openScene(
    [
      {
        name: "orders",
        drops: { seed: 31, rows: 3000, objects: 3, hours: 3, objectsPerHour: 2, changesPerObject: 60 },
      },
      { name: "clicks", append: true, drops: { seed: 32, rows: 600, objects: 2, hours: 3, changesPerObject: 40 } },
    ],
    "150KB",
  );
});
afterAll(() => scene.end());

type Chooser = () => (message: FrontendMessage) => boolean;

/** The first of each `n` that `of` knows: a unit is given up after three breaks, so that a repetition must get through. */
function oneIn(n: number, of: Chooser): Chooser {
  return () => {
    const chosen = of();
    let seen = 0;
    return (message) => chosen(message) && seen++ % n === 0;
  };
}

/** The answer to a statement is complete with the answer to its Sync. */
function statement(words: RegExp): Chooser {
  return () => (message) => message.type === "S" && words.test(message.sql);
}

/** Of the connections that load: the first one is the run's own. */
const commits: Chooser = () => (message) => message.connection > 1 && message.type === "Q" && message.sql === "commit";

/** `least`: so many must have happened, or the test tests nothing. */
const breaks: readonly { name: string; at: Chooser; verdict: Verdict; least: number }[] = [
  { name: "the merge's COMMIT is carried out, its answer lost", at: oneIn(2, mergeCommits), verdict: "cut", least: 3 },
  {
    name: "the server is still at the merge's COMMIT when the loader is back",
    at: oneIn(2, mergeCommits),
    verdict: "cut, late",
    least: 3,
  },
  { name: "the merge's COMMIT never arrives", at: oneIn(2, mergeCommits), verdict: "drop", least: 3 },
  { name: "any COMMIT is carried out, its answer lost", at: oneIn(5, commits), verdict: "cut", least: 5 },
  { name: "any COMMIT never arrives", at: oneIn(5, commits), verdict: "drop", least: 5 },
  {
    name: "a claim is carried out, its answer lost",
    at: oneIn(2, statement(/^\s*(with|insert)[\s\S]*load_history as h/)),
    verdict: "cut",
    least: 3,
  },
];

describe.concurrent("a broken connection", () => {
  for (const { name, at, verdict, least } of breaks) {
    test(name, async () => {
      const stage = await scene.stage();
      try {
        const chosen = at();
        let broken = 0;
        const proxy = await startPostgresProxy(stage.database.url, (message) => {
          if (!chosen(message)) return "pass";
          broken += 1;
          return verdict;
        });
        try {
          await checkOneLoad(stage, proxy.url);
        } finally {
          await proxy.stop();
        }
        expect(broken).toBeGreaterThanOrEqual(least);
      } finally {
        await stage.end();
      }
    });
  }
});

async function checkOneLoad(stage: Stage, url: string): Promise<void> {
  // One table at a time: with two, one in two COMMITs could be every COMMIT of one of them.
  const ran = await stage.load({ url, args: ["--concurrency", "1"] });
  expect(faultsOf(ran)).toEqual([]);
  expect(ran.exit).toBe(0);
  const keys = loadedKeys(ran);
  expect(keys).toHaveLength(scene.objects);
  expect(new Set(keys).size).toBe(scene.objects);
  await scene.check(stage.client);
}
