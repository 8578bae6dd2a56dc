/** What no single key shows: entries without a folder, two entries for one folder, two folders for one main table. */
import type { Config, TableConfig } from "./config.ts";
import type { ConfigTree } from "./config-tree.ts";
import { isPattern, prefixFault, templateFault, trimSlashes } from "./folder-names.ts";
import { type KeyPath, keyText, type Problems } from "./problems.ts";
import { isPlainName, targetOf } from "./table-names.ts";

/** Checks of the file as it is written; they need no valid config. */
export function checkStructure(tree: ConfigTree, problems: Problems): void {
  const root = asMap(tree.value);
  checkWarehouse(asMap(root?.warehouse), tree, problems);
  for (const [name, entry] of Object.entries(asMap(root?.tables) ?? {})) checkEntry(name, entry, tree, problems);
}

function checkWarehouse(warehouse: Record<string, unknown> | undefined, tree: ConfigTree, problems: Problems): void {
  if (warehouse === undefined) return;
  const path = ["warehouse"];
  const given = (key: string): boolean => Object.hasOwn(warehouse, key);
  if (!given("url") && !given("host")) problems.add(path, tree.keyAt(path), "needs url, or host and database");
  if (given("host") && !given("database")) problems.add(path, tree.keyAt(path), "needs database beside host");
  if (given("url")) {
    for (const key of ["host", "port", "database", "user"]) {
      if (given(key))
        problems.add([...path, key], tree.keyAt([...path, key]), "stands beside url; give one or the other");
    }
  }
  const schema = warehouse.schema ?? "public";
  if (schema === (warehouse.state_schema ?? "drayage")) {
    const at = given("state_schema") ? "state_schema" : "schema";
    problems.add(
      [...path, at],
      tree.valueAt([...path, at]),
      "is the same for schema and state_schema; drayage needs one of its own",
    );
  }
}

function checkEntry(name: string, entry: unknown, tree: ConfigTree, problems: Problems): void {
  const path = ["tables", name];
  const settings = asMap(entry);
  if (settings === undefined && entry !== "off" && entry !== false) return;
  const plain = isPlainName(name);
  if (plain && settings?.into === undefined) {
    const fault = templateFault(name);
    if (fault !== undefined) problems.add(path, tree.keyAt(path), `the name is a main table's: it ${fault}`);
  }
  if (settings !== undefined && Object.hasOwn(settings, "prefix")) return;
  const fault = plain ? undefined : prefixFault(trimSlashes(name));
  if (fault !== undefined) problems.add(path, tree.keyAt(path), `the name is a folder: it ${fault}`);
  if (!plain) return;
  problems.add(
    path,
    tree.keyAt(path),
    settings === undefined
      ? "needs a folder: write its path, as in shop/orders: off"
      : "needs prefix: its folder below source.url, such as shop/orders",
  );
}

/** Two entries that claim the same folders. */
export function checkClaims(tables: readonly TableConfig[], tree: ConfigTree, problems: Problems): void {
  const byPrefix = new Map<string, TableConfig>();
  for (const table of tables) {
    for (const prefix of table.prefixes) {
      const other = byPrefix.get(prefix);
      if (other === undefined) byPrefix.set(prefix, table);
      else if (other !== table)
        problems.add(
          ["tables", table.name],
          tree.keyAt(["tables", table.name]),
          `claims ${prefix}, as ${entryText(other)} does`,
        );
    }
  }
}

/** Two folders that go into one main table, as far as the config alone shows it; and what else takes merged entries to see. */
export function checkPlainTargets(config: Config, tree: ConfigTree, problems: Problems): void {
  const byTarget = new Map<string, { table: TableConfig; prefix: string }>();
  for (const table of config.tables) {
    if (!table.enabled) continue;
    const path = ["tables", table.name];
    for (const prefix of table.prefixes.filter((one) => !isPattern(one))) {
      const target = targetOf(table, prefix, config.warehouse.schema);
      if (target.schema === config.warehouse.stateSchema)
        problems.add(path, tree.keyAt(path), "goes into drayage's own schema");
      const other = byTarget.get(target.name);
      if (other === undefined) byTarget.set(target.name, { table, prefix });
      // Several folders of one entry are meant to share its table.
      else if (other.table !== table && other.prefix !== prefix) {
        const text = `${prefix} goes into the same main table as ${other.prefix} of ${entryText(other.table)}; give one another name by \`into\``;
        problems.add(path, tree.keyAt(path), text);
      }
    }
    checkNullTokens(table, path, tree, problems);
    checkUnchangedToken(table, path, tree, problems);
    checkFullLoads(table, path, tree, problems);
  }
}

function checkNullTokens(table: TableConfig, path: KeyPath, tree: ConfigTree, problems: Problems): void {
  const { nulls, delimiter: set } = table.dialect;
  const delimiter = set === "auto" ? "," : set;
  if (nulls === "auto" || !nulls.some((token) => token.includes(delimiter))) return;
  problems.add(
    [...path, "dialect"],
    tree.keyAt([...path, "dialect"]),
    "a token of nulls holds the delimiter, so it can never be read",
  );
}

function checkUnchangedToken(
  { dialect: { unchangedToken, nulls }, writeMode }: TableConfig,
  path: KeyPath,
  tree: ConfigTree,
  problems: Problems,
): void {
  if (unchangedToken === undefined) return;
  const isNull = nulls === "auto" ? unchangedToken === "NULL" : nulls.includes(unchangedToken);
  const text =
    writeMode === "append"
      ? "dialect.unchanged_token keeps what a row has; with write_mode: append no record has a row before it"
      : isNull
        ? `dialect.unchanged_token is what means NULL, too; set ${nulls === "auto" ? "dialect.nulls" : "CsvNoSupValue"} to something else`
        : undefined;
  if (text !== undefined) problems.add(path, tree.keyAt(path), text);
}

/** A whole table again and again, into a table whose rows have no key to tell which are gone. */
function checkFullLoads(
  { writeMode, fullLoad, orderBy }: TableConfig,
  path: KeyPath,
  tree: ConfigTree,
  problems: Problems,
): void {
  const text =
    writeMode === "append" && fullLoad === "snapshot"
      ? "full_load: snapshot needs a key; with write_mode: append, each set would be there beside the others"
      : writeMode === "replace" && fullLoad !== "snapshot"
        ? `full_load: ${fullLoad} contradicts write_mode: replace, which takes each full load for the whole table`
        : orderBy !== undefined && fullLoad !== "once"
          ? `order_by orders changes alone: it needs full_load: once, not ${fullLoad}`
          : undefined;
  if (text !== undefined) problems.add(path, tree.keyAt(path), text);
}

function entryText(table: TableConfig): string {
  return `tables.${keyText(table.name)} (line ${table.line})`;
}

function asMap(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
