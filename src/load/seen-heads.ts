/** What the heads of a table's objects show of them. */
import type { DrayageError } from "../errors.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import type { StagedColumns } from "./binding.ts";
import type { HeadColumn } from "./head-cells.ts";
import type { NullRule, UnstagedRecord } from "./staged-unit.ts";
import type { NamedObject } from "./table-folders.ts";

/** Of an object, as far as its head shows it. */
export interface SeenObject {
  readonly object: NamedObject;
  readonly shape: ObjectShape;
  readonly nulls: NullRule;
}

export interface HeadSample {
  readonly objects: readonly SeenObject[];
  readonly records: number;
  /** Of them, what could be told apart into cells: deletes, and all others. */
  readonly deletes: number;
  readonly kept: number;
  /** For binding: the fields of all objects together, and the paths of their documents. */
  readonly staged: StagedColumns;
  /** By cell. */
  readonly columns: readonly HeadColumn[];
  readonly overflow: ReadonlyMap<string, number>;
  readonly unstaged: readonly Pick<UnstagedRecord, "reason" | "column">[];
  /** Sentences without values. */
  readonly evidence: readonly string[];
  readonly errors: readonly DrayageError[];
  /** Bytes asked of the source. */
  readonly bytes: number;
}
