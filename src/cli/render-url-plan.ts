/** A plan of a URL as text: what was found, each table's columns and dialect, and what to do next. */
import type { HeadPlan } from "../load/plan-heads.ts";
import type { UrlPlan } from "../load/plan-url.ts";
import type { TableFolder } from "../load/table-folders.ts";
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { shellWord } from "../observe/shell-word.ts";
import { errorText } from "./print-error.ts";
import { columnsText, counted, indent, proposalText, type Samples, tableJson } from "./render-plan.ts";
import { renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export function urlPlanText(terminal: Terminal, plan: UrlPlan, samples: Samples): string {
  const parts = plan.found.length > 1 ? [foundText(terminal, plan)] : [];
  for (const table of plan.tables) parts.push(tableText(terminal, table, samples));
  const rest = plan.found.length - plan.tables.length;
  if (rest > 0)
    parts.push(`${counted(rest, "more table")}, not planned here: give the URL of one, or --full for all of them.`);
  parts.push(...strangers(terminal, plan));
  const nameless = plan.tables.some(({ plan: { errors } }) => errors.some(({ code }) => code === "HEADER_UNKNOWN"));
  parts.push(
    `${tone(terminal, "good", "next")}   drayage init ${safeText(shellWord(plan.url))}${nameless ? " --columns FILE   (names for tables without a header: docs/quickstart.md)" : ""}`,
  );
  const stopped = plan.whole ? "" : " The listing was stopped there: more lies below.";
  parts.push(
    tone(
      terminal,
      "dim",
      `${counted(plan.listed, "object")} listed, ${formatBytes(plan.bytes)} read in ${formatDuration(plan.milliseconds)}; no config, no warehouse, nothing was changed.${stopped}`,
    ),
  );
  return parts.join("\n\n");
}

/** More folders than a screen has lines tell less than their number. */
const mostListed = 30;

function foundText(terminal: Terminal, { found, url }: UrlPlan): string {
  const head = ["folder", "full load", "changes", "size"].map((name) => tone(terminal, "dim", name));
  const rows = found
    .slice(0, mostListed)
    .map(({ folder, fullLoads, changes, bytes }) => [
      safeText(folder),
      formatCount(fullLoads),
      formatCount(changes),
      formatBytes(bytes),
    ]);
  const more = found.length - mostListed;
  return [
    `${tone(terminal, "strong", safeText(url))}  ${counted(found.length, "table")}, ${formatBytes(sizeOf(found))}`,
    indent(renderTable(head, rows, [1, 2, 3])),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ].join("\n");
}

function sizeOf(found: readonly TableFolder[]): number {
  return found.reduce((sum, { bytes }) => sum + bytes, 0);
}

function tableText(terminal: Terminal, { folder, plan, key }: HeadPlan, samples: Samples): string {
  const { fullLoads, changes, bytes } = plan.objects;
  const title = `${tone(terminal, "strong", safeText(folder))}  ${formatCount(fullLoads)} full-load and ${counted(changes, "change object")}, ${formatBytes(bytes)}`;
  const parts = [
    `${title}\n  read ${counted(plan.read.records, "record")} at the head of ${counted(plan.read.objects, "object")}`,
  ];
  if (plan.dialect.length > 0)
    parts.push(
      `  ${tone(terminal, "dim", "dialect")}\n${plan.dialect.map((line) => `    ${safeText(line)}`).join("\n")}`,
    );
  if (plan.columns.length > 0) parts.push(columnsText(terminal, plan, samples));
  if (plan.columns.length > 0) parts.push(`  ${keyText(terminal, { plan, key })}`);
  if (plan.counts.read > 0) parts.push(`  ${rejectText(terminal, plan)}`);
  if (plan.proposals.length > 0) parts.push(proposalText(terminal, plan));
  for (const error of plan.errors) parts.push(indent(errorText(terminal, error)));
  return parts.join("\n\n");
}

function keyText(terminal: Terminal, { plan, key }: Pick<HeadPlan, "plan" | "key">): string {
  const label = tone(terminal, "dim", "key");
  if (key !== undefined) return `${label}  ${safeText(key.key.join(", "))}: ${key.why}`;
  if (plan.key.length > 0) return `${label}  ${safeText(plan.key.join(", "))}: by it documents are told apart`;
  return `${label}  ${tone(terminal, "warn", "not clear from these records")}: the config has to name it (primary_key)`;
}

function rejectText(terminal: Terminal, { counts, rejects }: HeadPlan["plan"]): string {
  const found = [...rejects].map(([reason, n]) => `${n} ${safeText(reason)}`);
  const line =
    found.length === 0
      ? `of ${counted(counts.read, "record")} none would be rejected by its structure`
      : `${tone(terminal, "warn", "rejects expected")} of ${counted(counts.read, "record")}: ${found.join(", ")}`;
  return `${line}\n  ${tone(terminal, "dim", "not tried without a warehouse: casts, constraints, what is stored already")}`;
}

function strangers(terminal: Terminal, { others }: UrlPlan): string[] {
  if (others.size === 0) return [];
  const folders = [...others]
    .slice(0, 5)
    .map(([folder, count]) => `${folder === "" ? "(top)" : safeText(folder)} ${count}`);
  return [`${tone(terminal, "dim", "other objects")}  not named as DMS names them: ${folders.join(", ")}`];
}

export function urlPlanJson(plan: UrlPlan, exit: number, samples: Samples): Record<string, unknown> {
  return {
    format: 1,
    command: "plan",
    exit,
    url: plan.url,
    listed: plan.listed,
    whole: plan.whole,
    bytesRead: plan.bytes,
    milliseconds: Math.round(plan.milliseconds),
    others: Object.fromEntries(plan.others),
    notTried: ["casts", "constraints", "stored rows"],
    found: plan.found.map(({ folder, fullLoads, changes, bytes }) => ({ folder, fullLoads, changes, bytes })),
    tables: plan.tables.map(({ folder, plan: table, key }) => ({
      folder,
      proposedKey: key,
      ...tableJson(table, samples),
    })),
  };
}
