/** Puts entries below the others under `tables:` of a config file, and touches nothing else in it. */
import { isMap, isScalar, type Pair, parseDocument } from "yaml";

/**
 * `entries`: lines of YAML, written for an indentation of two. undefined: `tables` is no block of lines that more could be written
 * below.
 */
export function addEntries(text: string, entries: readonly string[]): string | undefined {
  const document = parseDocument(text, { logLevel: "silent" });
  if (document.errors.length > 0 || !isMap(document.contents)) return undefined;
  const tables = document.contents.items.find(({ key }) => isScalar(key) && key.value === "tables")?.value;
  if (!isMap(tables) || tables.flow === true) return undefined;
  const last = tables.items.at(-1);
  const end = last === undefined ? undefined : endOf(last);
  const column = last === undefined || !isScalar(last.key) ? undefined : indentAt(text, last.key.range?.[0] ?? 0);
  if (end === undefined || column === undefined) return undefined;
  const lines = entries.map((line) => column + line.slice(2));
  const lineEnd = text.includes("\r\n") ? "\r\n" : "\n";
  // Behind the comment on the entry's last line, before those that belong to what follows.
  const at = text.indexOf("\n", end);
  const head = at < 0 ? text + lineEnd : text.slice(0, at + 1);
  const tail = at < 0 ? "" : text.slice(at + 1);
  return `${head}${lines.join(lineEnd)}${lineEnd}${tail}`;
}

/** Offset behind the last character of the entry that is no space or comment. */
function endOf({ key, value }: Pair): number | undefined {
  const node = value as { readonly range?: readonly [number, number, number] | null } | null;
  const range = node?.range ?? (isScalar(key) ? key.range : undefined);
  return range === undefined || range === null ? undefined : Math.max(range[0], range[1] - 1);
}

function indentAt(text: string, offset: number): string | undefined {
  const line = text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset);
  return /^ *$/.test(line) ? line : undefined;
}
