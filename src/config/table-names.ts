/** Which entry of `tables` a folder or a name belongs to, and which main table its rows go into. */
import { DrayageError } from "../errors.ts";
import type { TableConfig } from "./config.ts";
import { fitted, isPattern, trimSlashes, warehouseName } from "./folder-names.ts";
import { globRegExp } from "./glob.ts";
import { claimedPart, moreSpecific } from "./prefixes.ts";
import { keyText } from "./problems.ts";
import { nearest } from "./suggest.ts";

export interface TableTarget {
  readonly schema: string;
  readonly table: string;
  /** In the state schema, logs and reports: `table` in the default schema, else `schema.table`. */
  readonly name: string;
}

/** A folder that was found, the entry that claims it and where it goes. */
export interface FoundFolder {
  readonly table: TableConfig;
  readonly folder: string;
  readonly target: { readonly schema: string; readonly table: string };
}

interface Claims {
  readonly plain: ReadonlyMap<string, TableConfig>;
  /** The most specific first. */
  readonly patterns: readonly { readonly table: TableConfig; readonly prefix: string }[];
}

// A listing asks for each of its objects.
const claimsOf = new WeakMap<readonly TableConfig[], Claims>();

/**
 * The entry that an object belongs to, by its folder below source.url (`shop/orders/2024/05/01`). A prefix claims its folder and
 * all below, a pattern as many leading levels as it has. The most specific wins: more literal characters, then longer, then first
 * in the file. Entries that are `off` claim too. Folders of DMS's control tables are left to entries that name them.
 */
export function claimTable(tables: readonly TableConfig[], folder: string): TableConfig | undefined {
  const { plain, patterns } = claims(tables);
  let exact = folder;
  while (exact !== "" && !plain.has(exact)) exact = exact.slice(0, Math.max(0, exact.lastIndexOf("/")));
  const pattern = patterns.find(({ prefix }) => claimedPart(prefix, folder) !== undefined);
  return pattern !== undefined && (exact === "" || moreSpecific(pattern.prefix, exact))
    ? pattern.table
    : plain.get(exact);
}

/** The part of a claimed folder that is the table's own: its prefix, or what the pattern matched. What is below are partitions. */
export function tableFolder(table: TableConfig, folder: string): string {
  let best: string | undefined;
  let prefixOfBest = "";
  for (const prefix of table.prefixes) {
    const match = claimedPart(prefix, folder);
    if (match === undefined || (best !== undefined && !moreSpecific(prefix, prefixOfBest))) continue;
    best = match;
    prefixOfBest = prefix;
  }
  return best ?? folder;
}

/**
 * The main table of a table folder (see tableFolder): `into`, else the entry's own name where it is no path, else the folder's
 * last level in snake_case.
 */
export function targetOf(table: TableConfig, folder: string, defaultSchema: string): TableTarget {
  const levels = folder.split("/");
  const own = table.into ?? (isPlainName(table.name) ? table.name : "{table}");
  const parts = own.split(".").map((part) => {
    const filled = part.replaceAll(/\{(schema|table)\}/g, (_, word: string) => {
      if (word === "table") return warehouseName(levels.at(-1) ?? "");
      const level = levels.at(-2);
      return level === undefined ? defaultSchema : warehouseName(level);
    });
    return fitted(filled, folder);
  });
  const name = parts.at(-1) ?? "";
  const schema = parts.length > 1 ? (parts[0] ?? defaultSchema) : defaultSchema;
  return { schema, table: name, name: schema === defaultSchema ? name : `${schema}.${name}` };
}

/** A warehouse name rather than a folder or a pattern of folders. */
export function isPlainName(name: string): boolean {
  return !name.includes("/") && !isPattern(name);
}

/**
 * Throws CONFIG_INVALID when two folders go into one main table, where nobody asked for it: only an entry that lists several
 * plain prefixes did.
 */
export function checkTargets(found: readonly FoundFolder[]): void {
  const byTarget = new Map<string, FoundFolder>();
  for (const one of found) {
    const id = `${one.target.schema}\0${one.target.table}`;
    const other = byTarget.get(id);
    byTarget.set(id, other ?? one);
    if (
      other === undefined ||
      (other.table === one.table && (other.folder === one.folder || (isListed(other) && isListed(one))))
    )
      continue;
    const target = `${keyText(one.target.schema)}.${keyText(one.target.table)}`;
    throw new DrayageError("CONFIG_INVALID", {
      message: `Two folders would be loaded into ${target}: ${other.folder} and ${one.folder}`,
      lines: [other, one].map(
        ({ folder, table }) => `${folder}  is claimed by tables.${keyText(table.name)}, line ${table.line}`,
      ),
      next: 'Give them different tables: by an entry of their own with `into: other_name`, or `into: "{schema}.{table}"` at the pattern.',
    });
  }
}

function isListed({ table, folder }: FoundFolder): boolean {
  return table.prefixes.includes(folder);
}

