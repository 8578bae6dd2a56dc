/** `drayage rejects list` and `show`: which records could not be loaded, and why. */
import { nearest } from "../config/suggest.ts";
import { DrayageError } from "../errors.ts";
import { formatCount } from "../observe/progress.ts";
import { rejectAnchor, rejectEntry } from "../warehouse/reject-reasons.ts";
import {
  countRejects,
  listRejects,
  type RejectCount,
  type RejectRow,
  type ShownReject,
  showReject,
} from "../warehouse/rejects.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { stateNames, withState } from "./state-session.ts";
import { printResult, renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export interface RejectsOptions extends GlobalOptions {
  readonly reason?: string;
  readonly object?: string;
  readonly limit?: number;
}

export async function runRejectsList(host: Host, names: readonly string[], options: RejectsOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const found = await withState(config, "rejects", async (session) => {
    const tables = await stateNames(session, config, names).catch((error: unknown) => {
      throw commandMeant(names[0] ?? "") ?? error;
    });
    const { stateSchema } = config.warehouse;
    const selection = { tables, reason: options.reason, object: options.object, ids: [] };
    return {
      counts: await countRejects(session, stateSchema, selection),
      rejects: await listRejects(session, stateSchema, selection, options.limit ?? 50),
    };
  });
  const { counts, rejects } = found ?? { counts: [], rejects: [] };
  if (terminal.json)
    host.stdout.write(
      `${JSON.stringify({ format: 1, command: "rejects list", exit: 0, counts: counts.map(explained), rejects }, undefined, 2)}\n`,
    );
  else printResult(terminal, rejects.length === 0 ? "No open rejects." : listText(terminal, counts, rejects));
  return 0;
}

/** `rejects lst` reads as a table's name: list is what it does without a word. */
function commandMeant(name: string): DrayageError | undefined {
  const near = nearest(name, ["list", "show", "export", "replay", "purge"]);
  if (near === undefined) return undefined;
  return new DrayageError("USAGE", {
    message: `There is neither a table nor a command ${name}; did you mean rejects ${near}?`,
  });
}

function explained(count: RejectCount): RejectCount & { meaning: string; next: string; docs: string } {
  const { summary, next } = rejectEntry(count.reason);
  return { ...count, meaning: summary, next, docs: rejectAnchor(count.reason) };
}

function listText(terminal: Terminal, counts: readonly RejectCount[], rejects: readonly RejectRow[]): string {
  const dim = (names: readonly string[]) => names.map((name) => tone(terminal, "dim", name));
  const summary = renderTable(
    dim(["table", "reason", "column", "records", "what it means"]),
    counts.map((row) => [
      safeText(row.table_name),
      tone(terminal, "warn", row.reason),
      safeText(row.column_name ?? ""),
      formatCount(Number(row.count)),
      rejectEntry(row.reason).summary,
    ]),
    [3],
  );
  const steps = [...new Set(counts.map((row) => row.reason))].map(
    (reason) => `${tone(terminal, "warn", reason)}  ${rejectEntry(reason).next}`,
  );
  const list = renderTable(
    dim(["id", "object", "record", "byte", "reason", "column", "constraint"]),
    rejects.map((row) => [
      row.id,
      safeText(row.key),
      row.record_no,
      row.byte_offset ?? "",
      row.reason,
      safeText(row.column_name ?? ""),
      safeText(row.constraint_name ?? ""),
    ]),
    [0, 2, 3],
  );
  const open = counts.reduce((sum, row) => sum + Number(row.count), 0);
  const rest =
    rejects.length < open
      ? `The newest ${formatCount(rejects.length)} of ${formatCount(open)}: narrow them with --object, or raise --limit.\n`
      : "";
  const last = `See one: drayage rejects show ${rejects[0]?.id ?? "ID"} (with its cells: --record)`;
  return `${summary}\n\n${list}\n\n${steps.join("\n")}\n\n${rest}${last}`;
}

export interface ShowOptions extends GlobalOptions {
  readonly record?: boolean;
}

/** `--record`: the cells too, and the server's words, which may quote them. */
export async function runRejectsShow(host: Host, id: string, options: ShowOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  if (!/^\d{1,18}$/.test(id)) throw new DrayageError("USAGE", { message: "A reject's id is a number" });
  const reject = await withState(config, "rejects", (session) => showReject(session, config.warehouse.stateSchema, id));
  if (reject === undefined)
    throw new DrayageError("USAGE", {
      message: `There is no reject ${id}`,
      next: "List them with `drayage rejects list`.",
    });
  if (terminal.json) {
    const { record, message, ...rest } = reject;
    const cells = options.record === true ? { message, record: record?.toString("utf8") } : {};
    const { summary, next } = rejectEntry(reject.reason);
    const said = { meaning: summary, next, docs: rejectAnchor(reject.reason) };
    host.stdout.write(
      `${JSON.stringify({ format: 1, command: "rejects show", exit: 0, ...rest, ...said, ...cells }, undefined, 2)}\n`,
    );
  } else printResult(terminal, showText(terminal, reject, options.record === true));
  return 0;
}

function showText(terminal: Terminal, reject: ShownReject, withCells: boolean): string {
  const { summary, next } = rejectEntry(reject.reason);
  const fields: [string, string | null][] = [
    ["reject", reject.id],
    ["table", reject.table_name],
    // Of a file source the bucket is its directory.
    ["object", `${reject.bucket.startsWith("/") ? "" : "s3://"}${reject.bucket}/${reject.key}`],
    ["record", reject.record_no],
    ["bytes", reject.byte_offset === null ? null : `${reject.byte_offset}, length ${reject.byte_length}`],
    ["reason", `${reject.reason}: ${summary}`],
    ["column", reject.column_name],
    ["constraint", reject.constraint_name],
    ["SQLSTATE", reject.sqlstate],
    ["replayed", reject.replayed_at?.toISOString() ?? null],
    ["next", reject.replayed_at === null ? next : null],
    ["see", rejectAnchor(reject.reason)],
    ["server said", withCells ? reject.message : null],
  ];
  const head = fields.flatMap(([name, value]) =>
    value === null ? [] : [`${tone(terminal, "dim", name.padEnd(12))} ${safeText(value)}`],
  );
  if (!withCells) return [...head, "", `Its cells: drayage rejects show ${reject.id} --record`].join("\n");
  const record =
    reject.record === null
      ? "(its bytes were not kept)"
      : reject.record.toString("utf8").split("\n").map(safeText).join("\n");
  return [...head, "", record].join("\n");
}
