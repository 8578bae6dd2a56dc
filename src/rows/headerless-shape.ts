/** Works out the fields of an object without a header from the configured column list and the records themselves. */
import { DrayageError } from "../errors.ts";
import { inferType, isTimestamp } from "./infer-type.ts";
import { areOps, isSameName, type KnownNames, type ShapeField, spellingsOf, withTimestamp } from "./known-names.ts";
import type { HeadRecord } from "./read-head.ts";

export interface HeaderlessFields {
  readonly fields: readonly ShapeField[];
  readonly evidence: readonly string[];
}

interface Layout {
  /** Fields before those of the column list. */
  readonly before: readonly ShapeField[];
  readonly evidence: string;
}

const opField: ShapeField = { name: "Op", role: "op" };

/** Throws FIELD_COUNT when no record fits the column list. */
export function headerlessFields(
  records: readonly HeadRecord[],
  columnList: readonly string[],
  known: KnownNames,
): HeaderlessFields {
  const best = bestLayout(records, columnList, known);
  if (best === undefined) throw new DrayageError("FIELD_COUNT", { message: countsMessage(records, columnList) });
  const columns = columnList.map((name): ShapeField => ({ name, role: "column" }));
  const listed = withTimestamp(columns, known.dialect.timestampColumn);
  const counted = `no header: \`columns:\` lists ${columnList.length} names, records have ${best.width} fields`;
  return { fields: [...best.layout.before, ...listed], evidence: [counted, best.layout.evidence] };
}

/** Whether most records can be read by the column list. */
export function fitsList(records: readonly HeadRecord[], columnList: readonly string[], known: KnownNames): boolean {
  const best = bestLayout(records, columnList, known);
  return best !== undefined && best.count * 2 > records.length;
}

function bestLayout(records: readonly HeadRecord[], columnList: readonly string[], known: KnownNames) {
  const fitting = layouts(columnList, known).flatMap((layout) => {
    const width = columnList.length + layout.before.length;
    const wide = records.filter((record) => record.fields.length === width);
    const count = wide.filter((record) => fits(layout, record)).length;
    return count * 2 > wide.length ? [{ layout, width, count }] : [];
  });
  // One record of another width, or of an op that is none, is one bad record; the others say what the object is.
  return fitting.reduce<(typeof fitting)[number] | undefined>(
    (a, b) => (a === undefined || b.count > a.count ? b : a),
    undefined,
  );
}

/** What may stand before the listed columns, the likelier first. */
function layouts(columnList: readonly string[], known: KnownNames): Layout[] {
  const { op, timestampColumn } = known.dialect;
  const listed = timestampColumn !== undefined && columnList.some((name) => isSameName(name, timestampColumn));
  const timestamp: ShapeField = { name: timestampColumn ?? "timestamp", role: "timestamp" };
  const mayLead = !listed && (timestampColumn !== undefined || !mayHoldTimes(columnList[0] ?? "", known));
  const found: Layout[] = [];
  // DMS leaves the op out of full loads by default, so a full load may lack it whatever `dialect.op` says.
  const mayLackOp = op !== true || known.kind === "full_load";
  if (mayLackOp) found.push({ before: [], evidence: "op: none, every record is an insert" });
  if (op !== false) {
    found.push({ before: [opField], evidence: "op: the first field of every record is I, U or D" });
    if (mayLead) {
      const evidence = "op and timestamp: records start with I, U or D and a time";
      found.push({ before: [opField, timestamp], evidence });
    }
  }
  if (mayLackOp && mayLead) {
    found.push({ before: [timestamp], evidence: "timestamp: every record starts with a time" });
  }
  return found;
}

/**
 * A time before a first column of times may be DMS's timestamp, or that column itself in a record with a new column at its end:
 * only the setting can tell, and the wrong guess would put every value one column off.
 */
function mayHoldTimes(name: string, known: KnownNames): boolean {
  return (
    /(?:^|_)(?:at|on|date|time|timestamp|ts|created|updated|modified|changed)$/.test(spellingsOf(name)[0]) ||
    known.timeColumns.some((column) => isSameName(column, name))
  );
}

function fits(layout: Layout, record: HeadRecord): boolean {
  return layout.before.every((field, i) => {
    const cell = record.fields[i];
    return field.role === "op" ? areOps([cell]) : cell != null && isTimestamp(cell);
  });
}

function countsMessage(records: readonly HeadRecord[], columnList: readonly string[]): string {
  const counts = [...new Set(records.map((record) => record.fields.length))].sort((a, b) => a - b);
  const fields =
    counts.length > 3 ? `between ${counts[0]} and ${counts.at(-1)} fields` : `${counts.join(" or ")} ${plural(counts)}`;
  const names = columnList.length === 1 ? "1 name" : `${columnList.length} names`;
  const fitting = counts.some((count) => count > columnList.length && count <= columnList.length + 2);
  const reason = fitting ? ", and what stands before them is no op (I, U, D) or known timestamp" : "";
  return `Records have ${fields}, \`columns:\` lists ${names}${reason}`;
}

function plural(counts: readonly number[]): string {
  return counts.length === 1 && counts[0] === 1 ? "field" : "fields";
}

/** HEADER_UNKNOWN with lines to paste: names are placeholders, types what the records look like. */
export function headerUnknown(records: readonly HeadRecord[], known: KnownNames): DrayageError {
  const first = records.map((record) => record.fields[0]);
  const hasOp = known.dialect.op !== false && areOps(first);
  const lines: string[] = [];
  if (known.dialect.header === "auto" && !hasOp)
    lines.push("dialect: {header: true}   # if the first record holds the names");
  lines.push("columns:   # if there is no header: the source's names, in its order");
  let from = hasOp ? 1 : 0;
  if (hasOp && records.every((record) => isTimestamp(record.fields[1] ?? ""))) from++;
  const width = Math.max(...records.map((record) => record.fields.length));
  for (let i = from; i < width; i++) {
    const type = inferType(records.map((record) => record.fields[i] ?? null));
    lines.push(`  - column_${i - from + 1} ${type}`);
  }
  return new DrayageError("HEADER_UNKNOWN", { lines });
}
