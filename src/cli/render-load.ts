/** The end of a load: what arrived where, the balance, what needs somebody. */
import { exitOfCode } from "../load/load-errors.ts";
import { exitOf, pausedTables, type RunReport, sumCounts, type TableReport } from "../load/report.ts";
import type { Attention } from "../observe/attention.ts";
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import { errorJson, errorText } from "./print-error.ts";
import { attentionJson, attentionText } from "./render-attention.ts";
import { renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export function loadText(terminal: Terminal, report: RunReport, now: Date): string {
  const parts: string[] = [];
  const loaded = report.tables.filter((table) => table.objects.length > 0);
  if (loaded.length > 0) parts.push(balanceTable(terminal, loaded), summaryLine(report, loaded));
  for (const table of report.tables) parts.push(...tableNotes(terminal, table));
  if (report.unclaimed.size > 0) parts.push(unclaimedText(terminal, report));
  for (const hint of report.hints) parts.push(`${tone(terminal, "warn", "note")}  ${safeText(hint)}`);
  const idle = report.tables.every(
    (table) =>
      !table.paused &&
      table.settlesAt === undefined &&
      table.superseded + table.objects.length + table.failures.length + table.waiting.length + table.held.length === 0,
  );
  if (idle) parts.unshift(idleText(report));
  if (report.dropped !== undefined) parts.push(droppedText(report.dropped));
  const others = report.attention.filter((one) => !isSaid(report, one));
  if (others.length > 0) parts.push(`Needs attention besides:\n${attentionText(terminal, others, now)}`);
  return parts.filter((part) => part !== "").join("\n\n");
}

/** What the run's own report says above is not said twice. */
function isSaid(report: RunReport, { cause, table: name, count }: Attention): boolean {
  if (cause === "unclaimed") return report.unclaimed.size > 0;
  const table = report.tables.find((one) => one.table === name);
  if (table === undefined) return false;
  if (cause === "rejects") return count === sumCounts(table.objects).rejected;
  if (cause === "paused") return table.paused;
  if (cause === "held") return table.held.length > 0;
  const told = table.failures.length + table.waiting.length > 0;
  return told && (cause === "failed" || cause === "decision" || cause === "new_generation");
}

/** What a second load says: that it looked, and read nothing. */
function idleText(report: RunReport): string {
  if (report.listed === 0) return "Nothing to load: no object was found below source.url.";
  const { unclaimed, ignored } = report;
  const others = [...unclaimed.values()].reduce((sum, n) => sum + n, ignored);
  const rest = others === 0 ? "" : `, ${formatCount(others)} of them of no table`;
  return `Nothing new: ${counted(report.listed, "object")} listed${rest}; none had to be read.`;
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function droppedText({ rejects, tombstones, runs, alerts }: NonNullable<RunReport["dropped"]>): string {
  const kinds = [
    [rejects, "reject"],
    [tombstones, "tombstone"],
    [runs, "run"],
    [alerts, "alert"],
  ] as const;
  return `Dropped by age (retention): ${kinds.flatMap(([count, noun]) => (count > 0 ? counted(count, noun) : [])).join(", ")}.`;
}

function balanceTable(terminal: Terminal, tables: readonly TableReport[]): string {
  const sums = tables.map((table) => ({
    name: table.target,
    objects: table.objects.length,
    counts: sumCounts(table.objects),
    milliseconds: table.milliseconds,
  }));
  if (tables.length > 1) {
    const all = tables.flatMap((table) => table.objects);
    sums.push({ name: "total", objects: all.length, counts: sumCounts(all), milliseconds: 0 });
  }
  // Columns that are zero everywhere say nothing; read, inserted and rejected always stand.
  const shown = outcomes.filter(
    (outcome) => outcome === "inserted" || outcome === "rejected" || sums.some((sum) => sum.counts[outcome] > 0),
  );
  const rows = sums.map((sum) => [
    safeText(sum.name),
    formatCount(sum.objects),
    formatCount(sum.counts.read),
    "=",
    ...shown.map((outcome) => count(terminal, outcome, sum.counts[outcome])),
    sum.milliseconds === 0
      ? ""
      : `${formatCount(Math.round((sum.counts.read * 1000) / Math.max(1, sum.milliseconds)))}`,
  ]);
  const head = ["table", "objects", "read", "=", ...shown, "rows/s"].map((name) => tone(terminal, "dim", name));
  const right = head.map((_, i) => i).filter((i) => i > 0 && i !== 3);
  return renderTable(head, rows, right);
}

function count(terminal: Terminal, outcome: string, value: number): string {
  const text = formatCount(value);
  if (value === 0) return tone(terminal, "dim", text);
  return outcome === "rejected" ? tone(terminal, "warn", text) : text;
}

function summaryLine(report: RunReport, tables: readonly TableReport[]): string {
  const objects = tables.flatMap((table) => table.objects);
  const counts = sumCounts(objects);
  const sum = outcomes.reduce((total, outcome) => total + counts[outcome], 0);
  const bytes = objects.reduce((total, object) => total + object.bytes, 0);
  const balance = sum === counts.read ? "every record accounted for" : `${counts.read - sum} records UNACCOUNTED FOR`;
  return (
    `${counted(objects.length, "object")} (${formatBytes(bytes)}), ${counted(counts.read, "record")} in ${formatDuration(report.milliseconds)}: ${balance}.` +
    ` Peak memory ${formatBytes(report.peakRssBytes)}. Run ${report.runId}.`
  );
}

function tableNotes(terminal: Terminal, table: TableReport): string[] {
  const parts: string[] = [];
  const rejected = sumCounts(table.objects).rejected;
  if (rejected > 0) {
    const reasons = [...table.reasons].map(([reason, n]) => `${n} ${reason}`).join(", ");
    parts.push(
      `${tone(terminal, "warn", "rejected")}  ${safeText(table.target)}: ${reasons}\n  next   drayage rejects list ${safeText(table.table)}`,
    );
  }
  if (table.repairs.size > 0) {
    const columns = [...table.repairs].map(([column, n]) => `${safeText(column)} ${n}`).join(", ");
    parts.push(
      `repaired  ${safeText(table.target)}: characters that PostgreSQL cannot hold became U+FFFD (${columns})`,
    );
  }
  for (const note of table.notes) parts.push(`note  ${safeText(table.target)}: ${safeText(note)}`);
  if (terminal.verbose && table.constraints.length > 0)
    parts.push(
      [`constraints  ${safeText(table.target)}`, ...table.constraints.map((line) => `  ${safeText(line)}`)].join("\n"),
    );
  return [...parts, ...tableProblems(terminal, table)];
}

/** What `--quiet` leaves: everything that did not load. */
export function problemsText(terminal: Terminal, report: RunReport): string {
  return report.tables.flatMap((table) => tableProblems(terminal, table)).join("\n\n");
}

function tableProblems(terminal: Terminal, table: TableReport): string[] {
  const parts: string[] = [];
  parts.push(
    ...sameErrors(table).map(
      ({ error, more }) =>
        errorText(terminal, error) + (more > 0 ? `\n  and ${counted(more, "more object")} for the same reason` : ""),
    ),
  );
  if (table.waiting.length > 0) {
    const [first] = table.waiting;
    parts.push(
      `${tone(terminal, "bad", first?.code ?? "")}  ${table.waiting.length} ${table.waiting.length === 1 ? "object waits" : "objects wait"} since a failed load: ${safeText(first?.reason ?? "")}\n` +
        `  where  table ${safeText(table.table)}, object ${safeText(first?.key ?? "")}\n  next   mend the cause, then drayage retry ${safeText(table.table)}`,
    );
  }
  if (table.held.length > 0) {
    parts.push(
      `${tone(terminal, "warn", "HELD_ELSEWHERE")}  ${table.held.length === 1 ? "1 object is" : `${formatCount(table.held.length)} objects are`} held: ${safeText(table.held[0]?.reason ?? "")}\n  where  table ${safeText(table.table)}\n  next   the next run takes over what that run leaves`,
    );
  }
  return parts;
}

/** One cause, one message: objects that failed alike are counted. */
function sameErrors(table: TableReport) {
  const groups = new Map<string, { error: TableReport["failures"][number]["error"]; more: number }>();
  for (const { error } of table.failures) {
    const id = `${error.code} ${error.message}`;
    const known = groups.get(id);
    if (known === undefined) groups.set(id, { error, more: 0 });
    else known.more++;
  }
  return [...groups.values()];
}

function unclaimedText(terminal: Terminal, report: RunReport): string {
  const folders = [...report.unclaimed]
    .slice(0, 5)
    .map(([folder, n]) => `${safeText(folder === "" ? "(top level)" : folder)} (${n})`);
  const more = report.unclaimed.size > 5 ? ` and ${report.unclaimed.size - 5} more` : "";
  return `${tone(terminal, "dim", "unclaimed")}  folders that no table reads: ${folders.join(", ")}${more}; add them under tables, or to source.ignore`;
}

export function loadJson(report: RunReport): Record<string, unknown> {
  return {
    format: 1,
    command: "load",
    run_id: Number(report.runId),
    exit: exitOf(report, exitOfCode),
    listed: report.listed,
    ignored: report.ignored,
    unclaimed: Object.fromEntries(report.unclaimed),
    attention: report.attention.map(attentionJson),
    paused: pausedTables(report),
    ...(report.dropped === undefined ? {} : { dropped: report.dropped }),
    milliseconds: Math.round(report.milliseconds),
    peak_rss_bytes: report.peakRssBytes,
    tables: report.tables.map((table) => ({
      table: table.table,
      target: table.target,
      objects: table.objects,
      counts: sumCounts(table.objects),
      rejected_by_reason: Object.fromEntries(table.reasons),
      repairs: Object.fromEntries(table.repairs),
      rows_removed: table.removed,
      objects_superseded: table.superseded,
      settles_at: table.settlesAt?.toISOString(),
      ddl: table.ddl,
      replayed: table.replayed,
      notes: table.notes,
      constraints: table.constraints,
      paused: table.paused,
      failures: table.failures.map(({ key, error }) => ({ key, ...errorJson(error) })),
      waiting: table.waiting,
      held: table.held,
      milliseconds: Math.round(table.milliseconds),
    })),
    counts: sumCounts(report.tables.flatMap((table) => table.objects)),
  };
}
