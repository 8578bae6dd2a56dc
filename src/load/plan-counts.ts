/** What `plan` counts: records by outcome, rejects by reason, over the units that it read. */
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import { noCounts, outcomes, type RecordCounts } from "../warehouse/record-counts.ts";
import { checkLimits } from "./reject-records.ts";
import type { StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";

export class PlanCounts {
  readonly counts = noCounts();
  readonly rejects = new Map<string, number>();

  /** `merged`: by ordinal. Throws where the reject limits would stop the load. */
  add(spec: TableSpec, unit: StagedUnit, merged: ReadonlyMap<number, RecordCounts>, bad: readonly BadRecord[]): void {
    const all = new Map<number, RecordCounts>();
    const rejects = unit.objects.flatMap((object) => {
      const own = [...object.unstaged, ...bad.filter((one) => one.ordinal === object.ordinal)];
      return own.map(({ record, reason, column }) => ({ historyId: object.claim.id, record, reason, column }));
    });
    for (const object of unit.objects) {
      const counts = merged.get(object.ordinal) ?? noCounts();
      const rejected = counts.rejected + object.unstaged.length;
      all.set(object.ordinal, { ...counts, read: object.records, rejected });
      this.counts.read += object.records;
      this.counts.rejected += object.unstaged.length;
      for (const outcome of outcomes) this.counts[outcome] += counts[outcome];
    }
    for (const { reason, column } of rejects) {
      const name = column === undefined ? reason : `${reason} (${column})`;
      this.rejects.set(name, (this.rejects.get(name) ?? 0) + 1);
    }
    checkLimits(spec, unit, all, rejects, undefined);
  }
}
