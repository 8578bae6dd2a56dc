/** A validation as text and as JSON: what differs first, what explains it, columns side by side. No cell value unless it was asked for. */
import { stripVTControlCharacters } from "node:util";
import type { ValidationReport } from "../load/run-validate.ts";
import {
  type ComparedColumn,
  type ComparedTable,
  codeOf,
  differing,
  type ExplainedRow,
  isRight,
  type TableValidation,
  whyText,
} from "../load/validation.ts";
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { shellWord } from "../observe/shell-word.ts";
import type { DifferenceCount } from "../warehouse/compare-rows.ts";
import { errorText } from "./print-error.ts";
import { counted, indent, mask, type Samples } from "./render-plan.ts";
import { renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export function validationText(terminal: Terminal, report: ValidationReport, samples: Samples): string {
  const parts = report.tables.map((table) => tableText(terminal, table, samples));
  if (report.tables.length === 0) parts.push("Nothing to validate: no object of a table was listed.");
  for (const name of report.unmatched)
    parts.push(`${tone(terminal, "warn", "--counts")}  no table is called ${safeText(name)}`);
  parts.push(tone(terminal, "dim", `Compared in ${formatDuration(report.milliseconds)}; nothing was changed.`));
  return parts.join("\n\n");
}

/** `heading`: what a refresh is about to do; the next step is its own. */
export function tableText(terminal: Terminal, table: TableValidation, samples: Samples, heading?: string): string {
  const withNext = heading === undefined;
  const { compared, counted: byObject, error } = table;
  const lines = [
    `${tone(terminal, "strong", safeText(table.target))}  ${heading === undefined || heading === "" ? verdictText(terminal, table) : heading}`,
  ];
  if (compared !== undefined) lines.push(...comparedText(terminal, table, compared, samples));
  if (byObject !== undefined) {
    lines.push(`  ${counted(byObject.rows, "row")} of ${counted(byObject.objects, "object")}`);
    if (byObject.differing.length > 0)
      lines.push(
        indent(
          renderTable(
            ["object", "rows", "expected"].map((name) => tone(terminal, "dim", name)),
            byObject.differing
              .slice(0, 20)
              .map(({ key, expected, rows }) => [
                key === "" ? "of no object" : safeText(baseName(key)),
                formatCount(rows),
                formatCount(expected),
              ]),
            [1, 2],
          ),
        ),
      );
  }
  if (
    compared !== undefined &&
    (table.sourceCount !== undefined || table.notes.length > 0 || (withNext && nextText(table) !== undefined))
  )
    lines.push("");
  const count = compared?.rows.table ?? byObject?.rows;
  if (table.sourceCount !== undefined && count !== undefined)
    lines.push(
      `  source database  ${formatCount(table.sourceCount)} rows by --counts` +
        (table.sourceCount === count ? "" : tone(terminal, "bad", `, the table has ${formatCount(count)}`)),
    );
  for (const note of table.notes) lines.push(`  ${tone(terminal, "dim", "note")}  ${safeText(note)}`);
  if (error !== undefined) lines.push(indent(errorText(terminal, error)));
  const next = withNext ? nextText(table) : undefined;
  if (next !== undefined) lines.push(`  next   ${next}`);
  return lines.join("\n");
}

function verdictText(terminal: Terminal, table: TableValidation): string {
  const { compared, counted: byObject, error } = table;
  if (error !== undefined) return tone(terminal, "bad", "not compared");
  if (compared === undefined && byObject === undefined) return tone(terminal, "dim", "not compared");
  if (isRight(table)) return tone(terminal, "good", "equal to its objects");
  if (compared !== undefined && compared.gone.length > 0) return tone(terminal, "bad", "cannot be proven");
  return tone(terminal, "bad", "differs from its objects");
}

function comparedText(terminal: Terminal, table: TableValidation, compared: ComparedTable, samples: Samples): string[] {
  const { fullLoads, changes, bytes } = compared.objects;
  const rows = `${formatCount(compared.rows.source)} rows by the objects, ${formatCount(compared.rows.table)} in the table`;
  const sampled = compared.oneIn === undefined ? "" : `, one key in ${formatCount(compared.oneIn)} compared`;
  const parts = [
    `  ${rows}${sampled}, key ${safeText(compared.key.join(", "))}`,
    `  ${counted(fullLoads, "full-load object")}, ${counted(changes, "change object")}, ${formatBytes(bytes)}, ${counted(compared.records, "record")}`,
  ];
  if (compared.rejected > 0)
    parts.push(`  ${counted(compared.rejected, "record")} in rejects: in no row of either side until replayed`);
  parts.push(...leftOut(terminal, compared));
  if (compared.counts.length > 0) parts.push("", indent(countsTable(terminal, compared.counts)));
  if (compared.listed.length > 0) parts.push("", indent(rowsTable(terminal, compared, samples)));
  if (compared.statements.length > 0) {
    parts.push("", `  ${tone(terminal, "bad", "columns")}  the table lacks what its objects need:`);
    parts.push(...compared.statements.map((statement) => `    ${statement.split("\n").map(safeText).join("\n    ")};`));
  }
  parts.push("", indent(columnsTable(terminal, compared, samples, isRight(table))));
  return parts;
}

function leftOut(terminal: Terminal, { gone, waiting, skipped }: ComparedTable): string[] {
  const some = (paths: readonly string[]) =>
    `${paths.slice(0, 3).map(baseName).map(safeText).join(", ")}${paths.length > 3 ? ", ..." : ""}`;
  return [
    ...(gone.length > 0
      ? [
          `  ${tone(terminal, "bad", "gone")}  ${counted(gone.length, "loaded object")} can no longer be read: ${some(gone)}`,
        ]
      : []),
    ...(waiting.length > 0
      ? [`  left out: ${counted(waiting.length, "object")} not loaded yet: ${some(waiting)}`]
      : []),
    ...(skipped.length > 0
      ? [`  left out: ${counted(skipped.length, "object")} marked skipped: ${some(skipped)}`]
      : []),
  ];
}

function countsTable(terminal: Terminal, counts: readonly DifferenceCount[]): string {
  const width = Math.max(24, terminal.width - 31);
  const rows = [...counts]
    .sort((a, b) => Number(a.verdict === "kept") - Number(b.verdict === "kept"))
    .flatMap(({ verdict, why, count }) => {
      const [first = "", ...more] = wrap(whyText[why], width);
      const code = tone(terminal, verdict === "kept" ? "dim" : "bad", codeOf[verdict]);
      return [[code, formatCount(count), first], ...more.map((line) => ["", "", line])];
    });
  return renderTable(
    ["difference", "rows", "why"].map((name) => tone(terminal, "dim", name)),
    rows,
    [1],
  );
}

/** The object and the record that explain it; of a row that no object has, those that it claims to be of. */
function rowsTable(terminal: Terminal, { key, listed }: ComparedTable, samples: Samples): string {
  const withKey = samples !== "none";
  const head = ["difference", "object", "record", "columns", ...(withKey ? [cut(`key ${key.join(", ")}`, 20)] : [])];
  const rows = listed.map((row) => {
    const object = row.object ?? row.rowObject;
    const isRows = row.object === undefined && row.rowObject !== undefined;
    return [
      row.code,
      object === undefined ? "-" : safeText(baseName(object)) + (isRows ? " (row's)" : ""),
      formatCount((row.object === undefined ? row.rowRecord : row.record) ?? 0).replace(/^0$/, "-"),
      safeText(cut(row.columns.join(", "), 24)),
      ...(withKey ? [safeText(cut(keyText(row, samples), 20))] : []),
    ];
  });
  return renderTable(
    head.map((name) => tone(terminal, "dim", safeText(name))),
    rows,
    [2],
  );
}

function keyText({ key }: ExplainedRow, samples: Samples): string {
  return key.map((cell) => (cell === null ? "NULL" : samples === "full" ? cell : mask(cell))).join(", ");
}

/** Of a table that is right the figures are shared; where two differ both stand there, the objects' first. */
function columnsTable(terminal: Terminal, compared: ComparedTable, samples: Samples, right: boolean): string {
  const both = (a: string, b: string) => (a === b ? a : tone(terminal, "bad", `${a} / ${b}`));
  const differs = compared.columns.some(({ source, table }) => source.nulls !== table.nulls);
  const table = (extremes: boolean) => {
    const head = [
      "column",
      "type",
      differs ? "nulls S3 / table" : "nulls",
      "distinct",
      ...(right ? [] : ["differ"]),
      "checksum",
    ];
    const rows = compared.columns.map((column) => [
      safeText(cut(column.column, 24)) + (column.isKey ? tone(terminal, "good", " (key)") : ""),
      typeText(terminal, column),
      both(formatCount(column.source.nulls), formatCount(column.table.nulls)),
      distinctText(column),
      ...(right ? [] : [column.differing === 0 ? "" : tone(terminal, "bad", formatCount(column.differing))]),
      column.equal ? column.table.checksum.slice(0, 8) : tone(terminal, "bad", "differs"),
      ...(extremes ? [extreme(column.table.least, samples), extreme(column.table.greatest, samples)] : []),
    ]);
    const all = [...head, ...(extremes ? ["least", "greatest"] : [])];
    return renderTable(
      all.map((name) => tone(terminal, "dim", name)),
      rows,
      right ? [2, 3] : [2, 3, 4],
    );
  };
  if (samples === "none") return table(false);
  const wide = table(true);
  // Masked they say little: only where there is room for them.
  return samples === "full" ||
    wide.split("\n").every((line) => stripVTControlCharacters(line).length + 2 <= terminal.width)
    ? wide
    : table(false);
}

function extreme(value: string | undefined, samples: Samples): string {
  return value === undefined ? "" : safeText(cut(samples === "full" ? value : mask(value), 12));
}

function typeText(terminal: Terminal, { type, expectedType, nullability }: ComparedColumn): string {
  const short = (text: string) =>
    safeText(
      text.replace("timestamp with time zone", "timestamptz").replace("timestamp without time zone", "timestamp"),
    );
  const wanted = expectedType === undefined ? "" : tone(terminal, "bad", `, not ${short(expectedType)}`);
  return `${short(type)}${wanted}${nullability === undefined ? "" : tone(terminal, "bad", `, ${nullability}`)}`;
}

/** The main table's own statistics may be old, or not there: then the objects' are as good. */
function distinctText({ source, table }: ComparedColumn): string {
  const count = source.distinct ?? table.distinct;
  return count === undefined ? "-" : `~${formatCount(count)}`;
}

function nextText({ table, compared, counted: byObject, error }: TableValidation): string | undefined {
  if (error !== undefined) return undefined;
  const name = shellWord(table);
  if (byObject !== undefined && byObject.differing.length > 0) return `drayage backfill ${name} --object KEY`;
  if (compared === undefined) return undefined;
  if (compared.gone.length > 0) return "put the objects back; what is compared without them proves nothing";
  if (differing(compared) > 0) return `drayage refresh ${name}`;
  return undefined;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
