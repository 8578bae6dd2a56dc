/** `drayage schedule`: the service that loads when it is due, says so in its log, and answers who asks how it is. */
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { type Environment, readEnvironment } from "../config/environment.ts";
import { type HttpServer, startHttp } from "../observe/http-server.ts";
import { createLogger, type Logger } from "../observe/logger.ts";
import { Metrics } from "../observe/metrics.ts";
import { After } from "../schedule/after.ts";
import { type Due, openAlarm, openCron } from "../schedule/cron.ts";
import { Passes } from "../schedule/pass.ts";
import { Readiness, reachWarehouse } from "../schedule/readiness.ts";
import { serve } from "../schedule/service.ts";
import { configOf, type GlobalOptions, type Host, programVersion, withSignals } from "./context.ts";

/** From SIGTERM to the end of the process. Longer than a merge of usual size; systemd and Docker are told to wait longer still. */
const graceMs = 30_000;

/** Resolves never: a signal ends it, as Interrupted. */
export async function runSchedule(host: Host, options: GlobalOptions): Promise<number> {
  const config = configOf(host, options);
  const log = logOf(host, config, options);
  const env = readEnvironment(config.file, host.env);
  const after = new After({ steps: config.schedule.after, directory: dirname(config.file), env, log });
  // A forced end must not leave a command behind.
  const leave = () => after.kill("SIGKILL");
  process.once("exit", leave);
  try {
    const over = () => log.error("stopped in the middle: the grace is over", { grace_ms: graceMs });
    return await withSignals((signal) => runService(host, { config, env, log, after, signal }), { ms: graceMs, over });
  } finally {
    process.off("exit", leave);
  }
}

interface Service {
  readonly config: Config;
  readonly env: Environment;
  readonly log: Logger;
  readonly after: After;
  readonly signal: AbortSignal;
}

async function runService(host: Host, service: Service): Promise<never> {
  const { config, log, after, signal } = service;
  const now = () => new Date();
  const due = openCron(config.schedule.cron, config.schedule.timezone);
  const metrics = new Metrics();
  const readiness = new Readiness(() => reachWarehouse(config), now);
  const version = programVersion();
  const { hostname, pid } = host;
  const passes = new Passes({ ...service, version, host: hostname, pid, metrics, readiness, due, now });
  let http: HttpServer | undefined;
  signal.addEventListener("abort", () => log.info("stopping", { grace_ms: graceMs }), { once: true });
  try {
    http = await openHttp(config, metrics, readiness, now);
    log.info("schedule started", {
      ...scheduleFields(config, due),
      ...(http === undefined ? {} : { port: http.port }),
      version,
    });
    await serve({
      due,
      alarm: openAlarm(now),
      pass: (tables) => passes.make(tables),
      missed: () => passes.missed(),
      log,
      signal,
    });
    log.info("schedule stopped");
  } finally {
    due.stop();
    await after.stop();
    await http?.close();
  }
  throw signal.reason;
}

async function openHttp(
  { schedule: { http } }: Config,
  metrics: Metrics,
  readiness: Readiness,
  now: () => Date,
): Promise<HttpServer | undefined> {
  if (http === undefined) return undefined;
  return startHttp({
    ...http,
    ready: () => readiness.answer(),
    metrics: () => metrics.text(now()),
    metricsType: metrics.contentType,
  });
}

function scheduleFields({ schedule }: Config, due: Due) {
  return { cron: schedule.cron, timezone: schedule.timezone, next_pass: due.next()[0].toISOString() };
}

/** On standard output, since it is what this command is for: text on a terminal, a JSON object a line elsewhere. */
function logOf(host: Host, config: Config, options: GlobalOptions): Logger {
  const plain = host.stdout.isTTY === true && options.json !== true;
  return createLogger({
    level: options.verbose === true ? "debug" : options.quiet === true ? "error" : config.log.level,
    format: options.json === true || config.log.format === "auto" ? (plain ? "text" : "json") : config.log.format,
    stream: host.stdout,
  });
}
