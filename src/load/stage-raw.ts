/** The raw lane: the object's own bytes go to COPY as they are; a byte scanner beside the stream counts and watches. */
import { RecordScanner } from "../rows/record-scanner.ts";
import type { Session } from "../warehouse/session.ts";
import type { Staging, StagingTable } from "../warehouse/staging.ts";
import { isRecordFault } from "../warehouse/warehouse-error.ts";

export interface RawObject {
  readonly ordinal: number;
  /** Fields of a record. */
  readonly width: number;
  readonly delimiter: number;
  readonly quoted: boolean;
  /** COPY's NULL; undefined: nothing means NULL. */
  readonly nullToken: string | undefined;
  /** Tokens that make a quoted field ambiguous, so that the object must take the other lane. */
  readonly ambiguousTokens: readonly string[];
  readonly maxRecordBytes: number;
  readonly onRecords: ((count: number) => void) | undefined;
  /** Bytes before the first record. */
  readonly bodyOffset: number;
  /** An object with a record that may hold a cut cell takes the other lane. */
  readonly lobMaxSize: number | undefined;
}

export interface RawCount {
  readonly records: number;
  readonly staged: number;
  readonly checkpoints: readonly number[];
}

/** COPY wants a token in any case: a text that no cell is, of no delimiter's bytes. */
const noToken = "\uf8ff\ue000".repeat(16);

/** Undefined when one COPY cannot read the object exactly: nothing of it is staged then, the decoded lane takes it. */
export async function stageRaw(
  session: Session,
  staging: Staging,
  table: StagingTable,
  object: RawObject,
  bytes: AsyncGenerator<Buffer>,
): Promise<RawCount | undefined> {
  const scanner = new RecordScanner({
    delimiter: object.delimiter,
    quoted: object.quoted,
    nullTokens: object.ambiguousTokens,
    checkQuotedTokens: object.ambiguousTokens.length > 0,
    maxRecordBytes: object.maxRecordBytes,
    singleColumn: object.width === 1,
    startOffset: object.bodyOffset,
    lobMaxSize: object.lobMaxSize,
  });
  await session.query("savepoint drayage_raw");
  const copy = await staging.copyCsv(table, object.ordinal, object.width, {
    quoted: object.quoted,
    nullToken: object.nullToken ?? noToken,
    delimiter: String.fromCharCode(object.delimiter),
  });
  try {
    let clean = true;
    let seen = 0;
    for await (const chunk of bytes) {
      clean = scanner.scan(chunk);
      if (!clean) break;
      object.onRecords?.(scanner.records - seen);
      seen = scanner.records;
      await copy.write(chunk);
    }
    if (clean && scanner.end()) {
      const staged = await copy.finish();
      await session.query("release savepoint drayage_raw");
      return { records: scanner.records, staged, checkpoints: scanner.checkpoints };
    }
    await copy.abort();
  } catch (error) {
    // COPY refuses what the scanner does not look at: a record with more or fewer fields.
    if (!isRecordFault(error)) {
      await copy.abort().catch(() => undefined);
      throw error;
    }
  }
  await session.query("rollback to savepoint drayage_raw");
  await session.query("release savepoint drayage_raw");
  return undefined;
}
