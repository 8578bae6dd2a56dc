/** Says where the columns of a table come from: path, type and why, the first object, changes of the schema, what is rescued. */
import type { ColumnRule, Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { kindNames } from "../rows/kinds.ts";
import { isSameName } from "../rows/known-names.ts";
import { type ExplainedColumnRow, type ExplainRows, readExplained } from "../warehouse/explain-rows.ts";
import { ident } from "../warehouse/identifier.ts";
import type { Session } from "../warehouse/session.ts";
import { homeStatements, notLocked } from "../warehouse/widening.ts";
import { namedTables } from "./discover.ts";
import { entryOf } from "./status-facts.ts";
import { storedRule, storedSegments } from "./stored-path.ts";
import type { TableSpec } from "./table-spec.ts";

export interface ExplainedTable {
  readonly table: string;
  readonly target: string;
  readonly columns: readonly ExplainedColumn[];
  readonly rescued: readonly ExplainedRescue[];
  readonly changes: ExplainRows["changes"];
}

export interface ExplainedColumn {
  readonly column: string;
  /** As in `columns.path` of the state schema. */
  readonly path: string;
  /** As the main table has it; undefined: it has no such column any more. */
  readonly type: string | undefined;
  readonly why: string;
  readonly firstSeen: Date;
  /** Key of the first object that had it; undefined: none that was loaded. */
  readonly object: string | undefined;
}

export interface ExplainedRescue {
  readonly key: string;
  readonly column: string | undefined;
  readonly type: string;
  readonly rows: number | undefined;
  readonly reason: string;
  readonly firstSeen: Date;
  readonly object: string | undefined;
  /** What brings it home; empty where the next load does, or where the config has to say how. */
  readonly statements: readonly string[];
}

/** `column`: as the warehouse or the source spells it, or a path; undefined: all. */
export async function explainTable(
  session: Session,
  config: Config,
  table: string,
  column: string | undefined,
): Promise<ExplainedTable | undefined> {
  const rows = await readExplained(session, config.warehouse.stateSchema, table);
  if (rows === undefined) return undefined;
  const named = new Map(namedTables(config).map((spec) => [spec.name, spec.config]));
  const entry = entryOf({ table_name: table, folder: rows.folder }, config, named);
  const target = { schema: rows.schema, table: rows.name };
  const spec = entry === undefined ? undefined : { name: table, target, config: entry };
  const isAbout = (path: string, name: string | null) => column === undefined || isNamed(column, path, name);
  const columns = rows.columns.filter((row) => isAbout(row.path, row.column));
  const rescued = rows.rescued.filter((row) => isAbout(row.path, row.column));
  if (column !== undefined && columns.length + rescued.length === 0) throw noSuchColumn(table, column, rows);
  const names = new Set(columns.map((row) => ident(row.column)));
  return {
    table,
    target: `${rows.schema}.${rows.name}`,
    columns: columns.map((row) => explained(spec, row)),
    rescued: rescued.map((row) => ({
      key: row.key,
      column: row.column ?? undefined,
      type: row.type,
      rows: row.rows,
      reason: row.reason,
      firstSeen: row.first_seen,
      object: row.object ?? undefined,
      statements:
        row.column === null || row.reason === notLocked ? [] : homeStatements(target, { ...row, column: row.column }),
    })),
    changes: rows.changes.filter(
      ({ statement }) => column === undefined || [...names].some((name) => statement.includes(name)),
    ),
  };
}

function isNamed(wanted: string, path: string, column: string | null): boolean {
  const below = storedSegments(path)?.join(".");
  return [path, below, column].some((name) => typeof name === "string" && isSameName(name, wanted));
}

function noSuchColumn(table: string, column: string, { columns }: ExplainRows): DrayageError {
  const names = columns.slice(0, 12).map((row) => row.column);
  return new DrayageError("USAGE", {
    message: `${table} has no column ${column} that came from the source`,
    next: `Name one of ${names.join(", ")}${columns.length > names.length ? " and others" : ""}; without a name all are shown.`,
  });
}

function explained(spec: TableSpec | undefined, row: ExplainedColumnRow): ExplainedColumn {
  return {
    column: row.column,
    path: row.path,
    type: row.type_now ?? undefined,
    why: whyType(spec === undefined ? undefined : storedRule(spec, row.path), row),
    firstSeen: row.first_seen,
    object: row.object ?? undefined,
  };
}

function whyType(rule: ColumnRule | undefined, { path, made, kinds, type, type_now: now }: ExplainedColumnRow): string {
  if (now === null) return "the column is not in the main table any more";
  if (rule?.kind === "ignore") return "the config ignores it by now";
  if (rule?.kind === "column" && rule.hash === true) return "the config hashes it: sha256 as hex";
  if (rule?.kind === "column" && rule.using !== undefined) return "the config computes it: `using`";
  if (rule?.kind === "column" && rule.type !== undefined) return `the config says ${rule.type}`;
  if (now !== type) return `somebody altered it; it was ${type}`;
  const held = kindNames(kinds);
  if (made && held.length > 0) return `the documents held ${held.join(", ")}`;
  if (storedSegments(path) === undefined && now === "text") return "a column of the source arrives as text";
  return "the main table has it so";
}
