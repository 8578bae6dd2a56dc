/** `drayage init`: looks at what lies below a URL and writes the config that loads it. */
import { existsSync, writeFileSync } from "node:fs";
import { basename, dirname, extname, join, relative, resolve } from "node:path";
import { readEnvironment } from "../config/environment.ts";
import { startingTable } from "../config/starting-config.ts";
import { DrayageError } from "../errors.ts";
import { specOf } from "../load/exported-columns.ts";
import { tablesBelow } from "../load/plan-url.ts";
import { seenFromAbove } from "../load/source-url.ts";
import type { TableSurvey } from "../load/survey-tables.ts";
import { formatBytes, formatDuration } from "../observe/progress.ts";
import { configFile, type Host, terminalOf, withSignals } from "./context.ts";
import { entriesOf } from "./init-entries.ts";
import { ask, deletesQuestion, fullLoadQuestion, type Question } from "./init-questions.ts";
import { checkText, type InitOptions, readExport, refuseUnclear, survey } from "./init-survey.ts";
import { type Answer, configText, type Draft, guessedColumns } from "./init-text.ts";
import { openText, surveyJson, surveyText } from "./render-init.ts";
import { counted } from "./render-plan.ts";
import { print, printResult, type Terminal, tone } from "./terminal.ts";
import { mostObjects, withUrl } from "./url-plan-command.ts";

export async function runInit(host: Host, url: string | undefined, options: InitOptions): Promise<number> {
  const file = configFile(host, options);
  if (url === undefined)
    throw new DrayageError("USAGE", {
      message: "init needs a URL",
      next: "Write drayage init s3://bucket/folder, or file:///dir.",
    });
  const guessed = join(dirname(file), `${basename(file, extname(file))}.columns.csv`);
  refuseExisting(file, url);
  if (options.columns === undefined) refuseExisting(guessed, url);
  const terminal = terminalOf(host, options);
  const began = performance.now();
  const exported = options.columns === undefined ? undefined : readExport(options.columns);
  const found = await withSignals((signal) =>
    withUrl(host, options, url, async ({ config, source, url: read }) => {
      const above = seenFromAbove(source, read);
      const below = await tablesBelow(above, read, mostObjects * 10, signal);
      const withNames = (folder: string) =>
        specOf(config, { ...startingTable(config, folder), columnsFrom: exported }, folder);
      const surveys = await survey(terminal, below.tables, { source: above, config, specOf: withNames, signal });
      return { below, surveys, config };
    }),
  );
  const { surveys, below, config } = found;
  if (!terminal.json) {
    printResult(terminal, surveyText(terminal, surveys));
    const read = surveys.reduce((sum, one) => sum + one.bytesRead, 0);
    const stopped = below.whole ? "" : " The listing was stopped there: more lies below.";
    print(
      terminal,
      tone(
        terminal,
        "dim",
        `\n${counted(below.listed, "object")} listed, ${formatBytes(read)} read in ${formatDuration(performance.now() - began)}.${stopped}`,
      ),
    );
  }
  const asks = terminal.interactive && host.stdin?.isTTY === true && options.yes !== true;
  await refuseUnclear(host, terminal, surveys, { asks, yes: options.yes === true, columns: options.columns });
  const answer = async (question: Question): Promise<Answer> =>
    asks ? ask(host, question) : { value: question.choices[0] ?? "", asked: false };
  const timestampColumn = sharedTime(surveys);
  const guess = exported === undefined ? guessedColumns(surveys, timestampColumn) : undefined;
  const env = readEnvironment(file, host.env);
  const draft: Draft = {
    url: below.root,
    region: below.root.startsWith("s3:") ? env.AWS_REGION || env.AWS_DEFAULT_REGION || undefined : undefined,
    endpoint: below.root.startsWith("s3:") ? config.source.endpoint : undefined,
    warehouse: warehouseLines(env),
    timestampColumn,
    fullLoad: surveys.some(({ fullLoads }) => fullLoads > 0)
      ? await answer(fullLoadQuestion)
      : { value: "once", asked: false },
    deletes: await answer(deletesQuestion),
    columnsFrom:
      options.columns !== undefined
        ? { file: relative(dirname(resolve(file)), resolve(options.columns)), guessed: false }
        : guess === undefined
          ? undefined
          : { file: basename(guessed), guessed: true },
    entries: entriesOf(config, surveys, { hasExport: exported !== undefined, timestampColumn }),
  };
  const text = configText(draft);
  checkText(file, text, { [resolve(guessed)]: guess ?? "" });
  if (guess !== undefined) writeNew(guessed, guess);
  writeNew(file, text);
  if (terminal.json) {
    const tables = surveys.map(surveyJson);
    const written = [file, ...(guess === undefined ? [] : [guessed])];
    host.stdout.write(`${JSON.stringify({ format: 1, command: "init", exit: 0, written, tables }, undefined, 2)}\n`);
    return 0;
  }
  printResult(
    terminal,
    writtenText(terminal, { file, text, guessed: guess === undefined ? undefined : guessed, asks }, surveys, env),
  );
  return 0;
}

type Env = Readonly<Record<string, string | undefined>>;

function refuseExisting(file: string, url: string): void {
  if (!existsSync(file)) return;
  throw new DrayageError("USAGE", {
    message: `${file} is there already, and init writes over nothing`,
    next: `Run drayage init ${url} --add for folders that it does not have, or name another file with --config.`,
  });
}

/** A first column of times that every table with a header has is the one that DMS adds. */
function sharedTime(surveys: readonly TableSurvey[]): string | undefined {
  const named = surveys.filter(({ header, error }) => header === true && error === undefined);
  const [first] = named;
  if (named.length < 2 || first?.leadingTime === undefined) return undefined;
  return named.every(({ leadingTime }) => leadingTime === first.leadingTime) ? first.leadingTime : undefined;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: what the config expands
const variables = { url: "${DATABASE_URL}", host: "${PGHOST}", database: "${PGDATABASE}" };

function warehouseLines(env: Env): string[] {
  const byParts = !env.DATABASE_URL && env.PGHOST && env.PGDATABASE;
  const where = byParts
    ? [`host: ${variables.host}`, `database: ${variables.database}`]
    : [`url: ${variables.url}          # from the environment, or a .env beside this file`];
  return [...where, "schema: public"];
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: "wx" });
  } catch (cause) {
    throw new DrayageError("USAGE", {
      message: `${file} cannot be written (${(cause as NodeJS.ErrnoException).code})`,
      next: "Run it where files can be written, or name another file with --config.",
      cause,
    });
  }
}

interface Written {
  readonly file: string;
  readonly text: string;
  readonly guessed: string | undefined;
  readonly asks: boolean;
}

function writtenText(
  terminal: Terminal,
  { file, text, guessed, asks }: Written,
  surveys: readonly TableSurvey[],
  env: Env,
): string {
  const lines = text.split("\n").length - 1;
  const open = openText(terminal, surveys);
  return [
    "",
    `${tone(terminal, "good", "wrote")}  ${file}, ${counted(lines, "line")}${guessed === undefined ? "" : `, and ${guessed}: types and keys as the first records show them`}`,
    ...(asks ? [] : ["       full_load and deletes have their defaults; the file says what else there is."]),
    ...open,
    `${tone(terminal, "good", "next")}   ${env.DATABASE_URL || env.PGHOST ? "" : "set DATABASE_URL; "}drayage doctor, drayage plan, drayage load`,
  ].join("\n");
}
