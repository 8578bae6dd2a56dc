/** YAML text as plain values that remember where in the file they stand. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type YAMLMap,
} from "yaml";
import type { Expansion } from "./expand.ts";
import { type KeyPath, keyText, type Position, type Problems } from "./problems.ts";

export interface ConfigTree {
  readonly value: unknown;
  /** Of the key, or of the nearest one above that is in the file. */
  keyAt(path: KeyPath): Position;
  /** Of the value where it is a scalar, else of its key. */
  valueAt(path: KeyPath): Position;
  /** Whether the environment or a file is part of the value. */
  isExpanded(path: KeyPath): boolean;
}

interface Place {
  readonly key: Position;
  readonly value: Position;
  readonly expanded: boolean;
}

/** More are no config but an attack: nested aliases grow exponentially. */
const maxAliases = 100;

/** Adds a problem for everything that is not clean YAML; undefined when the text cannot be read as YAML at all. */
export function readTree(
  text: string,
  problems: Problems,
  expand: (text: string) => Expansion,
): ConfigTree | undefined {
  const lines = new LineCounter();
  // Its messages quote the file, which may hold a secret: they are replaced by our own. Duplicate keys are found below, by text.
  // (Under logLevel "silent" a second document would be dropped without an error.)
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: "error",
  });
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  for (const { code, pos } of document.errors) problems.add([], positionOf(pos[0]), syntaxText(code));
  if (document.errors.length > 0) return undefined;
  for (const { code, pos } of document.warnings) problems.add([], positionOf(pos[0]), syntaxText(code));
  const reader = new TreeReader(document, positionOf, problems, expand);
  const value = reader.read(document.contents, [], { line: 1, column: 1 });
  if (reader.gaveUp) return undefined;
  return {
    value,
    keyAt: (path) => reader.placeOf(path).key,
    valueAt: (path) => reader.placeOf(path).value,
    isExpanded: (path) => reader.placeOf(path).expanded,
  };
}

class TreeReader {
  readonly #document: Document;
  readonly #positionOf: (offset: number) => Position;
  readonly #problems: Problems;
  readonly #expand: (text: string) => Expansion;
  readonly #places = new Map<string, Place>();
  #aliases = 0;

  constructor(
    document: Document,
    positionOf: (offset: number) => Position,
    problems: Problems,
    expand: (text: string) => Expansion,
  ) {
    this.#document = document;
    this.#positionOf = positionOf;
    this.#problems = problems;
    this.#expand = expand;
  }

  get gaveUp(): boolean {
    return this.#aliases > maxAliases;
  }

  placeOf(path: KeyPath): Place {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(pathId(path.slice(0, length)));
      if (place !== undefined)
        return length === path.length ? place : { key: place.key, value: place.key, expanded: false };
    }
    return { key: { line: 1, column: 1 }, value: { line: 1, column: 1 }, expanded: false };
  }

  read(node: unknown, path: KeyPath, key: Position): unknown {
    if (this.gaveUp) return undefined;
    if (isAlias(node)) {
      if (++this.#aliases > maxAliases) {
        this.#problems.add([], key, `more than ${maxAliases} aliases (*name) are not read`);
        return undefined;
      }
      const target = node.resolve(this.#document);
      if (target === undefined)
        this.#problems.add(
          path,
          key,
          "an alias (*name) stands before its anchor, or has none; put text that starts with * in quotes",
        );
      return this.read(target, path, key);
    }
    if (isMap(node)) return this.#map(node, path, key);
    if (isSeq(node)) {
      this.#remember(path, key, key);
      return node.items.map((entry, i) => this.read(entry, [...path, i], this.#start(entry) ?? key));
    }
    if (!isScalar(node)) {
      this.#remember(path, key, key);
      return null;
    }
    // An empty value has no place of its own.
    const value = node.value === null && node.source === "" ? key : (this.#start(node) ?? key);
    if (typeof node.value !== "string") {
      this.#remember(path, key, value);
      return node.value;
    }
    const { text, expanded, problems } = this.#expand(node.value);
    this.#remember(path, key, value, expanded);
    for (const problem of problems) this.#problems.add(path, value, problem);
    return text;
  }

  #map(node: YAMLMap, path: KeyPath, key: Position): Record<string, unknown> {
    this.#remember(path, key, key);
    const result: Record<string, unknown> = {};
    const firstLines = new Map<string, number>();
    for (const pair of node.items) {
      const at = this.#start(pair.key) ?? key;
      const name = keyOf(pair);
      // An own `__proto__` would be lost on the way through plain objects.
      if (name === undefined || name === "__proto__") {
        this.#problems.add(path, at, "a key must be plain text");
        continue;
      }
      const first = firstLines.get(name);
      if (first !== undefined) {
        this.#problems.add(path, at, `${keyText(name)} is given twice, first on line ${first}`);
        continue;
      }
      firstLines.set(name, at.line);
      result[name] = this.read(pair.value, [...path, name], at);
    }
    return result;
  }

  #start(node: unknown): Position | undefined {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
    return range === undefined || range === null ? undefined : this.#positionOf(range[0]);
  }

  #remember(path: KeyPath, key: Position, value: Position, expanded = false): void {
    this.#places.set(pathId(path), { key, value, expanded });
  }
}

/** As it is written: a column called `1e3` is not the number 1000. */
function keyOf(pair: Pair): string | undefined {
  const { key } = pair;
  if (!isScalar(key)) return undefined;
  if (typeof key.value === "string") return key.value;
  return key.source === undefined || key.source === "" ? undefined : key.source;
}

function pathId(path: KeyPath): string {
  return path.join("\0");
}

/** Our own words for the parser's codes. */
function syntaxText(code: string): string {
  return `not YAML: ${syntaxTexts[code] ?? "this cannot be read here"}`;
}

const syntaxTexts: Readonly<Record<string, string>> = {
  ALIAS_PROPS: "an alias (*name) takes no tag or anchor",
  BAD_ALIAS: "an alias or anchor has no usable name; put text that starts with * or & in quotes",
  BAD_DIRECTIVE: "a line that starts with % is a directive; put the text in quotes",
  BAD_DQ_ESCAPE: "an unknown escape in double quotes; write \\\\ for a backslash, or use single quotes",
  BAD_INDENT: "the indentation does not fit the lines above",
  BAD_SCALAR_START: "a text that starts with this character must be in quotes",
  BLOCK_AS_IMPLICIT_KEY: "a second key on this line; put a text that holds `: ` in quotes",
  BLOCK_IN_FLOW: "an indented block cannot stand inside [ ] or { }",
  MISSING_CHAR: "a quote, bracket, comma or colon is missing",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line; is a colon missing?",
  MULTIPLE_DOCS: "a second document (---) begins here",
  RESOURCE_EXHAUSTION: "it is nested too deep",
  TAB_AS_INDENT: "a tab cannot indent; use spaces",
  TAG_RESOLVE_FAILED: "tags (!name) are not known here; put text that starts with ! in quotes",
};
