/** `drayage validate`: tables beside what their objects say. */
import { writeFileSync } from "node:fs";
import { DrayageError } from "../errors.ts";
import { runValidate, type ValidationReport, validationExit } from "../load/run-validate.ts";
import { type Progress, silent, startProgress } from "../observe/progress.ts";
import { configOf, type GlobalOptions, type Host, terminalOf, withSignals, withSource } from "./context.ts";
import { printTraces } from "./print-error.ts";
import type { Samples } from "./render-plan.ts";
import { validationText } from "./render-validation.ts";
import { reportPage } from "./report-page.ts";
import { readCounts } from "./source-counts.ts";
import { print, printResult, safeText } from "./terminal.ts";
import { validationJson } from "./validation-json.ts";
import { wantedTables } from "./wanted-tables.ts";

export interface ValidateOptions extends GlobalOptions {
  readonly sample?: number;
  readonly counts?: string;
  readonly report?: string;
  readonly limit?: number;
  readonly samples?: Samples;
}

export async function runValidateCommand(
  host: Host,
  names: readonly string[],
  options: ValidateOptions,
): Promise<number> {
  const terminal = terminalOf(host, options);
  const counts = options.counts === undefined ? undefined : readCounts(options.counts);
  const config = configOf(host, options);
  const wanted = wantedTables(config, names);
  const samples = options.samples ?? "masked";
  let progress: Progress = silent;
  const report = await withSignals((signal) =>
    withSource(config, host, (source) =>
      runValidate({
        ...{ config, source, wanted, counts, signal },
        limit: options.limit ?? 20,
        sample: options.sample,
        extremes: samples !== "none",
        onStart: (bytes) => {
          if (terminal.interactive) progress = startProgress(host.stderr, bytes, () => performance.now());
        },
        onBytes: (bytes) => progress.bytes(bytes),
        onRecords: (records) => progress.rows(records),
      }),
    ),
  ).finally(() => progress.stop());
  const exit = validationExit(report);
  if (options.report !== undefined) writeReport(options.report, report);
  if (terminal.json) host.stdout.write(`${JSON.stringify(validationJson(report, exit, samples), undefined, 2)}\n`);
  else {
    if (!terminal.quiet || exit !== 0) printResult(terminal, validationText(terminal, report, samples));
    if (options.report !== undefined) print(terminal, `The page is in ${safeText(options.report)}.`);
  }
  printTraces(
    terminal,
    report.tables.flatMap(({ error }) => (error === undefined ? [] : [error])),
  );
  return exit;
}

function writeReport(file: string, report: ValidationReport): void {
  try {
    writeFileSync(file, reportPage(report, new Date()));
  } catch (cause) {
    throw new DrayageError("USAGE", { message: "The file of --report cannot be written", place: { file }, cause });
  }
}
