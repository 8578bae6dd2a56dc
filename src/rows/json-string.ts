/** The inside of a JSON string that holds an escape, a NUL or a control character: decoded, or mended so that jsonb takes it. */
import { type ByteText, toByteText } from "./byte-text.ts";
import { escapeOf } from "./scalar-text.ts";

/** Counts each value of a character that PostgreSQL cannot hold. */
export interface RepairCount {
  repairs: number;
}

/** U+FFFD as bytes: stands for NUL and for half a surrogate pair. */
const replacement: ByteText = "\xef\xbf\xbd";

const simpleEscapes: ReadonlyMap<number, string> = new Map([
  [0x22, '"'],
  [0x5c, "\\"],
  [0x2f, "/"],
  [0x62, "\b"],
  [0x66, "\f"],
  [0x6e, "\n"],
  [0x72, "\r"],
  [0x74, "\t"],
]);

/** As text; a number: index of an escape that JSON does not have. */
export function decodeString(inside: ByteText, count: RepairCount): ByteText | number {
  let out = "";
  let from = 0;
  for (let at = inside.indexOf("\\"); at >= 0; at = inside.indexOf("\\", from)) {
    if (at > from) out += inside.slice(from, at);
    const simple = simpleEscapes.get(inside.charCodeAt(at + 1));
    if (simple !== undefined) {
      out += simple;
      from = at + 2;
      continue;
    }
    const unicode = unicodeEscape(inside, at);
    if (unicode === undefined) return at;
    out += unicode.valid ? toByteText(unicode.text) : replacement;
    if (!unicode.valid) count.repairs++;
    from = unicode.end;
  }
  return replaceNuls(out + inside.slice(from), count);
}

/** As the inside of a JSON string that jsonb takes, escapes kept; a number: index of an escape that JSON does not have. */
export function mendString(inside: ByteText, count: RepairCount): ByteText | number {
  let out = "";
  let from = 0;
  for (let at = inside.indexOf("\\"); at >= 0; at = inside.indexOf("\\", at)) {
    if (simpleEscapes.has(inside.charCodeAt(at + 1))) {
      at += 2;
      continue;
    }
    const unicode = unicodeEscape(inside, at);
    if (unicode === undefined) return at;
    if (!unicode.valid) {
      out += inside.slice(from, at) + replacement;
      from = unicode.end;
      count.repairs++;
    }
    at = unicode.end;
  }
  return replaceNuls(out + inside.slice(from), count).replaceAll(/[^ -\xff]/g, escapeOf);
}

interface UnicodeEscape {
  readonly text: string;
  /** False: NUL or half a surrogate pair. */
  readonly valid: boolean;
  readonly end: number;
}

function unicodeEscape(inside: ByteText, at: number): UnicodeEscape | undefined {
  const unit = hexUnit(inside, at);
  if (unit < 0) return undefined;
  const end = at + 6;
  if (unit < 0xd800 || unit > 0xdfff) return { text: String.fromCharCode(unit), valid: unit !== 0, end };
  const low = unit < 0xdc00 ? hexUnit(inside, end) : -1;
  if (low < 0xdc00 || low > 0xdfff) return { text: "", valid: false, end };
  return { text: String.fromCharCode(unit, low), valid: true, end: end + 6 };
}

/** The UTF-16 unit of `\uXXXX` at that index; -1: there is none. */
function hexUnit(inside: ByteText, at: number): number {
  if (inside.charCodeAt(at) !== 0x5c || inside.charCodeAt(at + 1) !== 0x75) return -1;
  const digits = inside.slice(at + 2, at + 6);
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
}

function replaceNuls(text: ByteText, count: RepairCount): ByteText {
  if (!text.includes("\0")) return text;
  return text.replaceAll("\0", () => {
    count.repairs++;
    return replacement;
  });
}
