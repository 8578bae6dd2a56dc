/** What a validation found of one table: counts, rows that differ with what explains them, columns side by side. */
import type { DrayageError } from "../errors.ts";
import type { ColumnFigures } from "../warehouse/column-figures.ts";
import type { DifferenceCount, Verdict, Why } from "../warehouse/compare-rows.ts";

/** DMS's own words. `LEFT_OUT`: rows that neither side is asked about. */
export type DifferenceCode = "RECORD_DIFF" | "MISSING_SOURCE" | "MISSING_TARGET" | "LEFT_OUT";

export const codeOf: Readonly<Record<Verdict, DifferenceCode>> = {
  updated: "RECORD_DIFF",
  removed: "MISSING_SOURCE",
  duplicate: "MISSING_SOURCE",
  inserted: "MISSING_TARGET",
  kept: "LEFT_OUT",
};

/** One sentence each, for people. */
export const whyText: Readonly<Record<Why, string>> = {
  changed: "same record, other cells: changed by hand, by a trigger, or loaded under another config",
  stale: "the row is of an older record",
  newer: "the row's version is above every record that the source has of it: changes to come would be ignored",
  foreign: "the row is of no record: it was there before the first load, or was written by hand",
  deleted: "the source deleted the row",
  skipped: "the row is of an object that is marked skipped",
  older: "the row is of an older full load",
  gone: "the row is of an object that is gone",
  unknown: "no object of the source has the row",
  floor: "the record came after its table's old deletes were dropped (retention.tombstones), so it made no row",
  missing: "the record was loaded, its row is not there",
  duplicate: "the key is there more than once",
  refused: "the row's own record cannot be loaded today",
  waiting: "the row is of an object that waits to be loaded",
  taken_back: "an object that is taken back wrote the row, or deleted it",
};

export interface ExplainedRow {
  readonly code: DifferenceCode;
  readonly why: Why;
  /** Cell values, by key column: shown to nobody who did not ask. */
  readonly key: readonly (string | null)[];
  /** Path below source.url of the object, and the number in it, of the record that explains the difference. */
  readonly object: string | undefined;
  readonly record: number | undefined;
  /** Of the row as it is. */
  readonly rowObject: string | undefined;
  readonly rowRecord: number | undefined;
  readonly columns: readonly string[];
}

export interface ComparedColumn {
  readonly column: string;
  readonly isKey: boolean;
  /** Of the main table. */
  readonly type: string;
  /** What the config, the history or the source's documents say, where that is another. */
  readonly expectedType: string | undefined;
  readonly nullable: boolean;
  /** A column of the key that may be NULL: no fault of a row. */
  readonly nullability: "nullable key" | undefined;
  readonly source: ColumnFigures;
  readonly table: ColumnFigures;
  /** Rows that both sides have, with another cell. */
  readonly differing: number;
  /** The same cells on both sides, of whatever rows. */
  readonly equal: boolean;
}

export interface TableValidation {
  readonly table: string;
  readonly target: string;
  /** undefined: it never was loaded, or could not be compared. */
  readonly compared: ComparedTable | undefined;
  /** Of append tables: rows by object. */
  readonly counted: CountedRows | undefined;
  /** From the source database, as `--counts` says. */
  readonly sourceCount: number | undefined;
  readonly notes: readonly string[];
  readonly error: DrayageError | undefined;
  readonly milliseconds: number;
}

export interface ComparedTable {
  readonly key: readonly string[];
  readonly objects: { readonly fullLoads: number; readonly changes: number; readonly bytes: number };
  readonly records: number;
  readonly rejected: number;
  readonly rows: { readonly source: number; readonly table: number };
  readonly counts: readonly DifferenceCount[];
  readonly listed: readonly ExplainedRow[];
  readonly columns: readonly ComparedColumn[];
  /** What a load of the same objects would run on the main table. */
  readonly statements: readonly string[];
  /** Paths. */
  readonly gone: readonly string[];
  readonly waiting: readonly string[];
  readonly skipped: readonly string[];
  /** One key in so many was compared. */
  readonly oneIn: number | undefined;
}

/** Of an append table. */
export interface CountedRows {
  readonly objects: number;
  readonly rows: number;
  /** Objects of which the history says that another number of records became rows; an empty key: rows of no object. */
  readonly differing: readonly { readonly key: string; readonly expected: number; readonly rows: number }[];
}

/** Rows that differ. */
export function differing({ counts }: Pick<ComparedTable, "counts">): number {
  return counts.reduce((sum, { verdict, count }) => sum + (verdict === "kept" ? 0 : count), 0);
}

/** Whether the main table is what its objects say, as far as anybody can tell. */
export function isRight(table: TableValidation): boolean {
  const { compared, counted, sourceCount, error } = table;
  if (error !== undefined) return false;
  if (counted !== undefined)
    return counted.differing.length === 0 && (sourceCount === undefined || sourceCount === counted.rows);
  if (compared === undefined) return sourceCount === undefined;
  return (
    differing(compared) === 0 &&
    compared.gone.length === 0 &&
    compared.statements.length === 0 &&
    compared.columns.every(({ expectedType }) => expectedType === undefined) &&
    (sourceCount === undefined || sourceCount === compared.rows.table)
  );
}
