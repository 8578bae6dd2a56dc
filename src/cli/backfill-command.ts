/** `drayage backfill`: a range of one table is loaded again, after it was said what that is. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { exitOfCode } from "../load/load-errors.ts";
import { exitOf, worstExit } from "../load/report.ts";
import {
  type BackfillSelector,
  type BackfillSettings,
  type BackfillSurvey,
  runBackfill,
  surveyBackfill,
} from "../load/run-backfill.ts";
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { configOf, type GlobalOptions, type Host, loggerOf, terminalOf, withSignals, withSource } from "./context.ts";
import { parseMoment } from "./moment.ts";
import { printResult, safeText, type Terminal, tone } from "./terminal.ts";
import { wantedTables } from "./wanted-tables.ts";
import { printRun, watchRun, whoRuns } from "./watch-run.ts";

export interface BackfillOptions extends GlobalOptions {
  readonly from?: string;
  readonly to?: string;
  readonly object?: readonly string[];
  readonly fullLoad?: boolean;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly restart?: boolean;
  readonly allowDeletes?: boolean;
  readonly rejectLimit?: number;
}

/** Above this somebody has to say yes. */
const askedAboveBytes = 10_000_000_000;

export async function runBackfillCommand(host: Host, name: string, options: BackfillOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const { selector, words } = selectorOf(options, new Date());
  const config = configOf(host, options);
  const wanted = wantedTables(config, [name]);
  if (wanted === undefined) throw new DrayageError("USAGE", { message: "A backfill needs a table" });
  return withSignals((signal) =>
    withSource(config, host, async (source) => {
      const settings: BackfillSettings = {
        config,
        source,
        wanted,
        selector,
        words,
        restart: options.restart === true,
        signal,
      };
      const survey = await surveyBackfill(settings);
      // In --json there is one document: the run's, with the same figures.
      if (!terminal.json && !terminal.quiet) printResult(terminal, surveyText(terminal, survey));
      else if (terminal.quiet && survey.archived.length > 0)
        host.stderr.write(`${archivedText({ ...terminal, colour: false }, survey)}\n`);
      if (options.dryRun === true) return printDryRun(host, terminal, survey);
      checkSize(survey, options);
      return load(host, terminal, { config, options, settings, survey, signal });
    }),
  );
}

interface Loading {
  readonly config: Config;
  readonly options: BackfillOptions;
  readonly settings: BackfillSettings;
  readonly survey: BackfillSurvey;
  readonly signal: AbortSignal;
}

async function load(host: Host, terminal: Terminal, work: Loading): Promise<number> {
  const { config, options, settings, survey, signal } = work;
  const watch = watchRun(host, terminal, loggerOf(host, config, options));
  const report = await runBackfill(settings, survey, {
    config,
    source: settings.source,
    command: "backfill",
    ...whoRuns(host),
    concurrency: 1,
    allowDeletes: options.allowDeletes === true,
    rejectLimit: options.rejectLimit,
    signal,
    ...watch.hooks,
  }).finally(() => watch.stop());
  const exit = worstExit([survey.archived.length > 0 ? 1 : 0, exitOf(report, exitOfCode)]);
  const nothing = report.tables.length === 0 ? "Nothing to load again." : undefined;
  printRun(host, terminal, report, {
    json: { command: "backfill", exit, backfill: surveyJson(survey) },
    text: nothing,
  });
  return exit;
}

/** Exactly one selector, and the words by which an unfinished backfill is known again. */
function selectorOf(options: BackfillOptions, now: Date): { selector: BackfillSelector; words: string } {
  const { from, to, object, fullLoad, all } = options;
  const given: { selector: () => BackfillSelector; words: string }[] = [];
  if (from !== undefined || to !== undefined) {
    given.push({
      selector: () => rangeOf(from, to, now),
      words: [from === undefined ? "" : `--from ${from}`, to === undefined ? "" : `--to ${to}`].join(" ").trim(),
    });
  }
  if (object !== undefined)
    given.push({
      selector: () => ({ kind: "objects", names: object }),
      words: `--object ${[...object].sort().join(" ")}`,
    });
  if (fullLoad === true) given.push({ selector: () => ({ kind: "full_load" }), words: "--full-load" });
  if (all === true) given.push({ selector: () => ({ kind: "all" }), words: "--all" });
  const [only] = given;
  if (only === undefined || given.length > 1) {
    throw new DrayageError("USAGE", {
      message:
        given.length > 1
          ? `Only one selector can be given, not ${given.map(({ words }) => words.split(" ")[0]).join(" and ")}`
          : "It is not said what to load again",
      next: "Give exactly one of --from/--to, --object, --full-load, --all.",
    });
  }
  return { selector: only.selector(), words: only.words };
}

