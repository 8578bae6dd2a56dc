/** Whether the schedule does its work: the warehouse answers, and a pass ended within two periods. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { Session } from "../warehouse/session.ts";
import type { Due } from "./cron.ts";

/** For crons of seconds, and for a pass that takes a little longer than the one before. */
const leewayMs = 60_000;
/** Probes come every few seconds, from several places: one connection serves them all. */
const answerHoldsMs = 2_000;

export interface ReadinessAnswer {
  readonly ready: boolean;
  readonly reason?: string;
  readonly code?: string;
}

export class Readiness {
  readonly #reach: () => Promise<void>;
  readonly #now: () => Date;
  #deadline: number | undefined;
  #checked: { readonly at: number; readonly fault: Promise<DrayageError | undefined> } | undefined;

  /** `reach` rejects when the warehouse cannot be reached. */
  constructor(reach: () => Promise<void>, now: () => Date) {
    this.#reach = reach;
    this.#now = now;
  }

  /** A pass ended, whatever its tables say; `tookMs`: the next may take as long. */
  passEnded(due: Due, tookMs: number): void {
    // By the cron's own times: at night, an office-hours schedule is in no way late.
    this.#deadline = due.next()[1].getTime() + Math.max(leewayMs, tookMs);
  }

  async answer(): Promise<ReadinessAnswer> {
    const now = this.#now().getTime();
    if (this.#deadline === undefined) return { ready: false, reason: "no pass has ended yet" };
    if (now > this.#deadline)
      return { ready: false, reason: "the last pass is older than two periods of the schedule" };
    if (this.#checked === undefined || now - this.#checked.at > answerHoldsMs) {
      const fault = this.#reach().then(
        () => undefined,
        (error: unknown) => (error instanceof DrayageError ? error : new DrayageError("INTERNAL", { cause: error })),
      );
      this.#checked = { at: now, fault };
    }
    const fault = await this.#checked.fault;
    if (fault === undefined) return { ready: true };
    return { ready: false, reason: "the warehouse cannot be reached", code: fault.code };
  }
}

export async function reachWarehouse(config: Config): Promise<void> {
  const session = await Session.connect(config.warehouse, "schedule", config.source.timezone);
  try {
    await session.query("select 1");
  } finally {
    await session.close();
  }
}
