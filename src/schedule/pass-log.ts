/** What a pass says in the log: each unit, each failure, what newly needs somebody, its balance. Never a cell value. */
import type { DrayageError } from "../errors.ts";
import { exitOfCode } from "../load/load-errors.ts";
import type { LoadSettings } from "../load/load-settings.ts";
import { exitOf, pausedTables, type RunReport, sumCounts, type TableReport } from "../load/report.ts";
import type { RunWork } from "../load/run-load.ts";
import type { Attention } from "../observe/attention.ts";
import type { LogFields, Logger } from "../observe/logger.ts";
import { outcomes } from "../warehouse/record-counts.ts";

type OnUnit = NonNullable<LoadSettings["onUnit"]>;

export class PassLog {
  readonly #log: Logger;
  #run: string | undefined;
  /** What the pass before said already: once when it begins, once when it is over. */
  #told = new Map<string, Attention>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Until the run has its number, the one before is not this one. */
  starts(): void {
    this.#run = undefined;
  }

  begins({ runId, tables }: RunWork): void {
    this.#run = runId.toString();
    this.#log.info("pass begins", {
      run: this.#run,
      tables: tables.length,
      objects: tables.reduce((sum, table) => sum + table.objects, 0),
      bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
    });
  }

  readonly unit: OnUnit = (table, unit, merged) => {
    const [first] = unit.objects;
    const sums: Record<string, number> = { read: 0 };
    for (const counts of merged.counts.values()) {
      sums.read = (sums.read ?? 0) + counts.read;
      for (const outcome of outcomes) if (counts[outcome] > 0) sums[outcome] = (sums[outcome] ?? 0) + counts[outcome];
    }
    this.#log.info("unit loaded", {
      run: this.#run,
      table,
      object: first?.claim.object.key,
      objects: unit.objects.length,
      ...sums,
      merge_ms: Math.round(merged.mergeMs),
    });
  };

  readonly warning = (error: DrayageError): void => {
    this.#log.warn(error.message, this.#fields(error));
  };

  ended(report: RunReport, next: Date): void {
    this.#run = report.runId.toString();
    for (const table of report.tables) this.#table(table);
    this.#attention(report.attention);
    const { read, ...counts } = sumCounts(report.tables.flatMap((table) => table.objects));
    this.#log.info("pass ended", {
      run: this.#run,
      exit: exitOf(report, exitOfCode),
      objects: report.tables.reduce((sum, table) => sum + table.objects.length, 0),
      read,
      ...Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
      attention: report.attention.length,
      // Each pass says it, and not only the first: a pause is never forgotten.
      paused: pausedTables(report).join(",") || undefined,
      dropped_rejects: report.dropped?.rejects,
      dropped_tombstones: report.dropped?.tombstones,
      dropped_runs: report.dropped?.runs,
      dropped_alerts: report.dropped?.alerts,
      milliseconds: Math.round(report.milliseconds),
      next_pass: next.toISOString(),
    });
  }

  /** The pass came to no end of its own. */
  failed(error: DrayageError, next: Date): void {
    this.#log.error(`pass failed: ${error.message}`, { ...this.#fields(error), next_pass: next.toISOString() });
  }

  #table(report: TableReport): void {
    const { table } = report;
    for (const { key, error } of report.failures)
      this.#log.error(error.message, { ...this.#fields(error), table, object: key ?? error.place.object });
    const [waiting] = report.waiting;
    if (waiting !== undefined)
      this.#log.warn(`${report.waiting.length} objects wait since a failed load: ${waiting.reason}`, {
        run: this.#run,
        table,
        object: waiting.key,
        code: waiting.code,
      });
    const [held] = report.held;
    if (held !== undefined)
      this.#log.warn(`${report.held.length} objects are held: ${held.reason}`, {
        run: this.#run,
        table,
        code: held.code,
      });
    for (const note of report.notes) this.#log.info(note, { run: this.#run, table });
  }

  #attention(attention: readonly Attention[]): void {
    const now = new Map(attention.map((one) => [`${one.cause} ${one.table ?? one.folder ?? ""}`, one]));
    for (const [id, { cause, table, folder, count, message, command }] of now)
      if (!this.#told.has(id)) this.#log.warn(message, { run: this.#run, table, folder, cause, count, next: command });
    for (const [id, { cause, table, folder }] of this.#told)
      if (!now.has(id)) this.#log.info("no longer so", { run: this.#run, table, folder, cause });
    this.#told = now;
  }

  #fields({ code, next, place }: DrayageError): LogFields {
    const { table, object, record, column } = place;
    return { run: this.#run, table, object, record, column, code, next };
  }
}
