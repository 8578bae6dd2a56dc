/** Flattens documents into the cells of a row, in one pass over their text: one cell per path that holds a scalar or an array. */
import { type ByteText, fromByteText } from "./byte-text.ts";
import { DocumentFault } from "./document-fault.ts";
import { code, DocumentReader } from "./document-reader.ts";
import { isKeptWrapper, readScalar } from "./extended-json.ts";
import { JsonText } from "./json-text.ts";
import { kinds } from "./kinds.ts";
import { type ColumnState, InferredColumn, type PathColumn } from "./path-column.ts";
import type { PathNode } from "./path-node.ts";
import { PathTree, type PathTreeOptions } from "./path-tree.ts";
import { RescuedPaths } from "./rescued-paths.ts";
import { scalarJson } from "./scalar-text.ts";

export { DocumentFault, type PathColumn };

export interface FlattenOptions extends PathTreeOptions {
  /** Segments of the longest path; an object below it is one JSON cell. */
  readonly maxDepth: number;
  /** Brackets within brackets before a document is `too_deep`; at most 1,000. */
  readonly nestingLimit: number;
  /** Of the paths in the rescued object: which document they come from. */
  readonly rescuePrefix?: string | undefined;
  /** Index of the next free cell. */
  readonly allocate: () => number;
}

type Cells = (ByteText | null)[];
type Node = PathNode<InferredColumn>;

export class DocumentFlattener {
  /** Grows while documents are flattened: a path gets its column at its first value. */
  readonly columns: readonly PathColumn[];
  /** Values that found no column left, by the path (segments joined by ".") of the object that held them. */
  readonly overflow: ReadonlyMap<string, number>;
  readonly #columns: InferredColumn[] = [];
  readonly #maxDepth: number;
  readonly #allocate: () => number;
  readonly #tree: PathTree<InferredColumn>;
  readonly #reader: DocumentReader;
  readonly #json: JsonText;
  readonly #rescued: RescuedPaths;
  /** Columns that the document at hand changed, as they were before. */
  readonly #changed: [InferredColumn, ColumnState][] = [];
  /** Of the document at hand. */
  #serial = 0;
  #n = 0;
  #cells: Cells = [];
  #width = 0;
  /** Key of the child that has no node. */
  #beyond: ByteText = "";

  constructor(options: FlattenOptions) {
    this.columns = this.#columns;
    this.#rescued = new RescuedPaths(options.rescuePrefix ?? "");
    this.overflow = this.#rescued.overflow;
    this.#maxDepth = options.maxDepth;
    this.#allocate = options.allocate;
    this.#tree = new PathTree(options);
    this.#reader = new DocumentReader(options.nestingLimit);
    this.#json = new JsonText(this.#reader);
  }

  /** Characters replaced so far because PostgreSQL cannot hold them. */
  get repairs(): number {
    return this.#reader.repairs;
  }

  /**
   * Fills the cells of record `n` at the columns' indices; they must be null before. Records come in the order of `n`.
   * Returns the rescued object as JSON, or null. Throws DocumentFault; the cells are then of no use, the flattener is.
   */
  flatten(document: ByteText, n: number, cells: Cells): ByteText | null {
    const reader = this.#reader;
    const repairs = reader.repairs;
    this.#serial++;
    this.#n = n;
    this.#cells = cells;
    while (cells.length < this.#width) cells.push(null);
    this.#rescued.clear();
    if (this.#changed.length > 0) this.#changed.length = 0;
    try {
      reader.open(document);
      this.#document();
    } catch (error) {
      for (const [column, state] of this.#changed.reverse()) column.restore(state);
      reader.repairs = repairs;
      throw error;
    }
    return this.#rescued.take();
  }

  #document(): void {
    const reader = this.#reader;
    const first = reader.space();
    if (first !== code.openObject) {
      if (first !== code.end && /^["[\-0-9tfn]/.test(reader.text.charAt(reader.at)))
        throw new DocumentFault("not_object", reader.at);
      throw reader.fault();
    }
    reader.checkDepth(1);
    reader.at++;
    this.#object(this.#tree.root, 1);
    reader.space();
    if (reader.at < reader.text.length) throw reader.fault();
  }

  /** Past an opening brace: the members and the closing one. */
  #object(node: Node, depth: number): void {
    const reader = this.#reader;
    let next = reader.space();
    if (next === code.closeObject) {
      reader.at++;
      return;
    }
    let previous: Node | undefined;
    let expected = node.first;
    for (;;) {
      if (next !== code.quote) throw reader.fault();
      let child: Node | undefined;
      if (expected !== undefined && reader.take(expected.quoted)) child = expected;
      else child = this.#child(node, previous, expected);
      next = reader.colon();
      if (child === undefined) this.#rescue([...node.path, fromByteText(this.#beyond)], depth);
      else {
        this.#value(child, next, depth);
        previous = child;
        expected = child.next;
      }
      next = reader.space();
      if (next !== code.comma && next !== code.closeObject) throw reader.fault();
      reader.at++;
      if (next === code.closeObject) return;
      next = reader.space();
    }
  }

  /** At a key that was not expected. Undefined: a new path with no column left for it; `beyond` is its key. */
  #child(node: Node, previous: Node | undefined, expected: Node | undefined): Node | undefined {
    const reader = this.#reader;
    // Most often the expected key is just absent from this document.
    const skipped = expected?.next;
    if (skipped !== undefined && reader.take(skipped.quoted)) return skipped;
    const key = reader.string();
    this.#beyond = key;
    return this.#tree.child(node, key, previous);
  }

  /** At the first character of a value; `depth` is that of the brackets around it. */
  #value(node: Node, first: number, depth: number): void {
    const reader = this.#reader;
    // Ignored paths share a node: two of them are no duplicates, and nothing was kept that could be taken back.
    if (node.rule === "ignore") {
      this.#skip(depth);
      return;
    }
    if (node.seen === this.#serial) this.#forget(node);
    node.seen = this.#serial;
    if (first === code.quote) this.#string(node, depth);
    else if (first === code.openObject) this.#objectValue(node, depth);
    else if (first === code.openArray) this.#jsonCell(node, depth);
    else if (first === code.n && reader.isAt("nu")) reader.literal("null");
    else if (first === code.t || first === code.f) this.#boolean(node, first === code.t ? "true" : "false", depth);
    else this.#number(node);
  }

  #string(node: Node, depth: number): void {
    const column = this.#columnOf(node, kinds.string);
    const reader = this.#reader;
    if (column === undefined) this.#rescue(node.path, depth);
    else if (column.encoding === "plain" && !column.isStrange(kinds.string))
      this.#cells[column.index] = reader.string();
    else {
      const start = reader.at;
      this.#cells[this.#cellOf(column, kinds.string)] = reader.mendedString() ?? reader.text.slice(start, reader.at);
    }
  }

  #boolean(node: Node, word: "true" | "false", depth: number): void {
    const column = this.#columnOf(node, kinds.boolean);
    if (column === undefined) this.#rescue(node.path, depth);
    else {
      this.#reader.literal(word);
      this.#cells[this.#cellOf(column, kinds.boolean)] = word;
    }
  }

