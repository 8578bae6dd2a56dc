/** Makes a scene that fails small enough to be read, and prints it. */
import type { RandomScene } from "./random-scene.ts";
import { objectText } from "./scene-bytes.ts";
import type { SceneEnd } from "./scene-oracle.ts";

/** Fewer objects, loads and records that show a problem of the same class. */
export async function smallest(
  scene: RandomScene,
  problem: string,
  run: (scene: RandomScene) => Promise<SceneEnd>,
): Promise<RandomScene> {
  // A part of its objects no more makes the source's rows.
  if (problem.startsWith("source ")) return scene;
  const isSame = async (tried: RandomScene) =>
    (await run(tried)).problems.some((other) => other.split(" ")[0] === problem.split(" ")[0]);
  let best: RandomScene = { ...scene, source: undefined };
  const attempt = async (next: Partial<RandomScene>): Promise<boolean> => {
    const tried = { ...best, ...next };
    if (!(await isSame(tried))) return false;
    best = tried;
    return true;
  };
  for (const object of scene.objects)
    await attempt({ objects: best.objects.filter((one) => one.path !== object.path) });
  for (const { path } of best.objects) {
    for (let size = 64; size >= 1; size >>= 1) {
      // The first two show the shape.
      for (let from = 2; ; ) {
        const object = best.objects.find((one) => one.path === path);
        if (object === undefined || from >= object.records.length) break;
        const records = object.records.filter((_, i) => i < from || i >= from + size);
        const objects = best.objects.map((one) => (one === object ? { ...one, records } : one));
        if (!(await attempt({ objects }))) from += size;
      }
    }
    await attempt({ objects: best.objects.map((one) => (one.path === path ? { ...one, again: undefined } : one)) });
  }
  return best;
}

/** Everything that is needed to see it again by hand. */
export function describeScene(scene: RandomScene): string {
  const objects = scene.objects.map((object) => {
    const again = object.again === undefined ? "" : `, again before ${object.again}`;
    const removed = object.removed === undefined ? "" : `, removed before ${object.removed}`;
    return `${object.path} before load ${object.arrival}${again}${removed}: ${JSON.stringify(objectText(scene, object).slice(0, 3000))}`;
  });
  return [
    `seed ${scene.seed}, loads ${scene.loads.map((lane, n) => `${lane ?? "any"}${scene.kills?.[n] === undefined ? "" : ` killed at object ${scene.kills[n]}`}`).join(", ")}, max_unit_bytes ${scene.maxUnitBytes}`,
    `table ${JSON.stringify(scene.entry)}`,
    ...(scene.create === undefined ? [] : [scene.create]),
    ...objects,
  ].join("\n");
}
