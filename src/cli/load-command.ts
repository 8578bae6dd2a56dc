/** `drayage load`: everything new, and what failed for a passing reason; `retry`: what failed for a lasting one. */
import { pausedTables } from "../load/report.ts";
import { runLoad } from "../load/run-load.ts";
import { configOf, type GlobalOptions, type Host, loggerOf, terminalOf, withSignals, withSource } from "./context.ts";
import { runPlan } from "./plan-command.ts";
import { safeText } from "./terminal.ts";
import { wantedTables } from "./wanted-tables.ts";
import { printRun, watchRun, whoRuns } from "./watch-run.ts";

export interface LoadOptions extends GlobalOptions {
  readonly object?: readonly string[];
  readonly concurrency?: number;
  readonly rejectLimit?: number;
  readonly allowDeletes?: boolean;
  readonly dryRun?: boolean;
}

export async function runLoadCommand(host: Host, names: readonly string[], options: LoadOptions): Promise<number> {
  if (options.dryRun === true) return runPlan(host, names, options);
  return printRun(host, terminalOf(host, options), await loadOnce(host, names, options, "load"));
}

/** Objects that failed are tried again now, for whatever reason they did. */
export async function runRetry(host: Host, names: readonly string[], options: LoadOptions): Promise<number> {
  const report = await loadOnce(host, names, options, "retry");
  const paused = pausedTables(report);
  const nothing = `Nothing to retry: no object has failed.${paused.length === 0 ? "" : ` Paused: ${safeText(paused.join(", "))}.`}`;
  const text = report.tables.length === 0 ? nothing : undefined;
  return printRun(host, terminalOf(host, options), report, { json: { command: "retry" }, text });
}

async function loadOnce(host: Host, names: readonly string[], options: LoadOptions, command: "load" | "retry") {
  const config = configOf(host, options);
  const watch = watchRun(host, terminalOf(host, options), loggerOf(host, config, options));
  const wanted = wantedTables(config, names);
  return withSignals((signal) =>
    withSource(config, host, (source) =>
      runLoad({
        config,
        source,
        command,
        ...whoRuns(host),
        wanted,
        objects: options.object ?? [],
        failedOnly: command === "retry",
        concurrency: options.concurrency ?? config.schedule.concurrency,
        copiesToo: options.yes === true,
        allowDeletes: options.allowDeletes === true,
        rejectLimit: options.rejectLimit,
        signal,
        ...watch.hooks,
      }),
    ).finally(() => watch.stop()),
  );
}
