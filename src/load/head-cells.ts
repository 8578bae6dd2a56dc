/** What the cells of some records say of a column: how full it is, its longest value, its type, whether it tells rows apart. */
import { type ByteText, fromByteText } from "../rows/byte-text.ts";
import { type InferredType, inferType } from "../rows/infer-type.ts";
import type { CellStatistics } from "../warehouse/plan-clone.ts";

/** Of each record of an object. */
export interface RecordOrigin {
  readonly isFullLoad: boolean;
  readonly isDelete: boolean;
}

/** Values that a type is inferred from, as in `plan`. */
const typedValues = 1_000;

export class HeadColumn {
  records = 0;
  filled = 0;
  maxLength = 0;
  /** Of delete records. */
  deletes = 0;
  filledDeletes = 0;
  /** Of full-load records; a column with a value twice, or without one, is no key. */
  #fullLoads = 0;
  #isDistinct = true;
  readonly #distinct = new Set<ByteText>();
  #sample: ByteText | undefined;
  readonly #values: ByteText[] = [];

  add(cell: ByteText | null | undefined, { isFullLoad, isDelete }: RecordOrigin): void {
    const value = cell ?? null;
    if (isDelete) {
      this.deletes++;
      if (value !== null && value !== "") this.filledDeletes++;
      return;
    }
    this.records++;
    if (isFullLoad) this.#look(value);
    if (value === null) return;
    this.filled++;
    this.maxLength = Math.max(this.maxLength, fromByteText(value).length);
    if (this.#values.length < typedValues) this.#values.push(value);
    if (value !== "" && (this.#sample === undefined || value < this.#sample)) this.#sample = value;
  }

  #look(value: ByteText | null): void {
    this.#fullLoads++;
    if (!this.#isDistinct) return;
    if (value === null || value === "" || this.#distinct.has(value)) this.#isDistinct = false;
    else this.#distinct.add(value);
    if (!this.#isDistinct) this.#distinct.clear();
  }

  get fullLoads(): number {
    return this.#fullLoads;
  }

  /** Full-load records in which no value came twice and none was missing; 0: there were some, or there was no record. */
  get toldApart(): number {
    return this.#isDistinct ? this.#fullLoads : 0;
  }

  get type(): InferredType {
    return inferType(this.#values);
  }

  /** `records`: those that the column could have been in. */
  statistics(records = this.records): CellStatistics {
    return {
      records,
      filled: this.filled,
      maxLength: this.maxLength,
      sample: this.#sample === undefined ? undefined : fromByteText(this.#sample).slice(0, 120),
    };
  }
}
