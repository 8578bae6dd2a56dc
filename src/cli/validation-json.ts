/** A validation as JSON: the same figures as its text. */
import type { ValidationReport } from "../load/run-validate.ts";
import { codeOf, isRight, type TableValidation } from "../load/validation.ts";
import type { ColumnFigures } from "../warehouse/column-figures.ts";
import { errorJson } from "./print-error.ts";
import { mask, type Samples } from "./render-plan.ts";

export function validationJson(report: ValidationReport, exit: number, samples: Samples): Record<string, unknown> {
  return {
    format: 1,
    command: "validate",
    exit,
    milliseconds: Math.round(report.milliseconds),
    unmatched_counts: report.unmatched,
    tables: report.tables.map((table) => tableJson(table, samples)),
  };
}

export function tableJson(table: TableValidation, samples: Samples): Record<string, unknown> {
  const { compared, counted } = table;
  const shown = (value: string | null | undefined) =>
    value === null || value === undefined ? null : samples === "full" ? value : mask(value);
  const figures = ({ nulls, checksum, distinct, least, greatest }: ColumnFigures) => ({
    nulls,
    checksum,
    distinct: distinct ?? null,
    ...(samples === "none" ? {} : { least: shown(least), greatest: shown(greatest) }),
  });
  return {
    table: table.table,
    target: table.target,
    right: isRight(table),
    milliseconds: Math.round(table.milliseconds),
    source_count: table.sourceCount ?? null,
    notes: table.notes,
    error: table.error === undefined ? null : errorJson(table.error),
    by_object: counted ?? null,
    ...(compared === undefined
      ? {}
      : {
          key: compared.key,
          objects: compared.objects,
          records: compared.records,
          rejected: compared.rejected,
          rows: compared.rows,
          one_in: compared.oneIn ?? null,
          differences: compared.counts.map(({ verdict, why, count }) => ({ code: codeOf[verdict], why, rows: count })),
          listed: compared.listed.map((row) => ({
            code: row.code,
            why: row.why,
            object: row.object ?? null,
            record: row.record ?? null,
            row_object: row.rowObject ?? null,
            row_record: row.rowRecord ?? null,
            columns: row.columns,
            ...(samples === "none" ? {} : { key: row.key.map(shown) }),
          })),
          columns: compared.columns.map((column) => ({
            column: column.column,
            key: column.isKey,
            type: column.type,
            expected_type: column.expectedType ?? null,
            nullable: column.nullable,
            differing: column.differing,
            equal: column.equal,
            source: figures(column.source),
            table: figures(column.table),
          })),
          statements: compared.statements,
          gone: compared.gone,
          waiting: compared.waiting,
          skipped: compared.skipped,
        }),
  };
}
