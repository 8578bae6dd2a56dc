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

/** Every other one that `of` knows: what is repeated gets through. */
function everyOther(of: Chooser): Chooser {
  return () => {
    const chosen = of();
    let seen = 0;
    return (message) => chosen(message) && seen++ % 2 === 0;
  };
}

/** The answer to a statement is complete with the answer to its Sync. */
function statement(words: RegExp): Chooser {
  return () => (message) => message.type === "S" && words.test(message.sql);
}

const commits: Chooser = () => (message) => message.type === "Q" && message.sql === "commit";

/** `conversation`: breaks expected at least. */
const breaks: readonly { name: string; at: Chooser; verdict: Verdict; least: number }[] = [
  { name: "the merge's COMMIT is carried out, its answer lost", at: mergeCommits, verdict: "cut", least: 4 },
  {
    name: "the server is still at the merge's COMMIT when the loader is back",
    at: mergeCommits,
    verdict: "cut, late",
    least: 4,
  },
  { name: "the merge's COMMIT never arrives", at: mergeCommits, verdict: "drop", least: 4 },
  { name: "any COMMIT is carried out, its answer lost", at: commits, verdict: "cut", least: 8 },
  { name: "any COMMIT never arrives", at: commits, verdict: "drop", least: 8 },
  {
    name: "a claim is carried out, its answer lost",
    at: statement(/^\s*(with|insert)[^]*load_history as h/),
    verdict: "cut",
    least: 4,
  },
];

describe.concurrent("a broken connection", () => {
  for (const { name, at, verdict, least } of breaks) {
    test(name, async () => {
      const stage = await scene.stage();
      try {
        const chosen = everyOther(at)();
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
  // One table at a time: with two, "every other COMMIT" could be every COMMIT of one of them.
  const ran = await stage.load({ url, args: ["--concurrency", "1"] });
  expect(faultsOf(ran)).toEqual([]);
  expect(ran.exit).toBe(0);
  const keys = loadedKeys(ran);
  expect(keys).toHaveLength(scene.objects);
  expect(new Set(keys).size).toBe(scene.objects);
  await scene.check(stage.client);
}