function rangeOf(from: string | undefined, to: string | undefined, now: Date): BackfillSelector {
  const begin = from === undefined ? undefined : parseMoment(from, now);
  const end = to === undefined ? undefined : parseMoment(to, now);
  if (begin !== undefined && end !== undefined && begin >= end)
    throw new DrayageError("USAGE", { message: "--from must be before --to" });
  return { kind: "range", from: begin, to: end };
}

function checkSize(survey: BackfillSurvey, options: BackfillOptions): void {
  if (survey.bytes <= askedAboveBytes || options.yes === true) return;
  throw new DrayageError("USAGE", {
    message: `The backfill would read ${formatBytes(survey.bytes)} of ${formatCount(survey.objects.length)} objects${expected(survey)}: above ${formatBytes(askedAboveBytes)} somebody has to say so`,
    place: { table: survey.spec.name },
    next: "Give --yes, or a smaller range.",
  });
}

function expected({ expectedMs }: BackfillSurvey): string {
  return expectedMs === undefined ? "" : `, about ${formatDuration(expectedMs)}`;
}

function objects(count: number): string {
  return `${formatCount(count)} object${count === 1 ? "" : "s"}`;
}

function surveyText(terminal: Terminal, survey: BackfillSurvey): string {
  const { spec, archived, unseen, superseded, done, resumes } = survey;
  const changes = survey.objects.filter((object) => object.kind === "change").length;
  const kinds = `${formatCount(survey.objects.length - changes)} full-load and ${formatCount(changes)} change`;
  const lines = [
    `backfill  ${safeText(`${spec.target.schema}.${spec.target.table}`)}: ${objects(survey.objects.length)} (${kinds}), ${formatBytes(survey.bytes)}${expected(survey)}`,
  ];
  if (resumes !== undefined)
    lines.push(
      `  goes on with the one of ${resumes.beganAt.toISOString().slice(0, 16).replace("T", " ")} UTC: ${objects(done)} done already (--restart begins anew)`,
    );
  if (archived.length > 0) lines.push(`  ${archivedText(terminal, survey)}`);
  if (unseen > 0) lines.push(`  ${objects(unseen)} never loaded: left to \`drayage load\``);
  if (superseded > 0) lines.push(`  ${objects(superseded)} superseded: left out`);
  return `${lines.join("\n")}\n`;
}

function archivedText(terminal: Terminal, { archived }: BackfillSurvey): string {
  return `${tone(terminal, "bad", "OBJECT_ARCHIVED")}  ${objects(archived.length)} in an archived storage class, left as they are: restore them in S3, then run this again; first ${safeText(archived[0]?.key ?? "")}`;
}

function surveyJson(survey: BackfillSurvey): Record<string, unknown> {
  return {
    table: survey.spec.name,
    target: `${survey.spec.target.schema}.${survey.spec.target.table}`,
    objects: survey.objects.length,
    bytes: survey.bytes,
    expected_ms: survey.expectedMs === undefined ? null : Math.round(survey.expectedMs),
    archived: survey.archived.map((object) => object.key),
    never_loaded: survey.unseen,
    superseded: survey.superseded,
    done_before: survey.done,
    resumes: survey.resumes?.beganAt.toISOString() ?? null,
  };
}

function printDryRun(host: Host, terminal: Terminal, survey: BackfillSurvey): number {
  if (terminal.json) {
    const json = { format: 1, command: "backfill", exit: 0, dry_run: true, backfill: surveyJson(survey) };
    host.stdout.write(`${JSON.stringify(json, undefined, 2)}\n`);
  } else printResult(terminal, "Nothing was changed.");
  return 0;
}
