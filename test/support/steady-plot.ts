/** One full load and hours of changes: delivered more or less in time, some late, some twice, some gone once they were loaded; runs are killed. */
import type { Random } from "../../src/demo/random.ts";
import { fullLoadTime } from "./random-records.ts";
import type { SceneObject, SceneRecord } from "./random-scene.ts";
import { change, type Dialect, fullLoad, stamp } from "./scene-dialect.ts";
import { changeColumns, type Draft, type Plot } from "./source-scene.ts";

const hourMs = 3_600_000;

export function steadyPlot(draft: Draft): Plot {
  const { random } = draft;
  const written = writeObjects(draft);
  const loads = 2 + random.below(2);
  const kills = Array.from({ length: loads }, (_, n) =>
    n < loads - 1 && random.chance(30) ? random.below(6) : undefined,
  );
  return {
    loads: Array.from({ length: loads }, () => random.pick([undefined, undefined, "decoded" as const, "raw" as const])),
    kills,
    objects: delivered(draft, written, kills),
  };
}

/** Full load and changes, in the order of their time; a part of the full load is read while changes are made already. */
function writeObjects(draft: Draft): SceneObject[] {
  const { random, dialect, source, uniqueCode } = draft;
  const objects: SceneObject[] = [];
  for (let n = random.below(80); n > 0; n -= 1) source.change(stamp(fullLoadTime));
  const parts = 1 + random.below(4);
  const segments = random.chance(30);
  const hours = 3 + random.below(8);
  const writePart = () => {
    const records = source.fullLoad(objects.length, parts, stamp(fullLoadTime));
    objects.push(fullLoad(dialect, objects.length, segments, { columns: source.written(), records }));
  };
  // Two rows have one code where they were read at different times.
  while (uniqueCode && objects.length < parts) writePart();
  let time = fullLoadTime;
  for (let hour = 0; hour < hours; hour += 1) {
    const begin = time;
    time += hourMs + random.below(hourMs);
    const records: SceneRecord[] = [];
    const count = random.below(random.chance(10) ? 250 : 40);
    for (let n = 0; n < count; n += 1) {
      // The full load goes on into the first hour, part by part.
      if (hour === 0 && objects.length < parts && n * parts >= objects.length * count) writePart();
      records.push(...source.change(stamp(begin + Math.floor((n * hourMs) / count / 1000) * 1000)));
    }
    while (hour === 0 && objects.length < parts) writePart();
    objects.push(change(dialect, time + random.below(10) / 10, { columns: source.written(), records }));
    if (dialect.header && random.chance(20)) changeColumns(draft);
  }
  return !uniqueCode && random.chance(25) ? [...objects, ...replayed(random, dialect, objects, time)] : objects;
}

/** A task that was started again from a moment before its end writes everything since, in order, under new names. */
function replayed(random: Random, dialect: Dialect, objects: readonly SceneObject[], end: number): SceneObject[] {
  const changes = objects.filter(({ kind }) => kind === "change");
  const tail = changes.slice(-1 - random.below(3));
  return tail.map((object, n) => change(dialect, end + (n + 1) * 60_000, object));
}

function delivered(
  { random, uniqueCode }: Draft,
  objects: readonly SceneObject[],
  kills: readonly (number | undefined)[],
): SceneObject[] {
  const last = kills.length - 1;
  /** The first load from its coming on that nothing kills. */
  const loadedBy = (arrival: number) => kills.findIndex((kill, load) => load >= arrival && kill === undefined);
  return objects.map((one, n) => {
    const inTime = Math.min(last, Math.floor((n * kills.length) / objects.length));
    const arrival = !uniqueCode && random.chance(25) ? random.below(kills.length) : inTime;
    const loaded = loadedBy(arrival);
    const again = loaded < last && random.chance(12) ? loaded + 1 : undefined;
    const removable = again === undefined ? loaded : loadedBy(again);
    const removed = removable < last && random.chance(20) ? removable + 1 : undefined;
    return { ...one, arrival, again, removed };
  });
}
