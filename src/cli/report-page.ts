/** A validation as one HTML page: charts drawn here, nothing loaded from elsewhere, no script, no cell value. */
import type { ValidationReport } from "../load/run-validate.ts";
import {
  type ComparedColumn,
  type ComparedTable,
  codeOf,
  differing,
  isRight,
  type TableValidation,
  whyText,
} from "../load/validation.ts";
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { safeText } from "./terminal.ts";

export function reportPage(report: ValidationReport, now: Date): string {
  const right = report.tables.filter(isRight).length;
  const all = report.tables.length;
  const title = right === all ? "Every table is what its objects say" : `${all - right} of ${all} tables differ`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>drayage validate: ${text(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="mark">drayage validate</p>
<h1 class="${right === all ? "good" : "bad"}">${text(title)}</h1>
<p class="dim">${now.toISOString().slice(0, 16).replace("T", " ")} UTC, in ${formatDuration(report.milliseconds)}. Cells are compared, none is shown.</p>
</header>
${overview(report.tables)}
${report.tables.map(tableSection).join("\n")}
${report.unmatched.map((name) => `<p class="bad">--counts: no table is called ${text(name)}</p>`).join("\n")}
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --good: #1a7f4b; --bad: #c0341d; --warn: #9a6700; --dim: #6b7280; --line: #d7dbe0; --soft: #f3f5f7; --ink: #1c2024; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --good: #4cc38a; --bad: #ff8a70; --warn: #e2b340; --dim: #9aa4b2; --line: #343a42; --soft: #20252b; --ink: #e8eaed; --paper: #15181c; } }
body { margin: 2rem auto; max-width: 64rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { margin: 0; font-size: 1.6rem; } h2 { margin: 2.5rem 0 .3rem; font-size: 1.2rem; } h3 { margin: 1.5rem 0 .4rem; font-size: 1rem; }
.mark { margin: 0; color: var(--dim); letter-spacing: .04em; } .dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } th { text-align: left; font-weight: 600; color: var(--dim); }
th, td { padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code, .mono { font: .85rem ui-monospace, monospace; overflow-wrap: anywhere; } .scroll { overflow-x: auto; } svg { display: block; max-width: 100%; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } .of-good { fill: var(--good); } .of-bad { fill: var(--bad); } .of-warn { fill: var(--warn); } .of-dim { fill: var(--line); }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; }
`;

function overview(tables: readonly TableValidation[]): string {
  if (tables.length < 2) return "";
  const rows = tables.map((table) => {
    const { compared } = table;
    const state = isRight(table) ? `<span class="good">equal</span>` : `<span class="bad">${wordOf(table)}</span>`;
    const counts =
      compared === undefined
        ? ["-", "-", "-"]
        : [compared.rows.source, compared.rows.table, differing(compared)].map(formatCount);
    return `<tr><td><a href="#${anchor(table)}">${text(table.target)}</a></td><td>${state}</td>${counts.map((count) => `<td class="n">${count}</td>`).join("")}</tr>`;
  });
  return `<table><thead><tr><th>table</th><th></th><th class="n">rows by objects</th><th class="n">rows in table</th><th class="n">differ</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function wordOf({ compared, error }: TableValidation): string {
  if (error !== undefined || compared === undefined) return "not compared";
  return compared.gone.length > 0 ? "cannot be proven" : "differs";
}

function anchor({ target }: TableValidation): string {
  return `t-${encodeURIComponent(target)}`;
}

function tableSection(table: TableValidation): string {
  const { compared, counted, error } = table;
  const right = isRight(table);
  const parts = [
    `<section id="${anchor(table)}">`,
    `<h2>${text(table.target)} <span class="${right ? "good" : "bad"}">${right ? "equal to its objects" : wordOf(table)}</span></h2>`,
    ...table.notes.map((note) => `<p class="dim">${text(note)}</p>`),
  ];
  if (error !== undefined)
    parts.push(`<p class="bad"><code>${error.code}</code> ${text(error.message)}</p><p>${text(error.next)}</p>`);
  if (counted !== undefined)
    parts.push(
      `<p>${formatCount(counted.rows)} rows of ${formatCount(counted.objects)} objects; ${formatCount(counted.differing.length)} objects have another number of rows than the history says.</p>`,
    );
  if (compared !== undefined) parts.push(comparedParts(table, compared));
  parts.push("</section>");
  return parts.join("\n");
}

function comparedParts(table: TableValidation, compared: ComparedTable): string {
  const { fullLoads, changes, bytes } = compared.objects;
  const missing = (code: string) =>
    compared.counts.reduce((sum, { verdict, count }) => sum + (codeOf[verdict] === code ? count : 0), 0);
  const differ = differing(compared);
  const equal = Math.max(0, compared.rows.table - missing("RECORD_DIFF") - missing("MISSING_SOURCE"));
  const bars: Bar[] = [
    { label: "equal", count: equal, tone: "good" },
    { label: "RECORD_DIFF", count: missing("RECORD_DIFF"), tone: "bad" },
    { label: "MISSING_SOURCE", count: missing("MISSING_SOURCE"), tone: "bad" },
    { label: "MISSING_TARGET", count: missing("MISSING_TARGET"), tone: "bad" },
    { label: "LEFT_OUT", count: missing("LEFT_OUT"), tone: "warn" },
  ];
  const source = table.sourceCount === undefined ? "" : ` The source database has ${formatCount(table.sourceCount)}.`;
  return [
    `<p>${formatCount(compared.rows.source)} rows by ${formatCount(fullLoads)} full-load and ${formatCount(changes)} change objects (${formatBytes(bytes)}, ${formatCount(compared.records)} records); ${formatCount(compared.rows.table)} in the table.${source}</p>`,
    listOf("bad", "Can no longer be read", compared.gone),
    listOf("dim", "Not loaded yet", compared.waiting),
    listOf("dim", "Marked skipped", compared.skipped),
    "<h3>Rows</h3>",
    barChart(bars.filter(({ label, count }) => label === "equal" || count > 0)),
    differ + missing("LEFT_OUT") === 0 ? "" : whyTable(compared),
    compared.listed.length === 0 ? "" : rowTable(compared),
    compared.statements.length === 0
      ? ""
      : `<h3>What the table lacks</h3><pre>${compared.statements.map((one) => `${text(one)};`).join("\n")}</pre>`,
    "<h3>Columns</h3>",
    columnTable(compared),
  ].join("\n");
}

function listOf(tone: string, label: string, paths: readonly string[]): string {
  if (paths.length === 0) return "";
  const shown = paths.slice(0, 50).map((path) => `<li><code>${text(path)}</code></li>`);
  const more = paths.length > 50 ? `<li>${formatCount(paths.length - 50)} more</li>` : "";
  return `<details><summary class="${tone}">${label}: ${formatCount(paths.length)} objects</summary><ul>${shown.join("")}${more}</ul></details>`;
}

interface Bar {
  readonly label: string;
  readonly count: number;
  readonly tone: "good" | "bad" | "warn";
}

/** Lengths by the logarithm: three rows that differ must be seen beside a million that do not. The figures say how many. */
function barChart(bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ count }) => count));
  const full = 560;
  const length = (count: number) =>
    count === 0 ? 0 : Math.max(6, (full * Math.log10(count + 1)) / Math.log10(most + 1));
  const lines = bars.map(({ label, count, tone }, i) => {
    const y = i * 28;
    return `<text x="0" y="${y + 17}">${label}</text><rect class="of-dim" x="140" y="${y + 4}" width="${full}" height="18" rx="3" opacity=".35"/><rect class="of-${tone}" x="140" y="${y + 4}" width="${length(count).toFixed(1)}" height="18" rx="3"/><text x="${140 + full + 10}" y="${y + 17}">${formatCount(count)}</text>`;
  });
  return `<svg viewBox="0 0 820 ${bars.length * 28}" width="820" role="img" aria-label="Rows by what they are, on a logarithmic scale">${lines.join("")}</svg><p class="dim">Lengths are on a logarithmic scale.</p>`;
}

