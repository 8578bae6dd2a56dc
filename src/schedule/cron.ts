/** When a pass is due. The only timers of the schedule; what a cron line may say is checked in src/config/cron-text.ts. */
import { createTask, parse, type ScheduledTask } from "node-cron";

const minute = 60_000;
/** A longer silence than this is a missed pass by any cron that loads hours. */
const longestSilence = 32 * 24 * 60 * minute;

export interface Due {
  /** The next two times, from now. */
  next(): readonly [Date, Date];
  /** Whether a time was due after `since`, up to `now`. */
  wasDue(since: Date, now: Date): boolean;
  start(onDue: () => void): void;
  stop(): void;
}

/** `timezone`: an IANA name. */
export function openCron(cron: string, timezone: string): Due {
  let call: () => void = () => undefined;
  const options = { timezone, suppressMissedWarning: true, noOverlap: false };
  const task: ScheduledTask = createTask(cron, () => call(), options);
  // The process slept or was too busy to notice in time: late is better than an hour later.
  task.on("execution:missed", () => call());
  return {
    next() {
      const [first, second] = task.getNextRuns(2);
      return [first ?? new Date(Number.NaN), second ?? new Date(Number.NaN)];
    },
    wasDue: (since, now) => wasDue(task, parse(cron).second, since, now),
    start(onDue) {
      call = onDue;
      void task.start();
    },
    stop() {
      call = () => undefined;
      void task.destroy();
    },
  };
}

/** Minute by minute backwards, looking only at the seconds that the line names. */
function wasDue(task: ScheduledTask, seconds: readonly number[], since: Date, now: Date): boolean {
  const from = since.getTime();
  if (now.getTime() - from > longestSilence) return true;
  for (let begin = Math.floor(now.getTime() / minute) * minute; begin + minute > from; begin -= minute) {
    for (const second of seconds) {
      const at = begin + second * 1000;
      if (at > from && at <= now.getTime() && task.match(new Date(at))) return true;
    }
  }
  return false;
}

/** One call, at a time that lies ahead. */
export interface Alarm {
  /** In place of the one that was set before. */
  set(at: Date, call: () => void): void;
  clear(): void;
}

/** A timer may ring a little early; and whoever sets it again for now must not spin. */
const alarmMarginMs = 1_000;
/** What a timer of Node can hold. */
const longestTimerMs = 2 ** 31 - 1;

export function openAlarm(now: () => Date): Alarm {
  let timer: NodeJS.Timeout | undefined;
  const clear = () => clearTimeout(timer);
  return {
    set(at, call) {
      clear();
      const wait = Math.max(0, at.getTime() - now().getTime()) + alarmMarginMs;
      timer = setTimeout(call, Math.min(wait, longestTimerMs));
    },
    clear,
  };
}
