/** What the quotes in the first records of an object say of `rfc4180`. */
import type { Cell } from "./decoder-port.ts";
import type { HeadRecord } from "./read-head.ts";

interface Records {
  readonly records: readonly HeadRecord[];
  readonly delimiter: number;
  readonly rowDelimiter: string;
}

/** Quoted throughout, with its own quotes doubled. */
const wellQuoted = /^"(?:[^"]|"")*"$/;

/** Whether fields hold what only quoting lets them hold: the delimiter or a line end. */
export function fitsQuotes({ records, delimiter, rowDelimiter }: Records): boolean {
  const separator = String.fromCharCode(delimiter);
  const lineEnd = rowDelimiter === "\r" ? "\r" : "\n";
  return records.some(({ fields }) => fields.some((cell) => cell?.includes(separator) || cell?.includes(lineEnd)));
}

/** Whether a field that was read as it stands is quoted and has quotes doubled inside. */
export function doublesQuotes({ records }: Pick<Records, "records">): boolean {
  return records.some(({ fields }) => fields.some((cell) => cell !== null && isDoubled(cell)));
}

function isDoubled(cell: string): boolean {
  return cell.length > 2 && wellQuoted.test(cell) && cell.slice(1, -1).includes('""');
}

/**
 * Read as they stand, without quoting: whether quotes are out of place in two records or more, and nowhere doubled inside others.
 * A single such record may as well be one that was written wrong.
 */
export function quotesAreText(literal: Records): boolean {
  const isOdd = (cell: Cell) => cell?.includes('"') === true && !wellQuoted.test(cell);
  return !doublesQuotes(literal) && literal.records.filter(({ fields }) => fields.some(isOdd)).length > 1;
}
