/** A moment on the command line: an ISO time, UTC unless it says otherwise, or a span from now. */
import { parseDuration } from "../config/units.ts";
import { DrayageError } from "../errors.ts";

/** `3d` (back from now, or on to the future), `2026-03-01`, `2026-03-01T10:00`, `2026-03-01 10:00:00+05:30`. Throws USAGE. */
export function parseMoment(text: string, now: Date, towards: "past" | "future" = "past"): Date {
  const span = parseDuration(text);
  if (span !== undefined) return new Date(now.getTime() + (towards === "past" ? -span : span));
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(text);
  if (match !== null) {
    const [, day, clock = "00:00", zone = "Z"] = match;
    const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
    const time = new Date(`${day}T${clock}${offset}`);
    // JavaScript turns 31 February into March.
    const isDay = !Number.isNaN(time.getTime()) && new Date(`${day}T00:00Z`).toISOString().startsWith(day ?? "");
    if (isDay) return time;
  }
  throw new DrayageError("USAGE", {
    message: `${JSON.stringify(text)} is no time`,
    next: "Write a span from now (3d, 12h), or a time: 2026-03-01, 2026-03-01T10:00 (UTC), 2026-03-01T10:00+05:30.",
  });
}
