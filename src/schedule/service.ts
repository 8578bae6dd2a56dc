/** The service: a pass when one is due, never two at once, until it is told to stop. */
import type { Logger } from "../observe/logger.ts";
import type { Due } from "./cron.ts";

export interface ServiceSettings {
  readonly due: Due;
  /** Reports its own failures; rejects only when the signal was raised. */
  readonly pass: () => Promise<void>;
  /** Whether a pass was due while no service ran. */
  readonly missed: () => Promise<boolean>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when the signal was raised and the pass in progress has come to its end. */
export async function serve({ due, pass, missed, log, signal }: ServiceSettings): Promise<void> {
  let running: Promise<void> | undefined;
  const begin = () => {
    if (signal.aborted) return;
    if (running !== undefined) {
      log.warn("pass skipped: the one before still runs");
      return;
    }
    running = pass()
      .catch(() => undefined)
      .finally(() => {
        running = undefined;
      });
  };
  const stopped = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  due.start(begin);
  if ((await missed()) && running === undefined) {
    log.info("a pass was missed: it begins now");
    begin();
  }
  await stopped;
  due.stop();
  await running;
}
