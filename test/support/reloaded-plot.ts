/** A table that is loaded anew at the source under the names of before, beside its changes: the whole of it, or the rows that changed. */
import { fullLoadTime } from "./random-records.ts";
import type { Reloads, SceneObject, SceneRecord } from "./random-scene.ts";
import { objectText } from "./scene-bytes.ts";
import { modifiedAt } from "./scene-delivery.ts";
import { change, fullLoad, stamp } from "./scene-dialect.ts";
import type { SimulatedSource } from "./simulated-source.ts";
import { changeColumns, type Draft, type Plot } from "./source-scene.ts";

const minuteMs = 60_000;

export function reloadedPlot(draft: Draft, mode: Reloads["mode"]): Plot {
  const plotter = new Plotter(draft, mode);
  const phases = 3 + draft.random.below(2);
  for (let phase = 0; phase < phases; phase++) plotter.phase();
  return plotter.end();
}

/** Writes phase by phase, each with a full load or without, and the loads of its hours. */
class Plotter {
  readonly #draft: Draft;
  readonly #mode: Reloads["mode"];
  readonly #settleMs: number;
  /** Whether DMS writes changes beside the full loads. Where it does not, nothing tells of deletes but the next full load. */
  readonly #hasChanges: boolean;
  readonly #segments: boolean;
  readonly #objects: SceneObject[] = [];
  readonly #loads: { readonly at: number; readonly kill: number | undefined }[] = [];
  #sets = 0;
  #time = fullLoadTime;
  /** Written to the next change object. */
  #pending: SceneRecord[] = [];
  /** The rows when the last full load was read. */
  #read: SimulatedSource["rows"] = new Map();

  constructor(draft: Draft, mode: Reloads["mode"]) {
    this.#draft = draft;
    this.#mode = mode;
    this.#settleMs = (mode === "snapshot" ? 2 : 15) * minuteMs;
    this.#hasChanges = mode === "once" || draft.random.chance(50);
    this.#segments = draft.random.chance(30);
  }

  phase(): void {
    const { random, dialect } = this.#draft;
    const isFirst = this.#sets === 0;
    const arrival = this.#loads.length;
    if (isFirst || !this.#hasChanges || random.chance(70)) {
      this.#fullLoad();
      if (random.chance(40)) this.#load(this.#time + minuteMs / 2);
    }
    const hours = this.#hasChanges ? random.below(3) : 0;
    for (let hour = 0; hour < hours; hour++) this.#hour();
    const end = random.chance(70) ? this.#settleMs + minuteMs : minuteMs / 2;
    // A run that is killed, and the one after it.
    if (random.chance(25)) this.#load(this.#time + end, random.below(5));
    this.#load(this.#time + end + 1000);
    this.#vanish(arrival);
    if (!dialect.header || !random.chance(20)) return;
    if (this.#pending.length > 0) this.#hour();
    changeColumns(this.#draft);
  }

  end(): Plot {
    if (this.#pending.length > 0) this.#hour();
    this.#load(this.#time + 24 * 60 * minuteMs);
    const { random } = this.#draft;
    return {
      objects: this.#objects,
      loads: this.#loads.map(() => random.pick([undefined, undefined, "decoded" as const, "raw" as const])),
      kills: this.#loads.map(({ kill }) => kill),
      reloads: { mode: this.#mode, settleMs: this.#settleMs, clock: this.#loads.map(({ at }) => at) },
    };
  }

  #load(at: number, kill?: number): void {
    this.#loads.push({ at, kill });
    this.#time = at;
  }

  #fullLoad(): void {
    const { random, source, uniqueCode } = this.#draft;
    this.#time += (20 + random.below(60)) * minuteMs;
    const isFirst = this.#sets === 0;
    const before = random.below(isFirst ? 60 : 20);
    // What was made while the task was stopped is written nowhere; else the next change object tells it once more, step by step.
    const isStopped = isFirst || !this.#hasChanges || (this.#mode !== "changes" && (uniqueCode || random.chance(50)));
    if (isStopped) this.#pending = [];
    for (let n = 0; n < before; n++) this.#change(isStopped);
    const set = this.#sets++;
    const parts = this.#mode === "changes" && set > 0 ? 1 : 1 + random.below(3);
    let written = this.#parts(set, parts);
    // Equal bytes are no newer full load, and one without a row is refused.
    for (let n = 0; n < 200 && this.#isNothingNew(written); n++) {
      this.#change(isStopped);
      written = this.#parts(set, parts);
    }
    this.#objects.push(...written);
    this.#time = Math.max(...written.map(modifiedAt));
    this.#read = new Map(source.rows);
  }

  #parts(set: number, parts: number): SceneObject[] {
    const { random, dialect, source } = this.#draft;
    const columns = source.written();
    return Array.from({ length: parts }, (_, part) => {
      const records =
        this.#mode === "changes" && set > 0
          ? source.changedRows(this.#read, stamp(this.#time))
          : source.fullLoad(part, parts, stamp(fullLoadTime));
      const modified = this.#time + (part + random.below(2)) * minuteMs;
      return {
        ...fullLoad(dialect, part, this.#segments, { columns, records }),
        set,
        modified,
        arrival: this.#loads.length,
      };
    });
  }

  #isNothingNew(written: readonly SceneObject[]): boolean {
    if (this.#sets === 1) return written.every(({ records }) => records.length === 0);
    const { delimiter } = this.#draft.dialect;
    const isEqual = (one: SceneObject) => {
      const old = this.#objects.findLast(({ path }) => path === one.path);
      return old !== undefined && objectText({ delimiter }, old) === objectText({ delimiter }, one);
    };
    return written.every(isEqual) || written.every(({ records }) => records.length === 0);
  }

  #change(isUnwritten: boolean): void {
    const { source } = this.#draft;
    // Nothing else tells a table of changed rows that one was deleted.
    const mayDelete = this.#mode !== "changes" || !isUnwritten;
    const records = source.change(stamp(this.#time), mayDelete);
    if (!isUnwritten) this.#pending.push(...records);
  }

  #hour(): void {
    const { random, dialect, source } = this.#draft;
    for (let n = random.below(30); n > 0; n--) this.#change(false);
    this.#time += (30 + random.below(60)) * minuteMs;
    const object = change(dialect, this.#time, { columns: source.written(), records: this.#pending });
    this.#pending = [];
    this.#objects.push({ ...object, arrival: this.#loads.length });
  }

  /** Some change objects of the phase come late, some are taken away once they were loaded. */
  #vanish(arrival: number): void {
    const { random, uniqueCode } = this.#draft;
    for (const [i, object] of this.#objects.entries()) {
      if (object.kind !== "change" || object.arrival < arrival) continue;
      if (!uniqueCode && random.chance(15)) this.#objects[i] = { ...object, arrival: this.#loads.length };
      else if (random.chance(10)) this.#objects[i] = { ...object, removed: this.#loads.length };
    }
  }
}
