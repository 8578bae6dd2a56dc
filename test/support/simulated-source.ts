/** A source table in memory: random inserts, updates, deletes, new keys and columns, and the records that DMS would write of them. */
import type { Random } from "../../src/demo/random.ts";
import type { CellWriter, Column, SceneCell } from "./random-cells.ts";
import type { SceneRecord } from "./random-scene.ts";

export interface SourceHabits {
  readonly key: readonly Column[];
  /** At first, the key among them. */
  readonly columns: readonly Column[];
  /** Cells of a D: the whole row, or its key alone. */
  readonly deleted: "row" | "key";
  /** Whether keys change: a D and an I. */
  readonly keyChanges: boolean;
}

type Row = Record<string, SceneCell>;

const recentLength = 12;

export class SimulatedSource {
  readonly rows = new Map<string, Row>();
  columns: readonly Column[];
  readonly #random: Random;
  readonly #writer: CellWriter;
  readonly #habits: SourceHabits;
  /** Keys of a moment ago: real sources change the same rows again and again, and bring back what they deleted. */
  readonly #recent: { readonly key: string; readonly cells: Row }[] = [];
  #last = 0;

  constructor(random: Random, writer: CellWriter, habits: SourceHabits) {
    this.#random = random;
    this.#writer = writer;
    this.#habits = habits;
    this.columns = habits.columns;
  }

  /** One transaction: one record, or the two of a changed key. */
  change(at: string): SceneRecord[] {
    const draw = this.#random.below(100);
    const key = draw < 35 ? undefined : this.#anyKey();
    const before = key === undefined ? undefined : this.rows.get(key);
    if (key === undefined || before === undefined) return [this.#put("I", at, this.#newRow())];
    if (draw < 52) return [this.#delete(at, key, before)];
    if (draw < 60 && this.#habits.keyChanges) {
      const moved = { ...before, ...this.#keyCells(this.#newRow()) };
      return [this.#delete(at, key, before), this.#put("I", at, moved)];
    }
    const row = { ...before };
    for (const column of this.columns)
      if (!this.#habits.key.includes(column) && this.#random.chance(40)) row[column] = this.#writer.cell(column, 0);
    return [this.#put("U", at, row)];
  }

  /** The rows of one of `parts` shares of the table, as they are now. */
  fullLoad(part: number, parts: number, at: string): SceneRecord[] {
    return [...this.rows]
      .filter(([, row]) => Number(row.id?.value) % parts === part)
      .map(([key, row]) => record("I", key, row, at));
  }

  /** Rows that are there have NULL in it. */
  addColumn(column: Column): void {
    this.columns = [...this.columns, column];
  }

  dropColumn(column: Column): void {
    this.columns = this.columns.filter((one) => one !== column);
    for (const [key, row] of this.rows) {
      const { [column]: _, ...others } = row;
      this.rows.set(key, others);
    }
  }

  #put(op: "I" | "U", at: string, row: Row): SceneRecord {
    const key = this.#keyOf(row);
    this.rows.set(key, row);
    this.#remember(key, row);
    return record(op, key, this.#image(row), at);
  }

  #delete(at: string, key: string, row: Row): SceneRecord {
    this.rows.delete(key);
    this.#remember(key, row);
    const image = this.#image(row);
    if (this.#habits.deleted === "key")
      for (const column of this.columns) if (!this.#habits.key.includes(column)) image[column] = this.#writer.nothing();
    return record("D", key, image, at);
  }

  /** Every column is written; one that came after the row is NULL in it. */
  #image(row: Row): Row {
    return Object.fromEntries(this.columns.map((column) => [column, row[column] ?? this.#writer.nothing()]));
  }

  /** Under a key that no row has: a new one, or one that was deleted a moment ago. */
  #newRow(): Row {
    const back = this.#random.chance(25) ? this.#recent.find(({ key }) => !this.rows.has(key)) : undefined;
    const id = back === undefined ? ++this.#last : Number(back.cells.id?.value);
    const row: Row = {};
    for (const column of this.columns) row[column] = this.#writer.cell(column, id);
    return back === undefined ? row : { ...row, ...this.#keyCells(back.cells) };
  }

  #keyCells(row: Row): Row {
    return Object.fromEntries(this.#habits.key.flatMap((column) => (row[column] ? [[column, row[column]]] : [])));
  }

  #keyOf(row: Row): string {
    return this.#habits.key.map((column) => row[column]?.value ?? "").join("|");
  }

  #anyKey(): string | undefined {
    if (this.#recent.length > 0 && this.#random.chance(40)) {
      const { key } = this.#random.pick(this.#recent);
      if (this.rows.has(key)) return key;
    }
    return this.rows.size === 0 ? undefined : this.#random.pick([...this.rows.keys()]);
  }

  #remember(key: string, cells: Row): void {
    if (this.#recent.push({ key, cells }) > recentLength) this.#recent.shift();
  }
}

function record(op: string, key: string, cells: Row, at: string): SceneRecord {
  return { op, key, cells, at, document: undefined, bad: undefined, fields: 0, broken: undefined };
}
