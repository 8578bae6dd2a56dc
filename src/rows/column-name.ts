/** Column names for document paths: readable, at most 63 bytes, unique, and the same whatever order the paths came in. */
import { createHash } from "node:crypto";

export interface NameStyle {
  /** Between the segments of a path. */
  readonly separator: string;
  readonly naming: "snake" | "keep";
}

/** PostgreSQL cuts longer names, counted in bytes, without an error. */
const maxBytes = 63;
const shortHash = 8;

/** The plain name of a path; a name too long ends in a hash of the whole path. */
export function columnName(path: readonly string[], style: NameStyle): string {
  const name = plainName(path, style);
  return Buffer.byteLength(name) <= maxBytes ? name : hashedName(name, path, shortHash);
}

/**
 * One name per path, in the order of `paths`. Where several paths share a plain name, one keeps it: the path that is spelled
 * like the name, else the first in byte order; the others get a hash. Names in `taken` and `reserved` are given to no path.
 */
export function uniqueNames(
  paths: readonly (readonly string[])[],
  taken: ReadonlySet<string>,
  reserved: ReadonlySet<string>,
  style: NameStyle,
): string[] {
  const entries = paths.map((path) => ({ path, text: pathText(path), plain: columnName(path, style) }));
  const sorted = [...new Map(entries.map((entry) => [entry.text, entry])).values()].sort((a, b) =>
    compareBytes(a.text, b.text),
  );
  const winners = new Map<string, string>();
  for (const { path, text, plain } of sorted) {
    if (taken.has(plain) || reserved.has(plain)) continue;
    if (!winners.has(plain) || (path.length === 1 && path[0] === plain)) winners.set(plain, text);
  }
  const used = new Set([...taken, ...reserved, ...winners.keys()]);
  const names = new Map<string, string>();
  for (const { path, text, plain } of sorted) {
    names.set(text, winners.get(plain) === text ? plain : unusedName(path, style, used));
  }
  return entries.map((entry) => names.get(entry.text)!);
}

/** A path as one string: dots inside a segment are escaped, so that no two paths read the same. */
export function pathText(path: readonly string[]): string {
  return path.map((segment) => segment.replaceAll("\\", "\\\\").replaceAll(".", "\\.")).join(".");
}

function unusedName(path: readonly string[], style: NameStyle, used: Set<string>): string {
  const plain = plainName(path, style);
  // A key may be spelled like another path's hashed name: more digits of the hash get out of its way.
  for (let digits = shortHash; ; digits += 8) {
    const name = hashedName(plain, path, digits);
    if (used.has(name) && digits < 48) continue;
    used.add(name);
    return name;
  }
}

function hashedName(plain: string, path: readonly string[], digits: number): string {
  const hash = createHash("sha256").update(pathText(path)).digest("hex").slice(0, digits);
  return `${cutToBytes(plain, maxBytes - 1 - digits)}_${hash}`;
}

function plainName(path: readonly string[], style: NameStyle): string {
  return path.map((segment) => (style.naming === "snake" ? snakeCase(segment) : segment) || "_").join(style.separator);
}

/** `createdAt` → `created_at`, `HTMLParser` → `html_parser`; what is no letter, digit or `_` becomes one `_`. */
export function snakeCase(segment: string): string {
  return segment
    .replaceAll(/[^\p{L}\p{M}\p{N}_]+/gu, "_")
    .replaceAll(/(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})/gu, "_")
    .toLowerCase();
}

/** At most `bytes` bytes of UTF-8, whole characters only. */
function cutToBytes(text: string, bytes: number): string {
  let cut = "";
  let length = 0;
  for (const character of text) {
    length += Buffer.byteLength(character);
    if (length > bytes) break;
    cut += character;
  }
  return cut;
}

/** UTF-16 order is not byte order beyond the basic plane. */
function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
