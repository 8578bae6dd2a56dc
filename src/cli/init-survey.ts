/** What `init` and `init --add` share: the survey of what was found, the export of columns, and the check of what they write. */
import { readFileSync } from "node:fs";
import { type ColumnsExport, ExportFault, readColumnsExport } from "../config/columns-export.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { DrayageError } from "../errors.ts";
import { surveyTables, type TableSurvey } from "../load/survey-tables.ts";
import type { TableSpec } from "../load/table-spec.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { GlobalOptions, Host } from "./context.ts";
import { confirm } from "./init-questions.ts";
import { openText } from "./render-init.ts";
import { counted } from "./render-plan.ts";
import type { Terminal } from "./terminal.ts";

/** Throws USAGE. */
export function readExport(path: string): ColumnsExport {
  try {
    return readColumnsExport(readFileSync(path, "utf8"));
  } catch (error) {
    const text = error instanceof ExportFault ? error.message : "cannot be read";
    throw new DrayageError("USAGE", {
      message: `The file of --columns ${text}`,
      place: { file: path },
      next: "Export information_schema.columns as docs/quickstart.md says.",
      cause: error,
    });
  }
}

export interface InitOptions extends GlobalOptions {
  readonly columns?: string;
}

export interface SurveyPlace {
  readonly source: ObjectSource;
  readonly config: Config;
  readonly specOf: (folder: string) => TableSpec;
  readonly signal: AbortSignal;
}

export async function survey(
  terminal: Terminal,
  tables: Parameters<typeof surveyTables>[0],
  { source, config, specOf, signal }: SurveyPlace,
): Promise<TableSurvey[]> {
  const line = (text: string) => {
    if (terminal.interactive) terminal.err.write(`\r\u001b[K${text}`);
  };
  const surveys = await surveyTables(tables, {
    source,
    limits: config.limits,
    specOf,
    signal,
    onTable: (done) => line(`  ${done} of ${tables.length} tables`),
  });
  line("");
  return surveys;
}

/** Throws TABLES_UNCLEAR, unless somebody says that the file is wanted nevertheless. */
export async function refuseUnclear(
  host: Host,
  terminal: Terminal,
  surveys: readonly TableSurvey[],
  { asks, yes, columns }: { readonly asks: boolean; readonly yes: boolean; readonly columns: string | undefined },
): Promise<void> {
  const unclear = surveys.filter(({ error }) => error !== undefined && error.code !== "NOT_CSV");
  if (unclear.length === 0 || yes) return;
  if (asks) {
    host.stdout.write(`\n${openText(terminal, unclear).join("\n")}\n`);
    if (await confirm(host, `\n${counted(unclear.length, "table")} cannot be read yet. Write the file nevertheless?`))
      return;
  }
  throw new DrayageError("TABLES_UNCLEAR", {
    message: `${counted(unclear.length, "table")} of ${surveys.length} cannot be read before more is known; no file was written`,
    lines: unclear.map(({ folder, error }) => `${folder}  ${error?.code}: ${error?.message}`),
    ...(columns === undefined
      ? {}
      : {
          next: `Correct ${columns} (it must have the tables as DMS reads them), or leave them as they are with --yes.`,
        }),
  });
}

/** What init writes, load accepts: anything else is a fault of the program. */
export function checkText(file: string, text: string, others: Readonly<Record<string, string>>): void {
  const given = { DATABASE_URL: "postgresql://h/d", PGHOST: "h", PGDATABASE: "d" };
  try {
    loadConfig({
      file,
      env: given,
      readFile: (path) => (path === file ? text : (others[path] ?? readFileSync(path, "utf8"))),
    });
  } catch (error) {
    if (!(error instanceof DrayageError)) throw error;
    throw new DrayageError("INTERNAL", {
      message: "The config that init made is not one that load takes",
      lines: error.lines,
      cause: error,
    });
  }
}
