/** Encodes rows of cells as COPY text format, in buffers of about 64 KiB. */
import { DrayageError } from "../errors.ts";
import type { ByteText } from "./byte-text.ts";

const bufferBytes = 64 * 1024;
const special = /[\\\t\n\r]/;
const specials = /[\\\t\n\r]/g;

export class CopyEncoder {
  /** Rows encoded. */
  rows = 0;
  readonly #write: (bytes: Buffer) => void;
  #text = "";

  /** `write` gets each full buffer; the buffer is its own to keep. */
  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  /**
   * Adds the row (n, cells...), filled up with NULL to `width` cells. Cells must be free of NUL and invalid UTF-8.
   * Throws INTERNAL when there are more cells than columns, so that none is dropped unseen.
   */
  row(n: number, cells: readonly (ByteText | null)[], width: number): void {
    if (cells.length > width) throw new DrayageError("INTERNAL", { message: "A row has more cells than its table" });
    let line = `${n}`;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]!;
      if (cell === null) line += "\t\\N";
      else line += special.test(cell) ? `\t${cell.replace(specials, escaped)}` : `\t${cell}`;
    }
    for (let i = cells.length; i < width; i++) line += "\t\\N";
    this.#text += `${line}\n`;
    this.rows++;
    if (this.#text.length >= bufferBytes) this.flush();
  }

  /** Hands out what is left. Call it after the last row. */
  flush(): void {
    if (this.#text === "") return;
    const bytes = Buffer.from(this.#text, "latin1");
    this.#text = "";
    this.#write(bytes);
  }
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  return character === "\r" ? "\\r" : "\\\\";
}
