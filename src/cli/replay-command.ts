/** `drayage rejects replay`: after the fix, the records that could not be loaded are read again and loaded. */
import { DrayageError } from "../errors.ts";
import type { TableReplay } from "../load/replay-report.ts";
import { type ReplayReport, replayExit, runReplay } from "../load/run-replay.ts";
import { formatCount } from "../observe/progress.ts";
import { shellWord } from "../observe/shell-word.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import type { RejectSelection } from "../warehouse/reject-selection.ts";
import { configOf, type GlobalOptions, type Host, terminalOf, withSignals, withSource } from "./context.ts";
import { errorJson, errorText, printTraces } from "./print-error.ts";
import { stateNames, withState } from "./state-session.ts";
import { print, safeText, type Terminal, tone } from "./terminal.ts";
import { whoRuns } from "./watch-run.ts";

export interface SelectionOptions extends GlobalOptions {
  readonly reason?: string;
  readonly object?: string;
  readonly id?: readonly string[];
}

export interface ReplayOptions extends SelectionOptions {
  readonly allowDeletes?: boolean;
}

/** What the options of a command about rejects select; undefined: there is no state schema yet. */
export async function selectionOf(
  host: Host,
  names: readonly string[],
  options: SelectionOptions,
): Promise<RejectSelection | undefined> {
  const { reason, object, id = [] } = options;
  if (id.some((one) => !/^\d{1,18}$/.test(one)))
    throw new DrayageError("USAGE", { message: "A reject's id is a number" });
  const config = configOf(host, options);
  const tables = await withState(config, "rejects", (session) => stateNames(session, config, names));
  return tables === undefined ? undefined : { tables, reason, object, ids: id };
}

export async function runRejectsReplay(host: Host, names: readonly string[], options: ReplayOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const selection = await selectionOf(host, names, options);
  const report: ReplayReport | undefined =
    selection === undefined
      ? undefined
      : await withSignals((signal) =>
          withSource(config, host, (source) =>
            runReplay({
              config,
              source,
              selection,
              ...whoRuns(host),
              allowDeletes: options.allowDeletes === true,
              signal,
            }),
          ),
        );
  const tables = report?.tables ?? [];
  const exit = report === undefined ? 0 : replayExit(report);
  if (terminal.json) {
    const elsewhere = report?.elsewhere ?? 0;
    const body = { run_id: report && Number(report.runId), elsewhere, tables: tables.map(tableJson) };
    host.stdout.write(`${JSON.stringify({ format: 1, command: "rejects replay", exit, ...body }, undefined, 2)}\n`);
  } else {
    const errors = tables.flatMap((table) => table.failures.map(({ error }) => errorText(terminal, error)));
    print(terminal, report === undefined ? "No open rejects." : replayText(terminal, report));
    if (errors.length > 0) host.stderr.write(`${errors.join("\n\n")}\n`);
  }
  printTraces(
    terminal,
    tables.flatMap((table) => table.failures.map(({ error }) => error)),
  );
  return exit;
}

function replayText(terminal: Terminal, { tables, elsewhere }: ReplayReport): string {
  const lines = tables.flatMap((table) => tableLines(terminal, table));
  if (elsewhere > 0) lines.push(`left  ${counted(elsewhere)} of tables or objects that the config reads no more`);
  return lines.length === 0 ? "Nothing to replay: no open reject." : lines.join("\n");
}

function tableLines(terminal: Terminal, table: TableReplay): string[] {
  const { counts, reasons, left, notes } = table;
  const target = safeText(table.target);
  const became = outcomes.filter((outcome) => outcome !== "rejected" && counts[outcome] > 0);
  const words = became.map((outcome) => `${formatCount(counts[outcome])} ${outcome}`);
  const lines = [`replayed  ${target}: ${counted(counts.read)}${words.length === 0 ? "" : `: ${words.join(", ")}`}`];
  if (counts.stale > 0) lines.push("  stale: a newer row of the key is there, and stays");
  if (counts.rejected > 0) {
    const why = [...reasons].map(([reason, n]) => `${formatCount(n)} ${reason}`).join(", ");
    lines.push(
      `${tone(terminal, "warn", "rejected")}  ${target}: again ${why}\n  next   drayage rejects list ${safeText(shellWord(table.table))}`,
    );
  }
  if (left > 0) lines.push(`left  ${target}: ${counted(left)} could not be read again`);
  return [...lines, ...notes.map((note) => `note  ${target}: ${safeText(note)}`)];
}

function counted(count: number): string {
  return `${formatCount(count)} record${count === 1 ? "" : "s"}`;
}

function tableJson({ table, target, counts, reasons, left, ddl, notes, failures }: TableReplay) {
  return {
    table,
    target,
    counts,
    rejected_by_reason: Object.fromEntries(reasons),
    left,
    ddl,
    notes,
    failures: failures.map(({ key, error }) => ({ key, ...errorJson(error) })),
  };
}
