/** Scratch: hunts for a while. */
import { appendFileSync } from "node:fs";
import { test } from "vitest";
import { randomScene } from "../support/random-scene.ts";
import { playScene } from "../support/scene-oracle.ts";
import { describeScene, smallest } from "../support/smallest-scene.ts";
import { openWorkplace } from "../support/workplace.ts";

test("hunt", { timeout: 1_800_000 }, async () => {
  const out = process.env.OUT ?? "/tmp/r1-hunt.log";
  const place = await openWorkplace();
  await place.client.query("set timezone = 'UTC'");
  const until = performance.now() + Number(process.env.SECONDS ?? "150") * 1000;
  let seed = Number(process.env.SEED ?? "1");
  for (; performance.now() < until; seed++) {
    const scene = randomScene(seed);
    const { problems } = await playScene(place, scene);
    if (problems[0] === undefined) continue;
    appendFileSync(out, `${problems.slice(0, 4).join("\n")}\n`);
    const small = await smallest(scene, problems[0], (tried) => playScene(place, tried));
    appendFileSync(out, `smallest: ${(await playScene(place, small)).problems.slice(0, 3).join("\n")}\n${describeScene(small)}\n\n`);
  }
  appendFileSync(out, `done to ${seed}\n`);
  await place.end();
});
