/** Objects of one table that wait to be loaded, unit by unit; several workers may take from one queue. */
import type { SourceObject } from "./discover.ts";
import { nextUnit } from "./next-unit.ts";

export class UnitQueue {
  readonly #objects: SourceObject[];
  readonly #maxBytes: number;
  /** Whether the units are merged side by side, where the merge allows it. */
  readonly sideBySide: boolean;

  constructor(objects: readonly SourceObject[], maxBytes: number, sideBySide = false) {
    this.#objects = [...objects];
    this.#maxBytes = maxBytes;
    this.sideBySide = sideBySide;
  }

  get rest(): readonly SourceObject[] {
    return this.#objects;
  }

  /** Of one kind, bounded in number and bytes; empty when nothing is left. */
  take(): SourceObject[] {
    return nextUnit(this.#objects, this.#maxBytes);
  }

  /** What nobody has taken stays as it is: the table was stopped. */
  stop(): void {
    this.#objects.length = 0;
  }
}
