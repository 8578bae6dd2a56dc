/** Writes a merged unit down as loaded: rejects, counts and status of each object, in the transaction that merged its rows. */
import { LoadHistory } from "../warehouse/load-history.ts";
import { noCounts } from "../warehouse/record-counts.ts";
import { noteHeader, writeRejects } from "../warehouse/rejects.ts";
import type { Session } from "../warehouse/session.ts";
import { reach } from "./failpoint.ts";
import type { MergeSettings } from "./merge-settings.ts";
import { checkLimits, collectRejects, mostRejects } from "./reject-records.ts";
import type { StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";
import type { MergedRecords, UnitBooks } from "./unit-books.ts";

export function loadBooks(session: Session, spec: TableSpec, unit: StagedUnit, settings: MergeSettings): UnitBooks {
  const state = settings.config.warehouse.stateSchema;
  const history = new LoadHistory(session, state, spec.name);
  const ids = unit.objects.map((object) => object.claim.id);
  return {
    fence: () => history.fence(settings.runId, ids),
    // Not at the limit itself: an object that is just past it is told with its reasons, by checkLimits.
    mostRejects: ({ records }) => Math.max(2 * mostRejects(spec, records, settings.rejectLimit), 100),
    async close({ counts, bad, mergeMs }: MergedRecords) {
      const rejects = await collectRejects(settings.source, unit, spec, bad);
      checkLimits(spec, unit, counts, rejects, settings.rejectLimit);
      await writeRejects(session, state, ids, rejects);
      await reach("after_rejects", spec.name);
      for (const object of unit.objects) {
        const own = counts.get(object.ordinal) ?? noCounts();
        await history.complete({
          id: object.claim.id,
          attempt: object.claim.attempt,
          counts: own,
          repairs: object.repairs,
          bytes: object.bytes,
          sha256: object.claim.object.kind === "full_load" ? object.sha256 : undefined,
          timings: { ...object.timings, merge_ms: mergeMs },
        });
        if (own.rejected > 0) await noteHeader(session, state, object.claim.id, object.header);
      }
      const reasons = new Map<string, number>();
      for (const reject of rejects) reasons.set(reject.reason, (reasons.get(reject.reason) ?? 0) + 1);
      return reasons;
    },
  };
}
