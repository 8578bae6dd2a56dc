/** What `init` finds below a URL: each table's folder, with what the heads of its objects show. */
import type { Config } from "../config/config.ts";
import type { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { sampleHeads } from "./head-sample.ts";
import { type KeyEvidence, keyEvidence } from "./key-evidence.ts";
import { sampledColumns } from "./plan-heads.ts";
import type { HeadSample } from "./seen-heads.ts";
import type { TableFolder } from "./table-folders.ts";
import type { TableSpec } from "./table-spec.ts";

export interface SurveyedColumn {
  readonly name: string;
  /** What every value fits; text, unless something narrower does. */
  readonly type: string;
}

export interface TableSurvey extends Omit<TableFolder, "samples"> {
  /** undefined: no object had a record, or none could be read. */
  readonly header: boolean | "some" | undefined;
  readonly op: boolean | "changes" | undefined;
  /** What was seen to mean NULL; undefined: nothing was. */
  readonly nulls: readonly string[] | undefined;
  readonly documents: readonly string[];
  /** Of the source, in its order, without op, timestamp and documents. */
  readonly columns: readonly SurveyedColumn[];
  /** Document paths whose keys are open-ended, each with why: one jsonb column each, not hundreds. */
  readonly maps: readonly { readonly path: string; readonly line: string; readonly why: string }[];
  /** Whether an export names its columns. */
  readonly exported: boolean;
  /** Of a table without documents. */
  readonly key: KeyEvidence | undefined;
  /** Whether the config, or its export, names the key. */
  readonly keyNamed: boolean;
  /** A first column that holds a time in every record, as DMS's own does. */
  readonly leadingTime: string | undefined;
  readonly records: number;
  /** Records that their structure would reject. */
  readonly rejected: number;
  /** Why the table cannot be loaded yet. */
  readonly error: DrayageError | undefined;
  readonly bytesRead: number;
}

export interface SurveySettings {
  readonly source: ObjectSource;
  readonly limits: Config["limits"];
  /** A table as the config would have it. */
  readonly specOf: (folder: string) => TableSpec;
  readonly signal: AbortSignal | undefined;
  readonly onTable?: ((done: number) => void) | undefined;
}

/** Heads that are fetched side by side. */
const sideBySide = 8;
const mostRecords = 10_000;

export async function surveyTables(tables: readonly TableFolder[], settings: SurveySettings): Promise<TableSurvey[]> {
  const surveys: TableSurvey[] = [];
  let next = 0;
  let done = 0;
  const work = async () => {
    for (let i = next++; i < tables.length; i = next++) {
      settings.signal?.throwIfAborted();
      const table = tables[i] as TableFolder;
      surveys[i] = await surveyTable(table, settings);
      settings.onTable?.(++done);
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, work));
  return surveys;
}

async function surveyTable(
  table: TableFolder,
  { source, limits, specOf, signal }: SurveySettings,
): Promise<TableSurvey> {
  const spec = specOf(table.folder);
  const sample = await sampleHeads(spec, table.samples, { source, limits, most: mostRecords, signal });
  const { samples: _, ...folder } = table;
  const documents = sample.staged.fields.filter(({ role }) => role === "document").map(({ name }) => name);
  const fields = sample.staged.fields.filter(({ role }) => role === "column");
  return {
    ...folder,
    ...dialectOf(sample),
    documents,
    maps: documents.length === 0 ? [] : mapsOf(spec, sample),
    exported: spec.config.columnList !== undefined,
    columns: fields.map(({ name, index }) => ({ name, type: sample.columns[index]?.type ?? "text" })),
    key: documents.length > 0 ? undefined : keyEvidence(table.folder.split("/").at(-1) ?? "", sample),
    keyNamed: spec.config.primaryKey !== undefined,
    leadingTime: leadingTime(sample),
    records: sample.records,
    rejected: sample.unstaged.length,
    error: sample.errors[0],
    bytesRead: sample.bytes,
  };
}

function mapsOf(spec: TableSpec, sample: HeadSample): TableSurvey["maps"] {
  return sampledColumns(spec, sample)
    .proposals(spec)
    .filter(({ line }) => line.endsWith(": jsonb"));
}

function dialectOf({ objects }: HeadSample): Pick<TableSurvey, "header" | "op" | "nulls"> {
  const filled = objects.filter(({ shape }) => !shape.empty || shape.header);
  const headers = new Set(filled.map(({ shape }) => shape.header));
  const withOp = filled.filter(({ shape }) => shape.fields.some(({ role }) => role === "op"));
  const decided = objects.filter(({ nulls }) => nulls.decided).flatMap(({ nulls }) => nulls.tokens);
  return {
    header: headers.size === 0 ? undefined : headers.size === 2 ? "some" : headers.has(true),
    op:
      filled.length === 0
        ? undefined
        : withOp.length === filled.length
          ? true
          : withOp.length > 0 && withOp.every(({ object }) => object.kind === "change")
            ? "changes"
            : withOp.length > 0,
    nulls: decided.length === 0 ? undefined : [...new Set(decided)],
  };
}

function leadingTime({ staged, columns }: HeadSample): string | undefined {
  const first = staged.fields.find(({ role }) => role !== "op");
  const column = first === undefined ? undefined : columns[first.index];
  const isTime = column?.type === "timestamp" && column.filled === column.records && column.records > 0;
  return isTime && first?.role === "column" ? first.name : undefined;
}
