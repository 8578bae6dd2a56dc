/** What the config says of document paths: `a.b` in either spelling, `*` for any one segment. */
import { isSameName } from "./known-names.ts";

/** `hash`: as text, and nowhere else than in a column: what is to be hashed must not be rescued as it is. */
export type PathRule = "ignore" | "json" | "text" | "hash";

interface Pattern {
  readonly rule: PathRule;
  readonly segments: readonly string[];
  readonly named: boolean;
}

export interface RuleMatch {
  readonly rule: PathRule;
  /** Whether the path gets a column in any case: the config names it itself, not only by `*`, or hashes it. */
  readonly named: boolean;
}

export class PathRules {
  readonly #exact: ReadonlyMap<string, PathRule>;
  readonly #patterns: readonly Pattern[];

  constructor(rules: ReadonlyMap<string, PathRule>) {
    this.#exact = rules;
    this.#patterns = [...rules].map(([path, rule]) => {
      const segments = path.split(".");
      return { rule, segments, named: rule === "hash" || !segments.includes("*") };
    });
  }

  /** The path as spelled wins; else the first rule that covers it. */
  of(path: readonly string[]): RuleMatch | undefined {
    if (this.#patterns.length === 0) return undefined;
    const exact = this.#exact.get(path.join("."));
    if (exact !== undefined) return { rule: exact, named: true };
    return this.#patterns.find(
      ({ segments }) => segments.length === path.length && path.every((name, i) => covers(segments[i], name)),
    );
  }

  /** Whether a rule holds for something below the path: one that names it, or hashes it; or by `*` alone. */
  below(path: readonly string[]): "named" | "any" | undefined {
    const leading = this.#patterns.filter(
      ({ segments }) => segments.length > path.length && path.every((name, i) => covers(segments[i], name)),
    );
    return leading.some(({ named }) => named) ? "named" : leading.length > 0 ? "any" : undefined;
  }
}

function covers(segment: string | undefined, name: string): boolean {
  return segment !== undefined && (segment === "*" || isSameName(segment, name));
}
