/** Takes staged records out before they are merged: those that are in `rejects`, those after a moment, those outside a sample. */
import { literal } from "./identifier.ts";
import { columnValue, keyValue, type MergeJob } from "./merge-sql.ts";
import type { Session } from "./session.ts";
import { ordinalShift } from "./staging.ts";
import { isRecordFault } from "./warehouse-error.ts";

export interface StagedPlace {
  readonly ordinal: number;
  readonly record: number;
}

function numberOf({ ordinal, record }: StagedPlace): bigint {
  return (BigInt(ordinal) << BigInt(ordinalShift)) | BigInt(record);
}

export async function takeOutRecords(session: Session, staging: string, places: readonly StagedPlace[]): Promise<void> {
  if (places.length === 0) return;
  await session.query(`delete from ${staging} where _n = any($1::bigint[])`, [
    places.map((place) => String(numberOf(place))),
  ]);
}

/** The first record, in the order of objects, whose op time is later; `cell` is SQL. What is no time is no evidence. */
export async function firstLater(
  session: Session,
  staging: string,
  cell: string,
  moment: Date,
): Promise<StagedPlace | undefined> {
  const isTime = `${cell} ~ '^[0-9]{4}-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]'`;
  const { n } = await session.one<{ n: string | null }>(
    `select min(s._n) as n from ${staging} s
     where case when ${isTime} then (${cell})::timestamptz > ${literal(moment.toISOString())}::timestamptz else false end`,
  );
  if (n === null) return undefined;
  const ordinal = BigInt(n) >> BigInt(ordinalShift);
  return { ordinal: Number(ordinal), record: Number(BigInt(n) - (ordinal << BigInt(ordinalShift))) };
}

/** Leaves what stands before a place. */
export async function cutFrom(session: Session, staging: string, place: StagedPlace): Promise<void> {
  await session.query(`delete from ${staging} where _n >= $1::bigint`, [String(numberOf(place))]);
}

/** Of which rows a sample is made; `values` are SQL. By the type's own hash: keys that are equal are both in it, or both not. */
export function inSample(values: readonly string[], oneIn: number): string {
  return `hash_record_extended(row(${values.join(", ")}), 0) % ${Math.floor(oneIn)} = 0`;
}

/** Only saves work: where a key cannot be cast, or one record has two keys, all of the unit stays. */
export async function keepSample(session: Session, job: MergeJob, oneIn: number): Promise<void> {
  if (job.keyChange !== undefined) return;
  const values = job.key.map(
    (column) => `(${keyValue({ ...column, collation: undefined }, "strict")})::${column.type}`,
  );
  const isNull = job.key.map((column) => `${columnValue(column, "strict")} is null`).join(" or ");
  try {
    await session.savepoint("drayage_sample", async () => {
      await session.query(`delete from ${job.staging} s where not (${isNull}) and not (${inSample(values, oneIn)})`);
    });
  } catch (error) {
    if (!isRecordFault(error)) throw error;
  }
}
