/** The text of a new drayage.yaml, and of the columns that were guessed. */
import type { TableSurvey } from "../load/survey-tables.ts";
import type { Entries, Entry } from "./init-entries.ts";
import { yamlText } from "./init-entries.ts";

export interface Draft {
  readonly url: string;
  /** Of the environment: what the source needs beside its URL. */
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  /** Lines below `warehouse:`. */
  readonly warehouse: readonly string[];
  readonly timestampColumn: string | undefined;
  readonly fullLoad: Answer;
  readonly deletes: Answer;
  /** File that names, types and keys are in, relative to the config. */
  readonly columnsFrom: { readonly file: string; readonly guessed: boolean } | undefined;
  readonly entries: Entries;
}

/** `asked`: somebody said so; else it is the default, and the comment says that. */
export interface Answer {
  readonly value: string;
  readonly asked: boolean;
}

const meanings: Readonly<Record<string, string>> = {
  once: "LOAD objects: the tables as they were when DMS began",
  snapshot: "each set of LOAD objects is the whole table",
  changes: "LOAD objects hold changed rows alone",
  hard: "deleted in the source is deleted here",
  soft: "a deleted row stays, with _deleted_at",
  ignore: "a deleted row stays as it is",
};

/** Comments stand in one column where lines are short. */
const commentColumn = 32;

export function configText(draft: Draft): string {
  const { entries, into } = draft.entries;
  const tables = new Set(entries.flatMap((one) => one.tables)).size;
  const lines = [
    `# Written by drayage init: ${tables} ${tables === 1 ? "table" : "tables"} found. Every key: docs/config.md. Then: drayage plan, drayage load.`,
    "source:",
    `  url: ${yamlText(draft.url)}`,
    ...(draft.region === undefined ? [] : [`  region: ${yamlText(draft.region)}`]),
    ...(draft.endpoint === undefined ? [] : [`  endpoint: ${yamlText(draft.endpoint)}`]),
    ...(draft.timestampColumn === undefined
      ? []
      : [
          "  dialect:",
          commented(
            `    timestamp_column: ${yamlText(draft.timestampColumn)}`,
            "first in every table, a time: DMS adds it",
          ),
        ]),
    "warehouse:",
    ...draft.warehouse.map((line) => `  ${line}`),
    "defaults:",
    answered("full_load", draft.fullLoad, "snapshot, changes"),
    answered("deletes", draft.deletes, "soft, ignore"),
    ...(into === undefined ? [] : [commented(`  into: "${into}"`, "some tables are called alike: one schema each")]),
    ...(draft.columnsFrom === undefined
      ? []
      : [
          commented(
            `  columns_from: ${yamlText(draft.columnsFrom.file)}`,
            draft.columnsFrom.guessed
              ? "types and keys, guessed: look at it; an export is better (docs/quickstart.md)"
              : "names, order, types and keys of the source",
          ),
        ]),
    "tables:",
    ...entries.flatMap((entry) => entryLines(entry)),
  ];
  return `${lines.join("\n")}\n`;
}

function answered(key: string, { value, asked }: Answer, choices: string): string {
  const meaning = meanings[value] ?? "";
  return commented(`  ${key}: ${value}`, asked ? meaning : `not asked; ${meaning} (or ${choices})`);
}

export function entryLines({ name, settings, comment }: Pick<Entry, "name" | "settings" | "comment">): string[] {
  const key = `  ${yamlText(name)}:`;
  if (settings === "off") return [commented(`${key} off`, comment)];
  if (settings.length === 0) return [commented(`${key} {}`, comment)];
  return [commented(key, comment), ...settings.map((line) => `    ${line}`)];
}

function commented(line: string, comment: string | undefined): string {
  return comment === undefined ? line : `${line.padEnd(commentColumn)} # ${comment.replaceAll(/\s+/g, " ")}`;
}

const exportTypes: Readonly<Record<string, string>> = { timestamp: "timestamp without time zone" };

/** Types and keys that the heads of the objects show, in the form of an export; undefined: no table has any. */
export function guessedColumns(
  surveys: readonly TableSurvey[],
  timestampColumn: string | undefined,
): string | undefined {
  // Full loads in one folder and changes in another are the same table: what either has counts once.
  const seen = new Set<string>();
  const rows = surveys.flatMap(({ folder, columns, key, header, documents }) => {
    if (header !== true || documents.length > 0) return [];
    const [schema = "", table = ""] = folder.includes("/") ? folder.split("/").slice(-2) : ["", folder];
    const own = columns.filter(({ name }) => {
      const id = `${schema}\0${table}\0${name}`;
      const isNew = name !== timestampColumn && !seen.has(id);
      seen.add(id);
      return isNew;
    });
    return own.map(({ name, type }, i) => {
      const place = key === undefined ? -1 : key.key.indexOf(name);
      return [schema, table, name, `${i + 1}`, exportTypes[type] ?? type, place < 0 ? "" : `${place + 1}`];
    });
  });
  if (rows.length === 0) return undefined;
  const head = ["table_schema", "table_name", "column_name", "ordinal_position", "data_type", "key_position"];
  return `${[head, ...rows].map((row) => row.map(csvCell).join(",")).join("\n")}\n`;
}

function csvCell(text: string): string {
  return /[",\r\n;\t|]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
