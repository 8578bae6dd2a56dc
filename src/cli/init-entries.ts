/** The entries of a config for what was found: patterns for many tables of one folder, an entry for each of a few. */

import type { Config } from "../config/config.ts";
import { startingTable } from "../config/starting-config.ts";
import { targetOf } from "../config/table-names.ts";
import type { TableSurvey } from "../load/survey-tables.ts";

export interface Entry {
  /** As under `tables:`. */
  readonly name: string;
  /** Lines of YAML below it; empty: `{}`. `off`: the folder is left alone. */
  readonly settings: readonly string[] | "off";
  readonly comment: string | undefined;
  readonly tables: readonly TableSurvey[];
}

export interface Entries {
  readonly entries: readonly Entry[];
  /** Template of the main tables' names, where plain names would meet. */
  readonly into: string | undefined;
}

/** From here on a folder's tables are one pattern. */
const patternFrom = 4;
/** From here on folders above tables are one pattern, too. */
const wideFrom = 12;

/** `hasExport`: what it does not name, the entries must. */
export function entriesOf(
  config: Config,
  surveys: readonly TableSurvey[],
  { hasExport, timestampColumn }: { readonly hasExport: boolean; readonly timestampColumn: string | undefined },
): Entries {
  const own = { columnsFrom: undefined, named: hasExport, timestampColumn };
  const readable = surveys.filter((survey) => !isForeign(survey));
  const { pairs, others } = pairsOf(readable);
  const into = meets(config, undefined, [...others, ...pairs.map(([full]) => full)]) ? "{schema}.{table}" : undefined;
  const again = into === undefined ? new Set<string>() : stillMeeting(config, into, others);
  const isOwn = (survey: TableSurvey) => again.has(survey.folder) || ownSettings(survey, own).length > 0;
  return {
    into,
    entries: [
      ...groupsOf(others.filter((survey) => !isOwn(survey))),
      ...pairs.map((pair) => pairEntry(pair)),
      ...others.filter(isOwn).map((survey): Entry => {
        const named = again.has(survey.folder) ? ownNameEntry(survey) : plainEntry(survey);
        return { ...named, settings: [...named.settings, ...ownSettings(survey, own)] };
      }),
      ...surveys.filter(isForeign).map(offEntry),
    ],
  };
}

/** Of folders that were found since: `taken` are the main tables of the others. What an export does not say stands in the entry. */
export function addedEntries(
  config: Config,
  surveys: readonly TableSurvey[],
  taken: ReadonlySet<string>,
  columnsFrom: string | undefined,
): Entry[] {
  const [off, readable] = [surveys.filter(isForeign), surveys.filter((survey) => !isForeign(survey))];
  const seen = new Set(taken);
  return [
    ...readable.map((survey): Entry => {
      const id = targetId(config, undefined, survey.folder);
      const named = seen.has(id) ? ownNameEntry(survey) : plainEntry(survey);
      seen.add(id);
      return {
        ...named,
        settings: [
          ...named.settings,
          ...ownSettings(survey, {
            columnsFrom,
            named: true,
            timestampColumn: config.tables[0]?.dialect.timestampColumn,
          }),
        ],
      };
    }),
    ...off.map(offEntry),
  ];
}

interface OwnSettings {
  /** File that says more of the table. */
  readonly columnsFrom: string | undefined;
  /** Whether what no export says of a table stands in its entry. */
  readonly named: boolean;
  readonly timestampColumn: string | undefined;
}

function ownSettings(survey: TableSurvey, { columnsFrom, named, timestampColumn }: OwnSettings): string[] {
  const { documents, maps, exported, key, keyNamed, columns, error } = survey;
  if (maps.length > 0) return ["columns:", ...maps.map(({ line, why }) => `  ${line}   # ${why}`)];
  if (documents.length > 0 || !named) return [];
  if (columnsFrom !== undefined) return [`columns_from: ${yamlText(columnsFrom)}`];
  if (exported || keyNamed || error !== undefined || columns.length === 0) return [];
  const typed = columns.filter(({ name, type }) => type !== "text" && name !== timestampColumn);
  return [
    key === undefined
      ? "# primary_key: [...]   # no column is clearly the key"
      : `primary_key: [${key.key.map(yamlText).join(", ")}]   # ${key.why}`,
    ...(typed.length === 0
      ? []
      : [
          "columns:   # guessed from the first records",
          ...typed.map(({ name, type }) => `  ${yamlText(name)}: ${type}`),
        ]),
  ];
}

/** What DMS writes as CSV no setting can read. */
function isForeign({ error }: TableSurvey): boolean {
  return error?.code === "NOT_CSV";
}

function offEntry(survey: TableSurvey): Entry {
  return entry(survey.folder, "off", survey.error?.message, [survey]);
}