function claims(tables: readonly TableConfig[]): Claims {
  const known = claimsOf.get(tables);
  if (known !== undefined) return known;
  const plain = new Map<string, TableConfig>();
  const patterns: { table: TableConfig; prefix: string }[] = [];
  for (const table of tables) {
    for (const prefix of table.prefixes) {
      if (isPattern(prefix)) patterns.push({ table, prefix });
      else if (!plain.has(prefix)) plain.set(prefix, table);
    }
  }
  patterns.sort((a, b) => (moreSpecific(a.prefix, b.prefix) ? -1 : moreSpecific(b.prefix, a.prefix) ? 1 : 0));
  const made = { plain, patterns };
  claimsOf.set(tables, made);
  return made;
}

export interface TableSelection {
  /**
   * Whether the table was named. `name` is its name in the state schema, `folder` its folder below source.url; without a folder
   * a path on the command line finds only what its entry spells out, or what it names exactly.
   */
  (table: TableConfig, name: string, folder?: string): boolean;
  /**
   * To be called when every table has been asked about. Throws TABLE_UNKNOWN for names that no table bore: with patterns in the
   * config, only the source can tell.
   */
  requireAllFound(): void;
}

interface Asked {
  readonly text: string;
  readonly regExp: RegExp;
  readonly path: string;
  found: boolean;
}

/**
 * Picks by config name (`orders`, `shop/*`), S3 path below source.url (`shop/orders`) or name of the main table, globs allowed;
 * no names at all pick every table. Throws TABLE_UNKNOWN for what the config alone shows to be no table.
 */
export function selectTables(tables: readonly TableConfig[], names: readonly string[]): TableSelection {
  const asked = names.map((text): Asked => {
    const path = trimSlashes(text);
    return { text, path, regExp: globRegExp(path), found: false };
  });
  const seen = new Set<string>();
  const impossible = asked.filter((one) => !tables.some((table) => table.enabled && mayBe(table, one)));
  if (impossible.length > 0) throw unknown(impossible, tables, seen);
  const answers = new Map<string, boolean>();
  const select = (table: TableConfig, name: string, folder?: string): boolean => {
    if (!table.enabled) return false;
    const id = `${table.name}\0${name}\0${folder ?? ""}`;
    const known = answers.get(id);
    if (known !== undefined) return known;
    seen.add(name);
    let selected = asked.length === 0;
    for (const one of asked) {
      if (!isMeant(table, name, folder, one)) continue;
      one.found = true;
      selected = true;
    }
    answers.set(id, selected);
    return selected;
  };
  const requireAllFound = (): void => {
    // Plain entries are tables before their first object arrives.
    const missing = asked.filter(
      (one) => !one.found && !tables.some((table) => table.enabled && isSpelledOut(table, one)),
    );
    if (missing.length > 0) throw unknown(missing, tables, seen);
  };
  return Object.assign(select, { requireAllFound });
}

function isMeant(table: TableConfig, name: string, folder: string | undefined, { regExp, path }: Asked): boolean {
  if (table.name === path || regExp.test(table.name) || regExp.test(name)) return true;
  if (folder !== undefined) return regExp.test(folder);
  if (table.prefixes.some((prefix) => !isPattern(prefix) && regExp.test(prefix))) return true;
  if (isPattern(path) || !claimsExactly(table, path)) return false;
  const [schema = "", own = ""] = bothNames(table, path);
  return name === own || name === schema;
}

/** Whether the config alone shows that the name is a table. */
function isSpelledOut(table: TableConfig, { regExp, path }: Asked): boolean {
  if (table.name === path || regExp.test(table.name)) return true;
  return table.prefixes.some(
    (prefix) =>
      !isPattern(prefix) && (regExp.test(prefix) || bothNames(table, prefix).some((name) => regExp.test(name))),
  );
}

/** Whether some folder that the entry might claim could be meant. */
function mayBe(table: TableConfig, asked: Asked): boolean {
  if (isSpelledOut(table, asked)) return true;
  if (!table.prefixes.some(isPattern)) return false;
  // Any folder may turn out to have a main table of that name; a path has to fit the pattern.
  if (isPlainName(asked.path) || isPattern(asked.path)) return true;
  return claimsExactly(table, asked.path);
}

function claimsExactly(table: TableConfig, path: string): boolean {
  return table.prefixes.some((prefix) => isPattern(prefix) && claimedPart(prefix, path) === path);
}

/** With and without its schema: which one is its name depends on the default schema. */
function bothNames(table: TableConfig, folder: string): string[] {
  const target = targetOf(table, folder, "");
  return target.schema === "" ? [target.table] : [`${target.schema}.${target.table}`, target.table];
}

function unknown(missing: readonly Asked[], tables: readonly TableConfig[], seen: ReadonlySet<string>): DrayageError {
  const known = new Set<string>(seen);
  for (const table of tables) {
    if (!table.enabled) continue;
    known.add(table.name);
    for (const prefix of table.prefixes) {
      if (isPattern(prefix)) continue;
      known.add(prefix);
      for (const name of bothNames(table, prefix)) known.add(name);
    }
  }
  const texts = missing.map(({ text, path }) => {
    const off = tables.find((table) => !table.enabled && (table.name === path || table.prefixes.includes(path)));
    if (off !== undefined) return `The table ${text} is off in the config, line ${off.line}`;
    const near = nearest(path, known);
    return `No table is called ${text}${near === undefined ? "" : `; did you mean ${near}?`}`;
  });
  const [first = "", ...rest] = texts;
  return new DrayageError("TABLE_UNKNOWN", rest.length === 0 ? { message: first } : { lines: texts });
}
