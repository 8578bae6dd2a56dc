/** The steps of the way of a record (design §3). In the product a step does nothing; a test arms one, to end the process there. */

export const steps = [
  "after_list",
  "after_claim",
  "object_opened",
  "mid_object",
  "before_stage_commit",
  "after_stage_commit",
  "before_ddl",
  "after_ddl",
  "after_lock",
  "after_fence",
  "after_merge",
  "after_rejects",
  "before_commit",
  "after_commit",
  "before_run_end",
  "after_sightings",
  "after_run_end",
] as const;

/** Those of a newer full load that is applied (design §6), beside the steps of staging its objects. */
export const reloadSteps = [
  "shadow_made",
  "member_copied",
  "member_merged",
  "shadow_filled",
  "difference_found",
  "difference_applied",
  "generation_raised",
  "generation_committed",
] as const;

/** Of a refresh, beside those of staging and of the table's lock. */
export const refreshSteps = [
  "after_shadow_unit",
  "after_shadow",
  "after_difference",
  "after_refresh",
  "before_refresh_commit",
  "after_refresh_commit",
] as const;

export type Step = (typeof steps)[number] | (typeof reloadSteps)[number] | (typeof refreshSteps)[number];

/** `table` is absent in the steps of the run as a whole. */
export type Trap = (step: Step, table: string | undefined) => Promise<void> | undefined;

const none: Trap = () => undefined;
let trap = none;

/** Tests alone; returns what disarms. */
export function armFailpoints(armed: Trap): () => void {
  trap = armed;
  return () => {
    trap = none;
  };
}

/** Await it: an armed step may not be left. */
export function reach(step: Step, table?: string): Promise<void> | undefined {
  return trap(step, table);
}
