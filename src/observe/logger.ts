/** The log: winston, text for people, one JSON object a line for programs. Never a cell value, never a secret. */
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
    return oneLine(`${String(timestamp)} ${level.padEnd(5)} ${String(message)}${rest === "" ? "" : `  ${rest}`}`);
  });
  const json = winston.format.printf(({ level, message, timestamp, ...fields }) =>
    JSON.stringify({ time: timestamp, level, message, ...fields }),
  );
  const logger = winston.createLogger({
    level: settings.level,
    format: winston.format.combine(winston.format.timestamp(), settings.format === "json" ? json : text),
    transports: [new winston.transports.Stream({ stream: settings.stream })],
  });
  const at =
    (level: keyof Logger) =>
    (message: string, fields: LogFields = {}) =>
      void logger.log({ level, message, ...fields });
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** A key of a stranger's object must not move the cursor or fake a line; JSON escapes by itself. */
function oneLine(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
