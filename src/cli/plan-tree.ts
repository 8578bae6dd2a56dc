/** The columns of a plan as a tree of paths, as wide as the terminal. */

import type { PlannedColumn } from "../load/plan-columns.ts";
import { formatCount } from "../observe/progress.ts";
import { renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export interface TreeRow {
  readonly path: string;
  /** undefined: only the name of what is below. */
  readonly column: PlannedColumn | undefined;
}

interface Branch {
  readonly name: string;
  column: PlannedColumn | undefined;
  readonly below: Map<string, Branch>;
}

/** In the order in which they came, what has a parent in common together. */
export function treeRows(columns: readonly PlannedColumn[]): TreeRow[] {
  const root: Branch = { name: "", column: undefined, below: new Map() };
  for (const column of columns) {
    let branch = root;
    for (const segment of column.segments) {
      const next = branch.below.get(segment) ?? { name: segment, column: undefined, below: new Map() };
      branch.below.set(segment, next);
      branch = next;
    }
    branch.column = column;
  }
  return rowsBelow(root, 0);
}

function rowsBelow(branch: Branch, depth: number): TreeRow[] {
  return [...branch.below.values()].flatMap((child) => [
    { path: `${"  ".repeat(depth)}${child.name === "" ? '""' : safeText(child.name)}`, column: child.column },
    ...rowsBelow(child, depth + 1),
  ]);
}

const most = { path: 40, column: 63, sample: 36 };
const least = { path: 14, column: 14, sample: 8 };

/** `shown`: the sample as it may be shown; undefined: no samples. `margin`: columns to the left. */
export function columnTree(
  terminal: Terminal,
  columns: readonly PlannedColumn[],
  exists: boolean,
  shown: ((sample: string | undefined) => string) | undefined,
  margin: number,
): string {
  const rows = treeRows(columns).map(({ path, column }) => ({
    path,
    column: column === undefined ? "" : safeText(column.column),
    mark: column?.isKey === true ? " (key)" : column?.isNew === true && exists ? " (new)" : "",
    type: (column?.type ?? "").replace("timestamp with time zone", "timestamptz"),
    null: column === undefined ? "" : shareText(column.nullShare),
    sample: column === undefined || shown === undefined ? "" : safeText(shown(column.sample)),
    longest: column === undefined ? "" : formatCount(column.maxLength),
  }));
  const longest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => [...text].length));
  const width = {
    path: Math.min(most.path, longest(["path", ...rows.map((row) => row.path)])),
    column: longest(["column", ...rows.map((row) => row.column + row.mark)]),
    sample: longest(["sample", ...rows.map((row) => row.sample)]),
  };
  const others = longest(["type", ...rows.map((row) => row.type)]) + ">99 %".length + "max length".length;
  const gaps = (shown === undefined ? 4 : 5) * 2;
  // Whoever reads it through a pipe wants whole names.
  const room = terminal.interactive ? terminal.width - margin - others - gaps : Number.POSITIVE_INFINITY;
  width.sample =
    shown === undefined
      ? 0
      : Math.min(width.sample, most.sample, Math.max(least.sample, room - width.path - width.column));
  const rest = room - width.sample;
  width.column = Math.min(width.column, Math.max(least.column, rest - width.path));
  width.path = Math.min(width.path, Math.max(least.path, rest - width.column));
  const head = ["path", "column", "type", "null", ...(shown === undefined ? [] : ["sample"]), "max length"];
  const cells = rows.map((row) => [
    cut(row.path, width.path),
    cut(row.column, width.column - row.mark.length) +
      (row.mark === "" ? "" : tone(terminal, row.mark === " (key)" ? "good" : "warn", row.mark)),
    row.type,
    row.null,
    ...(shown === undefined ? [] : [cut(row.sample, width.sample)]),
    row.longest,
  ]);
  return renderTable(
    head.map((name) => tone(terminal, "dim", name)),
    cells,
    [3, head.length - 1],
  );
}

/** A few nulls are not none, and nearly all are not all. */
function shareText(share: number): string {
  const percent = Math.round(share * 100);
  if (percent === 0 && share > 0) return "<1 %";
  return percent === 100 && share < 1 ? ">99 %" : `${percent} %`;
}

function cut(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join("")}…`;
}
