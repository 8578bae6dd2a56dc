/** Whether the zone in which times are read means the same to this machine and to the warehouse. */
import type { Config } from "../config/config.ts";
import { zoneOffset } from "../source/object-key.ts";
import type { Session } from "../warehouse/session.ts";
import { type Finding, good, note } from "./finding.ts";

/** Today, and on the other side of a change of clocks. */
const apartDays = [0, 91, 182, 273];

export async function checkTimeZone(session: Session, { source }: Config, now: Date): Promise<Finding> {
  const { timezone } = source;
  const times = apartDays.map((days) => new Date(now.getTime() + days * 86_400_000));
  // The session is in that zone: what its clocks show there, as if it were UTC.
  const { rows } = await session.query<{ seconds: number }>(
    "select extract(timezone from t)::integer as seconds from unnest($1::timestamptz[]) with ordinality as u (t, n) order by n",
    [times.map((time) => time.toISOString())],
  );
  const differs = times.some((time, i) => rows[i]?.seconds !== zoneOffset(timezone, time) / 1000);
  return differs
    ? note(
        "time zone",
        `This machine and the warehouse disagree on the clocks of ${timezone} within the year to come`,
        "Update Node.js (its ICU data) or the server's time zone files.",
      )
    : good("time zone", `A source time without a zone is taken as ${timezone} (source.timezone)`);
}
