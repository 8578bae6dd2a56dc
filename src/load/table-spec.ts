/** A table as the loader works on it: a config entry bound to one main table. */
import { createHash } from "node:crypto";
import type { ColumnRule, TableConfig } from "../config/config.ts";
import { isSameName } from "../rows/known-names.ts";

export interface TableSpec {
  /** Name in the state schema, in logs and reports. */
  readonly name: string;
  readonly target: { readonly schema: string; readonly table: string };
  readonly config: TableConfig;
}

/**
 * Rows that are appended have no guard, and a record that leaves cells out needs what those before it said: an object that failed holds
 * what comes after it.
 */
export function keepsOrder({ config }: TableSpec): boolean {
  return config.writeMode === "append" || config.dialect.unchangedToken !== undefined;
}

/** Changes whenever the table's config does: what failed under another one is tried again. */
export function configHash(config: TableConfig): string {
  // What is expected of a table changes nothing about its objects.
  const { line: _line, expectEveryMs: _expectEvery, lateAfterMs: _lateAfter, ...rest } = config;
  const text = JSON.stringify(rest, (key, value) =>
    value instanceof Map ? [...value].sort(([a], [b]) => (a < b ? -1 : 1)) : key === "line" ? undefined : value,
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** Whether nothing looks at a source column: an ignored one may still order the records, or tell their old key. */
export function isUnread({ config }: TableSpec, column: string): boolean {
  if (ruleFor(config, [column])?.kind !== "ignore") return false;
  const orders = config.orderBy !== undefined && isSameName(column, config.orderBy);
  return !orders && beforeImageOf({ config }, column) === undefined;
}

/** Name of the column that a field would be the before image of, going by its own name. */
export function beforeImageOf({ config }: Pick<TableSpec, "config">, field: string): string | undefined {
  const { beforeImage } = config.dialect;
  if (beforeImage === undefined) return undefined;
  const { prefix, suffix } = beforeImage;
  const fits = field.length > prefix.length + suffix.length && field.startsWith(prefix) && field.endsWith(suffix);
  return fits ? field.slice(prefix.length, field.length - suffix.length) : undefined;
}

/** The path by which rules and names know a value: with several document columns, the column comes first. */
export function rulePath(config: TableConfig, document: string, path: readonly string[]): readonly string[] {
  return config.documents.length > 1 ? [document, ...path] : path;
}

/** The rule for a source column or a document path (segments), in either spelling; `metrics.*` covers one segment. */
export function ruleFor(config: TableConfig, path: readonly string[]): ColumnRule | undefined {
  const exact = config.columns.get(path.join("."));
  if (exact !== undefined) return exact;
  // DMS's table mode spells the path of a document into the name of a column.
  const [only] = path;
  if (path.length === 1 && only?.includes(".") === true) return ruleFor(config, only.split("."));
  for (const [name, rule] of config.columns) {
    const parts = name.split(".");
    if (parts.length === path.length && parts.every((part, i) => part === "*" || isSameName(part, path[i] ?? "")))
      return rule;
  }
  return undefined;
}
