/** The end of a run as others hear of it: what is new or over becomes events, events are posted, the heartbeat is called. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { type AlertEvent, clearedEvents, type EventMaking, raisedEvents } from "../observe/alert-event.ts";
import type { Attention, StatusFacts } from "../observe/attention.ts";
import { alertsOf, compareAlerts } from "../observe/compare-alerts.ts";
import { dailyEvent, summaryDay } from "../observe/daily-event.ts";
import { evaluate } from "../observe/evaluate.ts";
import { callWebhook } from "../observe/webhook.ts";
import {
  endDelivery,
  giveUpEvents,
  hasSummary,
  nextDueEvent,
  noteDelivered,
  noteUndelivered,
  queueEvents,
  tryDelivery,
} from "../warehouse/alert-events.ts";
import { clearAlerts, loadedBetween, lockAlerts, openAlerts, raiseAlerts } from "../warehouse/alerts.ts";
import type { Session } from "../warehouse/session.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { readStatusFacts } from "./status-facts.ts";

export interface AlertRun {
  readonly config: Config;
  readonly runId?: bigint | undefined;
  /** The run listed the whole source and came to its end. */
  readonly complete: boolean;
  /** It ended as it should: the heartbeat is called. */
  readonly good: boolean;
  readonly signal: AbortSignal | undefined;
  /** What went wrong here is said, and changes nothing about the run. */
  readonly warn: (error: DrayageError) => void;
  /** undefined: the warehouse's clock. */
  readonly at?: Date | undefined;
  /** How long the webhook may take: one call, and all of them. */
  readonly patience?: { readonly callMs: number; readonly totalMs: number } | undefined;
}

/** However dead the webhook is, no run is held up longer. */
const usualPatience = { callMs: 5_000, totalMs: 10_000 };
/** Between two looks whether another deliverer has come to its end. */
const lookAgainMs = 100;
const firstPauseMs = 60_000;
const longestPauseMs = 3_600_000;
const day = 86_400_000;
/** News of last week is none. */
const keptDays = 7;

/** Never rejects. */
export async function alertRun(session: Session, run: AlertRun): Promise<void> {
  const { webhook, heartbeat } = run.config.alerts;
  const complain = (what: string) => (error: unknown) =>
    run.warn(
      new DrayageError("ALERT_FAILED", {
        message: `Alerts could not be ${what}: ${warehouseError(error, "use the warehouse").message}`,
        cause: error,
      }),
    );
  const beat = heartbeat === undefined || !(run.complete && run.good) ? undefined : callHeartbeat(heartbeat, run);
  if (webhook !== undefined) {
    try {
      const now = await noteAlerts(session, run);
      await deliver(session, webhook, now, run).catch(complain("delivered"));
    } catch (error) {
      complain("compared")(error);
    }
  }
  await beat;
}

/** Compares what needs somebody with what was told, in one short transaction. Returns its moment. */
async function noteAlerts(session: Session, { config, runId, complete, at }: AlertRun): Promise<Date> {
  const { on } = config.alerts;
  const { stateSchema } = config.warehouse;
  return session.transaction(async () => {
    await lockAlerts(session, stateSchema);
    // Read under the lock: what was read before it could be older than what another run has told.
    const { facts, now: clock } = await readStatusFacts(session, config, runId);
    const now = at ?? clock;
    const attention = evaluate(facts, now);
    const making: EventMaking = { source: config.source.url, now, newId: () => randomUUID() };
    const open = await openAlerts(session, stateSchema);
    const { raise, clear, drop } = compareAlerts(open, alertsOf(attention, on, now), attention, { on, complete });
    await clearAlerts(session, stateSchema, [...clear, ...drop], now);
    await raiseAlerts(
      session,
      stateSchema,
      raise.map((alert) => ({
        ...alert,
        code: alert.code,
        table: alert.table,
        folder: alert.folder,
        since: alert.since,
      })),
      now,
    );
    const events = [...clearedEvents(clear, making), ...raisedEvents(raise, making)];
    const summary = await summaryOf(session, config, facts, attention, making);
    await queueEvents(session, stateSchema, summary === undefined ? events : [...events, summary], now);
    return now;
  });
}

async function summaryOf(
  session: Session,
  { alerts, schedule, warehouse }: Config,
  facts: StatusFacts,
  attention: readonly Attention[],
  making: EventMaking,
): Promise<AlertEvent | undefined> {
  if (alerts.daily === undefined) return undefined;
  const due = summaryDay(making.now, alerts.daily, schedule.timezone);
  if (due === undefined || (await hasSummary(session, warehouse.stateSchema, due))) return undefined;
  const from = new Date(making.now.getTime() - day);
  return dailyEvent(
    due,
    await loadedBetween(session, warehouse.stateSchema, from, making.now),
    facts,
    attention,
    making,
  );
}

/** One try an event. What another process delivers meanwhile is left to it, and what it leaves is taken. */
async function deliver(session: Session, webhook: string, now: Date, run: AlertRun): Promise<void> {
  const { stateSchema } = run.config.warehouse;
  const { callMs, totalMs } = run.patience ?? usualPatience;
  const deadline = performance.now() + totalMs;
  const left = () => deadline - performance.now();
  const stopped = () => run.signal?.aborted === true || left() <= 0;
  while (!(await tryDelivery(session, stateSchema))) {
    if (stopped() || (await nextDueEvent(session, stateSchema, now, [])) === undefined) return;
    await sleep(lookAgainMs);
  }
  try {
    const givenUp = await giveUpEvents(session, stateSchema, new Date(now.getTime() - keptDays * day), now);
    if (givenUp > 0)
      run.warn(
        alertFailed(`${givenUp === 1 ? "1 alert was" : `${givenUp} alerts were`} given up after ${keptDays} days`),
      );
    const tried: string[] = [];
    let fault: string | undefined;
    for (;;) {
      const event = stopped() ? undefined : await nextDueEvent(session, stateSchema, now, tried);
      if (event === undefined) break;
      tried.push(event.eventId);
      const timeoutMs = Math.max(1, Math.min(callMs, left()));
      const found = await callWebhook({ url: webhook, body: event.body, timeoutMs, signal: run.signal });
      if (found === undefined) await noteDelivered(session, stateSchema, event.eventId);
      // Broken off by the end of the process, it was not the webhook's fault.
      else if (run.signal?.aborted !== true) {
        fault = found;
        const next = new Date(now.getTime() + pauseAfter(event.attempts + 1));
        await noteUndelivered(session, stateSchema, event.eventId, found, next);
      }
    }
    if (fault !== undefined) run.warn(alertFailed(`The webhook of alerts ${fault}`));
  } finally {
    await endDelivery(session, stateSchema).catch(() => undefined);
  }
}

/** Before the next try, after so many that failed: a minute, doubling, up to an hour. */
export function pauseAfter(attempts: number): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(30, attempts - 1));
}

async function callHeartbeat(url: string, { signal, warn }: AlertRun): Promise<void> {
  const fault = await callWebhook({ url, timeoutMs: usualPatience.callMs, signal });
  if (fault === undefined || signal?.aborted === true) return;
  warn(alertFailed(`The heartbeat ${fault}`, "Check alerts.heartbeat; it is called again after the next good run."));
}

function alertFailed(message: string, next?: string): DrayageError {
  return new DrayageError("ALERT_FAILED", next === undefined ? { message } : { message, next });
}
