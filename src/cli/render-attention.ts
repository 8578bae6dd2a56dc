/** What needs somebody, each with what mends it: for status and for the end of a load. */
import type { Attention, AttentionCause } from "../observe/attention.ts";
import { causeWords, oldestOf, sharedCommand, sharedMessage } from "../observe/attention-group.ts";
import { agoText } from "../observe/span-text.ts";
import { safeText, type Terminal, type Tone, tone } from "./terminal.ts";

const tones: Readonly<Record<AttentionCause, Tone>> = {
  failed: "bad",
  late_source: "bad",
  late_table: "bad",
  decision: "warn",
  new_generation: "warn",
  held: "warn",
  lost_run: "warn",
  paused: "warn",
  backfill: "warn",
  rejects: "warn",
  rescued: "warn",
  unclaimed: "dim",
  alerts: "warn",
};

/** Of one cause, this many are listed; more become one line with their names. */
const listedOfOneCause = 4;
const namesInOneLine = 5;

export function attentionText(terminal: Terminal, attention: readonly Attention[], now: Date): string {
  const byCause = new Map<AttentionCause, Attention[]>();
  for (const one of attention) {
    const group = byCause.get(one.cause);
    if (group === undefined) byCause.set(one.cause, [one]);
    else group.push(one);
  }
  const parts = [...byCause.values()].flatMap((group) =>
    group.length <= listedOfOneCause
      ? group.map((one) => oneText(terminal, one, now))
      : [manyText(terminal, group, now)],
  );
  return parts.join("\n");
}

function oneText(terminal: Terminal, one: Attention, now: Date): string {
  const about = one.table ?? one.folder;
  const subject = about === undefined ? "" : `${safeText(about === "" ? "(top level)" : about)}: `;
  const since = one.since === undefined ? "" : tone(terminal, "dim", ` (${agoText(one.since, now)})`);
  return `${label(terminal, one.cause)}${subject}${safeText(one.message)}${since}\n  next     ${safeText(one.command)}`;
}

/** Three hundred tables that failed for one reason are one thing to read. */
function manyText(terminal: Terminal, group: readonly Attention[], now: Date): string {
  const [first] = group;
  if (first === undefined) return "";
  const names = group.map((one) => one.table ?? one.folder ?? "").map((name) => safeText(name || "(top level)"));
  const more = names.length > namesInOneLine ? ` and ${names.length - namesInOneLine} more` : "";
  const oldest = oldestOf(group);
  const since = oldest === undefined ? "" : tone(terminal, "dim", ` (the first ${agoText(oldest, now)})`);
  return (
    `${label(terminal, first.cause)}${names.slice(0, namesInOneLine).join(", ")}${more}: ${safeText(sharedMessage(group))}${since}\n` +
    `  next     ${safeText(sharedCommand(group))}`
  );
}

function label(terminal: Terminal, cause: AttentionCause): string {
  const word = causeWords[cause];
  return `${tone(terminal, tones[cause], word)}${" ".repeat(Math.max(2, 11 - word.length))}`;
}

export function attentionJson(one: Attention): Record<string, unknown> {
  return {
    cause: one.cause,
    table: one.table,
    folder: one.folder,
    run: one.run,
    code: one.code,
    since: one.since?.toISOString(),
    count: one.count,
    message: one.message,
    command: one.command,
  };
}
