/** `drayage refresh`: makes a table what its objects say, or what they said before some of them were loaded; prints the difference first. */
import { DrayageError } from "../errors.ts";
import { momentText, type Refreshed } from "../load/refresh-table.ts";
import { runRefresh } from "../load/run-refresh.ts";
import { isRight, type TableValidation } from "../load/validation.ts";
import { formatCount, type Progress, silent, startProgress } from "../observe/progress.ts";
import { shellWord } from "../observe/shell-word.ts";
import { configOf, type GlobalOptions, type Host, terminalOf, withSignals, withSource } from "./context.ts";
import { parseMoment } from "./moment.ts";
import type { Samples } from "./render-plan.ts";
import { tableText } from "./render-validation.ts";
import { print, printResult, safeText, type Terminal, tone } from "./terminal.ts";
import { tableJson } from "./validation-json.ts";
import { wantedTables } from "./wanted-tables.ts";
import { whoRuns } from "./watch-run.ts";

export interface RefreshOptions extends GlobalOptions {
  readonly dryRun?: boolean;
  readonly asOf?: string;
  readonly without?: readonly string[];
  readonly reason?: string;
  readonly allowDeletes?: boolean;
  readonly limit?: number;
  readonly samples?: Samples;
}

export async function runRefreshCommand(host: Host, name: string, options: RefreshOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const asOf = options.asOf === undefined ? undefined : parseMoment(options.asOf, new Date());
  if (asOf !== undefined && options.without !== undefined)
    throw new DrayageError("USAGE", {
      message: "Only one of --as-of and --without can be given",
      next: "Go back with --as-of first; `drayage mark skipped` then takes objects out.",
    });
  const config = configOf(host, options);
  const samples = options.samples ?? "masked";
  let progress: Progress = silent;
  const done = await withSignals((signal) =>
    withSource(config, host, (source) =>
      runRefresh({
        ...{ config, source, signal, asOf },
        wanted: wantedTables(config, [name]),
        dryRun: options.dryRun === true,
        limit: options.limit ?? 20,
        extremes: samples !== "none",
        allowDeletes: options.allowDeletes === true || options.yes === true,
        without: options.without ?? [],
        reason: options.reason,
        ...whoRuns(host),
        onStart: (bytes) => {
          if (terminal.interactive) progress = startProgress(host.stderr, bytes, () => performance.now());
        },
        onBytes: (bytes) => progress.bytes(bytes),
        onRecords: (records) => progress.rows(records),
        onFound: (found) => {
          progress.stop();
          if (!terminal.json) print(terminal, tableText(terminal, found, samples, headingOf(options, asOf)));
        },
      }),
    ),
  ).finally(() => progress.stop());
  const exit = options.dryRun === true && !isRight(done.found) ? 7 : 0;
  if (terminal.json) host.stdout.write(`${JSON.stringify(refreshJson(done, options, exit, samples), undefined, 2)}\n`);
  else if (!terminal.quiet) printResult(terminal, `\n${endText(terminal, done, options, asOf)}`);
  return exit;
}

/** Of a plain refresh the verdict says it. */
function headingOf({ without }: RefreshOptions, asOf: Date | undefined): string {
  if (asOf !== undefined) return `as of ${momentText(asOf)}, beside the table as it is`;
  return without === undefined ? "" : "without what is named, beside the table as it is";
}

function endText(terminal: Terminal, done: Refreshed, options: RefreshOptions, asOf: Date | undefined): string {
  const { found, applied, takenBack, ignored } = done;
  const name = shellWord(found.table);
  if (options.dryRun === true) return tone(terminal, "dim", "Nothing was changed.");
  if (applied === undefined)
    return `${found.compared === undefined ? "" : `${tone(terminal, "good", "right")}  `}Nothing had to be changed.`;
  const { removed, updated, inserted } = applied;
  const lines = [
    `${tone(terminal, "good", "refreshed")}  ${formatCount(removed)} ${removed === 1 ? "row" : "rows"} removed, ${formatCount(updated)} changed, ${formatCount(inserted)} brought back, in one commit`,
  ];
  if (ignored > 0)
    lines.push(
      `  ${tone(terminal, "warn", "left")}  ${formatCount(ignored)} ${ignored === 1 ? "row" : "rows"} that a trigger or a policy of the table did not let be changed`,
    );
  if (takenBack.length > 0) lines.push(...takenBackText(terminal, found, takenBack, done.paused, asOf, name));
  return lines.join("\n");
}

function takenBackText(
  terminal: Terminal,
  { target }: TableValidation,
  takenBack: readonly string[],
  paused: boolean,
  asOf: Date | undefined,
  name: string,
): string[] {
  const objects = takenBack.length === 1 ? "1 object" : `${formatCount(takenBack.length)} objects`;
  const paths = takenBack.slice(0, 10).map((path) => `    ${safeText(path)}`);
  const more = takenBack.length > 10 ? [`    and ${formatCount(takenBack.length - 10)} more`] : [];
  if (!paused || asOf === undefined)
    return [
      `  ${objects} marked skipped: no load takes ${takenBack.length === 1 ? "it" : "them"} again`,
      ...paths,
      ...more,
    ];
  return [
    `  ${safeText(target)} stands as of ${momentText(asOf)}; it is ${tone(terminal, "warn", "paused")}, ${objects} waiting:`,
    ...paths,
    ...more,
    `  next   drayage mark skipped ${name} --object KEY (the bad ones), then drayage resume ${name}`,
  ];
}

function refreshJson(
  done: Refreshed,
  options: RefreshOptions,
  exit: number,
  samples: Samples,
): Record<string, unknown> {
  return {
    format: 1,
    command: "refresh",
    exit,
    dry_run: options.dryRun === true,
    found: tableJson(done.found, samples),
    applied: done.applied ?? null,
    ignored: done.ignored,
    taken_back: done.takenBack,
    paused: done.paused,
  };
}
