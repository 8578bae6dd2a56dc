/** A moment on the command line: an ISO time, UTC unless it says otherwise, or a span from now. */
import { parseDuration, parseTime } from "../config/units.ts";
import { DrayageError } from "../errors.ts";

/** `3d` (back from now, or on to the future), `2026-03-01`, `2026-03-01T10:00`, `2026-03-01 10:00:00+05:30`. Throws USAGE. */
export function parseMoment(text: string, now: Date, towards: "past" | "future" = "past"): Date {
  const span = parseDuration(text);
  if (span !== undefined) return new Date(now.getTime() + (towards === "past" ? -span : span));
  const time = parseTime(text);
  if (time !== undefined) return time;
  throw new DrayageError("USAGE", {
    message: `${JSON.stringify(text)} is no time`,
    next: "Write a span from now (3d, 12h), or a time: 2026-03-01, 2026-03-01T10:00 (UTC), 2026-03-01T10:00+05:30.",
  });
}
