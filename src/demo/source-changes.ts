/** Changes a source table at random: which rows, which ops, and what is left of it in the end. */
import type { Cell, SourceRecord } from "./drop-writer.ts";
import { Random } from "./random.ts";
import type { SourceTable } from "./source-table.ts";
import { timestampText } from "./source-times.ts";

export interface ChangeOptions {
  readonly seed: number;
  /** Rows 1 to so many are there at first. */
  readonly rows: number;
  readonly keyChanges: "none" | "pair" | "before-image";
  readonly deleted: "row" | "key";
}

/** A stream of random numbers of its own, apart from those of the rows. */
const changesStream = 3;
const recentLength = 16;

export class SourceChanges {
  readonly #table: SourceTable;
  readonly #options: ChangeOptions;
  readonly #random: Random;
  /** By row number; a row that is not here is as the full load had it. */
  readonly #revisions = new Map<number, number>();
  readonly #gone = new Set<number>();
  /** Rows changed a moment ago: real sources change the same rows again and again, and re-insert what they deleted. */
  readonly #recent: number[] = [];
  #last: number;

  constructor(table: SourceTable, options: ChangeOptions) {
    this.#table = table;
    this.#options = options;
    this.#random = new Random().reset(options.seed, 0, 0, changesStream);
    this.#last = options.rows;
  }

  /** So many records, their commits spread over the time in whole seconds, as MySQL has them; many tie. */
  *during(from: number, lengthMs: number, count: number): Generator<SourceRecord> {
    let made = 0;
    while (made < count) {
      const at = timestampText(Math.floor((from + (lengthMs * made) / count) / 1000) * 1000);
      for (const record of this.#change(at, count - made)) {
        made += 1;
        yield record;
      }
    }
  }

  *state(): Generator<readonly Cell[]> {
    for (let row = 1; row <= this.#last; row += 1) {
      if (!this.#gone.has(row)) yield this.#table.cells(row, this.#revisions.get(row) ?? 0);
    }
  }

  /** One or two records, at most `room`. */
  #change(at: string, room: number): readonly SourceRecord[] {
    const { keyChanges } = this.#options;
    const draw = this.#random.below(100);
    const row = draw < 30 ? undefined : this.#anyRow();
    if (row === undefined) return [this.#insert(at)];
    if (draw < 45) return [this.#delete(at, row)];
    if (draw >= 52 || keyChanges === "none") return [this.#record("U", at, this.#changed(row), row)];
    if (keyChanges === "before-image") {
      this.#gone.add(row);
      return [this.#record("U", at, this.#new(), row)];
    }
    return room < 2 ? [this.#delete(at, row)] : [this.#delete(at, row), this.#record("I", at, this.#new())];
  }

  #insert(at: string): SourceRecord {
    const returning = this.#random.chance(20) ? this.#recent.find((row) => this.#gone.has(row)) : undefined;
    if (returning === undefined) return this.#record("I", at, this.#new());
    this.#gone.delete(returning);
    return this.#record("I", at, this.#changed(returning));
  }

  #delete(at: string, row: number): SourceRecord {
    const record = this.#record("D", at, row, row);
    this.#gone.add(row);
    this.#remember(row);
    if (this.#options.deleted === "row") return record;
    return {
      ...record,
      cells: record.cells.map((cell, i) => (i === 0 || i === this.#table.columns.length ? cell : null)),
    };
  }

  /** The record of a row as it is now; `before` is the row whose key the before image shows. */
  #record(op: SourceRecord["op"], at: string, row: number, before?: number): SourceRecord {
    const cells = this.#table.cells(row, this.#revisions.get(row) ?? 0);
    if (this.#options.keyChanges !== "before-image") return { op, at, cells };
    return { op, at, cells: [...cells, before === undefined ? null : this.#table.key(before)] };
  }

  #new(): number {
    this.#last += 1;
    this.#remember(this.#last);
    return this.#last;
  }

  #changed(row: number): number {
    this.#revisions.set(row, (this.#revisions.get(row) ?? 0) + 1);
    this.#remember(row);
    return row;
  }

  #remember(row: number): void {
    if (this.#recent.push(row) > recentLength) this.#recent.shift();
  }

  /** A row that is there; undefined when so few are left that none was found. */
  #anyRow(): number | undefined {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const recent = this.#recent.length > 0 && this.#random.chance(25);
      const row = recent ? this.#random.pick(this.#recent) : 1 + this.#random.below(this.#last);
      if (row >= 1 && row <= this.#last && !this.#gone.has(row)) return row;
    }
    return undefined;
  }
}
