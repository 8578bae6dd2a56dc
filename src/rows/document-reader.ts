/** Reads the tokens of one JSON document in place: spaces, strings, numbers, literals. */
import type { ByteText } from "./byte-text.ts";
import { DocumentFault } from "./document-fault.ts";
import { decodeString, mendString } from "./json-string.ts";
import { kinds } from "./kinds.ts";
import { fractionKind, integerKind, specialText } from "./scalar-text.ts";

export const code = {
  /** Past the end of the document. */
  end: 0,
  quote: 0x22,
  dollar: 0x24,
  comma: 0x2c,
  minus: 0x2d,
  dot: 0x2e,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openArray: 0x5b,
  backslash: 0x5c,
  closeArray: 0x5d,
  f: 0x66,
  n: 0x6e,
  t: 0x74,
  openObject: 0x7b,
  closeObject: 0x7d,
} as const;

/** Names that stand for numbers in what libbson and others print, though JSON has none. */
const numberNames = ["nan", "NaN", "inf", "Infinity", "-nan", "-NaN", "-inf", "-Infinity"];
/** Nested deeper, the recursion could pass the end of the stack. */
const deepest = 1_000;

export interface ReaderMark {
  readonly at: number;
  readonly backslash: number;
  readonly nul: number;
  readonly repairs: number;
}

export class DocumentReader {
  text: ByteText = "";
  /** Index of the next character. */
  at = 0;
  /** Characters that were replaced because PostgreSQL cannot hold them, over all documents. */
  repairs = 0;
  /** Text of the number that `number` read, as PostgreSQL spells it. */
  scalar: ByteText = "";
  readonly #nestingLimit: number;
  /** Index of the next backslash and of the next NUL, or the document's length: strings before both are copied as they are. */
  #backslash = 0;
  #nul = 0;

  constructor(nestingLimit: number) {
    this.#nestingLimit = Math.min(nestingLimit, deepest);
  }

  open(text: ByteText): void {
    this.text = text;
    this.at = 0;
    this.#backslash = this.#next("\\", 0);
    this.#nul = this.#next("\0", 0);
  }

