/** Every key of the config as the schema, the defaults and the loader say: what docs/config.md and drayage.schema.json are made of. */
import { z } from "zod";
import { checkNotYet } from "../src/config/check-not-yet.ts";
import { readTree } from "../src/config/config-tree.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { Problems } from "../src/config/problems.ts";
import { configSchema } from "../src/config/schema.ts";

export type JsonSchema = z.core.JSONSchema.JSONSchema;

export interface ConfigKey {
  /** From the top; a table's own keys stand below `tables.*`, those of a column below `tables.*.columns.*`. */
  readonly path: readonly string[];
  readonly type: string;
  readonly default: string;
  readonly meaning: string;
  /** `all`: the key does nothing yet; else the values that do not. */
  readonly notYet: "all" | readonly string[];
}

/** Where a default is no single value of the resolved config. */
const saidDefaults: Readonly<Record<string, string>> = {
  "warehouse.tls": "verify-full; off on this machine",
  "warehouse.port": "5432",
  "schedule.http.bind": "127.0.0.1",
  "tables.*.prefix": "the entry's name",
  "tables.*.into": "its last path segment",
  "tables.*.primary_key": "that of the main table, or `_id`",
  "tables.*.reload_settle": "15m; 2m for snapshots",
  "tables.*.contract.types": "widen for documents, else reject",
  // What this version does: the choice beside it is not there yet.
  "warehouse.auth": "password",
  "warehouse.staging": "temp",
  "tables.*.flatten.arrays": "jsonb",
};

export function jsonSchema(): JsonSchema {
  return z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" });
}

/** All keys that hold a value, section by section; `defaults` and a table's dialect repeat others and are left out. */
export function configKeys(): ConfigKey[] {
  const resolvedConfig = resolveMinimal();
  const keys: ConfigKey[] = [];
  walk(jsonSchema(), [], (path, schema) => {
    const joined = path.join(".");
    keys.push({
      path,
      type: typeText(path, schema),
      default: saidDefaults[joined] ?? defaultText(resolvedConfig, path),
      meaning: schema.description ?? "",
      notYet: notYetOf(path, schema),
    });
  });
  return keys;
}

type Visit = (path: readonly string[], schema: JsonSchema) => void;

function walk(schema: JsonSchema, path: readonly string[], visit: Visit): void {
  for (const [key, below] of Object.entries(schema.properties ?? {})) {
    const at = [...path, key];
    if (typeof below === "boolean" || key === "defaults" || at.join(".") === "tables.*.dialect") continue;
    const map = mapOf(below);
    const oneOfMany = formsOf(below).some((form) => form.type === "array");
    if (map?.properties !== undefined && !oneOfMany) walk(map, at, visit);
    else {
      if (at.join(".") !== "tables") visit(at, below);
      const entry = typeof map?.additionalProperties === "object" ? mapOf(map.additionalProperties) : undefined;
      if (entry?.properties !== undefined) walk(entry, [...at, "*"], visit);
    }
  }
}

/** The map among the forms that a value may have. */
function mapOf(schema: JsonSchema): JsonSchema | undefined {
  return formsOf(schema).find((form) => form.type === "object");
}

function formsOf(schema: JsonSchema): JsonSchema[] {
  const forms = schema.anyOf as JsonSchema[] | undefined;
  return forms === undefined ? [schema] : forms.flatMap(formsOf);
}

function choicesOf(schema: JsonSchema): string[] {
  return formsOf(schema).flatMap((form) => {
    const all: readonly unknown[] = form.enum ?? (typeof form.const === "string" ? [form.const] : []);
    return all.filter((value) => typeof value === "string");
  });
}

const durations = ["lock_timeout", "lock_wait", "statement_timeout", "expect_every", "late_after", "reload_settle"];
const sizes = ["lob_max_size", "max_record_bytes", "max_unit_bytes"];

