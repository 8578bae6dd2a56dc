/** The summary of a day: when it is due, and what it says. Pure; `now` is a parameter. */
import { type AlertEvent, type EventMaking, momentText, slackText } from "./alert-event.ts";
import type { Attention, AttentionCause, StatusFacts } from "./attention.ts";
import { causeWords, namesText, sharedMessage } from "./attention-group.ts";
import { standingsOf } from "./table-standing.ts";

/** What was loaded in the 24 hours before. */
export interface DayFacts {
  readonly objects: number;
  readonly records: number;
  readonly rejected: number;
}

const namedSubjects = 10;

/** The day whose summary is due, in that zone: from `minutes` after its midnight on. undefined: none is, yet. */
export function summaryDay(now: Date, minutes: number, timezone: string): string | undefined {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: timezone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(now);
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? "";
  const passed = Number(part("hour")) * 60 + Number(part("minute"));
  return passed < minutes ? undefined : `${part("year")}-${part("month")}-${part("day")}`;
}

export function dailyEvent(
  day: string,
  loaded: DayFacts,
  facts: StatusFacts,
  attention: readonly Attention[],
  { source, now, newId }: EventMaking,
): AlertEvent {
  const eventId = newId();
  const standings = standingsOf(facts, attention, now);
  const count = (...words: string[]) => standings.filter(({ standing }) => words.includes(standing)).length;
  const tables = {
    fine: count("fine"),
    quiet: count("quiet", "quieter"),
    attention: count("attention"),
    never: count("never"),
  };
  const byCause = new Map<AttentionCause, Attention[]>();
  for (const one of attention) byCause.set(one.cause, [...(byCause.get(one.cause) ?? []), one]);
  const lines = [
    `drayage daily: ${counted(loaded.objects, "object")}, ${counted(loaded.records, "record")}` +
      `${loaded.rejected === 0 ? "" : `, ${loaded.rejected} rejected`} in 24 h to ${momentText(now)}; ` +
      `tables: ${tables.fine} fine, ${tables.quiet} quiet${tables.never === 0 ? "" : `, ${tables.never} without an object yet`}`,
    attention.length === 0
      ? "Nothing needs attention"
      : `${attention.length} ${attention.length === 1 ? "needs" : "need"} attention:`,
    ...[...byCause].map(([cause, group]) => `• ${causeWords[cause]}: ${namesText(group)}${sharedMessage(group)}`),
    source,
  ];
  const subjects = attention.slice(0, namedSubjects).map(({ cause, code, table, folder, message, command }) => ({
    cause,
    code,
    table,
    folder,
    message,
    next: command,
  }));
  const drayage = {
    format: 1,
    event: "daily",
    event_id: eventId,
    day,
    since: new Date(now.getTime() - 86_400_000).toISOString(),
    until: now.toISOString(),
    ...loaded,
    tables,
    count: attention.length,
    subjects,
    source,
  };
  return {
    eventId,
    kind: "daily",
    cause: undefined,
    code: undefined,
    day,
    body: { text: slackText(lines), drayage },
  };
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}
