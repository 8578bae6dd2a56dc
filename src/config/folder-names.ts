/** The grammar of folder patterns and of target templates, and how a folder's name becomes a table's. */
import { createHash } from "node:crypto";

export function trimSlashes(path: string): string {
  return path.replaceAll(/^\/+|\/+$/g, "");
}

/** Whether a prefix or an entry's name stands for more than one folder. */
export function isPattern(prefix: string): boolean {
  return /[*?]/.test(prefix);
}

/** What is wrong with a prefix, its outer slashes gone. */
export function prefixFault(folder: string): string | undefined {
  if (folder === "") return "must name a folder below source.url";
  if (folder.includes("://")) return "must be the folder's path below source.url, such as shop/orders";
  if (folder.includes("**")) return "must not hold **; * stands for one level, and everything below belongs to it";
  if (folder.split("/").some((segment) => segment === "" || segment === "." || segment === ".."))
    return "must not hold empty, . or .. levels";
  return undefined;
}

/** What is wrong with `[schema.]table`, in which `{schema}` and `{table}` stand for the last two levels of the folder. */
export function templateFault(template: string): string | undefined {
  const parts = template.split(".");
  if (parts.length > 2 || parts.includes("")) return "must be table or schema.table";
  const filled = parts.map((part) => part.replaceAll(/\{(schema|table)\}/g, "x"));
  if (filled.some((part) => /[{}]/.test(part))) return "knows only {schema} and {table} in braces";
  if (filled.some((part) => /["\p{Cc}/*?]/u.test(part))) return "holds a character that no table name should have";
  if (parts.some((part) => Buffer.byteLength(part.replaceAll(/\{(schema|table)\}/g, "")) > 63))
    return "must not have names longer than 63 bytes";
  return undefined;
}

/** A path segment as a table's or schema's name: `OrderItems` is order_items. At most 63 bytes, a longer one ends in its hash. */
export function warehouseName(segment: string): string {
  const name = segment
    .replaceAll(/[^\p{L}\p{M}\p{N}_]+/gu, "_")
    .replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, "_")
    .toLowerCase();
  return fitted(name, segment);
}

/** `name` in the 63 bytes that PostgreSQL keeps; `full` is what its hash is made of. */
export function fitted(name: string, full: string): string {
  if (Buffer.byteLength(name) <= 63) return name;
  const hash = createHash("sha256").update(full).digest("hex").slice(0, 8);
  let cut = "";
  for (const character of name) {
    if (Buffer.byteLength(cut + character) > 54) break;
    cut += character;
  }
  return `${cut}_${hash}`;
}
