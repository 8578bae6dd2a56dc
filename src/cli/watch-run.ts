/** What a run shows while it goes and at its end: the same for every command that loads. */
import { exitOfCode } from "../load/load-errors.ts";
import { exitOf, type RunReport } from "../load/report.ts";
import type { RunSettings } from "../load/run-load.ts";
import type { Logger } from "../observe/logger.ts";
import { type Progress, silent, startProgress } from "../observe/progress.ts";
import { type Host, programVersion } from "./context.ts";
import { printTraces } from "./print-error.ts";
import { loadJson, loadText, problemsText } from "./render-load.ts";
import { print, type Terminal } from "./terminal.ts";

export interface RunWatch {
  readonly hooks: Pick<RunSettings, "onStart" | "onBytes" | "onRecords" | "onUnit" | "onWarning">;
  stop(): void;
}

/** A progress line on a terminal; in a pipe a line of the log for each unit. */
export function watchRun(host: Host, terminal: Terminal, logger: Logger): RunWatch {
  let progress: Progress = silent;
  return {
    hooks: {
      onStart: (work) => {
        const objects = work.tables.reduce((sum, table) => sum + table.objects, 0);
        const bytes = work.tables.reduce((sum, table) => sum + table.bytes, 0);
        if (terminal.interactive && objects > 0) progress = startProgress(host.stderr, bytes, () => performance.now());
        else if (objects > 0)
          logger.info("load begins", { run: String(work.runId), tables: work.tables.length, objects, bytes });
      },
      onBytes: (bytes) => progress.bytes(bytes),
      onRecords: (count) => progress.rows(count),
      onUnit: (table, unit, merged) => {
        let read = 0;
        let rejected = 0;
        for (const counts of merged.counts.values()) {
          read += counts.read;
          rejected += counts.rejected;
        }
        const [first] = unit.objects;
        const fields = {
          table,
          object: first?.claim.object.key,
          objects: unit.objects.length,
          lane: first?.lane,
          form: merged.form,
          read,
          rejected,
          merge_ms: Math.round(merged.mergeMs),
        };
        if (terminal.interactive) logger.debug("unit loaded", fields);
        else logger.info("unit loaded", fields);
      },
      onWarning: ({ message, code, next }) => logger.warn(message, { code, next }),
    },
    stop: () => progress.stop(),
  };
}

/** Who runs, for the state schema. */
export function whoRuns(host: Host): Pick<RunSettings, "version" | "host" | "pid"> {
  return { version: programVersion(), host: host.hostname, pid: host.pid };
}

/** Prints a run's end; returns its exit code. `more`: what the command adds to the JSON, or says instead. */
export function printRun(
  host: Host,
  terminal: Terminal,
  report: RunReport,
  more: { readonly json?: Record<string, unknown>; readonly text?: string | undefined } = {},
): number {
  if (terminal.json) host.stdout.write(`${JSON.stringify({ ...loadJson(report), ...more.json }, undefined, 2)}\n`);
  else if (terminal.quiet) {
    const problems = problemsText({ ...terminal, colour: false }, report);
    if (problems !== "") host.stderr.write(`${problems}\n`);
  } else print(terminal, more.text ?? loadText(terminal, report, new Date()));
  printTraces(
    terminal,
    report.tables.flatMap((table) => table.failures.map((failure) => failure.error)),
  );
  return exitOf(report, exitOfCode);
}
