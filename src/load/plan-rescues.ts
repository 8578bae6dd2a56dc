/** What `plan` says of values without a place in a column: why, and the statements that give them one. */
import type { TargetName } from "../warehouse/main-table.ts";
import { homeStatements } from "../warehouse/widening.ts";
import type { Binding, Rescue } from "./binding.ts";

export interface PlannedRescue {
  readonly path: string;
  readonly column: string | undefined;
  readonly type: string;
  readonly why: string;
  readonly statements: readonly string[];
}

export class PlanRescues {
  readonly #rescues = new Map<string, { readonly rescue: Rescue; readonly why: string }>();

  add(rescues: readonly Rescue[], narrow: ReadonlyMap<string, string>, binding: Binding): void {
    for (const rescue of rescues) this.#rescues.set(rescue.path, { rescue, why: whyRescued(rescue, narrow, binding) });
  }

  list(target: TargetName): PlannedRescue[] {
    return [...this.#rescues.values()].map(({ rescue, why }) => ({
      path: rescue.key,
      column: rescue.column,
      type: rescue.type,
      why,
      // A path without a column gets one by a line of the config.
      statements: rescue.column === undefined ? [] : homeStatements(target, { ...rescue, column: rescue.column }),
    }));
  }
}

/** Half a sentence, for people. */
export function whyRescued(rescue: Rescue, narrow: ReadonlyMap<string, string>, binding: Binding): string {
  if (rescue.late !== undefined) return rescue.late;
  if (rescue.column !== undefined) return narrow.get(rescue.column) ?? "its column has another type";
  return binding.tooMany.length > 0 ? "more new columns than contract.max_new_columns" : "contract.columns is rescue";
}
