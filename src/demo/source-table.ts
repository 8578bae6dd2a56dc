/** What a source table is made of: each row can be made from its number alone, so that no row needs to be remembered. */
import type { Cell } from "./drop-writer.ts";

export interface SourceTable {
  /** `shop/orders`. */
  readonly folder: string;
  /** The key comes first. */
  readonly columns: readonly string[];
  /** The key of a row, by its number from 1. */
  key(row: number): string;
  /** Its cells after so many changes. */
  cells(row: number, revision: number): readonly Cell[];
}

/** Text that has broken loaders before. */
export const hardTexts: readonly string[] = [
  'He said "hi", then left',
  "first line\nsecond line",
  "first line\r\nsecond line",
  "above\n\\.\nbelow",
  "\\.",
  "C:\\temp\\new",
  "naïve café, Zürich",
  "🚚 delivered 👩‍👩‍👧",
  "日本語のメモ",
  '5" pipe',
  "tab\there",
  "  spaces around  ",
  "O'Brien; drop table orders; --",
  "bare\rreturn",
  "line\u2028separator",
  '""',
  "a;b|c",
];

/** Those that need no quoting with this delimiter. */
export function plainTexts(delimiter: string): readonly string[] {
  return hardTexts.filter((text) => !/[\r\n]/.test(text) && !text.includes(delimiter));
}
