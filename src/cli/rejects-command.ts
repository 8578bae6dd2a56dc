/** `drayage rejects list` and `show`: which records could not be loaded, and why. */
import { DrayageError } from "../errors.ts";
import { formatCount } from "../observe/progress.ts";
import { type RejectReason, rejectReasons } from "../warehouse/find-bad-records.ts";
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
    const tables = await stateNames(session, config, names);
    const { stateSchema } = config.warehouse;
    const filter = { tables, reason: options.reason, object: options.object, limit: options.limit ?? 50 };
    const counts = await countRejects(session, stateSchema, tables);
    return {
      counts: counts.filter((row) => options.reason === undefined || row.reason === options.reason),
      rejects: await listRejects(session, stateSchema, filter),
    };
  });
  const { counts, rejects } = found ?? { counts: [], rejects: [] };
  if (terminal.json)
    host.stdout.write(
      `${JSON.stringify({ format: 1, command: "rejects list", exit: 0, counts, rejects }, undefined, 2)}\n`,
    );
  else printResult(terminal, rejects.length === 0 ? "No open rejects." : listText(terminal, counts, rejects));
  return 0;
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
      rejectReasons[row.reason as RejectReason] ?? "",
    ]),
    [3],
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
  return `${summary}\n\n${list}\n\n${rest}See one with its record: drayage rejects show ${rejects[0]?.id ?? "ID"}`;
}

export async function runRejectsShow(host: Host, id: string, options: GlobalOptions): Promise<number> {
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
    const { record, ...rest } = reject;
    host.stdout.write(
      `${JSON.stringify({ format: 1, command: "rejects show", exit: 0, ...rest, record: record?.toString("utf8") }, undefined, 2)}\n`,
    );
  } else printResult(terminal, showText(terminal, reject));
  return 0;
}

function showText(terminal: Terminal, reject: ShownReject): string {
  const fields: [string, string | null][] = [
    ["reject", reject.id],
    ["table", reject.table_name],
    // Of a file source the bucket is its directory.
    ["object", `${reject.bucket.startsWith("/") ? "" : "s3://"}${reject.bucket}/${reject.key}`],
    ["record", reject.record_no],
    ["bytes", reject.byte_offset === null ? null : `${reject.byte_offset}, length ${reject.byte_length}`],
    ["reason", `${reject.reason}: ${rejectReasons[reject.reason as RejectReason] ?? ""}`],
    ["column", reject.column_name],
    ["constraint", reject.constraint_name],
    ["SQLSTATE", reject.sqlstate],
    ["server said", reject.message],
  ];
  const head = fields.flatMap(([name, value]) =>
    value === null ? [] : [`${tone(terminal, "dim", name.padEnd(12))} ${safeText(value)}`],
  );
  const record =
    reject.record === null
      ? "(its bytes were not kept)"
      : reject.record.toString("utf8").split("\n").map(safeText).join("\n");
  return [...head, "", record].join("\n");
}
