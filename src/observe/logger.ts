/** The log: winston on standard error, text for people, JSON in a pipe. Never a cell value, never a secret. */
import winston from "winston";

export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
}

/** Counts, names and codes; keys are the same everywhere, so that a log can be searched. */
export interface LogFields {
  readonly run?: string | undefined;
  readonly table?: string | undefined;
  readonly object?: string | undefined;
  readonly [name: string]: string | number | boolean | undefined;
}

export interface LoggerSettings {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly format: "text" | "json";
  readonly stream: NodeJS.WritableStream;
}

export function createLogger(settings: LoggerSettings): Logger {
  const text = winston.format.printf(({ level, message, timestamp, ...fields }) => {
    const rest = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(" ");
    return `${String(timestamp)} ${level.padEnd(5)} ${String(message)}${rest === "" ? "" : `  ${rest}`}`;
  });
  const logger = winston.createLogger({
    level: settings.level,
    format: winston.format.combine(
      winston.format.timestamp(),
      settings.format === "json" ? winston.format.json() : text,
    ),
    transports: [new winston.transports.Stream({ stream: settings.stream })],
  });
  const at =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}) =>
      void logger.log({ level, message, ...fields });
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}
