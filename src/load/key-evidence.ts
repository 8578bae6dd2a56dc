/** Which columns of a table are its key, by what its records show. It is proposed, never applied by guess. */
import { snakeCase } from "../rows/column-name.ts";
import { isTimestamp } from "../rows/infer-type.ts";
import type { HeadColumn } from "./head-cells.ts";
import type { HeadSample } from "./seen-heads.ts";

export interface KeyEvidence {
  /** Names of the source. */
  readonly key: readonly string[];
  /** A sentence without values. */
  readonly why: string;
}

interface Candidate {
  readonly name: string;
  readonly column: HeadColumn;
}

/** More columns than this are no key that a delete shows, but a table whose deletes carry most of the row. */
const mostOfDelete = 4;

/** `table`: the last level of its folder. Undefined: nothing says it clearly. */
export function keyEvidence(table: string, sample: HeadSample): KeyEvidence | undefined {
  const candidates = candidatesOf(sample);
  return byDeletes(candidates, sample.deletes) ?? byName(snakeCase(table), candidates);
}

/** DMS's own timestamp stands first, holds a time in every record, and is nobody's key. */
function candidatesOf({ staged, columns }: HeadSample): Candidate[] {
  const fields = staged.fields.filter(({ role }) => role === "column");
  return fields.flatMap(({ name, index }, i) => {
    const column = columns[index];
    if (column === undefined || (i === 0 && isTimes(column))) return [];
    return [{ name, column }];
  });
}

function isTimes(column: HeadColumn): boolean {
  const { sample } = column.statistics();
  return column.type === "timestamp" && column.filled === column.records && sample !== undefined && isTimestamp(sample);
}

/** DMS writes a delete with its key alone, where the source logs no more: what is filled then is the key. */
function byDeletes(candidates: readonly Candidate[], deletes: number): KeyEvidence | undefined {
  if (deletes === 0) return undefined;
  const emptied = candidates.some(({ column }) => column.filledDeletes === 0 && column.filled > 0);
  const filled = candidates.filter(({ column }) => column.deletes > 0 && column.filledDeletes === column.deletes);
  if (!emptied || filled.length === 0 || filled.length > mostOfDelete) return undefined;
  return {
    key: filled.map(({ name }) => name),
    why: `${deletes === 1 ? "a delete carries" : `${deletes} deletes carry`} nothing else`,
  };
}

function byName(table: string, candidates: readonly Candidate[]): KeyEvidence | undefined {
  const named = candidates.find(({ name, column }) => isKeyOf(table, snakeCase(name)) && mayBeKey(column));
  if (named === undefined) return undefined;
  const { fullLoads } = named.column;
  const why =
    fullLoads === 0
      ? "by its name alone: no full load was seen"
      : `never empty and never twice in ${fullLoads} full-load ${fullLoads === 1 ? "record" : "records"}`;
  return { key: [named.name], why };
}

function mayBeKey(column: HeadColumn): boolean {
  return column.fullLoads === 0 ? column.filled === column.records : column.toldApart > 0;
}

/** `id`, `order_id` of orders, `category_no` of categories. */
function isKeyOf(table: string, name: string): boolean {
  const match = /^(?:(.+)_)?(?:id|uuid|guid|no|nr|number|code|key|pk)$/.exec(name);
  if (match === null) return false;
  const base = match[1];
  if (base === undefined) return /^(?:id|uuid|guid|pk)$/.test(name);
  return table === base || (table.startsWith(base.replace(/(?:y|e)$/, "")) && table.length - base.length <= 3);
}
