/** What the config says of document paths: `a.b` in either spelling, `*` for any one segment. */
import { isSameName } from "./known-names.ts";

export type PathRule = "ignore" | "json" | "text";

interface Pattern {
  readonly rule: PathRule;
  readonly segments: readonly string[];
  readonly named: boolean;
}

export interface RuleMatch {
  readonly rule: PathRule;
  /** Whether the config names the path itself, not only by `*`. */
  readonly named: boolean;
}

export class PathRules {
  readonly #exact: ReadonlyMap<string, PathRule>;
  readonly #patterns: readonly Pattern[];

  constructor(rules: ReadonlyMap<string, PathRule>) {
    this.#exact = rules;
    this.#patterns = [...rules].map(([path, rule]) => {
      const segments = path.split(".");
      return { rule, segments, named: !segments.includes("*") };
    });
  }

  /** The path as spelled wins; else the first rule that covers it. */
  of(path: readonly string[]): RuleMatch | undefined {
    if (this.#patterns.length === 0) return undefined;
    const exact = this.#exact.get(path.join("."));
    if (exact !== undefined) return { rule: exact, named: true };
    return this.#patterns.find(
      ({ segments }) =>
        segments.length === path.length &&
        segments.every((segment, i) => segment === "*" || isSameName(segment, path[i] ?? "")),
    );
  }
}
