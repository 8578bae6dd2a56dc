/** One pass of the schedule: a load of everything new, told to the log, the metrics, and what runs after it. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { exitOfCode } from "../load/load-errors.ts";
import { exitOf, type RunReport } from "../load/report.ts";
import { runLoad } from "../load/run-load.ts";
import type { Logger } from "../observe/logger.ts";
import type { Metrics } from "../observe/metrics.ts";
import { openSource } from "../source/open-source.ts";
import { lastDonePass, readFreshness } from "../warehouse/passes.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import { Session } from "../warehouse/session.ts";
import type { After } from "./after.ts";
import type { Due } from "./cron.ts";
import { PassLog } from "./pass-log.ts";
import type { Readiness } from "./readiness.ts";
import type { Arriving } from "./service.ts";

export interface PassSettings {
  readonly config: Config;
  /** With the config's .env: what the source's clients read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  readonly after: After;
  readonly due: Due;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

export class Passes {
  readonly #settings: PassSettings;
  readonly #log: PassLog;

  constructor(settings: PassSettings) {
    this.#settings = settings;
    this.#log = new PassLog(settings.log);
  }

  /** Whether a pass was due since the last good one began: an object that came after it was listed by nobody. */
  async missed(): Promise<boolean> {
    const { config, metrics, readiness, due, now, log } = this.#settings;
    try {
      const last = await this.#onSession((session) => lastDonePass(session, config.warehouse.stateSchema));
      if (last === undefined) return true;
      metrics.succeeded(last.finishedAt);
      if (due.wasDue(last.startedAt, now())) return true;
      readiness.passEnded(due, last.finishedAt.getTime() - last.startedAt.getTime());
      await this.#readTables();
      return false;
    } catch (error) {
      const { code, message } = asDrayageError(error);
      log.warn(`it cannot be told whether a pass was missed: ${message}`, { code });
      return true;
    }
  }

  /**
   * Of all tables, or of these by name. Never rejects: what went wrong is logged, and the next pass is due in time. Returns the tables
   * whose full load is arriving.
   */
  async make(tables?: readonly string[]): Promise<Arriving> {
    const { log, metrics, due, now, signal } = this.#settings;
    const began = now().getTime();
    this.#log.starts();
    let failure: DrayageError | undefined;
    let report: RunReport | undefined;
    try {
      report = await this.#load(tables);
      await this.#readTables();
    } catch (error) {
      failure = asDrayageError(error);
    }
    if (signal.aborted && report === undefined) {
      log.info("pass ended by a signal; what was not committed is rolled back");
      return new Map();
    }
    const took = now().getTime() - began;
    metrics.passEnded(took);
    if (report !== undefined) this.#ended(report, took);
    if (failure !== undefined) this.#log.failed(failure, due.next()[0]);
    return arriving(report);
  }

  #ended(report: RunReport, took: number): void {
    const { metrics, readiness, after, due, now } = this.#settings;
    this.#log.ended(report, due.next()[0]);
    readiness.passEnded(due, took);
    const exit = exitOf(report, exitOfCode);
    if (exit !== 0 && exit !== 3) return;
    metrics.succeeded(now());
    const tables = report.tables.filter((table) => table.objects.some(({ status }) => status !== "skipped"));
    if (tables.length > 0) after.loaded({ runId: report.runId, tables: tables.map((table) => table.table) });
  }

  async #load(tables: readonly string[] | undefined): Promise<RunReport> {
    const { config, env, version, host, pid, metrics, signal } = this.#settings;
    const source = await openSource(config.source, env);
    try {
      return await runLoad({
        config,
        source,
        command: "schedule",
        version,
        host,
        pid,
        wanted:
          tables === undefined ? undefined : { wants: ({ name }) => tables.includes(name), listed: () => undefined },
        objects: [],
        concurrency: config.schedule.concurrency,
        allowDeletes: false,
        rejectLimit: undefined,
        signal,
        now: this.#settings.now,
        onStart: (work) => this.#log.begins(work),
        onUnit: this.#log.unit,
        onWarning: this.#log.warning,
        onObject: (table, { counts, bytes }) =>
          metrics.countObject(table, Object.fromEntries(outcomes.map((outcome) => [outcome, counts[outcome]])), bytes),
      });
    } finally {
      source.close();
    }
  }

  async #readTables(): Promise<void> {
    const { config, metrics } = this.#settings;
    if (config.schedule.http === undefined) return;
    metrics.setTables(await this.#onSession((session) => readFreshness(session, config.warehouse.stateSchema)));
  }

  async #onSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const { config } = this.#settings;
    const session = await Session.connect(config.warehouse, "schedule", config.source.timezone);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  }
}

function arriving(report: RunReport | undefined): Arriving {
  return new Map(
    (report?.tables ?? []).flatMap(({ table, settlesAt }) =>
      settlesAt === undefined ? [] : [[table, settlesAt] as const],
    ),
  );
}

function asDrayageError(error: unknown): DrayageError {
  return error instanceof DrayageError ? error : new DrayageError("INTERNAL", { cause: error });
}
