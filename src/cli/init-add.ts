/** `drayage init --add`: entries for folders that no table of the config reads, below the others; nothing else is touched. */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { addEntries } from "../config/add-entries.ts";
import type { Config } from "../config/config.ts";
import { trimSlashes } from "../config/folder-names.ts";
import { leadingRegExp } from "../config/glob.ts";
import { startingTable } from "../config/starting-config.ts";
import { claimTable, targetOf } from "../config/table-names.ts";
import { DrayageError } from "../errors.ts";
import { specOf } from "../load/exported-columns.ts";
import { findTables, type TableFolder } from "../load/table-folders.ts";
import { configFile, configOf, type Host, terminalOf, withSignals, withSource } from "./context.ts";
import { addedEntries } from "./init-entries.ts";
import { checkText, type InitOptions, readExport, refuseUnclear, survey } from "./init-survey.ts";
import { entryLines } from "./init-text.ts";
import { openText, surveyJson, surveyText } from "./render-init.ts";
import { counted } from "./render-plan.ts";
import { printResult, tone } from "./terminal.ts";

export async function runInitAdd(host: Host, url: string | undefined, options: InitOptions): Promise<number> {
  const file = configFile(host, options);
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  if (url !== undefined && url.replace(/\/+$/, "") !== config.source.url)
    throw new DrayageError("USAGE", {
      message: "The config reads another URL than that",
      next: `Leave the URL out: --add looks at source.url of ${file}.`,
    });
  const exported = options.columns === undefined ? undefined : readExport(options.columns);
  const { surveys, taken } = await withSignals((signal) =>
    withSource(config, host, async (source) => {
      const found = await findTables(source, "", Number.MAX_SAFE_INTEGER, signal);
      const unread = found.tables.filter((table) => isUnread(config, table));
      const withNames = (folder: string) => {
        const entry = startingTable(config, folder);
        // The first entry is as good as any for what defaults say; a list of its own columns is not another's.
        const table = { ...entry, enabled: true, into: undefined, columnList: undefined, primaryKey: undefined };
        return specOf(config, { ...table, columns: new Map(), columnsFrom: exported ?? entry.columnsFrom }, folder);
      };
      const surveys = await survey(terminal, unread, { source, config, specOf: withNames, signal });
      return { surveys, taken: takenBy(config, found.tables) };
    }),
  );
  if (surveys.length === 0) {
    if (terminal.json) host.stdout.write(`${JSON.stringify(report(file, [], []), undefined, 2)}\n`);
    else printResult(terminal, "Nothing to add: every folder below source.url is read by a table, off, or ignored.");
    return 0;
  }
  if (!terminal.json) printResult(terminal, surveyText(terminal, surveys));
  const asks = terminal.interactive && host.stdin?.isTTY === true && options.yes !== true;
  await refuseUnclear(host, terminal, surveys, { asks, yes: options.yes === true, columns: options.columns });
  const columnsFrom =
    options.columns === undefined ? undefined : relative(dirname(resolve(file)), resolve(options.columns));
  const entries = addedEntries(config, surveys, taken, columnsFrom);
  const lines = entries.flatMap(entryLines);
  const text = addEntries(readFileSync(file, "utf8"), lines);
  if (text === undefined)
    throw new DrayageError("TABLES_UNCLEAR", {
      message: "`tables` is not written as a block that lines can be put below",
      place: { file },
      lines,
      next: "Paste the lines above under `tables:`.",
    });
  checkText(file, text, {});
  writeFileSync(file, text);
  if (terminal.json) host.stdout.write(`${JSON.stringify(report(file, lines, surveys), undefined, 2)}\n`);
  else
    printResult(
      terminal,
      [
        "",
        `${tone(terminal, "good", "added")}  ${counted(entries.length, "entry").replace("entrys", "entries")} to ${file}; nothing else in it was touched`,
        ...lines,
        ...openText(terminal, surveys),
      ].join("\n"),
    );
  return 0;
}

function report(file: string, added: readonly string[], surveys: Parameters<typeof surveyJson>[0][]) {
  return { format: 1, command: "init", exit: 0, file, added, tables: surveys.map(surveyJson) };
}

function isUnread({ tables, source }: Config, { folder }: TableFolder): boolean {
  if (claimTable(tables, folder) !== undefined) return false;
  return !source.ignore.some((glob) => leadingRegExp(trimSlashes(glob)).test(folder));
}

function takenBy(config: Config, found: readonly TableFolder[]): Set<string> {
  const taken = new Set<string>();
  for (const { folder } of found) {
    const entry = claimTable(config.tables, folder);
    if (entry?.enabled !== true) continue;
    const { schema, table } = targetOf(entry, folder, config.warehouse.schema);
    taken.add(`${schema}.${table}`);
  }
  return taken;
}