  #number(node: Node): void {
    const kind = this.#reader.number();
    this.#put(node, kind, this.#reader.scalar);
  }

  #objectValue(node: Node, depth: number): void {
    const reader = this.#reader;
    const start = reader.at;
    reader.checkDepth(depth + 1);
    reader.at++;
    reader.space();
    const isSpecial = reader.isAt('"$');
    if (isSpecial && this.#scalarObject(node)) return;
    if (this.#isWhole(node) || (isSpecial && isKeptWrapper(reader, () => this.#json.read(depth + 1)))) {
      reader.at = start;
      this.#jsonCell(node, depth);
    } else this.#object(node, depth + 1);
  }

  #isWhole(node: Node): boolean {
    return node.rule !== undefined || node.path.length >= this.#maxDepth;
  }

  /** Past an object that stands for a scalar; else the reader stays. */
  #scalarObject(node: Node): boolean {
    const scalar = readScalar(this.#reader);
    if (scalar === undefined) return false;
    if (scalar.kind !== 0) this.#put(node, scalar.kind, scalar.text);
    return true;
  }

  #jsonCell(node: Node, depth: number): void {
    const column = this.#columnOf(node, kinds.json);
    if (column === undefined) this.#rescue(node.path, depth);
    else this.#cells[this.#cellOf(column, kinds.json)] = this.#json.read(depth);
  }

  #put(node: Node, kind: number, text: ByteText): void {
    const column = this.#columnOf(node, kind);
    if (column === undefined) this.#rescued.add(node.path, scalarJson(kind, text));
    else if (column.encoding === "plain" && !column.isStrange(kind)) this.#cells[column.index] = text;
    else this.#cells[this.#cellOf(column, kind)] = scalarJson(kind, text);
  }

  /** Undefined: no column is left for the path. */
  #columnOf(node: Node, kind: number): InferredColumn | undefined {
    const column = node.column ?? this.#newColumn(node);
    if (column !== undefined && !column.has(kind)) {
      this.#changed.push([column, column.state()]);
      column.add(kind, this.#n);
    }
    return column;
  }

  /** The column's own cell, or, for what its stored type does not take, the one beside it. */
  #cellOf(column: InferredColumn, kind: number): number {
    if (!column.isStrange(kind)) return column.index;
    column.strangeIndex ??= this.#newCell();
    return column.strangeIndex;
  }

  #newCell(): number {
    const index = this.#allocate();
    this.#width = Math.max(this.#width, index + 1);
    while (this.#cells.length < this.#width) this.#cells.push(null);
    return index;
  }

  #newColumn(node: Node): InferredColumn | undefined {
    if (!this.#tree.admit(node)) return undefined;
    const byRule = node.rule === "json" ? "json" : node.rule === undefined ? undefined : ("text" as const);
    const column = new InferredColumn(node.path, this.#newCell(), node.known?.fixed ?? byRule, node.known);
    node.column = column;
    this.#columns.push(column);
    return column;
  }

  /** Past a value that nobody wants. */
  #skip(depth: number): void {
    const { repairs } = this.#reader;
    this.#json.read(depth);
    this.#reader.repairs = repairs;
  }

  #rescue(path: readonly string[], depth: number): void {
    this.#rescued.add(path, this.#json.read(depth));
  }

  /** The last of duplicate keys wins, whole: what the earlier one left is taken back. */
  #forget(node: Node): void {
    if (node.column !== undefined) {
      this.#cells[node.column.index] = null;
      if (node.column.strangeIndex !== undefined) this.#cells[node.column.strangeIndex] = null;
    }
    this.#rescued.forget(node.path);
    for (const child of node.children.values()) this.#forget(child);
  }
}
