/** What did not come in time: the source as a whole first, then tables that somebody expects, never the merely quiet. */
import type { Attention, StatusFacts, TableFacts } from "./attention.ts";
import { shellWord } from "./shell-word.ts";
import { everyText, usualText } from "./span-text.ts";

/**
 * One cause, one attention: while the source is late, a table is late only when it was so before the last object of any table
 * came. A table with nothing asked of it is never late, however quiet.
 */
export function latenessOf(facts: StatusFacts, now: Date): Attention[] {
  const tables = facts.tables.filter((table) => table.configured);
  const source = sourceLateness(facts, now);
  const lastObjectAt = latest(facts.tables.map((table) => table.lastObjectAt));
  const judgedAt = source === undefined || lastObjectAt === undefined ? now : lastObjectAt;
  const late = tables.flatMap((table) => {
    const since = lateSince(table, facts.source.firstRunAt);
    return since === undefined || since >= judgedAt || table.paused !== undefined ? [] : [tableLateness(table, since)];
  });
  return source === undefined ? late : [source, ...late];
}

/** The moment from which the table is late if nothing more comes; undefined: nothing is asked of it. */
export function lateSince(table: TableFacts, firstRunAt: Date | undefined): Date | undefined {
  const { expectEveryMs, lateAfterMs, usualEveryMs, lastObjectAt } = table;
  // A learned cadence is held against a table only where late_after asks for it.
  const every = expectEveryMs ?? (lateAfterMs === undefined ? undefined : usualEveryMs);
  const from = lastObjectAt ?? firstRunAt;
  if (every === undefined || from === undefined) return undefined;
  return new Date(from.getTime() + every + (lateAfterMs ?? every / 2));
}

function sourceLateness({ source, tables }: StatusFacts, now: Date): Attention | undefined {
  const last = latest(tables.map((table) => table.lastObjectAt));
  // A source that never delivered is being set up.
  if (last === undefined) return undefined;
  const { expectEveryMs, listedAt } = source;
  const age = (time: Date) => now.getTime() - time.getTime();
  if (age(last) <= expectEveryMs) return undefined;
  // Objects may lie there, unseen: then it is drayage that is late, not DMS.
  if (listedAt !== undefined && age(listedAt) > expectEveryMs)
    return {
      cause: "late_source",
      code: "unlisted",
      since: listedAt,
      message: "No run has listed the source in time: see the schedule",
      command: "drayage load",
    };
  return {
    cause: "late_source",
    code: "silent",
    since: last,
    message: `No object of any table came in time, expected ${everyText(expectEveryMs)}: see the DMS tasks`,
    command: "drayage history",
  };
}

function tableLateness({ table, expectEveryMs, usualEveryMs, lastObjectAt }: TableFacts, since: Date): Attention {
  const expected =
    expectEveryMs === undefined ? `usually ${usualText(usualEveryMs ?? 0)}` : `expected ${everyText(expectEveryMs)}`;
  return {
    cause: "late_table",
    table,
    since: lastObjectAt ?? since,
    message: lastObjectAt === undefined ? `Never got an object, ${expected}` : `Got no object in time, ${expected}`,
    command: `drayage history ${shellWord(table)}`,
  };
}

function latest(times: readonly (Date | undefined)[]): Date | undefined {
  let best: Date | undefined;
  for (const time of times) if (time !== undefined && (best === undefined || time > best)) best = time;
  return best;
}
