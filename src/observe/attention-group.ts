/** Many of one cause are one thing to read: their words, their sentence, the command for any of them. */
import type { Attention, AttentionCause } from "./attention.ts";
import { shellWord } from "./shell-word.ts";

/** The word by which people know a cause. */
export const causeWords: Readonly<Record<AttentionCause, string>> = {
  failed: "failed",
  late_source: "late",
  late_table: "late",
  decision: "waits",
  new_generation: "reloaded",
  held: "held",
  lost_run: "lost",
  paused: "paused",
  backfill: "backfill",
  rejects: "rejected",
  rescued: "rescued",
  unclaimed: "unclaimed",
  alerts: "alerts",
};

export type Saying = Pick<Attention, "cause" | "count" | "message">;

export function oldestOf(group: readonly Pick<Attention, "since">[]): Date | undefined {
  let best: Date | undefined;
  for (const { since } of group) if (since !== undefined && (best === undefined || since < best)) best = since;
  return best;
}

const namesInOneLine = 5;

/** `orders, clicks and 298 more: `; nothing when it concerns everything. */
export function namesText(group: readonly Pick<Attention, "table" | "folder">[]): string {
  const names = group.flatMap(({ table, folder }) => (table ?? (folder === "" ? "(top level)" : folder)) || []);
  const more = names.length - namesInOneLine;
  if (names.length === 0) return "";
  return `${names.slice(0, namesInOneLine).join(", ")}${more > 0 ? ` and ${more} more` : ""}: `;
}

/** As it stands when there is one; else with a word in the place of the name. */
export function sharedCommand(group: readonly Pick<Attention, "table" | "folder" | "command">[]): string {
  const [first] = group;
  if (first === undefined) return "";
  const place = first.table ?? first.folder ?? "";
  if (group.length === 1 || place === "") return first.command;
  return generic(first.command, place, first.table !== undefined);
}

/** Messages that differ in their number alone are added up. */
export function sharedMessage(group: readonly Saying[]): string {
  const [first] = group;
  if (first === undefined || group.length === 1) return first?.message ?? "";
  if (first.cause === "unclaimed") return "No table reads these folders";
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

/** The same command for any of them. An object that is named is tried again whatever its failure was: of whole tables, `retry` does that. */
function generic(command: string, name: string, isTable: boolean): string {
  const [base = command, object] = command.split(" --object ");
  const whole = object === undefined ? base : base.replace(/^drayage load /, "drayage retry ");
  return isTable ? whole.replace(` ${shellWord(name)}`, " TABLE") : whole.replace(JSON.stringify(name), "each");
}
