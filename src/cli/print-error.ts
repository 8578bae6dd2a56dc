/** An error as the person on call reads it: code, what, where, what to do next. */
import { DrayageError, type Place } from "../errors.ts";
import { safeText, type Terminal, tone } from "./terminal.ts";

export function placeText(place: Place): string {
  const parts = [
    place.file === undefined ? "" : `file ${place.file}${place.line === undefined ? "" : `, line ${place.line}`}`,
    place.table === undefined ? "" : `table ${place.table}`,
    place.object === undefined ? "" : `object ${place.object}`,
    place.record === undefined ? "" : `record ${place.record}`,
    place.column === undefined ? "" : `column ${place.column}`,
  ].filter((part) => part !== "");
  return safeText(parts.join(", "));
}

export function errorText(terminal: Terminal, error: DrayageError): string {
  const where = placeText(error.place);
  return [
    `${tone(terminal, error.exit === 6 ? "warn" : "bad", error.code)}  ${safeText(error.message)}`,
    ...(where === "" ? [] : [`  where  ${where}`]),
    ...error.lines.map((line) => `    ${line.split("\n").map(safeText).join("\n    ")}`),
    `  next   ${error.next}`,
  ].join("\n");
}

export function errorJson(error: DrayageError): Record<string, unknown> {
  return {
    code: error.code,
    message: error.message,
    place: error.place,
    lines: error.lines,
    next: error.next,
    retry: error.retry,
  };
}

/** Anything that was thrown as an error with a code. */
export function asKnown(error: unknown): DrayageError {
  return error instanceof DrayageError ? error : new DrayageError("INTERNAL", { cause: error });
}

/** What `--verbose` adds below a report: where each of its errors came from, on standard error. */
export function printTraces(terminal: Terminal, errors: Iterable<DrayageError>): void {
  if (!terminal.verbose) return;
  for (const error of errors) terminal.err.write(`${error.code}  ${placeText(error.place)}\n${traceText(error)}\n`);
}

/** The stack and the chain of causes: for --verbose. Messages of a server may hold cell values, so only their kind is shown. */
export function traceText(error: DrayageError): string {
  const lines = [error.stack?.split("\n").slice(1).join("\n") ?? ""];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    // A server's message stands at the top of its stack, and a cell in it may look like a frame.
    const stack = cause.stack?.replace(cause.message, () => "") ?? "";
    const frames = stack.split("\n").filter((line) => line.startsWith("    at "));
    lines.push(`  caused by ${cause.name}${code === undefined ? "" : ` ${code}`}`, ...frames);
  }
  return lines.join("\n");
}
