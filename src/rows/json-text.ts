/** One value of a document as JSON that jsonb takes: Extended JSON unwrapped, numbers exact, clean stretches copied as they are. */
import type { ByteText } from "./byte-text.ts";
import { code, type DocumentReader } from "./document-reader.ts";
import { readScalar } from "./extended-json.ts";
import { kinds } from "./kinds.ts";
import { scalarJson } from "./scalar-text.ts";

/** Numbers that JSON cannot spell, or numeric cannot hold. */
const quotedNumbers = kinds.doubleSpecial | kinds.string;

export class JsonText {
  readonly #reader: DocumentReader;
  #out = "";
  /** Everything before this index is in `out`. */
  #copied = 0;

  constructor(reader: DocumentReader) {
    this.#reader = reader;
  }

  /** The value at the reader, which moves past it. `depth` is that of the brackets around it. */
  read(depth: number): ByteText {
    const reader = this.#reader;
    this.#out = "";
    this.#copied = reader.at;
    this.#value(reader.space(), depth + 1);
    const rest = reader.text.slice(this.#copied, reader.at);
    return this.#out === "" ? rest : this.#out + rest;
  }

  #value(first: number, depth: number): void {
    const reader = this.#reader;
    switch (first) {
      case code.quote:
        this.#string();
        break;
      case code.openObject:
        this.#object(depth);
        break;
      case code.openArray:
        this.#array(depth);
        break;
      case code.t:
        reader.literal("true");
        break;
      case code.f:
        reader.literal("false");
        break;
      default:
        if (first === code.n && reader.isAt("nu")) reader.literal("null");
        else this.#number();
    }
  }

  #string(): void {
    const start = this.#reader.at;
    const mended = this.#reader.mendedString();
    if (mended !== undefined) this.#replace(start, mended);
  }

  #number(): void {
    const reader = this.#reader;
    const start = reader.at;
    const kind = reader.number();
    if ((kind & quotedNumbers) !== 0) this.#replace(start, scalarJson(kind, reader.scalar));
  }

  #array(depth: number): void {
    const reader = this.#reader;
    reader.checkDepth(depth);
    reader.at++;
    let next = reader.space();
    if (next === code.closeArray) {
      reader.at++;
      return;
    }
    for (;;) {
      this.#value(next, depth + 1);
      next = reader.space();
      if (next !== code.comma && next !== code.closeArray) throw reader.fault();
      reader.at++;
      if (next === code.closeArray) return;
      next = reader.space();
    }
  }

  #object(depth: number): void {
    const reader = this.#reader;
    const start = reader.at;
    reader.checkDepth(depth);
    reader.at++;
    let next = reader.space();
    if (next === code.closeObject) {
      reader.at++;
      return;
    }
    if (reader.isAt('"$')) {
      const scalar = readScalar(reader);
      if (scalar !== undefined) {
        this.#replace(start, scalarJson(scalar.kind, scalar.text));
        return;
      }
    }
    for (;;) {
      if (next !== code.quote) throw reader.fault();
      this.#string();
      this.#value(reader.colon(), depth + 1);
      next = reader.space();
      if (next !== code.comma && next !== code.closeObject) throw reader.fault();
      reader.at++;
      if (next === code.closeObject) return;
      next = reader.space();
    }
  }

  /** The document's text from `start` to the reader becomes `json`. */
  #replace(start: number, json: ByteText): void {
    this.#out += this.#reader.text.slice(this.#copied, start) + json;
    this.#copied = this.#reader.at;
  }
}
