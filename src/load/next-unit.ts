/** Which open objects of a table make the next unit, and when a failed one is tried again. */
import type { Config } from "../config/config.ts";
import type { Again, RetryPolicy } from "../warehouse/load-history.ts";
import type { SourceObject } from "./discover.ts";
import { configHash, type TableSpec } from "./table-spec.ts";

/** Small objects share a unit: one transaction and one merge for all of them. */
const maxUnitObjects = 500;

export function retryPolicy(config: Config, spec: TableSpec, force: boolean, again?: Again): RetryPolicy {
  return { maxAttempts: config.warehouse.maxAttempts, configHash: configHash(spec.config), force, again };
}

/** Takes the next unit's objects off the queue: of one kind, bounded in number and bytes. */
export function nextUnit(queue: SourceObject[], maxBytes: number): SourceObject[] {
  const unit: SourceObject[] = [];
  let bytes = 0;
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    if (
      unit.length > 0 &&
      (bytes + next.size > maxBytes || next.kind !== unit[0]?.kind || unit.length >= maxUnitObjects)
    )
      break;
    unit.push(next);
    bytes += next.size;
    queue.shift();
  }
  return unit;
}
