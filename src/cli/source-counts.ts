/** Reads a list of row counts from the source database: CSV of `table,count`, with or without a header line. */
import { readFileSync } from "node:fs";
import { DrayageError } from "../errors.ts";

export function readCounts(file: string): Map<string, number> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new DrayageError("USAGE", { message: "The file of --counts cannot be read", place: { file }, cause });
  }
  const counts = new Map<string, number>();
  for (const [i, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === "") continue;
    const [, name, count] = /^\s*"?([^",;\t]+)"?\s*[,;\t]\s*"?([0-9]+)"?\s*$/.exec(line) ?? [];
    if (name !== undefined && count !== undefined) counts.set(name.trim(), Number(count));
    else if (i > 0)
      throw new DrayageError("USAGE", {
        message: "A line of --counts is not `table,count`",
        place: { file, line: i + 1 },
        next: "Write a line a table: `shop.orders,120000`.",
      });
  }
  return counts;
}
