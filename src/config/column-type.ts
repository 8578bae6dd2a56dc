/** The grammar of PostgreSQL type names in a config: they go into SQL as they are, so nothing else may pass. */

const name = "[a-z_][a-z0-9_]*";
const size = String.raw`\( ?[a-z0-9_]+(?: ?, ?[0-9]+)? ?\)`;
const array = String.raw`(?: ?\[[0-9]*\])*`;
const field = "(?:year|month|day|hour|minute|second)";

/** The types of several words. Any other word after a type would be a clause: `int default ...`, `int references ...`. */
const phrases = [
  "double precision",
  `(?:character|char|bit) varying(?: ?${size})?`,
  `national (?:character|char)(?: varying)?(?: ?${size})?`,
  String.raw`(?:timestamp|time)(?: ?\( ?[0-9] ?\))? with(?:out)? time zone`,
  String.raw`interval ${field}(?: to ${field})?(?: ?\( ?[0-9] ?\))?`,
];
const one = String.raw`${name}(?:\.${name})?(?: ?${size})?`;
const grammar = new RegExp(`^(?:${phrases.join("|")}|${one})${array}$`, "i");

/** `numeric(12,2)`, `timestamp with time zone`, `my_schema.mood`, `text[]`. */
export function isColumnType(text: string): boolean {
  return text.length <= 200 && grammar.test(text);
}

/** One space between words, none around. */
export function tidyType(text: string): string {
  return text.trim().replaceAll(/[ \t]+/g, " ");
}
