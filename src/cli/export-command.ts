/** `drayage rejects export`: the records as DMS wrote them, or their keys, into a file. Beside `show --record` the one place where cells go out. */
import { DrayageError } from "../errors.ts";
import {
  type ExportedRecord,
  type ExportLeft,
  type ExportSettings,
  exportKeys,
  exportRecords,
} from "../load/export-rejects.ts";
import { formatCount } from "../observe/progress.ts";
import { Session } from "../warehouse/session.ts";
import { configOf, type Host, terminalOf, withSignals, withSource } from "./context.ts";
import { ExportFiles } from "./export-files.ts";
import { errorJson, errorText } from "./print-error.ts";
import { type SelectionOptions, selectionOf } from "./replay-command.ts";
import { safeText } from "./terminal.ts";

export interface ExportOptions extends SelectionOptions {
  readonly format?: "csv" | "ndjson";
  readonly out?: string;
  readonly keys?: boolean;
}

export async function runRejectsExport(host: Host, names: readonly string[], options: ExportOptions): Promise<number> {
  const { format = "csv", out, keys = false } = options;
  const terminal = terminalOf(host, options);
  if (out === undefined)
    throw new DrayageError("USAGE", {
      message: "It is not said where the records go: they hold cell values",
      next: "Give --out FILE, or --out - for standard output.",
    });
  if (out === "-" && terminal.json)
    throw new DrayageError("USAGE", { message: "Standard output takes the records or --json, not both" });
  const config = configOf(host, options);
  const selection = await selectionOf(host, names, options);
  const files = new ExportFiles(out, format === "ndjson", options.yes === true, host.stdout);
  const left: ExportLeft = { records: 0, errors: [] };
  try {
    if (selection !== undefined)
      await withSignals((signal) =>
        withSource(config, host, async (source) => {
          const session = await Session.connect(config.warehouse, "rejects export", config.source.timezone);
          try {
            const settings = { config, source, selection, signal };
            await (keys ? writeKeys : writeRecords)(session, settings, left, files, format);
          } finally {
            await session.close();
          }
        }),
      );
  } finally {
    files.close();
  }
  const exit = left.errors.length > 0 ? 1 : left.records > 0 ? 3 : 0;
  const written = files.files.map(({ name, records }) => ({ file: name, records }));
  if (terminal.json) {
    const body = { files: written, left: left.records, errors: left.errors.map(errorJson) };
    host.stdout.write(`${JSON.stringify({ format: 1, command: "rejects export", exit, ...body }, undefined, 2)}\n`);
    return exit;
  }
  const what = keys ? "key" : "record";
  const lines = written.map(({ file, records }) => `${safeText(file)}: ${counted(records, what)}`);
  if (written.length === 0) lines.push("No open rejects: nothing was written.");
  if (left.records > 0)
    lines.push(`left: ${counted(left.records, "record")} whose ${keys ? "key" : "bytes"} could not be read`);
  // With the records on standard output, what is said of them goes to the other one.
  if (!terminal.quiet) (out === "-" ? host.stderr : host.stdout).write(`${lines.join("\n")}\n`);
  for (const error of left.errors) host.stderr.write(`${errorText(terminal, error)}\n`);
  return exit;
}

async function writeRecords(
  session: Session,
  settings: ExportSettings,
  left: ExportLeft,
  files: ExportFiles,
  format: "csv" | "ndjson",
): Promise<void> {
  for await (const record of exportRecords(session, settings, left)) {
    const { table, header, bytes } = record;
    if (format === "ndjson") {
      const file = await files.of("", "");
      await file.write(`${JSON.stringify(await recordJson(record, settings.config.limits.maxRecordBytes))}\n`);
      file.records++;
      continue;
    }
    const file = await files.of(JSON.stringify([table, header.toString("latin1")]), header);
    let end = "";
    for await (const chunk of bytes) {
      await file.write(chunk);
      end = (end + chunk.subarray(-2).toString("latin1")).slice(-2);
    }
    const lineEnd = header.at(-2) === 13 ? "\r\n" : "\n";
    if (!end.endsWith("\n")) await file.write(lineEnd);
    file.records++;
  }
}

async function recordJson(
  { table, key, reject, bytes }: ExportedRecord,
  most: number,
): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  let length = 0;
  let cut = false;
  for await (const chunk of bytes) {
    cut = length + chunk.length > most;
    parts.push(chunk.subarray(0, most - length));
    length += chunk.length;
    if (cut) break;
  }
  const whole = Buffer.concat(parts);
  const text = whole.toString("utf8");
  const { id, record, reason, column, constraint, sqlstate, message } = reject;
  const said = { id: Number(id), table, object: key, record, reason, column, constraint, sqlstate, message };
  const body = Buffer.from(text).equals(whole) ? { text } : { base64: whole.toString("base64") };
  return { ...said, ...body, ...(cut ? { cut } : {}) };
}

async function writeKeys(
  session: Session,
  settings: ExportSettings,
  left: ExportLeft,
  files: ExportFiles,
  format: "csv" | "ndjson",
): Promise<void> {
  for await (const { table, names, values } of exportKeys(session, settings, left)) {
    if (format === "ndjson") {
      const file = await files.of("", "");
      const key = Object.fromEntries(names.map((name, i) => [name, values[i]]));
      await file.write(`${JSON.stringify({ table, key })}\n`);
      file.records++;
      continue;
    }
    const file = await files.of(JSON.stringify([table, names]), csvLine(names));
    await file.write(csvLine(values));
    file.records++;
  }
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;
}

function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
