/** Rejects of a unit: their places and bytes found in the object again, their number held against the limits. */
import { DrayageError } from "../errors.ts";
import { isUtf8Name } from "../rows/transcode.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { BadRecord } from "../warehouse/find-bad-records.ts";
import type { RecordCounts } from "../warehouse/record-counts.ts";
import type { RejectReason } from "../warehouse/reject-reasons.ts";
import type { Reject } from "../warehouse/rejects.ts";
import { RecordFinder } from "./find-records.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";

/** Rejects of an object whose bytes are kept; the others keep their place alone. */
const keptPerObject = 1000;

export async function collectRejects(
  source: ObjectSource,
  unit: StagedUnit,
  spec: TableSpec,
  bad: readonly BadRecord[],
): Promise<Reject[]> {
  const finder = new RecordFinder(source, unit, spec.config.dialect.encoding);
  const rejects: Reject[] = [];
  for (const object of unit.objects) {
    const own = bad.filter((one) => one.ordinal === object.ordinal);
    if (own.length === 0 && object.unstaged.length === 0) continue;
    const numbers = [...own.map((one) => one.record), ...object.unstaged.map((one) => one.record)];
    const found = await finder.find(
      object,
      numbers.sort((a, b) => a - b),
      keptPerObject,
    );
    const base = { historyId: object.claim.id, tableName: spec.name };
    for (const one of object.unstaged) {
      const place = found.get(one.record);
      rejects.push({
        ...base,
        record: one.record,
        // Counted in the text, where that is not what lies in the object.
        offset: place?.offset ?? (isUtf8Name(spec.config.dialect.encoding) ? one.offset : undefined),
        length: place?.length ?? one.length,
        reason: one.reason,
        column: one.column,
        constraint: undefined,
        sqlstate: undefined,
        message: undefined,
        bytes: place?.bytes,
      });
    }
    for (const one of own) {
      const place = found.get(one.record);
      rejects.push({
        ...base,
        record: one.record,
        offset: place?.offset,
        length: place?.length,
        reason: one.reason,
        column: one.column,
        constraint: one.constraint,
        sqlstate: one.sqlstate,
        message: one.message,
        bytes: place?.bytes,
      });
    }
  }
  return rejects;
}

/** Reasons that say something about the object's shape rather than about a record. */
const structural: ReadonlySet<RejectReason> = new Set([
  "field_count",
  "bad_json",
  "not_object",
  "too_deep",
  "bad_op",
  "null_key",
  "unclosed_quote",
  "bad_quote",
]);

const settingFor: Partial<Record<RejectReason, string>> = {
  field_count: "the list under `columns:`, dialect.delimiter and dialect.rfc4180",
  bad_json: "`document` (the column that holds the documents)",
  not_object: "`document` (the column that holds the documents)",
  bad_op: "dialect.op",
  null_key: "primary_key",
  unclosed_quote: "dialect.rfc4180",
  bad_quote: "dialect.rfc4180",
};

/** How many of the records of an object may be rejected: both limits must be exceeded. `limit`: of the command line, alone. */
export function mostRejects({ config }: TableSpec, read: number, limit: number | undefined): number {
  return limit ?? Math.max(config.rejectLimit, (read * config.rejectLimitPct) / 100);
}

function limitsText({ config }: TableSpec, limit: number | undefined): string {
  return limit === undefined
    ? `the limits are ${config.rejectLimit} and ${config.rejectLimitPct} %`
    : `the limit is ${limit}`;
}

/** The loops that look for bad records were stopped by an object that has too many: what else is wrong with it nobody knows. */
export function stoppedByLimit(
  spec: TableSpec,
  { records, claim }: StagedObject,
  limit: number | undefined,
): DrayageError {
  return new DrayageError("REJECT_LIMIT", {
    message: `More than ${Math.floor(mostRejects(spec, records, limit))} of ${records} records cannot be loaded, the rest was not tried; ${limitsText(spec, limit)}`,
    place: { table: spec.name, object: claim.object.key },
  });
}

/** One structural reason for every record of ten or more is a shape that somebody must set. */
export function checkLimits(
  spec: TableSpec,
  unit: StagedUnit,
  counts: ReadonlyMap<number, RecordCounts>,
  rejects: readonly Pick<Reject, "historyId" | "record" | "reason" | "column">[],
  limit: number | undefined,
): void {
  for (const object of unit.objects) {
    const { read, rejected } = counts.get(object.ordinal) ?? { read: 0, rejected: 0 };
    if (rejected === 0) continue;
    const own = rejects.filter((reject) => reject.historyId === object.claim.id);
    const reasons = new Set(own.map((reject) => reject.reason));
    const [only] = reasons;
    const place = { table: spec.name, object: object.claim.object.key };
    if (rejected === read && read >= 10 && reasons.size === 1 && only !== undefined && structural.has(only)) {
      throw new DrayageError("SHAPE_UNREADABLE", {
        message: `All ${read} records of the object are rejected for one reason: ${only}`,
        place: { ...place, column: own[0]?.column },
        ...(settingFor[only] === undefined
          ? {}
          : { next: `Check ${settingFor[only]} in the config, then \`drayage load\`.` }),
      });
    }
    if (rejected > mostRejects(spec, read, limit)) {
      // What came late does not come in time again, and must not hold what is in time.
      throw new DrayageError(reasons.has("late_partial") ? "LATE_PARTIAL" : "REJECT_LIMIT", {
        message: `${rejected} of ${read} records were rejected (${[...reasons].join(", ")}); ${limitsText(spec, limit)}`,
        // Rolled back with everything else: one of them, to look at.
        place: { ...place, record: own[0]?.record, column: own[0]?.column },
      });
    }
  }
}
