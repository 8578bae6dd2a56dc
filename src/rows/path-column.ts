/** The cells of one path: which kinds they hold, and whether they are plain text or JSON. */
import { classOf, kinds } from "./kinds.ts";
import type { KnownPath } from "./path-node.ts";

export interface PathColumn {
  /** Real text. */
  readonly path: readonly string[];
  /** Of the cell in its row. */
  readonly index: number;
  /** Everything the path held, what its stored column holds included. */
  readonly kinds: number;
  /** `text`: every cell is plain text; `json`: every cell is JSON; undefined: the type is inferred. */
  readonly fixed: "text" | "json" | undefined;
  readonly encoding: "plain" | "json";
  /** With `json`: first record whose cell is JSON; undefined: all are. */
  readonly jsonFrom: number | undefined;
  /** Kinds of the plain cells. */
  readonly plainKinds: number;
  /** Of the cell with values that the stored column's type does not take, as JSON; undefined: there were none. */
  readonly strangeIndex: number | undefined;
  readonly strangeKinds: number;
}

/** To take a change back. */
export interface ColumnState {
  readonly kinds: number;
  readonly seen: number;
  readonly encoding: "plain" | "json";
  readonly jsonFrom: number | undefined;
  readonly plainKinds: number;
  readonly strangeKinds: number;
}

export class InferredColumn implements PathColumn {
  readonly path: readonly string[];
  readonly index: number;
  readonly fixed: "text" | "json" | undefined;
  kinds: number;
  /** Kinds that came by documents. */
  seen = 0;
  encoding: "plain" | "json";
  jsonFrom: number | undefined = undefined;
  plainKinds = 0;
  strangeIndex: number | undefined = undefined;
  strangeKinds = 0;
  /** Kinds that the stored column does not take. */
  readonly #strange: number;

  constructor(
    path: readonly string[],
    index: number,
    fixed: "text" | "json" | undefined,
    known: KnownPath | undefined,
  ) {
    this.path = path;
    this.index = index;
    this.fixed = fixed;
    this.kinds = known?.kinds ?? 0;
    const isJson = fixed === "json" || (fixed === undefined && (this.kinds & kinds.json) !== 0);
    this.encoding = isJson ? "json" : "plain";
    this.#strange = fixed !== undefined || known?.takes === undefined ? 0 : ~known.takes;
  }

  /** Whether a value of that kind has no place in the stored column. */
  isStrange(kind: number): boolean {
    return (kind & this.#strange) !== 0;
  }

  /** Whether the kind, in whole, came before. */
  has(kind: number): boolean {
    return ((this.seen | this.strangeKinds) & kind) === kind;
  }

  /** Takes in a kind that is new here, at record `n`. Plain cells of two classes could not be told apart: from here on they are JSON. */
  add(kind: number, n: number): void {
    if (this.isStrange(kind)) {
      this.strangeKinds |= kind;
      this.kinds |= kind;
      return;
    }
    if (this.fixed === undefined && this.encoding === "plain") {
      if (this.seen === 0) {
        if (kind === kinds.json) this.encoding = "json";
      } else if (kind === kinds.json || classOf(kind) !== classOf(this.seen)) {
        this.encoding = "json";
        this.jsonFrom = n;
      }
    }
    if (this.encoding === "plain") this.plainKinds |= kind;
    this.kinds |= kind;
    this.seen |= kind;
  }

  state(): ColumnState {
    const { kinds: set, seen, encoding, jsonFrom, plainKinds, strangeKinds } = this;
    return { kinds: set, seen, encoding, jsonFrom, plainKinds, strangeKinds };
  }

  restore(state: ColumnState): void {
    this.kinds = state.kinds;
    this.seen = state.seen;
    this.encoding = state.encoding;
    this.jsonFrom = state.jsonFrom;
    this.plainKinds = state.plainKinds;
    this.strangeKinds = state.strangeKinds;
  }
}