function whyTable({ counts }: ComparedTable): string {
  const rows = counts.map(
    ({ verdict, why, count }) =>
      `<tr><td class="mono">${codeOf[verdict]}</td><td class="n">${formatCount(count)}</td><td>${text(whyText[why])}</td></tr>`,
  );
  return `<table><thead><tr><th>difference</th><th class="n">rows</th><th>why</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function rowTable({ listed }: ComparedTable): string {
  const rows = listed.map((row) => {
    const number = row.record ?? row.rowRecord;
    return `<tr><td class="mono">${row.code}</td><td class="mono">${text(row.object ?? row.rowObject ?? "-")}</td><td class="n">${number ?? "-"}</td><td class="mono">${text(row.columns.join(", "))}</td></tr>`;
  });
  return `<h3>Some of them</h3><div class="scroll"><table><thead><tr><th>difference</th><th>object</th><th class="n">record</th><th>columns</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** The share of NULLs as a bar each, the objects' above the table's. */
function columnTable({ columns, rows }: ComparedTable): string {
  const lines = columns.map(
    (column) =>
      `<tr><td class="mono">${text(column.column)}${column.isKey ? ` <span class="good">key</span>` : ""}</td><td>${typeCell(column)}</td><td>${nullBars(column, rows)}</td><td class="n">${distinct(column)}</td><td class="n${column.differing > 0 ? " bad" : ""}">${formatCount(column.differing)}</td><td>${column.equal ? `<span class="mono dim">${column.table.checksum.slice(0, 8)}</span>` : `<span class="bad">differs</span>`}</td></tr>`,
  );
  return `<div class="scroll"><table><thead><tr><th>column</th><th>type</th><th>NULL (objects, table)</th><th class="n">distinct</th><th class="n">rows that differ</th><th>checksum</th></tr></thead><tbody>${lines.join("")}</tbody></table></div>`;
}

function typeCell({ type, expectedType, nullability }: ComparedColumn): string {
  const wanted = expectedType === undefined ? "" : ` <span class="bad">not ${text(expectedType)}</span>`;
  return `${text(type)}${wanted}${nullability === undefined ? "" : ` <span class="bad">${nullability}</span>`}`;
}

function nullBars({ source, table }: ComparedColumn, rows: ComparedTable["rows"]): string {
  const bar = (nulls: number, of: number, y: number, differs: boolean) => {
    const share = of === 0 ? 0 : nulls / of;
    return `<rect class="of-dim" x="0" y="${y}" width="100" height="7" opacity=".5"/><rect class="of-${differs ? "bad" : "warn"}" x="0" y="${y}" width="${(share * 100).toFixed(1)}" height="7"/>`;
  };
  const differs = source.nulls !== table.nulls;
  const label = differs ? `${formatCount(source.nulls)} / ${formatCount(table.nulls)}` : formatCount(table.nulls);
  return `<svg viewBox="0 0 200 18" width="200" height="18" role="img" aria-label="NULL: ${label}">${bar(source.nulls, rows.source, 1, differs)}${bar(table.nulls, rows.table, 10, differs)}<text x="108" y="13">${label}</text></svg>`;
}

function distinct({ source, table }: ComparedColumn): string {
  const count = source.distinct ?? table.distinct;
  return count === undefined ? "-" : `~${formatCount(count)}`;
}

/** Names come from strangers. */
function text(value: string): string {
  return safeText(value)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
