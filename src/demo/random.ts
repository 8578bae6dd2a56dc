/** A small repeatable source of random numbers (mulberry32) that can be set to any row without the rows before it. */

export class Random {
  #state = 0;

  /** The same numbers follow for the same four whole numbers below 2^53; `stream` keeps apart what is drawn for different ends. */
  reset(seed: number, row: number, revision: number, stream: number): this {
    this.#state = withPart(withPart(withPart(withPart(0x9e3779b9, seed), row), revision), stream);
    return this;
  }

  /** A whole number from 0 to 2^32 - 1. */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** A whole number from 0 to limit - 1; limit is at most 2^32. */
  below(limit: number): number {
    return Math.floor((this.word() / 0x1_0000_0000) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

/** 8 hex digits. */
export function hexText(word: number): string {
  return `${hex[word >>> 24]}${hex[(word >>> 16) & 255]}${hex[(word >>> 8) & 255]}${hex[word & 255]}`;
}

const hex = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

function withPart(hash: number, part: number): number {
  return mixed(mixed(hash ^ (part >>> 0)) ^ Math.floor(part / 0x1_0000_0000));
}

function mixed(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
