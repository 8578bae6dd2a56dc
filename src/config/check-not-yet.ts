/** What the config may say by its contract, but this version does not do: said clearly, never passed over. */
import type { ConfigTree } from "./config-tree.ts";
import type { KeyPath, Problems } from "./problems.ts";

/**
 * Remove a line when its feature arrives. `TABLE` stands for `defaults` and every entry of `tables`, `DIALECT` for every
 * dialect; `*` is one key. With values, only these are not there yet.
 */
const notYet: readonly (readonly [path: string, ...values: string[]])[] = [
  ["source.role"],
  ["warehouse.staging", "unlogged"],
  ["warehouse.connections"],
  ["TABLE.write_mode", "scd2"],
  ["TABLE.flatten.arrays", "child"],
  ["TABLE.columns.*", "child"],
  ["alerts.unusual"],
];

const message = "is not in this version yet";

interface Rule {
  readonly keys: readonly string[];
  readonly values: readonly string[];
}

/** Adds a problem for each use of something in the list above. */
export function checkNotYet(tree: ConfigTree, problems: Problems): void {
  visit(tree.value, [], [], expandedRules(), tree, problems);
}

/** `keys` is `path` without list indexes: a column in a list is found like one in a map. */
function visit(
  value: unknown,
  path: KeyPath,
  keys: readonly string[],
  rules: readonly Rule[],
  tree: ConfigTree,
  problems: Problems,
): void {
  for (const rule of rules) {
    if (rule.keys.length !== keys.length) continue;
    if (rule.values.length === 0) {
      problems.add(path, tree.keyAt(path), message);
      // What stands inside cannot matter.
      return;
    }
    if (typeof value !== "string" || !rule.values.includes(value)) continue;
    problems.add(path, tree.valueAt(path), tree.isExpanded(path) ? `this value ${message}` : `${value} ${message}`);
  }
  if (Array.isArray(value)) {
    value.forEach((entry: unknown, i) => {
      // `- card hash` in a list of columns says what `card: hash` says in a map.
      const words = typeof entry === "string" ? entry.trim().split(/\s+/) : [];
      const below =
        words.length === 2
          ? rules.filter((rule) => rule.keys.length === keys.length + 1 && rule.keys.at(-1) === "*")
          : [];
      if (below.length > 0) visit(words[1], [...path, i], [...keys, "*"], below, tree, problems);
      else if (typeof entry === "object") visit(entry, [...path, i], keys, rules, tree, problems);
    });
  } else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) {
      const below = rules.filter(
        (rule) => rule.keys.length > keys.length && ["*", key].includes(rule.keys[keys.length]!),
      );
      if (below.length > 0) visit(inner, [...path, key], [...keys, key], below, tree, problems);
    }
  }
}

function expandedRules(): Rule[] {
  return notYet.flatMap(([path, ...values]) => {
    const paths = path.startsWith("DIALECT")
      ? ["source.dialect", "defaults.dialect", "tables.*.dialect"].map((place) => path.replace("DIALECT", place))
      : path.startsWith("TABLE")
        ? ["defaults", "tables.*"].map((place) => path.replace("TABLE", place))
        : [path];
    return paths.map((each) => ({ keys: each.split("."), values }));
  });
}
