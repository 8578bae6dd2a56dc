/** A log that keeps what it was told, as `level message`, with the fields beside it. */
import type { LogFields, Logger } from "../../src/observe/logger.ts";

export interface KeptLog extends Logger {
  readonly lines: string[];
  readonly fields: LogFields[];
}

export function keptLog(): KeptLog {
  const lines: string[] = [];
  const fields: LogFields[] = [];
  const at =
    (level: string) =>
    (message: string, given: LogFields = {}): void => {
      lines.push(`${level} ${message}`);
      fields.push(given);
    };
  return { lines, fields, error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}
