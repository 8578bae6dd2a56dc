/** SQL that yields the value of a document's path from its staged cell: plain text, JSON, or JSON from some record on. */
import { joinTypes, kinds } from "../rows/kinds.ts";
import type { PathColumn } from "../rows/path-column.ts";
import { stagedCell } from "../warehouse/cast.ts";
import type { MainColumn } from "../warehouse/catalog.ts";

/** The cell as text, where it was staged as JSON from some record on. */
export function plainText(column: PathColumn): string {
  const cell = stagedCell(column.index);
  if (column.encoding !== "json") return cell;
  const unwrapped = `(${cell}::jsonb #>> '{}')`;
  return column.jsonFrom === undefined
    ? unwrapped
    : `(case when s._n < ${column.jsonFrom} then ${cell} else ${unwrapped} end)`;
}

export function jsonValue(column: PathColumn, type: string): string {
  const cell = stagedCell(column.index);
  if (column.fixed === "json") return `${cell}::${type}`;
  const plain = plainJson(column, cell);
  if (column.encoding !== "json") return `(${plain})::${type}`;
  if (column.jsonFrom === undefined) return `${cell}::${type}`;
  return `(case when s._n < ${column.jsonFrom} then ${plain} else ${cell}::jsonb end)::${type}`;
}

/** The JSON of a cell that was staged as plain text: a number and a boolean are themselves, anything else is a string. */
function plainJson(column: PathColumn, cell: string): string {
  const bare = kinds.integer | kinds.bigInteger | kinds.wideInteger | kinds.fraction | kinds.decimal | kinds.boolean;
  if ((column.plainKinds & ~bare) === 0) return `${cell}::jsonb`;
  if ((column.plainKinds & ~(bare | kinds.doubleSpecial)) === 0) {
    return `case when ${cell} in ('NaN', 'Infinity', '-Infinity') then to_jsonb(${cell}) else ${cell}::jsonb end`;
  }
  return `to_jsonb(${cell})`;
}

export function takesStrange(column: PathColumn, main: MainColumn): column is PathColumn & { strangeIndex: number } {
  return column.strangeIndex !== undefined && joinTypes(main.type, column.strangeKinds) === main.type;
}
