/** Turns what zod finds wrong into problems with a place and, where one is near, the name that was meant. */
import type { z } from "zod";
import type { ConfigTree } from "./config-tree.ts";
import type { KeyPath, Problems } from "./problems.ts";
import { type ConfigInput, configSchema } from "./schema.ts";
import { didYouMean } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** The checked input; undefined when anything was wrong. */
export function checkSchema(tree: ConfigTree, problems: Problems): ConfigInput | undefined {
  const result = configSchema.safeParse(tree.value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) report(issue, [], tree, problems);
  return undefined;
}

function report(issue: Issue, base: KeyPath, tree: ConfigTree, problems: Problems): void {
  const path = [...base, ...issue.path.map((part) => (typeof part === "number" ? part : String(part)))];
  // Something that could not be expanded was reported as such.
  if (path.length > 0 && problems.touches(path) && issue.code !== "unrecognized_keys") return;
  if (issue.code === "unrecognized_keys") {
    const texts = issue.message.split("\n");
    issue.keys.forEach((key, i) => {
      problems.add([...path, key], tree.keyAt([...path, key]), texts[i] ?? "unknown key");
    });
    return;
  }
  const value = valueAt(tree.value, path);
  if (value === undefined && path.length > 0) {
    problems.add(path, tree.keyAt(path), "is needed");
    return;
  }
  if (value === null && !/null/i.test(issue.message)) {
    problems.add(path, tree.keyAt(path), "has no value");
    return;
  }
  if (issue.code === "invalid_union") {
    const meant = meantBranch(issue.errors);
    if (meant !== undefined) {
      for (const inner of meant) report(inner, path, tree, problems);
      return;
    }
  }
  if (issue.code === "invalid_key") {
    problems.add(path, tree.keyAt(path), "a name must not be empty");
    return;
  }
  problems.add(path, tree.valueAt(path), issue.message + suggestion(issue, value, tree.isExpanded(path)));
}

/** The branch that the value was written for: the one that it fails somewhere inside, not already by what kind of value it is. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const kinds = new Set(["invalid_type", "invalid_value", "invalid_union"]);
  return branches.find((issues) => !issues.some((issue) => issue.path.length === 0 && kinds.has(issue.code)));
}

/** Only of a value that stands in the file itself: a suggestion tells much about what it was made of. */
function suggestion(issue: Issue, value: unknown, expanded: boolean): string {
  if (typeof value !== "string" || expanded) return "";
  return didYouMean(value, allowedWords(issue));
}

function allowedWords(issue: Issue): string[] {
  if (issue.code === "invalid_value") return issue.values.filter((word) => typeof word === "string");
  return issue.code === "invalid_union"
    ? issue.errors.flat().flatMap((inner) => (inner.path.length === 0 ? allowedWords(inner) : []))
    : [];
}

function valueAt(root: unknown, path: KeyPath): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
