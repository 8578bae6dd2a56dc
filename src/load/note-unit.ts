/** What goes into a table's report: merged units, objects that wait, what somebody should know. */
import { DrayageError } from "../errors.ts";
import { ident, literal } from "../warehouse/identifier.ts";
import type { OpenObject } from "../warehouse/load-history.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import type { AppliedGeneration } from "./apply-generation.ts";
import type { Binding } from "./binding.ts";
import { overflowError, tooManyError } from "./contract-limits.ts";
import type { SourceObject } from "./discover.ts";
import type { MergedUnit } from "./merge-unit.ts";
import type { TableReplay } from "./replay-report.ts";
import type { TableReport } from "./report.ts";
import type { StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";

/** Takes a merged unit into the table's report. */
export function noteUnit(report: TableReport, spec: TableSpec, unit: StagedUnit, merged: MergedUnit): void {
  report.ddl.push(...merged.ddl);
  for (const [reason, count] of merged.reasons) add(report.reasons, reason, count);
  if (unit.overflow.size > 0 && spec.config.contract.columns === "evolve") noteRescued(report, spec, unit);
  if (merged.binding !== undefined) noteContract(report, spec, unit, merged.binding, merged);
  for (const object of unit.objects) {
    const counts = merged.counts.get(object.ordinal);
    if (counts === undefined) throw new DrayageError("COUNT_MISMATCH");
    for (const [column, count] of Object.entries(object.repairs)) add(report.repairs, column, count);
    const { key, kind } = object.claim.object;
    const status = counts.rejected > 0 ? "loaded_with_rejects" : "loaded";
    report.objects.push({ key, kind, status, lane: object.lane, counts, bytes: object.bytes });
  }
}

/** Takes a replay of records that waited for their foreign key into the table's report. */
export function noteReplay(report: TableReport, { counts, failures, left, ddl }: TableReplay): void {
  report.ddl.push(...ddl);
  report.replayed = counts;
  const loaded = counts.read - counts.rejected;
  const waiting = counts.rejected + left;
  const codes = [...new Set(failures.map(({ error }) => error.code))].join(", ");
  const became = outcomes.filter((outcome) => outcome !== "rejected" && counts[outcome] > 0);
  const words = became.map((outcome) => `${counts[outcome]} ${outcome}`).join(", ");
  if (loaded > 0) report.notes.push(`${records(loaded)} that waited for another row: ${words}`);
  if (waiting > 0)
    report.notes.push(
      `${records(waiting)} still ${waiting === 1 ? "waits" : "wait"} for another row${codes === "" ? "" : ` (${codes})`}`,
    );
}

function records(count: number): string {
  return `${count} ${count === 1 ? "record" : "records"}`;
}

function add(counts: Map<string, number>, name: string, count: number): void {
  counts.set(name, (counts.get(name) ?? 0) + count);
}

/** New paths past max_columns are in `_rescued`: nothing is lost, and somebody has to decide. */
function noteRescued(report: TableReport, spec: TableSpec, unit: StagedUnit): void {
  if (report.failures.some((failure) => failure.error.code === "TOO_MANY_COLUMNS")) return;
  const message = `The table has flatten.max_columns (${spec.config.flatten.maxColumns}) columns; new paths went to _rescued`;
  report.failures.push({ key: undefined, error: overflowError(spec, unit.overflow, message) });
}

/** What has no column, by the contract or because its column may not grow: said once a run. */
function noteContract(
  report: TableReport,
  spec: TableSpec,
  unit: StagedUnit,
  binding: Binding,
  merged: MergedUnit,
): void {
  const { rescues, discarded, tooMany } = binding;
  if (tooMany.length > 0 && !report.failures.some(({ error }) => error.code === "CONTRACT"))
    report.failures.push({ key: undefined, error: tooManyError(spec, tooMany, merged.changes.added) });
  for (const { column, type, late } of rescues) {
    if (late !== undefined)
      note(report, `${column} is a new column, and ${late}: its cells wait in _rescued, the next run makes it`);
    else if (column !== undefined)
      note(
        report,
        `${column} would have to become ${type}, and ${merged.changes.narrow.get(column) ?? "may not grow"}: such values are in _rescued; see drayage explain`,
      );
  }
  const mode = spec.config.contract.columns;
  const below = [...unit.overflow.keys()].map((parent) =>
    parent === "" ? "at the top of documents" : `below ${parent}`,
  );
  const whole = rescues.filter((one) => one.column === undefined).map((one) => one.key);
  const rescued = [...whole, ...(mode === "rescue" ? below : [])];
  if (tooMany.length === 0 && rescued.length > 0) note(report, `new in the source, kept in _rescued: ${some(rescued)}`);
  const lost = [...discarded, ...(mode === "discard" ? below : [])];
  if (lost.length > 0) note(report, `new in the source, discarded by contract.columns: ${some(lost)}`);
}

function note(report: TableReport, text: string): void {
  if (!report.notes.includes(text)) report.notes.push(text);
}

function some(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;
}

/** Objects that failed before, with nothing changed since. */
export function noteWaiting(report: TableReport, waiting: readonly OpenObject<SourceObject>[]): void {
  for (const { object, errorCode, error } of waiting) {
    report.waiting.push({ key: object.key, code: errorCode ?? "INTERNAL", reason: error ?? "" });
  }
}

/** What comes after a failed object of a table that keeps its order: it may build on what is missing. */
export function noteBehind(report: TableReport, objects: readonly SourceObject[], failed: string): void {
  for (const { key } of objects)
    report.waiting.push({ key, code: "TABLE_HELD", reason: `the table keeps its order; waits for ${failed}` });
}

/** Takes a newer full load that was applied into the table's report. */
export function noteApplied(report: TableReport, applied: AppliedGeneration): void {
  report.ddl.push(...applied.ddl);
  for (const [reason, count] of applied.reasons) add(report.reasons, reason, count);
  report.removed += applied.removed;
  for (const { object, counts } of applied.objects) {
    for (const [column, count] of Object.entries(object.repairs)) add(report.repairs, column, count);
    const { key, kind } = object.claim.object;
    const status = counts.rejected > 0 ? "loaded_with_rejects" : "loaded";
    report.objects.push({ key, kind, status, lane: object.lane, counts, bytes: object.bytes });
  }
  const rows = applied.removed === 1 ? "1 row that it lacks was" : `${applied.removed} rows that it lacks were`;
  report.notes.push(`a newer full load was applied${applied.removed === 0 ? "" : `; ${rows} removed`}`);
  noteSuperseded(report, applied.superseded, "an older full load");
}

export function pausedText(reason: string | undefined, objects: number): string {
  return `paused${reason === undefined ? "" : `: ${reason}`}; ${objects} ${objects === 1 ? "object waits" : "objects wait"}`;
}

/** Objects that an older or a newer full load made final without a look. */
export function noteSuperseded(report: TableReport, objects: number, why: string): void {
  if (objects === 0) return;
  report.superseded += objects;
  report.notes.push(`${objects === 1 ? "1 object was" : `${objects} objects were`} superseded: ${why}`);
}

/** `why`: rows without a key cannot be told from those that are gone. */
export function newGeneration(
  spec: TableSpec,
  objects: readonly SourceObject[],
  why?: "append" | "order_by",
): DrayageError {
  const many = objects.length === 1 ? "object" : "objects";
  const because = {
    append: ", since the table only appends",
    order_by: ", since order_by does not say which changes came after it",
  };
  return new DrayageError("NEW_GENERATION", {
    message: `${objects.length} full-load ${many} came again with other bytes: a newer full load waits${why === undefined ? "" : because[why]}`,
    place: { table: spec.name, object: objects[0]?.key },
  });
}

/** Whether a change is older or newer than the full load is told by times that S3 notes anew when objects are copied. */
export function untrustedGeneration(spec: TableSpec, began: Date, key: string | undefined): DrayageError {
  return new DrayageError("NEW_GENERATION", {
    message:
      "A newer full load waits: the source's objects were copied, so their times do not say which changes came after it",
    place: { table: spec.name, object: key },
    lines: [
      "tables:",
      `  ${spec.config.name}:`,
      `    changes_from: ${began.toISOString()}   # when DMS began the full load`,
    ],
    next: "Add the lines printed above to the config, with the right time: changes closed before it are in the full load.",
  });
}

/** With the statements that forget what was loaded into the table that is gone. */
export function mainTableReplaced(spec: TableSpec, stateSchema: string, tableId: number): DrayageError {
  const state = ident(stateSchema);
  const name = literal(spec.name);
  return new DrayageError("MAIN_TABLE_REPLACED", {
    place: { table: spec.name },
    lines: [
      `delete from ${state}.load_history where table_name = ${name};`,
      `delete from ${state}.columns where table_name = ${name};`,
      `drop table if exists ${state}.${ident(`tombstones_${tableId}`)} cascade;`,
      `update ${state}.tables set main_oid = null, floor = null, dialect = ${literal("{}")} where table_name = ${name};`,
    ],
  });
}
