/** `drayage mark`: objects are final, or open again, because somebody says so. Nothing is loaded and nothing is taken back. */
import { DrayageError } from "../errors.ts";
import { type Marked, markObjects } from "../load/mark-objects.ts";
import { formatCount } from "../observe/progress.ts";
import type { Mark } from "../warehouse/marks.ts";
import { configOf, type GlobalOptions, type Host, terminalOf, withSource } from "./context.ts";
import { parseMoment } from "./moment.ts";
import { print, safeText } from "./terminal.ts";
import { wantedTables } from "./wanted-tables.ts";

export interface MarkOptions extends GlobalOptions {
  readonly object?: readonly string[];
  readonly before?: string;
}

/** Above so many somebody has to say yes. */
const askedAbove = 1000;

export async function runMark(host: Host, mark: Mark, name: string, options: MarkOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  if ((options.object === undefined) === (options.before === undefined))
    throw new DrayageError("USAGE", {
      message: "It is not said which objects",
      next: "Give exactly one of --object KEY... and --before TIME.",
    });
  const before = options.before === undefined ? undefined : parseMoment(options.before, new Date());
  const config = configOf(host, options);
  const wanted = wantedTables(config, [name]);
  if (wanted === undefined) throw new DrayageError("USAGE", { message: "mark needs a table" });
  const marked = await withSource(config, host, (source) =>
    markObjects({
      config,
      source,
      wanted,
      mark,
      names: options.object ?? [],
      before,
      confirm: (objects) => {
        if (objects <= askedAbove || options.yes === true) return;
        throw new DrayageError("USAGE", {
          message: `${formatCount(objects)} objects would be marked ${mark}: above ${formatCount(askedAbove)} somebody has to say so`,
          next: "Give --yes, or name fewer.",
        });
      },
    }),
  );
  const exit = marked.held > 0 ? 4 : 0;
  if (terminal.json)
    host.stdout.write(`${JSON.stringify({ format: 1, command: "mark", exit, mark, ...marked }, undefined, 2)}\n`);
  else print(terminal, markedText(mark, marked));
  return exit;
}

function markedText(mark: Mark, { table, target, changed, held, unchanged }: Marked): string {
  const then =
    mark === "pending"
      ? "the next load takes them"
      : mark === "loaded"
        ? "no load takes them any more; nothing was read"
        : "no load takes them; nothing of them is in the table by this";
  const lines = [`${safeText(target)}: ${counted(changed)} marked ${mark}${changed === 0 ? "" : `: ${then}`}.`];
  if (unchanged > 0)
    lines.push(`  ${counted(unchanged)} left: ${mark === "pending" ? "open already" : "final already"}`);
  if (held > 0) lines.push(`  ${counted(held)} left: a run has them now`);
  if (changed > 0) {
    const undo = mark === "pending" ? "loaded" : "pending";
    lines.push(`  the way back: drayage mark ${undo} ${safeText(table)} with the same objects`);
  }
  return lines.join("\n");
}

function counted(count: number): string {
  return `${formatCount(count)} object${count === 1 ? "" : "s"}`;
}
