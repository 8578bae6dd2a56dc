/** What `init` found, as a table: one line a folder, and what stands in the way. */
import type { TableSurvey } from "../load/survey-tables.ts";
import { formatBytes, formatCount } from "../observe/progress.ts";
import { renderTable, safeText, type Terminal, tone } from "./terminal.ts";

/** More lines than a screen holds; what needs somebody comes first then. */
const mostLines = 40;

export function surveyText(terminal: Terminal, surveys: readonly TableSurvey[]): string {
  const shown =
    surveys.length <= mostLines
      ? surveys
      : [
          ...surveys.filter(({ error }) => error !== undefined),
          ...surveys.filter(({ error }) => error === undefined),
        ].slice(0, mostLines);
  const head = ["folder", "full", "changes", "size", "header", "op", "null", "key"].map((name) =>
    tone(terminal, "dim", name),
  );
  const rows = shown.map((survey) => [
    safeText(survey.folder),
    formatCount(survey.fullLoads),
    formatCount(survey.changes),
    formatBytes(survey.bytes),
    survey.header === undefined ? "?" : survey.header === "some" ? "some" : survey.header ? "yes" : "no",
    survey.op === undefined ? "?" : survey.op === "changes" ? "changes" : survey.op ? "yes" : "no",
    survey.nulls === undefined
      ? "?"
      : survey.nulls.map((token) => (token === "" ? "empty" : safeText(token))).join(" "),
    keyText(terminal, survey),
  ]);
  const more = surveys.length - shown.length;
  return `${renderTable(head, rows, [1, 2, 3])}${more > 0 ? `\nand ${formatCount(more)} more` : ""}`;
}

function keyText(terminal: Terminal, { error, documents, key, keyNamed, columns }: TableSurvey): string {
  if (error !== undefined) return tone(terminal, "warn", error.code);
  if (documents.length > 0) return "_id (documents)";
  if (keyNamed) return "of the export";
  if (key !== undefined) return safeText(key.key.join(", "));
  return columns.length === 0 ? "?" : tone(terminal, "warn", "not clear");
}

/** Tables that a load will ask about, each with why. */
export function openText(terminal: Terminal, surveys: readonly TableSurvey[]): string[] {
  const unclear = surveys.filter(({ error }) => error !== undefined);
  const keyless = surveys.filter(
    ({ error, documents, key, keyNamed, columns }) =>
      error === undefined && documents.length === 0 && key === undefined && !keyNamed && columns.length > 0,
  );
  const lines = unclear.map(({ folder, error }) => `${safeText(folder)}: ${error?.message}`);
  if (keyless.length > 0)
    lines.push(`no column is clearly the key: ${some(keyless.map(({ folder }) => safeText(folder)))}; add primary_key`);
  return lines.map((line) => `${tone(terminal, "warn", "open")}   ${line}`);
}

function some(names: readonly string[]): string {
  return names.length <= 8 ? names.join(", ") : `${names.slice(0, 8).join(", ")} and ${names.length - 8} more`;
}

export function surveyJson(survey: TableSurvey): Record<string, unknown> {
  const { folder, fullLoads, changes, bytes, header, op, nulls, documents, key, keyNamed, records, rejected, error } =
    survey;
  return {
    folder,
    fullLoads,
    changes,
    bytes,
    header,
    op,
    nulls,
    documents,
    key,
    keyNamed,
    records,
    rejected,
    error: error === undefined ? undefined : { code: error.code, message: error.message, lines: error.lines },
  };
}
