/** Every path met so far, within bounds: which keys get a node, and which rule of the config holds for it. */
import { type ByteText, fromByteText, toByteText } from "./byte-text.ts";
import { type KnownPath, PathNode } from "./path-node.ts";
import { type PathRule, PathRules } from "./path-rules.ts";

export interface PathTreeOptions {
  /** Columns of the documents, `known` ones included. */
  readonly maxColumns: number;
  /** By path, segments joined by "."; `*` stands for any one segment. */
  readonly rules: ReadonlyMap<string, PathRule>;
  /** Paths whose column exists. */
  readonly known: readonly KnownPath[];
  /** Top-level keys that are not staged. */
  readonly skip: ReadonlySet<string>;
}

/** Paths without a column are remembered too, but not without end: an endless map of nulls or empty objects makes no columns. */
const nodesPerColumn = 4;
const spareNodes = 1_000;

export class PathTree<Column> {
  readonly root = new PathNode<Column>([], "");
  /** Stands for every ignored path that is not worth a node. */
  readonly #ignored = new PathNode<Column>([], '"', { rule: "ignore" });
  readonly #rules: PathRules;
  readonly #skip: ReadonlySet<string>;
  readonly #maxNodes: number;
  #nodes = 0;
  /** New columns that may still be made. */
  #room: number;

  constructor(options: PathTreeOptions) {
    this.#rules = new PathRules(options.rules);
    this.#skip = options.skip;
    this.#room = options.maxColumns - options.known.length;
    this.#maxNodes = (options.maxColumns + options.known.length) * nodesPerColumn + spareNodes;
    // Shorter paths first: a node is made once, by the path that ends in it or by one that passes.
    for (const known of [...options.known].sort((a, b) => a.path.length - b.path.length)) this.#addKnown(known);
  }

  /** Undefined: a new path, and no column is left for it. */
  child(node: PathNode<Column>, key: ByteText, previous: PathNode<Column> | undefined): PathNode<Column> | undefined {
    const child = node.children.get(key) ?? this.#newChild(node, key);
    if (child === undefined || child === this.#ignored) return child;
    if (previous === undefined) node.first = child;
    else previous.next = child;
    return child;
  }

  /** Whether the path may have a column of its own; if so, it is counted. */
  admit(node: PathNode<Column>): boolean {
    if (node.known !== undefined) return true;
    if (this.#room <= 0 && !node.admitted) return false;
    this.#room--;
    return true;
  }

  #newChild(node: PathNode<Column>, key: ByteText): PathNode<Column> | undefined {
    const path = [...node.path, fromByteText(key)];
    const isSkipped = node === this.root && this.#skip.has(path[0]!);
    const match = isSkipped ? { rule: "ignore" as const, named: true } : this.#rules.of(path);
    const isNamed = match?.named === true && match.rule !== "ignore";
    // Without a node the whole value would be rescued, with what is to be hashed or ignored below it.
    const below = match === undefined ? this.#rules.below(path) : undefined;
    const hasRoom = (this.#room > 0 || below === "any") && this.#nodes < this.#maxNodes;
    if (isNamed || below === "named" || hasRoom) {
      return this.#add(node, key, new PathNode(path, key, { rule: match?.rule, admitted: isNamed }));
    }
    return match?.rule === "ignore" ? this.#ignored : undefined;
  }

  #addKnown(known: KnownPath): void {
    let node = this.root;
    for (const [i, segment] of known.path.entries()) {
      const key = toByteText(segment);
      const path = known.path.slice(0, i + 1);
      const isLast = path.length === known.path.length;
      const rule = this.#rules.of(path)?.rule;
      node =
        node.children.get(key) ??
        this.#add(node, key, new PathNode(path, key, { rule, admitted: isLast, known: isLast ? known : undefined }));
    }
  }

  #add(node: PathNode<Column>, key: ByteText, child: PathNode<Column>): PathNode<Column> {
    this.#nodes++;
    // A copy: a slice would keep its document, and the chunk that came in, for as long as the path is known.
    node.children.set(Buffer.from(key, "latin1").toString("latin1"), child);
    return child;
  }
}
