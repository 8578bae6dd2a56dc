/** The service: a pass when one is due, one more when a full load has settled, never two at once, until it is told to stop. */
import type { Logger } from "../observe/logger.ts";
import type { Alarm, Due } from "./cron.ts";

/** Tables whose full load is arriving, and when it will have settled. */
export type Arriving = ReadonlyMap<string, Date>;

export interface ServiceSettings {
  readonly due: Due;
  readonly alarm: Alarm;
  /** Of all tables, or of these. Reports its own failures; rejects only when the signal was raised. */
  readonly pass: (tables: readonly string[] | undefined) => Promise<Arriving>;
  /** Whether a pass was due while no service ran. */
  readonly missed: () => Promise<boolean>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when the signal was raised and the pass in progress has come to its end. */
export async function serve(settings: ServiceSettings): Promise<void> {
  const { due, alarm, missed, log, signal } = settings;
  const service = new Service(settings);
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  due.start(() => service.due());
  if ((await missed()) && !service.isRunning) {
    log.info("a pass was missed: it begins now");
    service.due();
  }
  await stopped;
  due.stop();
  alarm.clear();
  await service.ended();
}

class Service {
  readonly #settings: ServiceSettings;
  readonly #arriving = new Map<string, Date>();
  #running: { readonly whole: boolean; readonly ended: Promise<void> } | undefined;
  /** A pass became due while one that came back for some tables was running. */
  #isDue = false;

  constructor(settings: ServiceSettings) {
    this.#settings = settings;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  async ended(): Promise<void> {
    await this.#running?.ended;
  }

  due(): void {
    if (this.#running === undefined) this.#begin(undefined);
    else if (this.#running.whole) this.#settings.log.warn("pass skipped: the one before still runs");
    else this.#isDue = true;
  }

  #begin(tables: readonly string[] | undefined): void {
    const { pass, alarm, signal } = this.#settings;
    if (signal.aborted) return;
    alarm.clear();
    const work = pass(tables).catch((): Arriving => new Map());
    const ended = work.then((found) => {
      this.#running = undefined;
      // What it did not look at goes on waiting.
      for (const table of tables ?? [...this.#arriving.keys()]) this.#arriving.delete(table);
      for (const [table, at] of found) this.#arriving.set(table, at);
      this.#next();
    });
    this.#running = { whole: tables === undefined, ended };
  }

  /** A full load that is written minutes before the pass is not left until the next hour's is written over it. */
  #next(): void {
    const { alarm, log, signal } = this.#settings;
    if (signal.aborted) return;
    if (this.#isDue) {
      this.#isDue = false;
      this.#begin(undefined);
      return;
    }
    const [first] = [...this.#arriving.values()].sort((a, b) => a.getTime() - b.getTime());
    if (first === undefined) return;
    const tables = [...this.#arriving].filter(([, at]) => at <= first).map(([table]) => table);
    log.info("a full load is arriving: a pass comes back when it will have settled", {
      table: tables.join(", "),
      at: first.toISOString(),
    });
    alarm.set(first, () => {
      if (this.#running === undefined) this.#begin(tables);
    });
  }
}