  #next(character: string, from: number): number {
    const at = this.text.indexOf(character, from);
    return at < 0 ? this.text.length : at;
  }

  fault(at = this.at): DocumentFault {
    return new DocumentFault(at >= this.text.length ? "broken_off" : "bad_json", Math.min(at, this.text.length));
  }

  /** For a look ahead: hands out everything that `back` takes to stand here again. */
  mark(): ReaderMark {
    return { at: this.at, backslash: this.#backslash, nul: this.#nul, repairs: this.repairs };
  }

  back(mark: ReaderMark): void {
    this.at = mark.at;
    this.#backslash = mark.backslash;
    this.#nul = mark.nul;
    this.repairs = mark.repairs;
  }

  /** To be asked at each opening bracket. */
  checkDepth(depth: number): void {
    if (depth > this.#nestingLimit) throw new DocumentFault("too_deep", this.at);
  }

  /** Skips spaces; the character after them. */
  space(): number {
    const text = this.text;
    const length = text.length;
    let at = this.at;
    while (at < length) {
      const c = text.charCodeAt(at);
      if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) {
        this.at = at;
        return c;
      }
      at++;
    }
    this.at = at;
    return code.end;
  }

  isAt(text: ByteText): boolean {
    return this.text.startsWith(text, this.at);
  }

  /** Past `text`, if it stands here. */
  take(text: ByteText): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  /** Past a colon; the character after it. */
  colon(): number {
    if (this.space() !== code.colon) throw this.fault();
    this.at++;
    return this.space();
  }

  /** At an opening quote: index of the closing one. */
  closingQuote(): number {
    const { text, at } = this;
    let close = text.indexOf('"', at + 1);
    if (close < 0) throw this.fault(text.length);
    if (this.#backslash < at) this.#backslash = this.#next("\\", at);
    let backslash = this.#backslash;
    while (backslash < close) {
      // An escaped quote is skipped with its backslash; quotes between there and `close` do not exist.
      if (backslash + 1 === close) {
        close = text.indexOf('"', close + 1);
        if (close < 0) throw this.fault(text.length);
      }
      backslash = this.#next("\\", backslash + 2);
    }
    return close;
  }

  /** Whether the string up to `close`, whose closing quote was just sought, is to be copied as it is. */
  isPlain(close: number): boolean {
    if (this.#nul < this.at) this.#nul = this.#next("\0", this.at);
    return this.#backslash > close && this.#nul > close;
  }

  /** At an opening quote: the string's text. */
  string(): ByteText {
    const close = this.closingQuote();
    const inside = this.text.slice(this.at + 1, close);
    const start = this.at + 1;
    const decoded = this.isPlain(close) ? inside : decodeString(inside, this);
    if (typeof decoded === "number") throw this.fault(start + decoded);
    this.at = close + 1;
    return decoded;
  }

  /** At an opening quote: moves past the string; its JSON where that is not the text as it stands. */
  mendedString(): ByteText | undefined {
    const close = this.closingQuote();
    const start = this.at + 1;
    if (this.isPlain(close) && !this.#hasControl(start, close)) {
      this.at = close + 1;
      return undefined;
    }
    const inside = this.text.slice(start, close);
    const mended = mendString(inside, this);
    if (typeof mended === "number") throw this.fault(start + mended);
    this.at = close + 1;
    return mended === inside ? undefined : `"${mended}"`;
  }

  #hasControl(from: number, to: number): boolean {
    const { text } = this;
    for (let at = from; at < to; at++) if (text.charCodeAt(at) < 0x20) return true;
    return false;
  }

  /** Past a number; its kind, and its text in `scalar`. */
  number(): number {
    const text = this.text;
    const length = text.length;
    const start = this.at;
    let at = start;
    if (text.charCodeAt(at) === code.minus) at++;
    const first = at;
    while (at < length && isDigit(text.charCodeAt(at))) at++;
    if (at === first || (at - first > 1 && text.charCodeAt(first) === code.zero)) return this.#numberName();
    const next = at < length ? text.charCodeAt(at) : code.end;
    if (next !== code.dot && next !== 0x65 && next !== 0x45) {
      this.at = at;
      this.scalar = text.slice(start, at);
      return at - first < 16 ? kinds.integer : integerKind(this.scalar);
    }
    if (next === code.dot) at = this.#digits(at + 1);
    const c = at < length ? text.charCodeAt(at) : code.end;
    const exponent = c === 0x65 || c === 0x45;
    if (exponent) {
      const sign = at + 1 < length ? text.charCodeAt(at + 1) : code.end;
      at = this.#digits(sign === code.minus || sign === 0x2b ? at + 2 : at + 1);
    }
    this.at = at;
    this.scalar = text.slice(start, at);
    return exponent || at - start > 200 ? fractionKind(this.scalar) : kinds.fraction;
  }

  /** Past at least one digit. */
  #digits(from: number): number {
    const { text } = this;
    let at = from;
    while (at < text.length && isDigit(text.charCodeAt(at))) at++;
    if (at === from) throw this.fault(at);
    return at;
  }

  #numberName(): number {
    for (const name of numberNames) {
      if (!this.text.startsWith(name, this.at)) continue;
      this.at += name.length;
      this.scalar = specialText(name) ?? name;
      return kinds.doubleSpecial;
    }
    throw this.#unknownWord(numberNames);
  }

  /** Past `true`, `false` or `null`. */
  literal(word: "true" | "false" | "null"): void {
    if (!this.text.startsWith(word, this.at)) throw this.#unknownWord([word]);
    this.at += word.length;
  }

  /** A word that the document's end cuts is a cut document. */
  #unknownWord(words: readonly string[]): DocumentFault {
    const rest = this.text.slice(this.at, this.at + 10);
    const isCut = this.at + rest.length === this.text.length && words.some((word) => word.startsWith(rest));
    return this.fault(isCut ? this.text.length : this.at);
  }
}

function isDigit(c: number): boolean {
  return c >= code.zero && c <= code.nine;
}
