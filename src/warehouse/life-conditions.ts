/** What the table of an object's life says, as conditions of SQL: no statement has a list of statuses of its own. */
import { runIsAlive } from "./advisory-locks.ts";
import { literal } from "./identifier.ts";
import { afterEvent, type LifeEvent, type LifeState, type LoadStatus, lifeStates, stateFacts } from "./object-life.ts";

function statusesOf(chosen: (state: LifeState) => boolean): LoadStatus[] {
  return [...new Set(lifeStates.filter(chosen).flatMap((state) => stateFacts[state].status ?? []))];
}

/** `'pending', 'failed'` */
function list(statuses: readonly LoadStatus[]): string {
  return statuses.map(literal).join(", ");
}

const isFinal = (state: LifeState) => stateFacts[state].load === "final";

const finalOnes = statusesOf(isFinal);
export const finalStatuses = list(finalOnes);
/** Of entries that some load takes, waits for, or reports. */
export const openStatuses = list(statusesOf((state) => !isFinal(state)));
/** Open, and in no run's hands. */
export const idleStatuses = list(statusesOf((state) => !isFinal(state) && stateFacts[state].status !== "loading"));
/** Of entries whose rows are committed. */
export const mergedStatuses = list(statusesOf((state) => state === "loaded" || state === "rejects"));
/** Final, and nothing newer stands for them. */
export const standingStatuses = list(statusesOf((state) => isFinal(state) && state !== "superseded"));
/** What a backfill takes though it is final. */
export const reloadableStatuses = list(
  statusesOf((state) => state !== "reloading" && afterEvent(state, "claimed_by_backfill") === "reloading"),
);

export function isFinalStatus(status: string | undefined): boolean {
  return finalOnes.some((one) => one === status);
}

/** Of an entry that failed: its object could not be had, and whatever is changed here, it cannot before it is there again. */
export function isAway(entry: string): string {
  return `(${entry}.retry = 'after_change' and ${entry}.error_code in ('OBJECT_GONE', 'OBJECT_ARCHIVED'))`;
}

/** `loading`, and the run is gone that has it. */
export function isLost(entry: string): string {
  return `(${entry}.status = 'loading' and not ${runIsAlive(`${entry}.run_id`)})`;
}

/** Which entries the event changes. Where a live run keeps what it has, only what a lost one had. */
export function changedBy(event: LifeEvent, entry = "h"): string {
  const isChanged = (state: LifeState) => afterEvent(state, event) !== state;
  const ofLost: readonly LifeState[] = ["lost", "worn_out"];
  const lostAlone = ofLost.every(isChanged) && !isChanged("loading") && !isChanged("reloading");
  const whole = statusesOf(isChanged).filter((status) => !(lostAlone && status === "loading"));
  for (const state of lifeStates) {
    const { status } = stateFacts[state];
    // A statement that looks at the status alone would change them, too; what is so already it leaves as it is.
    if (status !== undefined && whole.includes(status) && !isChanged(state) && !isTarget(state, event))
      throw new Error(`${event} changes some states of status ${status} and not ${state}`);
  }
  const byStatus = `${entry}.status in (${list(whole)})`;
  return lostAlone ? `(${byStatus} or ${isLost(entry)})` : byStatus;
}

/** Whether the event leads there. */
function isTarget(state: LifeState, event: LifeEvent): boolean {
  return lifeStates.some((from) => from !== state && afterEvent(from, event) === state);
}
