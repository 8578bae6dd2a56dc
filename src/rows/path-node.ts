/** One path of the documents: its children by key, its column, and which key is likely to follow it. */
import type { ByteText } from "./byte-text.ts";
import type { PathRule } from "./path-rules.ts";

export interface KnownPath {
  readonly path: readonly string[];
  /** What the type of its column says of the values stored so far. */
  readonly kinds: number;
  readonly fixed: "text" | "json" | undefined;
  /** Kinds that its column takes as it is; undefined: all. */
  readonly takes?: number | undefined;
}

/** No byte text holds it. */
const never = "\uffff";

/** `Column` is what the flattener keeps for a path that had a value. */
export class PathNode<Column> {
  /** Real text. */
  readonly path: readonly string[];
  /** As documents spell the key, quotes included; matches nothing where they need an escape. */
  readonly quoted: ByteText;
  readonly rule: PathRule | undefined;
  /** May have a column when the columns are used up. */
  readonly admitted: boolean;
  readonly known: KnownPath | undefined;
  readonly children = new Map<ByteText, PathNode<Column>>();
  column: Column | undefined;
  /** Documents repeat the order of their keys: the child met first, and the sibling met after this one, last time. */
  first: PathNode<Column> | undefined;
  next: PathNode<Column> | undefined;
  /** Serial number of the last document that had this key: a second time in one document is a duplicate. */
  seen = 0;

  constructor(
    path: readonly string[],
    key: ByteText,
    options: { rule?: PathRule | undefined; admitted?: boolean | undefined; known?: KnownPath | undefined } = {},
  ) {
    this.path = path;
    this.quoted = /["\\]/.test(key) ? never : `"${key}"`;
    this.rule = options.rule;
    this.admitted = options.admitted ?? false;
    this.known = options.known;
    this.column = undefined;
    this.first = undefined;
    this.next = undefined;
  }
}
