/** A plan as text: objects, columns, statements, expected rejects, proposals. */

import type { PlannedTable, PlanReport } from "../load/run-plan.ts";
import type { TablePlan } from "../load/table-plan.ts";
import { yamlKey } from "../load/yaml-key.ts";
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import { columnTree } from "./plan-tree.ts";
import { errorJson, errorText } from "./print-error.ts";
import { safeText, type Terminal, tone } from "./terminal.ts";

export type Samples = "full" | "masked" | "none";

export function planText(terminal: Terminal, report: PlanReport, samples: Samples): string {
  const parts = report.tables.flatMap((table) => tableText(terminal, table, samples));
  const folders = [...report.unclaimed.keys()].slice(0, 5).map(safeText);
  if (folders.length > 0)
    parts.push(`${tone(terminal, "dim", "unclaimed")}  folders that no table reads: ${folders.join(", ")}`);
  for (const hint of report.hints) parts.push(`${tone(terminal, "warn", "note")}  ${safeText(hint)}`);
  if (report.tables.length === 0)
    parts.push(
      `Nothing to plan: ${formatCount(report.listed)} objects listed, none of them new to a table of the config.`,
    );
  parts.push(tone(terminal, "dim", `Planned in ${formatDuration(report.milliseconds)}; nothing was changed.`));
  return parts.join("\n\n");
}

function tableText(terminal: Terminal, table: PlannedTable, samples: Samples): string[] {
  const { fullLoads, changes, bytes } = table.objects;
  const title = `${tone(terminal, "strong", safeText(table.target))}  ${table.exists ? "" : "new table, "}${formatCount(fullLoads)} full-load and ${counted(changes, "change object")}, ${formatBytes(bytes)}`;
  if (fullLoads + changes === 0) return [`${tone(terminal, "strong", safeText(table.target))}  nothing new`];
  const parts = [
    `${title}\n  read ${counted(table.read.records, "record")} of ${counted(table.read.objects, "object")}${table.key.length === 0 ? "" : `, key ${safeText(table.key.join(", "))}`}`,
  ];
  if (table.dialect.length > 0)
    parts.push(
      `  ${tone(terminal, "dim", "dialect")}\n${table.dialect.map((line) => `    ${safeText(line)}`).join("\n")}`,
    );
  if (table.columns.length > 0) parts.push(columnsText(terminal, table, samples));
  if (table.statements.length > 0) {
    parts.push(
      `  ${tone(terminal, "dim", "statements that load would run")}\n${indent(indent(table.statements.map((statement) => `${safeLines(statement)};`).join("\n")))}`,
    );
  }
  if (table.constraints.length > 0)
    parts.push(
      `  ${tone(terminal, "dim", "what of the main table decides about records, too")}\n${table.constraints.map((line) => `    ${safeText(line)}`).join("\n")}`,
    );
  if (table.counts.read > 0) parts.push(`  ${outcomeText(terminal, table)}`);
  for (const note of table.notes) parts.push(`  ${tone(terminal, "warn", "note")}  ${safeText(note)}`);
  if (table.proposals.length > 0) parts.push(proposalText(terminal, table));
  for (const { path, why, type, statements } of table.rescued) {
    const lines = statements.map((statement) => `\n    ${safeText(statement)};`).join("");
    parts.push(
      `  ${tone(terminal, "warn", "rescued")}  ${safeText(path)}, of ${safeText(type)}: ${safeText(why)}${lines}`,
    );
  }
  for (const error of table.errors) parts.push(indent(errorText(terminal, error)));
  return [parts.join("\n\n")];
}

export function proposalText(terminal: Terminal, { proposals }: TablePlan): string {
  const lines = proposals.map(({ line, why }) => `      ${safeText(line)}   ${tone(terminal, "dim", `# ${why}`)}`);
  return `  ${tone(terminal, "good", "proposed")}, to paste into the config:\n    columns:\n${lines.join("\n")}`;
}

export function columnsText(terminal: Terminal, table: TablePlan, samples: Samples): string {
  const sample = samples === "none" ? undefined : (text: string | undefined) => shown(text, samples);
  return indent(columnTree(terminal, table.columns, table.exists, sample, 2));
}

function outcomeText(terminal: Terminal, table: TablePlan): string {
  const counts = outcomes
    .filter((outcome) => table.counts[outcome] > 0)
    .map((outcome) => `${formatCount(table.counts[outcome])} ${outcome}`);
  const rejects = [...table.rejects].map(([reason, n]) => `${n} ${safeText(reason)}`);
  return (
    `of ${formatCount(table.counts.read)} records read: ${counts.join(", ")}` +
    (rejects.length === 0 ? "" : `\n  ${tone(terminal, "warn", "rejects expected")}: ${rejects.join(", ")}`) +
    `\n  ${tone(terminal, "dim", "not tried: foreign keys, triggers, unique values of rows outside these objects")}`
  );
}

export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function shown(sample: string | undefined, samples: Samples): string {
  if (sample === undefined) return "";
  return samples === "masked" ? mask(sample) : sample;
}

/** The form of a value without the value. */
export function mask(value: string): string {
  return value.replaceAll(/\p{L}/gu, "x").replaceAll(/\p{N}/gu, "9");
}

export function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : `  ${line}`))
    .join("\n");
}

function safeLines(text: string): string {
  return text.split("\n").map(safeText).join("\n");
}

export function planSql(report: PlanReport): string {
  return report.tables.flatMap((table) => table.statements.map((statement) => `${statement};`)).join("\n\n");
}

/** Lines to paste: what is proposed, as a config. */
export function planYaml(report: PlanReport): string {
  const tables = report.tables.filter((table) => table.proposals.length > 0);
  if (tables.length === 0) return "# nothing to propose";
  return [
    "tables:",
    ...tables.flatMap((table) => [
      `  ${yamlKey(table.entry)}:`,
      "    columns:",
      ...table.proposals.map(({ line, why }) => `      ${line}   # ${why}`),
    ]),
  ].join("\n");
}

export function planJson(report: PlanReport, exit: number, samples: Samples): Record<string, unknown> {
  return {
    format: 1,
    command: "plan",
    exit,
    listed: report.listed,
    unclaimed: Object.fromEntries(report.unclaimed),
    milliseconds: Math.round(report.milliseconds),
    tables: report.tables.map((table) => ({ ...tableJson(table, samples), constraints: table.constraints })),
  };
}

export function tableJson(table: TablePlan, samples: Samples): Record<string, unknown> {
  return {
    table: table.table,
    target: table.target,
    exists: table.exists,
    objects: table.objects,
    read: table.read,
    key: table.key,
    columns: table.columns.map((column) => ({
      ...column,
      sample: samples === "none" ? undefined : shown(column.sample, samples),
    })),
    statements: table.statements,
    rescued: table.rescued,
    counts: table.counts,
    rejects: Object.fromEntries(table.rejects),
    proposals: table.proposals,
    dialect: table.dialect,
    notes: table.notes,
    errors: table.errors.map(errorJson),
  };
}
