/** Which attention becomes an alert, and what is new and what is over against the alerts that are open. Pure; `now` is a parameter. */
import type { AlertCause } from "../config/alert-causes.ts";
import { type ErrorCode, errorCodes } from "../errors.ts";
import type { Attention } from "./attention.ts";

export interface Alert extends Attention {
  readonly cause: AlertCause;
  /** The table, folder or run that it is about; empty: the source or the loading as a whole. */
  readonly place: string;
  /** Code and place: of one cause and subject one alert is open at a time. */
  readonly subject: string;
}

/** What is known of an alert that is open. */
export interface OpenedAlert {
  readonly cause: string;
  readonly subject: string;
  readonly place: string;
}

/** status shows a pause at once; who made it need not be told of it the same day. */
const pausedSilentlyMs = 24 * 3_600_000;

/** Those of `attention` that somebody is told of. */
export function alertsOf(attention: readonly Attention[], on: readonly AlertCause[], now: Date): Alert[] {
  const wanted = new Set<string>(on);
  const found = new Map<string, Alert>();
  for (const one of attention) {
    if (!isAlertCause(one, wanted) || !isTold(one, now)) continue;
    const place =
      one.run !== undefined
        ? `run ${one.run}`
        : one.table !== undefined
          ? `table ${one.table}`
          : one.folder !== undefined
            ? `folder ${one.folder}`
            : "";
    const subject = [one.code, place].filter((part) => part !== undefined && part !== "").join(" ");
    const id = `${one.cause} ${subject}`;
    if (!found.has(id)) found.set(id, { ...one, place, subject });
  }
  return [...found.values()];
}

function isAlertCause(one: Attention, wanted: ReadonlySet<string>): one is Attention & { cause: AlertCause } {
  return wanted.has(one.cause);
}

function isTold(one: Attention, now: Date): boolean {
  if (one.cause === "paused") return one.since !== undefined && now.getTime() - one.since.getTime() > pausedSilentlyMs;
  // A misspelt key: who typed it was told.
  if (one.cause === "failed" && isWholeRun(one)) return !isUsage(one.code);
  return true;
}

function isWholeRun({ table, run, folder }: Attention): boolean {
  return table === undefined && run === undefined && folder === undefined;
}

function isUsage(code: string | undefined): boolean {
  return code !== undefined && Object.hasOwn(errorCodes, code) && errorCodes[code as ErrorCode].exit === 2;
}

export interface Comparison<O> {
  readonly raise: readonly Alert[];
  readonly clear: readonly O[];
  /** Closed without a word: the same place has the same cause under another code, or nobody wants to hear of the cause any more. */
  readonly drop: readonly O[];
}

export interface ComparedRun {
  readonly on: readonly AlertCause[];
  /** The run listed the whole source and came to its end. */
  readonly complete: boolean;
}

/**
 * What a run that saw only a part cannot know: whether objects came that it did not list (so it finds nobody late), and whether the
 * next whole run will end (so a run that failed as a whole is not over). That something came, it can know.
 */
export function compareAlerts<O extends OpenedAlert>(
  open: readonly O[],
  alerts: readonly Alert[],
  attention: readonly Attention[],
  { on, complete }: ComparedRun,
): Comparison<O> {
  const key = ({ cause, subject }: OpenedAlert) => `${cause} ${subject}`;
  const wanted = new Map(alerts.map((alert) => [key(alert), alert]));
  const told = new Set(open.map(key));
  const sourceIsLate = attention.some(({ cause }) => cause === "late_source");
  const runFailed = attention.some((one) => one.cause === "failed" && isWholeRun(one));
  const sourceWasLate = open.some(({ cause }) => cause === "late_source");

  const raise = alerts.filter((alert) => {
    if (told.has(key(alert))) return false;
    if (complete) return true;
    if (alert.cause === "late_table") return false;
    // That nobody lists the source has the failed runs for its one cause, and is no news while the source is late.
    return alert.cause !== "late_source" || (alert.code === "unlisted" && !runFailed && !sourceWasLate);
  });
  const raisedAt = new Set(raise.map(({ cause, place }) => `${cause} ${place}`));
  const switchedOn = new Set<string>(on);
  const clear: O[] = [];
  const drop: O[] = [];
  for (const one of open) {
    if (!switchedOn.has(one.cause)) drop.push(one);
    else if (wanted.has(key(one))) continue;
    else if (raisedAt.has(`${one.cause} ${one.place}`)) drop.push(one);
    else if (isOver(one)) clear.push(one);
  }
  return { raise, clear, drop };

  function isOver({ cause, place }: O): boolean {
    // While nothing comes at all, a table that was late before is not on time: its silence only has another name.
    if (cause === "late_table") return !sourceIsLate;
    if (complete) return true;
    if (cause === "late_source") return !sourceIsLate;
    return cause !== "failed" || place !== "";
  }
}
