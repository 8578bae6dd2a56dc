/** Reads the config file: every problem in it at once, or a Config that nothing is wrong with. */
import { dirname, resolve } from "node:path";
import { DrayageError } from "../errors.ts";
import { checkNotYet } from "./check-not-yet.ts";
import { checkSchema } from "./check-schema.ts";
import { checkClaims, checkPlainTargets, checkStructure } from "./check-tables.ts";
import { readExports } from "./columns-from.ts";
import type { Config } from "./config.ts";
import { type ConfigTree, readTree } from "./config-tree.ts";
import { type Environment, isMissing, type ReadFile, readEnvironment, readText } from "./environment.ts";
import { expandText } from "./expand.ts";
import { Problems } from "./problems.ts";
import { resolveConfig } from "./resolve-config.ts";
import type { ConfigInput } from "./schema.ts";

export interface LoadConfigOptions {
  /** Path of the config file, as the user wrote it. */
  readonly file: string;
  /** The real environment; it wins over the `.env` beside the file. Not changed. */
  readonly env: Environment;
  /** Reads config, `.env` and `${file:...}`; throws as node:fs does. Default: node:fs. */
  readonly readFile?: ReadFile | undefined;
}

/**
 * Throws DrayageError CONFIG_MISSING when there is no such file, CONFIG_INVALID with one line for each problem
 * (`drayage.yaml:12:5  tables.orders.primary_kye: unknown key; did you mean primary_key?`). No line holds a value of the file.
 */
export function loadConfig({ file, env, readFile = readText }: LoadConfigOptions): Config {
  const text = readConfig(file, readFile);
  const problems = new Problems();
  const tree = readTree(text, problems, expander(file, env, readFile));
  if (tree === undefined) return fail(problems, file);
  if (tree.value === null)
    problems.add([], { line: 1, column: 1 }, "the file is empty; README.md has one to start from");
  else if (typeof tree.value !== "object" || Array.isArray(tree.value))
    problems.add([], { line: 1, column: 1 }, "the file must be a map of sections: source, warehouse, tables");
  else checkTree(tree, file, problems);
  const input = problems.count === 0 ? checkSchema(tree, problems) : undefined;
  return input === undefined ? fail(problems, file) : resolveWithExports(input, tree, { file, env, readFile });
}

function resolveWithExports(
  input: ConfigInput,
  tree: ConfigTree,
  { file, env, readFile }: Required<LoadConfigOptions> & { readonly readFile: ReadFile },
): Config {
  const problems = new Problems();
  const exports = readExports(input, tree, problems, (path) => readFile(resolve(dirname(resolve(file)), path)));
  problems.throwIfAny(file);
  return resolveConfig(input, tree, file, environmentOf(file, env, readFile), exports);
}

function checkTree(tree: ConfigTree, file: string, problems: Problems): void {
  checkSchema(tree, problems);
  checkNotYet(tree, problems);
  checkStructure(tree, problems);
  // The sound entries are compared with each other even when others are wrong: a second attempt should find nothing new.
  const { value, shared } = soundPart(tree, problems);
  const input = checkSchema({ ...tree, value }, new Problems());
  if (input === undefined) return;
  const config = resolveConfig(input, tree, file, {});
  checkClaims(config.tables, tree, problems);
  if (shared) checkPlainTargets(config, tree, problems);
}

/** The value without the entries that have problems; `shared` says whether the sections that all entries share are its own. */
function soundPart(tree: ConfigTree, problems: Problems): { value: unknown; shared: boolean } {
  const { source, warehouse, defaults, tables } = tree.value as Record<string, unknown>;
  const entries = typeof tables === "object" && tables !== null ? Object.entries(tables) : [];
  const sound = Object.fromEntries(entries.filter(([name]) => !problems.touches(["tables", name])));
  const shared = !["source", "warehouse", "defaults"].some((section) => problems.touches([section]));
  if (!shared)
    return { value: { source: { url: "s3://none" }, warehouse: { url: "postgresql://none" }, tables: sound }, shared };
  return { value: { source, warehouse, ...(defaults === undefined ? {} : { defaults }), tables: sound }, shared };
}

function readConfig(file: string, readFile: ReadFile): string {
  try {
    return readFile(file);
  } catch (cause) {
    const details = isMissing(cause) ? {} : { message: "The config file cannot be read" };
    throw new DrayageError("CONFIG_MISSING", { ...details, place: { file }, cause });
  }
}

function expander(file: string, env: Environment, readFile: ReadFile): (text: string) => ReturnType<typeof expandText> {
  const environment = environmentOf(file, env, readFile);
  const directory = dirname(resolve(file));
  const source = {
    variable: (name: string) => (Object.hasOwn(environment, name) ? environment[name] : undefined),
    file: (path: string) => readFile(resolve(directory, path)),
  };
  return (text) => expandText(text, source);
}

function environmentOf(file: string, env: Environment, readFile: ReadFile): Environment {
  try {
    return readEnvironment(file, env, readFile);
  } catch (cause) {
    throw new DrayageError("CONFIG_INVALID", {
      message: "The .env beside the config cannot be read",
      place: { file },
      next: "Make it readable, or remove it.",
      cause,
    });
  }
}

function fail(problems: Problems, file: string): never {
  problems.throwIfAny(file);
  throw new DrayageError("INTERNAL", { message: "The config was refused without a reason", place: { file } });
}
