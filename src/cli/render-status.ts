/** How status looks: what needs somebody, then the rest in a line. */
import type { Attention, StatusFacts, TableFacts } from "../observe/attention.ts";
import { formatCount } from "../observe/progress.ts";
import { agoText } from "../observe/span-text.ts";
import { cadenceText, type Standing, standingsOf } from "../observe/table-standing.ts";
import { attentionJson, attentionText } from "./render-attention.ts";
import { renderTable, safeText, type Terminal, tone } from "./terminal.ts";

/** What status is about to show. `named`: the tables that the command line names; undefined: all. */
export interface StatusNow {
  readonly facts: StatusFacts;
  readonly attention: readonly Attention[];
  readonly now: Date;
  readonly named: ReadonlySet<string> | undefined;
}

/** Quieter than usual: this many are named. */
const quieterNamed = 5;

export function statusText(terminal: Terminal, status: StatusNow): string {
  const { attention, now, named } = status;
  const standings = shownStandings(status);
  const parts = [attention.length === 0 ? "" : attentionText(terminal, attention, now)];
  if (named !== undefined)
    parts.push(
      tablesText(
        terminal,
        standings.map(({ table }) => table),
        now,
      ),
    );
  else
    parts.push(
      quieterText(
        terminal,
        standings.filter(({ standing }) => standing === "quieter").map(({ table }) => table),
        now,
      ),
    );
  parts.push(repairsLine(terminal, status));
  parts.push(restLine(terminal, standings, attention.length === 0));
  return parts.filter((part) => part !== "").join("\n\n");
}

function shownStandings({ facts, attention, now, named }: StatusNow) {
  return standingsOf(facts, attention, now).filter(({ table }) => named === undefined || named.has(table.table));
}

/** Columns that are named with their repairs. */
const repairedNamed = 5;

function repairsLine(terminal: Terminal, status: StatusNow): string {
  const repairs = shownRepairs(status);
  if (repairs.length === 0) return "";
  const shown = repairs.toSorted((a, b) => b.count - a.count).slice(0, repairedNamed);
  const words = shown.map(({ table, column, count }) => `${safeText(`${table}.${column}`)} ${formatCount(count)}`);
  const more = repairs.length > shown.length ? ` and ${repairs.length - shown.length} more columns` : "";
  const what = "characters that PostgreSQL cannot hold became U+FFFD in the last 24 h";
  return `${tone(terminal, "dim", "repaired")}   ${words.join(", ")}${more}: ${what}`;
}

function shownRepairs({ facts, named }: StatusNow) {
  return (facts.repairs ?? []).filter(({ table }) => named === undefined || named.has(table));
}

/** "281 fine, 12 quiet as usual" */
function restLine(terminal: Terminal, standings: readonly { readonly standing: Standing }[], calm: boolean): string {
  const count = (standing: Standing) => standings.filter((one) => one.standing === standing).length;
  const words: readonly [count: number, words: string][] = [
    [count("fine"), "fine"],
    [count("quiet"), "quiet as usual"],
    [count("quieter"), "quieter than usual"],
    [count("never"), "without an object yet"],
  ];
  const said = words.filter(([n]) => n > 0).map(([n, what]) => `${formatCount(n)} ${what}`);
  if (said.length === 0) return calm ? "Nothing needs attention." : "";
  return tone(
    terminal,
    calm ? "good" : "dim",
    `${calm ? "Nothing needs attention: " : "The rest: "}${said.join(", ")}.`,
  );
}

function quieterText(terminal: Terminal, tables: readonly TableFacts[], now: Date): string {
  const lines = tables
    .slice(0, quieterNamed)
    .map((table) => `${tone(terminal, "dim", "quiet")}      ${safeText(table.table)}: ${cadenceText(table, now)}`);
  const more = tables.length - lines.length;
  if (more > 0) lines.push(`${tone(terminal, "dim", "quiet")}      ${more} more are quieter than usual`);
  return lines.join("\n");
}

function tablesText(terminal: Terminal, tables: readonly TableFacts[], now: Date): string {
  if (tables.length === 0) return "";
  return renderTable(
    ["table", "last object", "last loaded"].map((name) => tone(terminal, "dim", name)),
    tables.map((table) => [
      safeText(table.table),
      cadenceText(table, now),
      table.lastLoadedAt === undefined ? "" : agoText(table.lastLoadedAt, now),
    ]),
  );
}

export function statusJson(status: StatusNow, exit: number): Record<string, unknown> {
  const seconds = (milliseconds: number | undefined) => (milliseconds === undefined ? undefined : milliseconds / 1000);
  return {
    format: 1,
    command: "status",
    exit,
    at: status.now.toISOString(),
    listed_at: status.facts.source.listedAt?.toISOString(),
    attention: status.attention.map(attentionJson),
    tables: shownStandings(status).map(({ table, standing }) => ({
      table: table.table,
      standing,
      last_object_at: table.lastObjectAt?.toISOString(),
      last_loaded_at: table.lastLoadedAt?.toISOString(),
      expect_every_seconds: seconds(table.expectEveryMs),
      usual_every_seconds: seconds(table.usualEveryMs),
      failed_objects: table.failed?.objects ?? 0,
      open_rejects: table.rejects?.records ?? 0,
      paused: table.paused !== undefined,
      repairs: Object.fromEntries(
        shownRepairs(status).flatMap((one) => (one.table === table.table ? [[one.column, one.count]] : [])),
      ),
    })),
  };
}