/** DMS's CdcPath: full loads in one folder, changes of the same table in another. */
function pairsOf(surveys: readonly TableSurvey[]): { pairs: [TableSurvey, TableSurvey][]; others: TableSurvey[] } {
  const bySource = new Map<string, TableSurvey[]>();
  for (const survey of surveys) {
    const id = survey.folder.split("/").slice(-2).join("/");
    bySource.set(id, [...(bySource.get(id) ?? []), survey]);
  }
  const pairs: [TableSurvey, TableSurvey][] = [];
  for (const same of bySource.values()) {
    const full = same.filter(({ changes }) => changes === 0);
    const change = same.filter(({ fullLoads }) => fullLoads === 0);
    if (same.length === 2 && full[0] !== undefined && change[0] !== undefined) pairs.push([full[0], change[0]]);
  }
  const paired = new Set(pairs.flat());
  return { pairs, others: surveys.filter((survey) => !paired.has(survey)) };
}

function meets(config: Config, into: string | undefined, surveys: readonly TableSurvey[]): boolean {
  return new Set(surveys.map(({ folder }) => targetId(config, into, folder))).size < surveys.length;
}

function stillMeeting(config: Config, into: string, surveys: readonly TableSurvey[]): Set<string> {
  const seen = new Set<string>();
  const again = new Set<string>();
  for (const { folder } of surveys) {
    const id = targetId(config, into, folder);
    if (seen.has(id)) again.add(folder);
    seen.add(id);
  }
  return again;
}

function targetId(config: Config, into: string | undefined, folder: string): string {
  const { schema, table } = targetOf({ ...startingTable(config, folder), into }, folder, config.warehouse.schema);
  return `${schema}.${table}`;
}

function groupsOf(surveys: readonly TableSurvey[]): Entry[] {
  const byFolder = new Map<string, TableSurvey[]>();
  for (const survey of surveys) {
    const above = survey.folder.slice(0, Math.max(0, survey.folder.lastIndexOf("/")));
    byFolder.set(above, [...(byFolder.get(above) ?? []), survey]);
  }
  const entries: Entry[] = [];
  for (const [shape, folders] of wideGroups([...byFolder])) {
    const tables = folders.flatMap(([, found]) => found);
    if (folders.length >= wideFrom) entries.push(entry(shape, [], summary(tables, folders.length), tables));
    else
      for (const [folder, found] of folders) {
        const pattern = folder === "" ? "*" : `${folder}/*`;
        if (found.length >= patternFrom) entries.push(entry(pattern, [], summary(found), found));
        else entries.push(...found.map(plainEntry));
      }
  }
  return entries;
}

type Folder = readonly [folder: string, tables: readonly TableSurvey[]];

/** Folders whose tables one wide pattern would claim: all levels of the same number below the same first ones. */
function wideGroups(folders: readonly Folder[]): [shape: string, folders: Folder[]][] {
  const groups = new Map<string, Folder[]>();
  for (const folder of folders) {
    const levels = folder[0] === "" ? [] : folder[0].split("/");
    const shape = [...levels.slice(0, -1), ...(levels.length > 0 ? ["*"] : []), "*"].join("/");
    groups.set(shape, [...(groups.get(shape) ?? []), folder]);
  }
  return [...groups];
}

/** A name without a slash is a main table's: its folder is named beside it. */
function plainPrefix(folder: string): string[] {
  return folder.includes("/") ? [] : [`prefix: ${yamlText(folder)}`];
}

function pairEntry([full, change]: readonly [TableSurvey, TableSurvey]): Entry {
  const name = tableName(full.folder);
  const prefix = `prefix: [${yamlText(full.folder)}, ${yamlText(change.folder)}]`;
  return entry(name, [prefix], "full loads in one folder, changes in the other", [full, change]);
}

type OwnEntry = Entry & { readonly settings: readonly string[] };

function plainEntry(survey: TableSurvey): OwnEntry {
  return { name: survey.folder, settings: plainPrefix(survey.folder), comment: remark(survey), tables: [survey] };
}

function ownNameEntry(survey: TableSurvey): OwnEntry {
  const into = survey.folder.split("/").map(tableName).join("_");
  const plain = plainEntry(survey);
  return { ...plain, settings: [...plain.settings, `into: ${into}`] };
}

function tableName(folder: string): string {
  return (folder.split("/").at(-1) ?? "").replaceAll(/[^\p{L}\p{N}_]+/gu, "_").toLowerCase();
}

function entry(
  name: string,
  settings: Entry["settings"],
  comment: string | undefined,
  tables: readonly TableSurvey[],
): Entry {
  return { name, settings, comment, tables };
}

function summary(tables: readonly TableSurvey[], folders = 1): string {
  const documents = tables.filter((table) => table.documents.length > 0).length;
  const held = documents === 0 ? "" : documents === tables.length ? ", documents" : `, ${documents} of documents`;
  return `${tables.length} tables${folders > 1 ? ` of ${folders} folders` : ""}${held}`;
}

function remark({ error, documents }: TableSurvey): string | undefined {
  if (error !== undefined) return `${error.code}: ${error.message}`;
  return documents.length === 0 ? undefined : "documents";
}

/** As a YAML scalar; quoted where it must be. */
export function yamlText(text: string): string {
  const isPlain = /^[A-Za-z_](?:[\w./:-]*[\w/])?$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
