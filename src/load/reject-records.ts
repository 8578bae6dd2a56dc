/** Rejects of a unit: their places and bytes found in the object again, their number held against the limits. */
import { DrayageError } from "../errors.ts";
import { CsvDecoder } from "../rows/decode-csv.ts";
import { checkpointEvery } from "../rows/record-scanner.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { BadRecord, RejectReason } from "../warehouse/find-bad-records.ts";
import type { RecordCounts } from "../warehouse/load-history.ts";
import { keptRecordBytes, type Reject } from "../warehouse/rejects.ts";
import { openObject } from "./open-object.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";
import type { TableSpec } from "./table-spec.ts";

/** Rejects of an object whose bytes are kept; the others keep their place alone. */
const keptPerObject = 1000;

export async function collectRejects(
  source: ObjectSource,
  unit: StagedUnit,
  tableName: string,
  bad: readonly BadRecord[],
): Promise<Reject[]> {
  const rejects: Reject[] = [];
  for (const object of unit.objects) {
    const own = bad.filter((one) => one.ordinal === object.ordinal);
    if (own.length === 0 && object.unstaged.length === 0) continue;
    const numbers = [...own.map((one) => one.record), ...object.unstaged.map((one) => one.record)]
      .sort((a, b) => a - b)
      .slice(0, keptPerObject);
    const found = await readRecords(source, unit, object, numbers);
    const base = { historyId: object.claim.id, tableName };
    for (const one of object.unstaged) {
      const place = found.get(one.record);
      rejects.push({
        ...base,
        record: one.record,
        offset: one.offset,
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

interface FoundRecord {
  readonly offset: number;
  readonly length: number;
  readonly bytes: Buffer;
}

/** Reads records again by their numbers, each from the checkpoint before it: a clean load keeps no index of its records. */
async function readRecords(
  source: ObjectSource,
  unit: StagedUnit,
  object: StagedObject,
  numbers: readonly number[],
): Promise<Map<number, FoundRecord>> {
  const found = new Map<number, FoundRecord>();
  const groups = new Map<number, number[]>();
  for (const number of numbers) {
    const group = Math.floor((number - 1) / checkpointEvery);
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [number]);
    else members.push(number);
  }
  if (object.claim.object.gzip) {
    // A gzip has no middle to begin at: one pass from its start.
    await readGroup(source, unit, object, 0, new Set(numbers), found);
    return found;
  }
  for (const [group, members] of groups) await readGroup(source, unit, object, group, new Set(members), found);
  return found;
}

async function readGroup(
  source: ObjectSource,
  unit: StagedUnit,
  object: StagedObject,
  group: number,
  wanted: Set<number>,
  found: Map<number, FoundRecord>,
): Promise<void> {
  const start = object.checkpoints[group];
  if (start === undefined) return;
  const first = group * checkpointEvery;
  const window = new RecordWindow();
  let record = first;
  const take = (offset: number, length: number) => {
    record++;
    if (wanted.delete(record))
      found.set(record, {
        offset: start + offset,
        length,
        bytes: window.slice(offset, Math.min(length, keptRecordBytes)),
      });
    window.dropBefore(offset + length);
  };
  const decoder = new CsvDecoder({
    delimiter: unit.shape.delimiter,
    quoted: unit.shape.quoted,
    rowDelimiter: unit.shape.rowDelimiter,
    nullTokens: [],
    maxRecordBytes: Number.MAX_SAFE_INTEGER,
    singleColumn: unit.shape.fields.length === 1,
    onRecord: (_fields, offset, length) => take(offset, length),
    onFault: (fault) => take(fault.start, Math.min(window.end - fault.start, keptRecordBytes)),
  });
  for await (const chunk of objectBytes(source, object, start)) {
    window.push(chunk);
    decoder.write(chunk);
    if (wanted.size === 0 || decoder.fault !== undefined) return;
  }
  decoder.end();
}

async function* objectBytes(source: ObjectSource, object: StagedObject, start: number): AsyncGenerator<Buffer> {
  const { object: listed } = object.claim;
  if (!listed.gzip) {
    yield* source.open(listed, { from: start }) as AsyncIterable<Buffer>;
    return;
  }
  const opened = await openObject(source, listed, { gzip: true, maxHeadBytes: 0, signal: undefined });
  try {
    yield* opened.bytes(start);
  } finally {
    opened.close();
  }
}

/** The bytes since the last finished record. */
class RecordWindow {
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;

  get end(): number {
    return this.#from + this.#bytes.length;
  }

  push(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  slice(offset: number, length: number): Buffer {
    return Buffer.from(this.#bytes.subarray(offset - this.#from, offset - this.#from + length));
  }

  dropBefore(offset: number): void {
    this.#bytes = this.#bytes.subarray(offset - this.#from);
    this.#from = offset;
  }
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
  field_count: "columns (the list), dialect.delimiter or dialect.rfc4180",
  bad_json: "document: name the column that holds the documents",
  not_object: "document: name the column that holds the documents",
  bad_op: "dialect.op",
  null_key: "primary_key",
  unclosed_quote: "dialect.rfc4180",
  bad_quote: "dialect.rfc4180",
};

/** Per object, both limits must be exceeded. One structural reason for every record of ten or more is a shape that somebody must set. */
export function checkLimits(
  spec: TableSpec,
  unit: StagedUnit,
  counts: ReadonlyMap<number, RecordCounts>,
  rejects: readonly Reject[],
  limit: number | undefined,
): void {
  for (const object of unit.objects) {
    const { read, rejected } = counts.get(object.ordinal) ?? { read: 0, rejected: 0 };
    if (rejected === 0) continue;
    const own = rejects.filter((reject) => reject.historyId === object.claim.id);
    const reasons = new Set(own.map((reject) => reject.reason as RejectReason));
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
    const most = limit ?? spec.config.rejectLimit;
    const pct = limit === undefined ? spec.config.rejectLimitPct : 0;
    if (rejected > most && rejected * 100 > pct * read) {
      throw new DrayageError("REJECT_LIMIT", {
        message: `${rejected} of ${read} records were rejected (${[...reasons].join(", ")}); the limits are ${most} and ${pct} %`,
        place,
      });
    }
  }
}
