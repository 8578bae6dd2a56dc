/** A random source whose updates say what changed and nothing else: whatever the cut into objects and loads, the table equals it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Random } from "../../src/demo/random.ts";
import type { Lane } from "../../src/load/staged-unit.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const token = "?nolog?";
const header = "Op,id,n,v,d,b_id";

interface Row {
  n: string;
  v: string;
  d: string;
}

/** Records of some transactions, and the rows after them. A record whose cells nobody knows changes nothing. */
class TokenSource {
  readonly rows = new Map<number, Row>();
  readonly #random: Random;
  #rejected = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get rejected(): number {
    return this.#rejected;
  }

  transaction(): string {
    const id = 1 + this.#random.below(6);
    const row = this.rows.get(id);
    if (row === undefined) {
      if (this.#random.chance(15)) {
        this.#rejected++;
        return `U,${id},${token},lost,${token},`;
      }
      const made = { n: this.#number(), v: this.#text(), d: this.#date() };
      this.rows.set(id, made);
      return `I,${id},${made.n},${made.v},${made.d},`;
    }
    if (this.#random.chance(10)) {
      this.rows.delete(id);
      return `D,${id},${token},${token},${token},`;
    }
    const change: Partial<Row> = {
      ...(this.#random.chance(40) ? { n: this.#number() } : {}),
      ...(this.#random.chance(40) ? { v: this.#text() } : {}),
      ...(this.#random.chance(40) ? { d: this.#date() } : {}),
    };
    const to = 1 + this.#random.below(6);
    const moves = to !== id && !this.rows.has(to) && this.#random.chance(15);
    if (moves) this.rows.delete(id);
    this.rows.set(moves ? to : id, { ...row, ...change });
    const cells = [change.n ?? token, change.v ?? token, change.d ?? token];
    return `U,${moves ? to : id},${cells.join(",")},${moves ? id : this.#random.pick(["", String(id), token])}`;
  }

  lines(): string[] {
    return [...this.rows].map(([id, { n, v, d }]) => `${id} ${n} ${v} ${d === "" ? "-" : d}`).sort();
  }

  #number(): string {
    return String(this.#random.below(900));
  }

  #text(): string {
    return `t${this.#random.below(100)}`;
  }

  /** NULL at times: a cell that was set to it is no cell that was left out. */
  #date(): string {
    return this.#random.chance(30) ? "" : `2026-01-${10 + this.#random.below(20)}`;
  }
}

test.each([1, 2, 3, 4, 5])("seed %i", async (seed) => {
  const random = new Random().reset(seed, 0, 0, 0);
  const source = new TokenSource(random);
  const table = await oneTable(
    place,
    { dialect: { unchanged_token: token, before_image: { prefix: "b_" } }, reject_limit: 10_000 },
    "create table TABLE (id integer primary key, n integer not null, v text not null, d date)",
  );
  const lane: Lane = random.pick(["raw", "decoded"]);
  let file = 0;
  let rejected = 0;
  for (let load = 0; load < 4; load++) {
    for (let object = 1 + random.below(3); object > 0; object--)
      table.change(++file, csv(header, ...Array.from({ length: 1 + random.below(40) }, () => source.transaction())));
    const { failures, counts } = await table.load({ lane });
    expect(failures).toEqual([]);
    rejected += counts.rejected ?? 0;
    expect((await table.rows("id", "n", "v", "d")).sort(), `load ${load}`).toEqual(source.lines());
    expect(rejected).toBe(source.rejected);
  }
});
