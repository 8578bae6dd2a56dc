/** What a listing says of one table beyond its open objects: its full loads, and whether times of changes can be trusted. */
import type { SourceObject } from "./discover.ts";

/** DMS writes an object as it closes it: where the two times agree, nobody copied it since. */
const agreesWithinMs = 900_000;

export class TableListing {
  /** Every one that is listed, whatever became of it. */
  readonly fullLoads: SourceObject[] = [];
  /** When the newest change object came into the source. */
  newestChange: Date | undefined;
  #changes = 0;
  #agreeing = 0;

  add(objects: readonly SourceObject[]): void {
    for (const object of objects) {
      if (object.kind === "full_load") {
        this.fullLoads.push(object);
        continue;
      }
      this.#changes++;
      if (agrees(object)) this.#agreeing++;
      if (this.newestChange === undefined || object.lastModified > this.newestChange)
        this.newestChange = object.lastModified;
    }
  }

  get hasChanges(): boolean {
    return this.#changes > 0;
  }

  /** When the first of the listed full loads came into the source. */
  get firstFullLoad(): Date | undefined {
    let first: Date | undefined;
    for (const { lastModified } of this.fullLoads)
      if (first === undefined || lastModified < first) first = lastModified;
    return first;
  }

  /**
   * Whether the source is as DMS wrote it: nine in ten change objects came when their names say. `late`: objects in question; one that
   * arrived long after it was closed is no evidence against the others. undefined: nothing is there to tell.
   */
  isNative(late: readonly SourceObject[]): boolean | undefined {
    const changes = this.#changes - late.filter((object) => !agrees(object)).length;
    return changes === 0 ? undefined : this.#agreeing * 10 >= changes * 9;
  }
}

function agrees({ fileTime, lastModified }: SourceObject): boolean {
  return fileTime !== undefined && Math.abs(lastModified.getTime() - fileTime.getTime()) <= agreesWithinMs;
}
