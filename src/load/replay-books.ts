/** Writes a merged unit down as replayed rejects: each is done, or open with its new reason; the counts move in their object's entry. */
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import {
  type FailedAgain,
  lockOpenRejects,
  markReplayed,
  moveCounts,
  noteFailedAgain,
} from "../warehouse/open-rejects.ts";
import { noCounts, outcomes, type RecordCounts } from "../warehouse/record-counts.ts";
import { addRejects, type Reject } from "../warehouse/rejects.ts";
import type { Session } from "../warehouse/session.ts";
import type { MergeSettings } from "./merge-settings.ts";
import type { RejectPiece } from "./reject-pieces.ts";
import { checkLimits, collectRejects } from "./reject-records.ts";
import type { StagedObject, StagedUnit, UnstagedRecord } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";
import type { MergedRecords, UnitBooks } from "./unit-books.ts";

/** Another run replayed a reject of the unit, or loads its object anew, since they were read. */
export class RejectsChanged extends Error {}

export function replayBooks(
  session: Session,
  spec: TableSpec,
  unit: StagedUnit,
  pieces: readonly RejectPiece[],
  settings: MergeSettings,
): UnitBooks {
  const state = settings.config.warehouse.stateSchema;
  const staged = unit.objects.flatMap((object): [StagedObject, RejectPiece][] => {
    const piece = pieces.find((one) => one.claim === object.claim);
    return piece === undefined ? [] : [[object, piece]];
  });
  const ids = staged.flatMap(([, piece]) => piece.rejects.map((reject) => reject.id));
  const objects = [...new Set(unit.objects.map((object) => object.claim.id))];
  return {
    async fence() {
      if (!(await lockOpenRejects(session, state, objects, ids))) throw new RejectsChanged("rejects changed");
    },
    async close({ counts, bad }: MergedRecords) {
      const failed: FailedAgain[] = [];
      const added: Reject[] = [];
      for (const [object, piece] of staged) {
        if (piece.rest) {
          const rest = { ...unit, objects: [object] };
          const found = await collectRejects(settings.source, rest, spec, bad);
          // What was one reject may be a million records: that most of them are bad is no way to load an object either.
          checkLimits(spec, rest, counts, found, settings.rejectLimit);
          const [first, ...others] = found.toSorted((a, b) => a.record - b.record);
          const [own] = piece.rejects;
          if (first !== undefined && own !== undefined) failed.push({ ...first, id: own.id, moved: first });
          added.push(...others);
        } else failed.push(...failedAgain(object, piece, bad));
      }
      const open = new Set(failed.map((one) => one.id));
      const done = ids.filter((id) => !open.has(id));
      await markReplayed(session, state, done);
      await noteFailedAgain(session, state, failed);
      await addRejects(session, state, added);
      for (const id of objects) {
        const own = staged.filter(([object]) => object.claim.id === id);
        await moveCounts(session, state, id, changeOf(own, counts), repairsOf(own));
      }
      const reasons = new Map<string, number>();
      for (const { reason } of [...failed, ...added]) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      return reasons;
    },
  };
}

/** Single records that are rejected again, each in its own row. */
function failedAgain(object: StagedObject, piece: RejectPiece, bad: readonly BadRecord[]): FailedAgain[] {
  const again: readonly (UnstagedRecord | BadRecord)[] = [
    ...object.unstaged,
    ...bad.filter((one) => one.ordinal === object.ordinal),
  ];
  const ids = new Map(piece.rejects.map((reject) => [reject.record, reject.id]));
  return again.flatMap((one) => {
    const id = ids.get(one.record);
    if (id === undefined) return [];
    const said = "ordinal" in one ? one : { constraint: undefined, sqlstate: undefined, message: undefined };
    const { constraint, sqlstate, message } = said;
    return [{ id, reason: one.reason, column: one.column, constraint, sqlstate, message, moved: undefined }];
  });
}

/** Each reject was read once and rejected once; the rest of an object turns out to be more records than that. */
function changeOf(
  staged: readonly (readonly [StagedObject, RejectPiece])[],
  counts: ReadonlyMap<number, RecordCounts>,
): RecordCounts {
  const change = noCounts();
  for (const [object, { rejects }] of staged) {
    const own = counts.get(object.ordinal) ?? noCounts();
    change.read += own.read - rejects.length;
    for (const outcome of outcomes) change[outcome] += own[outcome];
    change.rejected -= rejects.length;
  }
  return change;
}

/** A record that was read to its end before has its repairs counted; these were not. */
function repairsOf(staged: readonly (readonly [StagedObject, RejectPiece])[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [{ repairs }, { rest, rejects }] of staged) {
    if (!rest && rejects.some((reject) => reject.reason !== "invalid_text")) continue;
    for (const [column, count] of Object.entries(repairs)) sum[column] = (sum[column] ?? 0) + count;
  }
  return sum;
}
