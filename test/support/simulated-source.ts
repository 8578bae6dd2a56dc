/** A source table in memory: random inserts, updates, deletes, new keys and columns, values that rows swap, and the records that DMS would write of them. */
import type { Random } from "../../src/demo/random.ts";
import type { CellWriter, Column, SceneCell } from "./random-cells.ts";
import type { SceneRecord } from "./random-scene.ts";

export interface SourceHabits {
  readonly key: readonly Column[];
  /** At first, the key among them. */
  readonly columns: readonly Column[];
  /** Cells of a D: the whole row, or its key alone. */
  readonly deleted: "row" | "key";
  /** Whether keys change: a D and an I; with before images one U. */
  readonly keyChanges: boolean;
  /** Columns whose before images are written, as `bi_id`. */
  readonly images: "none" | "key" | "all";
  /** No two rows have one `code`, at any time; rows take each other's. */
  readonly uniqueCode: boolean;
}

/** Before the name of the column, in the name of its before image. */
export const imagePrefix = "bi_";

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

  /** One transaction: one record, the two of a changed key, or those of two rows that swap a value. */
  change(at: string, mayDelete = true): SceneRecord[] {
    const draw = this.#random.below(100);
    if (this.#habits.uniqueCode && this.#random.chance(15)) return this.#passCode(at);
    const key = draw < 35 ? undefined : this.#anyKey();
    const before = key === undefined ? undefined : this.rows.get(key);
    if (key === undefined || before === undefined) return [this.#put("I", at, this.#newRow())];
    if (draw < 52 && mayDelete) return [this.#delete(at, key, before)];
    if (draw < 60 && mayDelete && this.#habits.keyChanges) {
      const moved = { ...before, ...this.#keyCells(this.#newRow()) };
      if (this.#habits.images === "none") return [this.#delete(at, key, before), this.#put("I", at, moved)];
      this.rows.delete(key);
      this.#remember(key, before);
      return [this.#put("U", at, moved, before)];
    }
    const row = { ...before };
    for (const column of this.columns)
      if (!this.#habits.key.includes(column) && this.#random.chance(40)) row[column] = this.#writer.cell(column, 0);
    return [this.#put("U", at, row, before)];
  }

  /** One row gives its code up and another takes it; or two rows swap theirs, over a code that nobody has. */
  #passCode(at: string): SceneRecord[] {
    const keys = [...this.rows.keys()];
    const one = keys.length < 2 ? undefined : this.rows.get(this.#random.pick(keys));
    const other = keys.length < 2 ? undefined : this.rows.get(this.#random.pick(keys));
    if (one === undefined || other === undefined || one === other) return [];
    const free = { ...one, code: this.#writer.cell("code", 0) };
    const taken = { ...other, code: one.code ?? this.#writer.nothing() };
    const steps: [row: Row, before: Row][] = [
      [free, one],
      [taken, other],
    ];
    if (this.#random.chance(50)) steps.push([{ ...free, code: other.code ?? this.#writer.nothing() }, free]);
    return steps.map(([row, before]) => this.#put("U", at, row, before));
  }

  /** Of an object, in order: the table's, then the before images. */
  written(): string[] {
    return [...this.columns, ...this.#imaged().map((column) => `${imagePrefix}${column}`)];
  }

  #imaged(): readonly Column[] {
    const { images, key } = this.#habits;
    return images === "none" ? [] : images === "key" ? key : this.columns;
  }

  /** The rows that are not as they were in `before`. */
  changedRows(before: ReadonlyMap<string, Row>, at: string): SceneRecord[] {
    return [...this.rows]
      .filter(([key, row]) => before.get(key) !== row)
      .map(([key, row]) => this.#record("I", key, this.#image(row), at));
  }

  /** The rows of one of `parts` shares of the table, as they are now. */
  fullLoad(part: number, parts: number, at: string): SceneRecord[] {
    return [...this.rows]
      .filter(([, row]) => Number(row.id?.value) % parts === part)
      .map(([key, row]) => this.#record("I", key, this.#image(row), at));
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

  #put(op: "I" | "U", at: string, row: Row, before?: Row): SceneRecord {
    const key = this.#keyOf(row);
    this.rows.set(key, row);
    this.#remember(key, row);
    const old = before === undefined ? undefined : this.#keyOf(before);
    return this.#record(op, key, this.#image(row), at, before, old === key ? undefined : old);
  }

  /** `moved`: the key that the row had; only where a before image tells. */
  #record(op: string, key: string, cells: Row, at: string, before?: Row, moved?: string): SceneRecord {
    const images = this.#imaged().map((column) => [
      `${imagePrefix}${column}`,
      before?.[column] ?? this.#writer.nothing(),
    ]);
    const base = { op, key, at, document: undefined, bad: undefined, fields: 0, broken: undefined };
    return { ...base, moved, cells: { ...cells, ...Object.fromEntries(images) } };
  }

  #delete(at: string, key: string, row: Row): SceneRecord {
    this.rows.delete(key);
    this.#remember(key, row);
    const image = this.#image(row);
    if (this.#habits.deleted === "key")
      for (const column of this.columns) if (!this.#habits.key.includes(column)) image[column] = this.#writer.nothing();
    return this.#record("D", key, image, at);
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