function typeText(path: readonly string[], schema: JsonSchema): string {
  const key = path.at(-1) ?? "";
  if (durations.includes(key) || path[0] === "retention") return "duration";
  if (sizes.includes(key)) return "size";
  if (path.join(".") === "alerts.daily") return "time of day, or true";
  if (path.join(".") === "schedule.after") return "text, {webhook} or list";
  if (key === "columns" && mapOf(schema)?.properties === undefined && choicesOf(schema).length === 0)
    return "map or list";
  const forms = formsOf(schema);
  const words = choicesOf(schema).filter((word) => word !== "true" && word !== "false");
  const kinds = new Set(
    forms.map((form) => (form.enum === undefined && form.const === undefined ? form.type : undefined)),
  );
  if (kinds.has("integer")) return "whole number";
  if (kinds.has("number")) return "percent";
  if (kinds.has("boolean")) return ["true", "false", ...words].join(", ");
  if (words.length > 0)
    return [...words, ...(kinds.has("array") ? ["list"] : [])]
      .map((word) => JSON.stringify(word).slice(1, -1))
      .join(", ");
  if (kinds.has("array")) return "name or list";
  if (forms.some((form) => form.type === "null" || form.const === null)) return "null";
  return kinds.has("string") ? "text" : "any";
}

const minimalConfig =
  'source: {url: "s3://lake/dms"}\nwarehouse: {url: "postgresql://u@h/db"}\ntables: {shop/orders: {}}\n';

function resolveMinimal(): Record<string, unknown> {
  const config = loadConfig({
    file: "drayage.yaml",
    env: {},
    readFile(path) {
      if (path === "drayage.yaml") return minimalConfig;
      throw Object.assign(new Error("not there"), { code: "ENOENT" });
    },
  });
  const [table] = config.tables;
  return { ...config, source: { ...config.source, dialect: table?.dialect }, tables: { "*": table } };
}

/** The value that a key has when nobody sets it, in the config's own notation. */
function defaultText(config: Record<string, unknown>, path: readonly string[]): string {
  if (path.includes("columns") && path.at(-1) !== "columns") return "";
  let value: unknown = config;
  let milliseconds = false;
  for (const part of path) {
    const name = part.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const record = (value ?? {}) as Record<string, unknown>;
    const found = [name, `${name}Ms`, `${name}s`].find((each) => Object.hasOwn(record, each));
    milliseconds = found === `${name}Ms`;
    value = found === undefined ? undefined : record[found];
  }
  if (path.join(".") === "source.url" || path.join(".") === "warehouse.url") return "";
  if (typeof value === "number") {
    if (milliseconds) return durationText(value);
    return sizes.includes(path.at(-1) ?? "") ? `${value / 2 ** 20}MB` : String(value);
  }
  if (typeof value === "boolean") return String(value);
  return typeof value === "string" ? (/^[a-z-]+\d*$/i.test(value) ? value : JSON.stringify(value)) : "";
}

function durationText(milliseconds: number): string {
  if (milliseconds === 0) return "0";
  if (milliseconds % 86_400_000 === 0 && milliseconds > 86_400_000) return `${milliseconds / 86_400_000}d`;
  if (milliseconds % 3_600_000 === 0) return `${milliseconds / 3_600_000}h`;
  return milliseconds % 60_000 === 0 ? `${milliseconds / 60_000}m` : `${milliseconds / 1_000}s`;
}

/** Asks the loader itself, with a config that sets the key. */
function notYetOf(path: readonly string[], schema: JsonSchema): "all" | readonly string[] {
  if (isNotYet(path, "anything")) return "all";
  const words = path.join(".") === "tables.*.columns" ? [] : choicesOf(schema);
  return words.filter((word) => isNotYet(path, word));
}

function isNotYet(path: readonly string[], value: string): boolean {
  const set = path.reduceRight<unknown>((inner, key) => ({ [key === "*" ? "x" : key]: inner }), value);
  const problems = new Problems();
  const tree = readTree(JSON.stringify(set), problems, (text) => ({ text, expanded: false, problems: [] }));
  if (tree === undefined) throw new Error(`no YAML: ${path.join(".")}`);
  checkNotYet(tree, problems);
  return problems.count > 0;
}
