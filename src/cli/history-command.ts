/** `drayage history`: objects and runs, and what became of them. */
import { formatBytes, formatCount, formatDuration } from "../observe/progress.ts";
import { type HistoryRow, type RunRow, readHistory, readRuns } from "../warehouse/history-rows.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { parseMoment } from "./moment.ts";
import { stateNames, withState } from "./state-session.ts";
import { printResult, renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export interface HistoryOptions extends GlobalOptions {
  readonly limit?: number;
  readonly runs?: boolean;
  readonly status?: string;
  readonly since?: string;
  readonly object?: string;
}

export async function runHistory(host: Host, names: readonly string[], options: HistoryOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const limit = options.limit ?? 30;
  const since = options.since === undefined ? undefined : parseMoment(options.since, new Date());
  const key = options.object === undefined ? undefined : keyPattern(options.object);
  const found = await withState(config, "history", async (session) => {
    const { stateSchema } = config.warehouse;
    if (options.runs === true) return { runs: await readRuns(session, stateSchema, limit, since), objects: [] };
    const tables = await stateNames(session, config, names);
    const filter = { tables, status: options.status, since, key, limit };
    return { runs: [], objects: await readHistory(session, stateSchema, filter) };
  });
  const { runs, objects } = found ?? { runs: [], objects: [] };
  if (terminal.json) {
    const body = options.runs === true ? { runs } : { objects };
    host.stdout.write(`${JSON.stringify({ format: 1, command: "history", exit: 0, ...body }, undefined, 2)}\n`);
  } else if (runs.length > 0) printResult(terminal, runsTable(terminal, runs));
  else if (objects.length > 0) printResult(terminal, objectsTable(terminal, objects));
  else
    printResult(
      terminal,
      found === undefined
        ? "Nothing was ever loaded: there is no state schema yet. Run `drayage load`."
        : "Nothing found.",
    );
  return 0;
}

/** A glob over whole keys; `*` stops at no slash, since a key is one name to whoever types it. */
function keyPattern(glob: string): string {
  const source = glob
    .replaceAll(/[\\^$.+()[\]{}|]/g, "\\$&")
    .replaceAll(/\*+/g, ".*")
    .replaceAll("?", ".");
  return `^${source}$`;
}

function when(time: Date | null): string {
  return time === null ? "" : time.toISOString().slice(0, 19).replace("T", " ");
}

function objectsTable(terminal: Terminal, rows: readonly HistoryRow[]): string {
  // Outcomes that no listed object had say nothing.
  const shown = outcomes.filter((outcome) => rows.some((row) => Number(row[`rows_${outcome}`] ?? 0) > 0));
  const head = ["finished (UTC)", "table", "object", "status", "read", ...shown, "size"];
  return renderTable(
    head.map((name) => tone(terminal, "dim", name)),
    rows.map((row) => [
      when(row.finished_at),
      safeText(row.table_name),
      safeText(row.key),
      status(terminal, row),
      ...[row.rows_read, ...shown.map((outcome) => row[`rows_${outcome}`])].map((count) =>
        count === null ? "" : formatCount(Number(count)),
      ),
      formatBytes(Number(row.size)),
    ]),
    head.map((_, i) => i).filter((i) => i > 3),
  );
}

function status(terminal: Terminal, row: HistoryRow): string {
  if (row.status === "failed") return tone(terminal, "bad", `failed ${row.error_code ?? ""}`);
  return tone(
    terminal,
    row.status === "loaded" ? "good" : row.status === "loaded_with_rejects" ? "warn" : "dim",
    row.status,
  );
}

function runsTable(terminal: Terminal, rows: readonly RunRow[]): string {
  return renderTable(
    ["run", "started (UTC)", "took", "command", "status", "objects", "records", "rejected", "where"].map((name) =>
      tone(terminal, "dim", name),
    ),
    rows.map((row) => [
      row.run_id,
      when(row.started_at),
      row.finished_at === null ? "" : formatDuration(row.finished_at.getTime() - row.started_at.getTime()),
      row.command,
      tone(terminal, row.status === "done" ? "good" : row.status === "running" ? "dim" : "bad", row.status),
      formatCount(row.counts.objects ?? 0),
      formatCount(row.counts.read ?? 0),
      formatCount(row.counts.rejected ?? 0),
      safeText(`${row.host}:${row.pid}`),
    ]),
    [0, 2, 5, 6, 7],
  );
}
