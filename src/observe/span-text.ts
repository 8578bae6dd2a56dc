/** Spans of time as somebody says them: "5 h", "usually hourly". */

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** In the one unit that fits: `40 s`, `12 min`, `5 h`, `3 days`. */
export function spanText(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < minute) return `${Math.floor(ms / 1000)} s`;
  if (ms < 2 * hour) return `${Math.floor(ms / minute)} min`;
  if (ms < 2 * day) return `${Math.floor(ms / hour)} h`;
  return `${Math.floor(ms / day)} days`;
}

export function agoText(since: Date, now: Date): string {
  return `${spanText(now.getTime() - since.getTime())} ago`;
}

/** A learned cadence; a tenth off still counts as the round one. */
export function usualText(everyMs: number): string {
  return everyText(everyMs, 0.1);
}

/** `hourly`, `every 2 h`. `slack`: the part by which a round cadence may be missed. */
export function everyText(everyMs: number, slack = 0): string {
  const near = (span: number) => Math.abs(everyMs - span) <= span * slack;
  if (near(minute)) return "every minute";
  if (near(hour)) return "hourly";
  if (near(day)) return "daily";
  if (near(7 * day)) return "weekly";
  return `every ${spanText(everyMs)}`;
}
