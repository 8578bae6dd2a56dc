/** Brings the objects of a scene to its folder, takes them away, and loads what is there. */
import { rmSync, utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type LoadedHere, loadHere } from "./load-here.ts";
import type { RandomScene, SceneObject } from "./random-scene.ts";
import { objectBody } from "./scene-bytes.ts";
import type { Workplace } from "./workplace.ts";

/** The scene's table in the database, and its folder. */
export interface Trial {
  readonly place: Workplace;
  readonly scene: RandomScene;
  readonly name: string;
}

/** Its time of modification is what DMS would leave, `later` seconds on when it was copied. */
export function deliver({ place, scene, name }: Trial, object: SceneObject, later: number): void {
  const path = `${name}/${object.path}`;
  place.put(path, objectBody(scene, object));
  const seconds = modifiedAt(object) / 1000 + later;
  utimesSync(fileURLToPath(`${place.source}/${path}`), seconds, seconds);
}

/** DMS writes an object as it closes it. */
export function modifiedAt({ time, modified }: SceneObject): number {
  return modified ?? time + 1000;
}

export function remove({ place, name }: Trial, object: SceneObject): void {
  rmSync(fileURLToPath(`${place.source}/${name}/${object.path}`));
}

/** It is killed by a signal once it has opened as many objects as the scene says, if it comes so far. */
export async function loadScene({ place, scene, name }: Trial, n: number): Promise<LoadedHere | "killed"> {
  const lane = scene.loads[n];
  const killAt = scene.kills?.[n];
  const clock = scene.reloads?.clock[n];
  const now = clock === undefined ? undefined : new Date(clock);
  place.config(
    JSON.stringify({
      source: { url: `${place.source}/${name}` },
      warehouse: { url: place.url, schema: "public" },
      limits: { max_unit_bytes: scene.maxUnitBytes },
      tables: { [name]: { prefix: "t", ...scene.entry } },
    }),
  );
  if (killAt === undefined) return loadHere(place, { lane, now });
  const stop = new AbortController();
  let opened = 0;
  try {
    return await loadHere(place, {
      lane,
      now,
      signal: stop.signal,
      through: (source) => ({
        ...source,
        open(object, options) {
          if (opened++ >= killAt) stop.abort(new Error("killed"));
          return source.open(object, options);
        },
      }),
    });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return "killed";
  }
}
