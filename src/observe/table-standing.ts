/** How the tables that need nobody are doing: one word each, counted in one line. */
import type { Attention, StatusFacts, TableFacts } from "./attention.ts";
import { agoText, everyText, usualText } from "./span-text.ts";

/** `quieter`: than is usual for it; shown, and nobody's duty. `never`: no object of it was ever seen. */
export type Standing = "attention" | "fine" | "quiet" | "quieter" | "never";

/** A gap this many times the usual one is worth a line. */
const quieterBy = 3;

/** Of the tables that the config reads. */
export function standingsOf(
  facts: StatusFacts,
  attention: readonly Attention[],
  now: Date,
): { readonly table: TableFacts; readonly standing: Standing }[] {
  const needy = new Set(attention.map((one) => one.table));
  const dead = attention.some((one) => one.cause === "late_source");
  return facts.tables
    .filter((table) => table.configured)
    .map((table) => ({
      table,
      standing: needy.has(table.table) ? "attention" : standingOf(table, facts.source.expectEveryMs, dead, now),
    }));
}

function standingOf(table: TableFacts, sourceEveryMs: number, sourceIsLate: boolean, now: Date): Standing {
  if (table.lastObjectAt === undefined) return "never";
  const age = now.getTime() - table.lastObjectAt.getTime();
  if (age <= sourceEveryMs) return "fine";
  const quieter = table.usualEveryMs !== undefined && age > quieterBy * table.usualEveryMs;
  // While nothing at all comes, each table's silence has that one cause.
  return quieter && !sourceIsLate ? "quieter" : "quiet";
}

/** "usually hourly, 5 h ago" */
export function cadenceText(table: TableFacts, now: Date): string {
  const usual =
    table.expectEveryMs !== undefined
      ? `expected ${everyText(table.expectEveryMs)}`
      : table.usualEveryMs === undefined
        ? ""
        : `usually ${usualText(table.usualEveryMs)}`;
  const last = table.lastObjectAt === undefined ? "no object yet" : agoText(table.lastObjectAt, now);
  return usual === "" ? last : `${usual}, ${last}`;
}
