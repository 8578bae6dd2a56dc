/** Random scenes against an oracle: whatever the objects look like and whenever they come, the table is what they say. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { type RandomScene, randomScene } from "../support/random-scene.ts";
import { playScene } from "../support/scene-oracle.ts";
import { describeScene, smallest } from "../support/smallest-scene.ts";
import { sourceScene } from "../support/source-scene.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query("set timezone = 'UTC'");
});
afterAll(() => place.end());

const count = process.env.LONG === "1" ? 500 : 12;
/** SEED=n begins with scene n: what a failure prints. */
const first = Number(process.env.SEED ?? "1");
const enough = 3;

const scenarios = process.env.LONG === "1" ? 500 : 60;
/** Much of a load is waiting for the server. */
const atOnceScenes = 2;

test(`after each load the main table equals the source as far as delivered, in ${scenarios} scenarios`, {
  timeout: 1_800_000,
}, async () => {
  const found: string[] = [];
  let seed = first;
  let killed = 0;
  let changes = 0;
  let moved = 0;
  let reloads = 0;
  const lane = async () => {
    while (seed < first + scenarios && found.length < enough) {
      const scene = sourceScene(seed++);
      const end = await playScene(place, scene);
      killed += end.killed;
      for (const { kind, records } of scene.objects) if (kind === "change") changes += records.length;
      for (const { records } of scene.objects) moved += records.filter((record) => record.moved !== undefined).length;
      reloads += Math.max(0, ...scene.objects.map(({ set }) => set ?? 0));
      if (end.problems[0] !== undefined) found.push(await reproduction(scene, end.problems));
    }
  };
  await Promise.all(Array.from({ length: atOnceScenes }, lane));
  expect(found).toEqual([]);
  expect(changes).toBeGreaterThan(scenarios * 100);
  expect(killed).toBeGreaterThan(scenarios / 10);
  expect(moved).toBeGreaterThan(scenarios / 3);
  expect(reloads).toBeGreaterThan(scenarios / 3);
});

test(`${count} random scenes end as their objects say`, { timeout: 1_800_000 }, async () => {
  const found: string[] = [];
  for (let seed = first; seed < first + count && found.length < enough; seed++) {
    const scene = randomScene(seed);
    const { problems } = await playScene(place, scene);
    if (problems[0] !== undefined) found.push(await reproduction(scene, problems));
  }
  expect(found).toEqual([]);
});

test("all objects in any order end in the same values and types", { timeout: 1_800_000 }, async () => {
  const found: string[] = [];
  for (let seed = first; seed < first + Math.ceil(count / 4) && found.length < enough; seed++) {
    const scene = randomScene(seed + 1_000_000);
    const types: string[] = [];
    for (const scattered of [atOnce(scene), oneByOne(scene, false), oneByOne(scene, true)]) {
      const end = await playScene(place, scattered);
      if (end.problems[0] !== undefined) found.push(await reproduction(scattered, end.problems));
      else types.push(end.types.join("\n"));
    }
    if (new Set(types).size > 1) found.push([...types, describeScene(scene)].join("\n"));
  }
  expect(found).toEqual([]);
});

test("a key column is the one that is spelled so, beside another that reads the same", async () => {
  const table = await oneTable(place, { primary_key: ["user_id"] });
  table.full(1, csv("user_id,userId", "1,a", "2,a"));
  expect((await table.load()).counts).toEqual({ read: 2, inserted: 2 });
  expect(await table.rows("user_id")).toEqual(["1", "2"]);
});

test("a column of the main table is fed by the field that is spelled so, whichever comes first", async () => {
  const table = await oneTable(place, {}, "create table TABLE (id integer primary key, user_id text)");
  table.full(1, csv("id,userId,user_id", "1,other,own"));
  expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
  expect(await table.rows("id", "user_id")).toEqual(["1 own"]);
});

test("a record of no op, without a header, is one reject", async () => {
  const table = await oneTable(place, { columns: ["id integer", "v text"], primary_key: ["id"] });
  table.change(1, csv("I,1,a", "I,2,b", "X,3,c"));
  expect((await table.load()).counts).toEqual({ read: 3, inserted: 2, rejected: 1 });
  expect(await table.rejects()).toEqual(["3 bad_op - -"]);
});

function atOnce(scene: RandomScene): RandomScene {
  const objects = scene.objects.map((object) => ({ ...object, arrival: 0, again: undefined }));
  return { ...scene, loads: [undefined], objects };
}

function oneByOne(scene: RandomScene, backwards: boolean): RandomScene {
  const last = scene.objects.length - 1;
  const objects = scene.objects
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
    .map((object, i) => ({ ...object, arrival: backwards ? last - i : i, again: undefined }));
  return { ...scene, loads: objects.map(() => undefined), objects };
}

/** What is wrong, and the smallest scene that has it. */
async function reproduction(scene: RandomScene, problems: readonly string[]): Promise<string> {
  const small = await smallest(scene, problems[0] ?? "", (tried) => playScene(place, tried));
  const left = (await playScene(place, small)).problems;
  return [...problems.slice(0, 5), "smallest:", ...left.slice(0, 5), describeScene(small)].join("\n");
}
