/** The decoded lane: records are parsed, documents flattened, rows encoded as COPY text. Takes any object, rejects record by record. */
import type { Cell } from "../rows/decoder-port.ts";
import { RecordReader } from "../rows/record-reader.ts";
import type { CopyStream } from "../warehouse/session.ts";
import type { Staging, StagingTable } from "../warehouse/staging.ts";
import { type Block, type DecodedCount, type DecodedObject, RecordStager } from "./record-stager.ts";

/** Where the records of an object come from. */
export type RecordSource =
  /** One after another: all of them, or, of a replay, the rest of the object from one on. */
  | {
      readonly kind: "stream";
      /** Number of the first. */
      readonly first: number;
      /** Of the first, in the object's bytes after gunzip. */
      readonly offset: number;
      readonly bytes: AsyncIterable<Buffer>;
    }
  /** Some of them, each by its number. */
  | { readonly kind: "chosen"; readonly records: AsyncIterable<ChosenRecord> };

export interface ChosenRecord {
  readonly record: number;
  readonly offset: number;
  readonly length: number;
  readonly bytes: Buffer;
}

export async function stageDecoded(
  staging: Staging,
  table: StagingTable,
  object: DecodedObject,
  source: RecordSource,
): Promise<DecodedCount> {
  const rows = new RecordStager(object, source.kind === "stream" ? source.first : 1);
  const writer = new CopyWriter(staging, table);
  try {
    if (source.kind === "stream") await readStream(object, rows, writer, source);
    else await readChosen(object, rows, writer, source.records);
    rows.flush();
    for (const block of rows.takeBlocks()) await writer.write(block);
    const staged = await writer.finish();
    return { ...rows.count(), staged };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

function readerOptions({ shape, nullTokens, maxRecordBytes }: DecodedObject) {
  return {
    delimiter: shape.delimiter,
    quoted: shape.quoted,
    rowDelimiter: shape.rowDelimiter,
    nullTokens,
    maxRecordBytes,
    singleColumn: shape.fields.length === 1,
  };
}

async function readStream(
  object: DecodedObject,
  rows: RecordStager,
  writer: CopyWriter,
  { offset, bytes }: Extract<RecordSource, { kind: "stream" }>,
): Promise<void> {
  const decoder = new RecordReader({
    ...readerOptions(object),
    startOffset: offset,
    onRecord: (fields, start, length) => rows.record(fields, start, length, decoder.suspect),
    onFault: (fault) => rows.fault(fault.reason, fault.start, 0),
  });
  for await (const chunk of bytes) {
    const before = decoder.records;
    decoder.write(chunk);
    object.onRecords?.(decoder.records - before);
    for (const block of rows.takeBlocks()) await writer.write(block);
    if (decoder.fault !== undefined || rows.full) break;
  }
  if (!rows.full) decoder.end();
}

/** Each by itself: its bytes are one record, or it is rejected again. */
async function readChosen(
  object: DecodedObject,
  rows: RecordStager,
  writer: CopyWriter,
  records: AsyncIterable<ChosenRecord>,
): Promise<void> {
  for await (const { record, offset, length, bytes } of records) {
    const read: Cell[][] = [];
    const decoder = new RecordReader({
      ...readerOptions(object),
      onRecord: (fields) => void read.push(fields),
      onFault: () => undefined,
    });
    decoder.write(bytes);
    decoder.end();
    rows.goTo(record);
    const [fields] = read;
    if (decoder.fault !== undefined) rows.fault(decoder.fault.reason, offset, length);
    else if (fields === undefined || read.length > 1) rows.fault("field_count", offset, length);
    else rows.record(fields, offset, length, decoder.suspect);
    object.onRecords?.(1);
    for (const block of rows.takeBlocks()) await writer.write(block);
  }
}

/** One COPY after another into a table that grows: a path first seen in mid-object ends the COPY, adds its column, begins the next. */
class CopyWriter {
  readonly #staging: Staging;
  readonly #table: StagingTable;
  #copy: CopyStream | undefined;
  #staged = 0;

  constructor(staging: Staging, table: StagingTable) {
    this.#staging = staging;
    this.#table = table;
  }

  async write(block: Block): Promise<void> {
    if (block.bytes.length === 0) return;
    if (block.width > this.#table.width) {
      await this.#end();
      await this.#staging.widen(this.#table, block.width);
    }
    this.#copy ??= this.#staging.copyText(this.#table);
    await this.#copy.write(block.bytes);
  }

  async #end(): Promise<void> {
    if (this.#copy === undefined) return;
    this.#staged += await this.#copy.finish();
    this.#copy = undefined;
  }

  async finish(): Promise<number> {
    await this.#end();
    return this.#staged;
  }

  async abort(): Promise<void> {
    await this.#copy?.abort().catch(() => undefined);
  }
}
