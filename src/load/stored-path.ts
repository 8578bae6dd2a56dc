/** How paths are called in the state schema and in `_rescued`, and what the config says of them. */
import type { ColumnRule, TableConfig } from "../config/config.ts";
import { pathText } from "../rows/column-name.ts";
import { ruleFor, rulePath, type TableSpec } from "./table-spec.ts";

/** `_doc:address.city`. */
export function storedPath(document: string, path: readonly string[]): string {
  return `${document}:${pathText(path)}`;
}

/** The segments of a stored path below its document; undefined for a source column. */
export function storedSegments(path: string): string[] | undefined {
  return /^[^:]*:(.*)$/s
    .exec(path)?.[1]
    ?.split(/(?<!\\)\./)
    .map((part) => part.replaceAll(/\\(.)/g, "$1"));
}

/** As it stands in `_rescued`: the path, without DMS's own name for the document. */
export function rescueKey(path: string): string {
  return path.replace(/^_doc:/, "");
}

/** A stored path as rules know it. */
export function ruleSegments(config: TableConfig, path: string): readonly string[] {
  const segments = storedSegments(path);
  return segments === undefined ? [path] : rulePath(config, path.slice(0, path.indexOf(":")), segments);
}

/** What the config says of a path as it is stored. */
export function storedRule(table: TableSpec, path: string): ColumnRule | undefined {
  return ruleFor(table.config, ruleSegments(table.config, path));
}
