/** What needs somebody, each with what mends it: for status and for the end of a load. */
import type { Attention, AttentionCause } from "../observe/attention.ts";
import { shellWord } from "../observe/shell-word.ts";
import { agoText } from "../observe/span-text.ts";
import { safeText, type Terminal, type Tone, tone } from "./terminal.ts";

const words: Readonly<Record<AttentionCause, readonly [word: string, tone: Tone]>> = {
  failed: ["failed", "bad"],
  late_source: ["late", "bad"],
  late_table: ["late", "bad"],
  decision: ["waits", "warn"],
  new_generation: ["reloaded", "warn"],
  held: ["held", "warn"],
  lost_run: ["lost", "warn"],
  paused: ["paused", "warn"],
  rejects: ["rejected", "warn"],
  unclaimed: ["unclaimed", "dim"],
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
  const what = sharedMessage(group);
  const oldest = group.reduce<Date | undefined>(
    (best, { since }) => (since !== undefined && (best === undefined || since < best) ? since : best),
    undefined,
  );
  const since = oldest === undefined ? "" : tone(terminal, "dim", ` (the first ${agoText(oldest, now)})`);
  const place = first.table === undefined ? (first.folder ?? "") : first.table;
  const command = place === "" ? first.command : generic(first.command, place, first.table !== undefined);
  return (
    `${label(terminal, first.cause)}${names.slice(0, namesInOneLine).join(", ")}${more}: ${safeText(what)}${since}\n` +
    `  next     ${safeText(command)}`
  );
}

/** Messages that differ in their number alone are added up. */
function sharedMessage(group: readonly Attention[]): string {
  if (group[0]?.cause === "unclaimed") return "No table reads these folders";
  const plain = (message: string) => message.replace(/^\d+ (object|record)s?( was| were)?/, "$1");
  const largest = group.reduce((best, one) => ((one.count ?? 0) > (best.count ?? 0) ? one : best));
  const counted = /^\d+ /.test(largest.message);
  const sum = group.reduce((total, one) => total + (one.count ?? 0), 0);
  const message = counted
    ? largest.message.replace(
        /^\d+ (object|record)s?( was| were)?/,
        (_, noun: string, verb = "") => `${sum} ${noun}s${verb === "" ? "" : " were"}`,
      )
    : largest.message;
  const alike = group.every((one) => plain(one.message) === plain(largest.message));
  return alike ? message : `${message}, and others`;
}

/** The same command for any of them. */
function generic(command: string, name: string, isTable: boolean): string {
  const [base = command] = command.split(" --object ");
  return isTable ? base.replace(` ${shellWord(name)}`, " TABLE") : base.replace(JSON.stringify(name), "each");
}

function label(terminal: Terminal, cause: AttentionCause): string {
  const [word, kind] = words[cause];
  return `${tone(terminal, kind, word)}${" ".repeat(Math.max(2, 11 - word.length))}`;
}

export function attentionJson(one: Attention): Record<string, unknown> {
  return {
    cause: one.cause,
    table: one.table,
    folder: one.folder,
    since: one.since?.toISOString(),
    count: one.count,
    message: one.message,
    command: one.command,
  };
}
