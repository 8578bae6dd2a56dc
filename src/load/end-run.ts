/** The end of a run, good or bad: noted in the state schema, looked at for what needs somebody, told to whom it concerns. */
import type { Config } from "../config/config.ts";
import type { DrayageError } from "../errors.ts";
import type { Attention } from "../observe/attention.ts";
import { evaluate } from "../observe/evaluate.ts";
import { finishRun } from "../warehouse/runs.ts";
import { Session } from "../warehouse/session.ts";
import { noteSightings, type RunSightings } from "../warehouse/sightings.ts";
import { isConnectionLost } from "../warehouse/warehouse-error.ts";
import { alertRun } from "./alert-run.ts";
import { reach } from "./failpoint.ts";
import { readStatusFacts } from "./status-facts.ts";

export interface EndedRun {
  readonly config: Config;
  readonly command: string;
  readonly signal: AbortSignal | undefined;
  /** What went wrong beside the load: alerts, heartbeat. */
  readonly onWarning?: ((error: DrayageError) => void) | undefined;
}

export interface RunEnding {
  readonly runId: bigint;
  /** Exit 0 or 3. */
  readonly good: boolean;
  readonly counts: Record<string, number>;
  readonly seen: RunSightings;
}

/** What needs somebody now. */
export async function endRun(control: Session, run: EndedRun, ending: RunEnding): Promise<Attention[]> {
  const { config } = run;
  const { stateSchema } = config.warehouse;
  // The steps before the alerts may be carried out twice.
  const attention = await onLiveSession(control, run, async (session) => {
    await reach("before_run_end");
    await noteSightings(session, stateSchema, ending.runId, ending.seen);
    await reach("after_sightings");
    await finishRun(session, stateSchema, ending.runId, ending.good ? "done" : "failed", ending.counts);
    await reach("after_run_end");
    const { facts, now } = await readStatusFacts(session, config, ending.runId);
    return evaluate(facts, now);
  });
  await tell(control, run, { runId: ending.runId, complete: ending.seen.complete, good: ending.good });
  return attention;
}

/** A run that an error ended as a whole. Never rejects: the error is what there is to say. */
export async function endFailedRun(
  control: Session,
  run: EndedRun,
  runId: bigint,
  /** undefined: a signal ended it, which concerns nobody. */
  code: string | undefined,
): Promise<void> {
  const { stateSchema } = run.config.warehouse;
  try {
    await onLiveSession(control, run, (session) => finishRun(session, stateSchema, runId, "failed", {}, code));
  } catch {
    // The warehouse is away: the heartbeat that does not come is what tells of it.
    return;
  }
  if (code !== undefined) await tell(control, run, { runId, complete: false, good: false });
}

/** Never rejects. */
async function tell(
  control: Session,
  run: EndedRun,
  how: { runId: bigint; complete: boolean; good: boolean },
): Promise<void> {
  const { alerts } = run.config;
  if (alerts.webhook === undefined && alerts.heartbeat === undefined) return;
  const { config, signal } = run;
  const warn = run.onWarning ?? (() => undefined);
  await onLiveSession(control, run, (session) => alertRun(session, { config, ...how, signal, warn })).catch(
    () => undefined,
  );
}

/** The run's own connection idled while the others loaded: that it broke takes back nothing of what is loaded. */
async function onLiveSession<T>(
  control: Session,
  { config, command }: EndedRun,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (!control.lost) {
    try {
      return await work(control);
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
    }
  }
  const fresh = await Session.connect(config.warehouse, command, config.source.timezone);
  try {
    return await work(fresh);
  } finally {
    await fresh.close();
  }
}
