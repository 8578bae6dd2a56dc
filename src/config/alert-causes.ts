/** What alerts are sent for, as `alerts.on` names it: the causes of attention, but for the one that is about alerts themselves. */

/** In the order of what stops data from arriving first. */
export const alertCauses = [
  "failed",
  "late_source",
  "decision",
  "new_generation",
  "late_table",
  "held",
  "lost_run",
  "paused",
  "backfill",
  "rejects",
  "rescued",
  "unclaimed",
] as const;

export type AlertCause = (typeof alertCauses)[number];
