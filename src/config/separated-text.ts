/** Reads a small table that some client wrote as text: commas, tabs or semicolons, quotes doubled inside quotes. */

/** The rows, by the separator whose first row `fits`; undefined: none does. Empty lines are left out. */
export function readSeparated(text: string, fits: (first: readonly string[]) => boolean): string[][] | undefined {
  const plain = text.replace(/^\ufeff/, "");
  const line = /^[^\r\n]*/.exec(plain.trimStart())?.[0] ?? "";
  const separator = [",", "\t", ";", "|"].find((one) => fits(rowsOf(line, one)[0] ?? []));
  return separator === undefined ? undefined : rowsOf(plain, separator).filter((row) => row.join("").trim() !== "");
}

function rowsOf(text: string, separator: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (quoted) {
      if (char !== '"') cell += char;
      else if (text[at + 1] === '"') {
        cell += char;
        at++;
      } else quoted = false;
    } else if (char === '"' && cell.trim() === "") {
      quoted = true;
      cell = "";
    } else if (char === separator || char === "\n") {
      row.push(cell);
      cell = "";
      if (char === separator) continue;
      rows.push(row);
      row = [];
    } else if (char !== "\r") cell += char;
  }
  if (cell !== "" || row.length > 0) rows.push([...row, cell]);
  return rows;
}
