/** Random cells of each type, in the many ways that DMS and its sources spell them. */
import type { Random } from "../../src/demo/random.ts";

/** A cell as it stands in the object, and the text that the main table holds then. */
export interface SceneCell {
  readonly written: string;
  readonly value: string | null;
}

/** What a source table holds. */
export interface SourceRows {
  readonly columns: readonly string[];
  readonly rows: ReadonlyMap<string, Readonly<Record<string, SceneCell>>>;
}

export const types = {
  id: "integer",
  tenant: "text",
  name: "text",
  qty: "integer",
  price: "numeric(10,2)",
  at: "timestamp",
  flag: "boolean",
  code: "varchar(12)",
  label: "text",
  // Names that meet each other, PostgreSQL's or drayage's own once they are spelled for a column.
  "no te": "text",
  "no-te": "text",
  _object: "text",
  ctid: "text",
};
export type Column = keyof typeof types;

export const oddNames = ["no te", "no-te", "_object", "ctid"] as const satisfies readonly Column[];

interface Spelling {
  readonly nulls: readonly string[];
  readonly delimiter: string;
  /** False: nothing is quoted, and what would have to be is not written. */
  readonly rfc4180?: boolean | undefined;
  /** Whether a key column of text may be ''. Default true. */
  readonly emptyKeys?: boolean | undefined;
}

const texts = ["plain", "", "NULL", "\\N", "it's", 'say "hi"', "a,b;c|d", "tab\there", "line\nbreak", "cr\rhere", "crlf\r\nhere", "\\.", "back\\slash", "é 😀", " spaced ", "I", "Op", "null"]; // biome-ignore format: a list

export class CellWriter {
  readonly #random: Random;
  readonly #spelling: Spelling;

  constructor(random: Random, spelling: Spelling) {
    this.#random = random;
    this.#spelling = spelling;
  }

  cell(column: Column, id: number): SceneCell {
    const random = this.#random;
    if (column === "id") return this.#plain(String(id), String(id));
    if (column === "tenant") {
      if (this.#spelling.emptyKeys === false) return this.#text(random.pick(["north", "süd"]));
      // NULL to the tokens, but a key column of text takes it as ''.
      if (this.#spelling.nulls.includes("") && random.chance(20)) return { written: "", value: "" };
      return this.#text(random.pick(["north", "süd", ""]));
    }
    if (random.chance(15)) return this.#null(column);
    if (types[column] === "text") return this.#text(random.pick(texts));
    if (column === "code") return this.#text(`c${random.word()}`);
    const n = random.below(12);
    if (column === "qty") return random.chance(3) ? this.#plain("+5.0656e+05", "506560") : this.#plain(String(n), String(n)); // biome-ignore format: a pair
    if (column === "price") return random.chance(50) ? this.#plain(`${n}.5`, `${n}.50`) : this.#plain(`${n}.25`, `${n}.25`); // biome-ignore format: a pair
    if (column === "flag") return random.pick([this.#plain("1", "true"), this.#plain("f", "false"), this.#plain("true", "true")]); // biome-ignore format: a list
    if (random.chance(3)) return this.#plain("0000-00-00 00:00:00", null);
    const time = `2026-01-0${1 + random.below(9)} 10:00:${10 + random.below(50)}`;
    return random.chance(50) ? this.#plain(`${time}.000000`, time) : this.#plain(`${time}.120000`, `${time}.12`);
  }

  /** As a delete of a key alone leaves the other cells. */
  nothing(): SceneCell {
    return { written: this.#random.pick(this.#spelling.nulls), value: null };
  }

  /** NULL; in text columns that take none, what the tokens make of it. */
  #null(column: Column): SceneCell {
    const isText = ["name", "label", "code", ...oddNames].includes(column);
    const value = column === "label" && this.#spelling.nulls.includes("") ? "" : null;
    const written = isText ? this.#random.pick(this.#spelling.nulls) : this.#random.pick([...this.#spelling.nulls, ""]);
    return { written, value };
  }

  #plain(written: string, value: string | null): SceneCell {
    return { written: this.#quotes && this.#random.chance(10) ? `"${written}"` : written, value };
  }

  #text(text: string): SceneCell {
    const value = this.#quotes || this.#isPlain(text) ? text : "bare";
    return { written: this.spell(value), value };
  }

  get #quotes(): boolean {
    return this.#spelling.rfc4180 !== false;
  }

  /** Whether it reads the same where quotes mean nothing. */
  #isPlain(text: string): boolean {
    const { delimiter, nulls } = this.#spelling;
    return !/[\r\n]/.test(text) && !text.includes(delimiter) && !nulls.includes(text);
  }

  spell(text: string): string {
    if (!this.#quotes) return text;
    const must = /["\r\n]/.test(text) || text.includes(this.#spelling.delimiter) || this.#spelling.nulls.includes(text);
    return must || this.#random.chance(10) ? `"${text.replaceAll('"', '""')}"` : text;
  }
}
