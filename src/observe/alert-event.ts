/** What is sent: bodies that Slack shows and programs read, their text fit for the notification of a phone. Never a cell value. */

import { isAttentionCause } from "./attention.ts";
import { causeWords, namesText, oldestOf, sharedCommand, sharedMessage } from "./attention-group.ts";
import type { Alert } from "./compare-alerts.ts";
import { spanText } from "./span-text.ts";

export interface AlertEvent {
  readonly eventId: string;
  readonly kind: "raised" | "cleared" | "daily";
  readonly cause: string | undefined;
  readonly code: string | undefined;
  /** Of a summary: the day, `2026-03-01`. */
  readonly day: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface EventMaking {
  /** source.url: which of several drayages speaks. */
  readonly source: string;
  readonly now: Date;
  /** A new uuid at each call. */
  readonly newId: () => string;
}

/** An alert that is over, as it was told. */
export interface EndedAlert {
  readonly cause: string;
  readonly code: string | undefined;
  readonly place: string;
  readonly table: string | undefined;
  readonly folder: string | undefined;
  readonly message: string;
  readonly since: Date | undefined;
  readonly raisedAt: Date;
}

/** Three hundred tables of one cause and code are one message, with this many names. */
const namedSubjects = 10;

/** One event for each cause and code. */
export function raisedEvents(alerts: readonly Alert[], making: EventMaking): AlertEvent[] {
  return groups(alerts).map((group) => {
    const since = oldestOf(group);
    const next = sharedCommand(group);
    const lines = [
      `drayage ${causeWords[group[0].cause]}: ${namesText(group)}${sharedMessage(group)}`,
      `${since === undefined ? "" : `Since ${momentText(since)}. `}${making.source}`,
      `Next: ${next}`,
    ];
    const subjects = group.slice(0, namedSubjects).map((one) => ({
      ...subjectOf(one),
      message: one.message,
      next: one.command,
    }));
    return eventOf("raised", group, lines, { since: since?.toISOString(), subjects }, making);
  });
}

/** One event for each cause and code. */
export function clearedEvents(alerts: readonly EndedAlert[], making: EventMaking): AlertEvent[] {
  return groups(alerts).map((group) => {
    const began = group.map((one) => ({ since: one.since ?? one.raisedAt }));
    const since = oldestOf(began) ?? making.now;
    const { cause, message } = group[0];
    const what = group.length === 1 ? message : countedText(group);
    const word = isAttentionCause(cause) ? causeWords[cause] : cause;
    const lines = [
      `drayage over (${word}): ${namesText(group)}${what}`,
      `Began ${momentText(since)}, ${spanText(making.now.getTime() - since.getTime())} ago. ${making.source}`,
    ];
    const subjects = group.slice(0, namedSubjects).map((one) => ({ ...subjectOf(one), message: one.message }));
    return eventOf("cleared", group, lines, { since: since.toISOString(), subjects }, making);
  });
}

type Group<A> = readonly [A, ...A[]];

function groups<A extends { readonly cause: string; readonly code?: string | undefined }>(
  alerts: readonly A[],
): Group<A>[] {
  const found = new Map<string, [A, ...A[]]>();
  for (const one of alerts) {
    const id = `${one.cause} ${one.code ?? ""}`;
    const group = found.get(id);
    if (group === undefined) found.set(id, [one]);
    else group.push(one);
  }
  return [...found.values()];
}

interface Place {
  readonly place: string;
  readonly table?: string | undefined;
  readonly folder?: string | undefined;
}

function subjectOf({ place, table, folder }: Place): Record<string, string> {
  if (table !== undefined) return { table };
  if (folder !== undefined) return { folder };
  return place.startsWith("run ") ? { run: place.slice(4) } : {};
}

function countedText(group: Group<EndedAlert>): string {
  const tables = group.filter(({ table }) => table !== undefined).length;
  const noun =
    tables === group.length ? "tables" : tables === 0 && group[0].folder !== undefined ? "folders" : "alerts";
  return `${group.length} ${noun}${group[0].code === undefined ? "" : `, ${group[0].code}`}`;
}

function eventOf(
  kind: "raised" | "cleared",
  group: Group<{ readonly cause: string; readonly code?: string | undefined }>,
  lines: readonly string[],
  more: Readonly<Record<string, unknown>>,
  { source, newId }: EventMaking,
): AlertEvent {
  const eventId = newId();
  const { cause, code } = group[0];
  const drayage = { format: 1, event: kind, event_id: eventId, cause, code, count: group.length, ...more, source };
  return { eventId, kind, cause, code, day: undefined, body: { text: slackText(lines), drayage } };
}

/**
 * Names come from strangers: `<!channel>` as the name of a folder would call everybody, and a control character move a terminal's
 * cursor. Slack's three escapes are all that it asks for.
 */
export function slackText(lines: readonly string[]): string {
  return lines
    .map((line) => line.replaceAll(/\p{Cc}+/gu, " "))
    .join("\n")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** `2026-03-01 10:05 UTC` */
export function momentText(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
