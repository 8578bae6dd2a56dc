/** `drayage load`: everything new, and what failed for a passing reason. */
import { exitOfCode } from "../load/load-errors.ts";
import { exitOf } from "../load/report.ts";
import { runLoad } from "../load/run-load.ts";
import { type Progress, silent, startProgress } from "../observe/progress.ts";
import {
  configOf,
  type GlobalOptions,
  type Host,
  loggerOf,
  programVersion,
  terminalOf,
  withSignals,
  withSource,
} from "./context.ts";
import { runPlan } from "./plan-command.ts";
import { printTraces } from "./print-error.ts";
import { loadJson, loadText, problemsText } from "./render-load.ts";
import { print } from "./terminal.ts";
import { wantedTables } from "./wanted-tables.ts";

export interface LoadOptions extends GlobalOptions {
  readonly object?: readonly string[];
  readonly concurrency?: number;
  readonly rejectLimit?: number;
  readonly allowDeletes?: boolean;
  readonly dryRun?: boolean;
}

export async function runLoadCommand(host: Host, names: readonly string[], options: LoadOptions): Promise<number> {
  if (options.dryRun === true) return runPlan(host, names, options);
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const logger = loggerOf(host, config, options);
  const wanted = wantedTables(config, names);
  let progress: Progress = silent;
  const report = await withSignals((signal) =>
    withSource(config, host, (source) =>
      runLoad({
        config,
        source,
        command: "load",
        version: programVersion(),
        host: host.hostname,
        pid: host.pid,
        wanted,
        objects: options.object ?? [],
        concurrency: options.concurrency ?? config.schedule.concurrency,
        allowDeletes: options.allowDeletes === true,
        rejectLimit: options.rejectLimit,
        signal,
        onStart: (work) => {
          const objects = work.tables.reduce((sum, table) => sum + table.objects, 0);
          const bytes = work.tables.reduce((sum, table) => sum + table.bytes, 0);
          if (terminal.interactive && objects > 0)
            progress = startProgress(host.stderr, bytes, () => performance.now());
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
      }),
    ).finally(() => progress.stop()),
  );
  if (terminal.json) host.stdout.write(`${JSON.stringify(loadJson(report), undefined, 2)}\n`);
  else if (terminal.quiet) {
    const problems = problemsText({ ...terminal, colour: false }, report);
    if (problems !== "") host.stderr.write(`${problems}\n`);
  } else print(terminal, loadText(terminal, report));
  printTraces(
    terminal,
    report.tables.flatMap((table) => table.failures.map((failure) => failure.error)),
  );
  return exitOf(report, exitOfCode);
}
