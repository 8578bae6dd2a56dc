/** What every command starts from: config, terminal, log, source, and a signal that a ^C or SIGTERM raises. */
import { setMaxListeners } from "node:events";
import { readFileSync } from "node:fs";
import type { Config } from "../config/config.ts";
import { readEnvironment } from "../config/environment.ts";
import { loadConfig } from "../config/load-config.ts";
import { createLogger, type Logger } from "../observe/logger.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { openSource } from "../source/open-source.ts";
import type { Terminal } from "./terminal.ts";

/** The parts of the process that commands use; tests pass others. */
export interface Host {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Where answers come from; undefined: nobody is asked. */
  readonly stdin?: NodeJS.ReadStream | undefined;
  readonly pid: number;
  readonly hostname: string;
}

export interface GlobalOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
  readonly yes?: boolean;
}

export function terminalOf(host: Host, options: GlobalOptions): Terminal {
  const isTerminal = host.stdout.isTTY === true;
  const noColour = options.color === false || (host.env.NO_COLOR ?? "") !== "" || host.env.TERM === "dumb";
  return {
    out: host.stdout,
    err: host.stderr,
    interactive: isTerminal && host.stderr.isTTY === true && options.json !== true && options.quiet !== true,
    colour: isTerminal && !noColour && options.json !== true,
    json: options.json === true,
    quiet: options.quiet === true,
    verbose: options.verbose === true,
    width: host.stdout.columns ?? 100,
  };
}

export function configFile(host: Host, options: GlobalOptions): string {
  return options.config ?? host.env.DRAYAGE_CONFIG ?? "drayage.yaml";
}

export function configOf(host: Host, options: GlobalOptions): Config {
  return loadConfig({ file: configFile(host, options), env: host.env });
}

export function loggerOf(host: Host, config: Config, options: GlobalOptions): Logger {
  const { format } = config.log;
  return createLogger({
    level: options.verbose === true ? "debug" : options.quiet === true ? "error" : config.log.level,
    format: format === "auto" ? "text" : format,
    stream: host.stderr,
  });
}

export async function withSource<T>(
  config: Config,
  host: Host,
  work: (source: ObjectSource) => Promise<T>,
): Promise<T> {
  const source = await openSource(config.source, readEnvironment(config.file, host.env));
  try {
    return await work(source);
  } finally {
    source.close();
  }
}

/** Ended by a signal: the unit was rolled back, its objects are free again. */
export class Interrupted extends Error {
  readonly exit: number;
  constructor(exit: number) {
    super("interrupted");
    this.exit = exit;
  }
}

export interface Grace {
  /** Milliseconds from the first signal to the end of the process, whatever it still does. */
  readonly ms: number;
  /** Called right before the process ends because of it. */
  readonly over: () => void;
}

/**
 * Runs `work` with a signal that the first ^C or SIGTERM raises; a second ends the process at once. What a process that ends had not
 * committed, the server rolls back.
 */
export async function withSignals<T>(work: (signal: AbortSignal) => Promise<T>, grace?: Grace): Promise<T> {
  const controller = new AbortController();
  // Every object that is open listens: many at a time are no leak.
  setMaxListeners(0, controller.signal);
  let exit = 0;
  let timer: NodeJS.Timeout | undefined;
  const raise = (signal: NodeJS.Signals) => {
    if (exit !== 0) process.exit(exit);
    exit = signal === "SIGINT" ? 130 : 143;
    if (grace !== undefined)
      timer = setTimeout(() => {
        grace.over();
        process.exit(exit);
      }, grace.ms);
    controller.abort(new Interrupted(exit));
  };
  process.on("SIGINT", raise);
  process.on("SIGTERM", raise);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw exit === 0 ? error : new Interrupted(exit);
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", raise);
    process.off("SIGTERM", raise);
  }
}

export function programVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
