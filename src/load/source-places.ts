/** Where in an object's own bytes a record lies that was read after transcoding: its line ends are the same ones on both sides. */
import { unitOf } from "../rows/transcode.ts";

const lineFeed = 10;
const carriageReturn = 13;

export class SourcePlaces {
  readonly #unit: ReturnType<typeof unitOf>;
  readonly #lineEnd: number;
  // Bytes seen on either side, and what lies behind the line ends of one that the other has not shown yet.
  #source = 0;
  #text = 0;
  /** The first byte of a code unit whose other one is yet to come. */
  #half: Buffer = Buffer.alloc(0);
  readonly #waiting: number[] = [];
  /** Behind each line end: offset in the text to offset in the source. The text begins behind a byte order mark. */
  readonly #places = new Map<number, number>();

  constructor(encoding: string, rowDelimiter: string) {
    this.#unit = unitOf(encoding);
    this.#lineEnd = rowDelimiter === "\r" ? carriageReturn : lineFeed;
  }

  /** The next bytes of the source and the text that they became; a begun character is text of a later call. */
  push(source: Buffer, text: Buffer): void {
    const all = this.#half.length === 0 ? source : Buffer.concat([this.#half, source]);
    const bytes = all.subarray(0, all.length - (all.length % this.#unit.bytes));
    this.#half = Buffer.from(all.subarray(bytes.length));
    if (this.#source === 0 && bytes.length > 0) this.#places.set(0, this.#isMark(bytes) ? 2 : 0);
    for (let at = bytes.indexOf(this.#lineEnd); at >= 0; at = bytes.indexOf(this.#lineEnd, at + 1))
      if (this.#isLineEnd(bytes, at))
        this.#waiting.push(this.#source + at + (this.#unit.bigEndian ? 1 : this.#unit.bytes));
    this.#source += bytes.length;
    for (let at = text.indexOf(this.#lineEnd); at >= 0; at = text.indexOf(this.#lineEnd, at + 1)) {
      const place = this.#waiting.shift();
      if (place !== undefined) this.#places.set(this.#text + at + 1, place);
    }
    this.#text += text.length;
  }

  /** Of a record in the text; undefined where it does not begin behind a line end. Its length counts no line end. */
  of(offset: number, length: number): { readonly offset: number; readonly length: number } | undefined {
    const start = this.#places.get(offset);
    if (start === undefined) return undefined;
    const end = offset + length;
    const { bytes } = this.#unit;
    for (const lineEnd of [1, 2]) {
      const next = this.#places.get(end + lineEnd);
      if (next !== undefined) return { offset: start, length: next - lineEnd * bytes - start };
    }
    return { offset: start, length: this.#source + this.#half.length - start };
  }

  /** Nothing before this offset of the text is asked for any more. */
  dropBefore(offset: number): void {
    for (const place of this.#places.keys()) {
      if (place >= offset) return;
      this.#places.delete(place);
    }
  }

  #isLineEnd(bytes: Buffer, at: number): boolean {
    if (this.#unit.bytes === 1) return true;
    return this.#unit.bigEndian ? at % 2 === 1 && bytes[at - 1] === 0 : at % 2 === 0 && bytes[at + 1] === 0;
  }

  #isMark(source: Buffer): boolean {
    const mark = this.#unit.bigEndian ? [0xfe, 0xff] : [0xff, 0xfe];
    return this.#unit.bytes === 2 && source[0] === mark[0] && source[1] === mark[1];
  }
}
