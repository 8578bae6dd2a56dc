/** Flattens documents for a test and reads the cells back as a merge would. */
import { type ByteText, fromByteText, toByteText } from "../../src/rows/byte-text.ts";
import { DocumentFlattener, type FlattenOptions, type PathColumn } from "../../src/rows/flatten-document.ts";

export interface Flattened {
  readonly flattener: DocumentFlattener;
  /** Per document, by path joined with "/": the cell as real text. */
  readonly rows: Record<string, string>[];
  readonly rescued: (string | null)[];
}

export function flattener(options: Partial<FlattenOptions> = {}): DocumentFlattener {
  let next = 0;
  return new DocumentFlattener({
    maxDepth: 8,
    maxColumns: 400,
    nestingLimit: 200,
    rules: new Map(),
    known: [],
    skip: new Set(),
    allocate: () => next++,
    ...options,
  });
}

/** Records are numbered from 1. */
export function flatten(documents: readonly string[], options: Partial<FlattenOptions> = {}): Flattened {
  const one = flattener(options);
  const cells: (ByteText | null)[][] = documents.map(() => []);
  const rescued = documents.map((document, i) => one.flatten(toByteText(document), i + 1, cells[i]!));
  return {
    flattener: one,
    rows: cells.map((row) => rowOf(one.columns, row)),
    rescued: rescued.map((json) => (json === null ? null : fromByteText(json))),
  };
}

export function rowOf(columns: readonly PathColumn[], cells: readonly (ByteText | null)[]): Record<string, string> {
  const row: [string, string][] = [];
  for (const column of columns) {
    const cell = cells[column.index];
    if (cell !== null && cell !== undefined) row.push([column.path.join("/"), fromByteText(cell)]);
  }
  return Object.fromEntries(row);
}

export function columnOf(one: DocumentFlattener, path: string): PathColumn {
  const column = one.columns.find((candidate) => candidate.path.join("/") === path);
  if (column === undefined) throw new Error(`no column for ${path}`);
  return column;
}

/** Whether record `n` holds JSON in that column. */
export function isJsonCell(column: PathColumn, n: number): boolean {
  return column.encoding === "json" && (column.jsonFrom === undefined || n >= column.jsonFrom);
}
