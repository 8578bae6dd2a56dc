/** Finds records of an object again by their numbers, each from the checkpoint before it: a clean load keeps no index of its records. */
import { RecordReader } from "../rows/record-reader.ts";
import { checkpointEvery } from "../rows/record-scanner.ts";
import { isUtf8Name, openTranscoder } from "../rows/transcode.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { keptRecordBytes } from "../warehouse/rejects.ts";
import { openObject } from "./open-object.ts";
import { SourcePlaces } from "./source-places.ts";
import type { StagedObject, StagedUnit } from "./staged-unit.ts";

export interface FoundRecord {
  /** In the object's bytes, after gunzip. */
  readonly offset: number;
  readonly length: number;
  /** At most keptRecordBytes of it, as UTF-8; of so many records as were asked for. */
  readonly bytes: Buffer | undefined;
}

/** With line ends and blank lines before the record. */
const keptHeadBytes = keptRecordBytes + 4096;
/** Wanted from more places than this, an object is read once from the first of them on. */
const mostRanges = 32;

export class RecordFinder {
  readonly #source: ObjectSource;
  readonly #unit: StagedUnit;
  readonly #encoding: string;

  constructor(source: ObjectSource, unit: StagedUnit, encoding: string) {
    this.#source = source;
    this.#unit = unit;
    this.#encoding = encoding;
  }

  /** In ascending order. The bytes of the first `kept` are kept. */
  async find(object: StagedObject, numbers: readonly number[], kept: number): Promise<Map<number, FoundRecord>> {
    const found = new Map<number, FoundRecord>();
    // A gzip has no middle to begin at, nor has text that must be transcoded: one pass from its start.
    if (object.claim.object.gzip || !isUtf8Name(this.#encoding)) {
      await this.#read(object, 0, new Set(numbers), kept, found);
      return found;
    }
    const groups = new Map<number, Set<number>>();
    for (const number of numbers) {
      const group = Math.floor((number - object.first) / checkpointEvery);
      const members = groups.get(group) ?? new Set<number>();
      groups.set(group, members.add(number));
    }
    const [first] = groups.keys();
    if (groups.size > mostRanges && first !== undefined) await this.#read(object, first, new Set(numbers), kept, found);
    else for (const [group, members] of groups) await this.#read(object, group, members, kept, found);
    return found;
  }

  /** From a checkpoint on, until all that is wanted was seen. */
  async #read(
    object: StagedObject,
    group: number,
    wanted: Set<number>,
    kept: number,
    found: Map<number, FoundRecord>,
  ): Promise<void> {
    const start = object.checkpoints[group];
    if (start === undefined) return;
    const { shape } = this.#unit;
    const window = new RecordWindow(start);
    const places = isUtf8Name(this.#encoding) ? undefined : new SourcePlaces(this.#encoding, shape.rowDelimiter);
    let record = object.first - 1 + group * checkpointEvery;
    const take = (offset: number, length: number) => {
      record++;
      if (wanted.delete(record)) {
        const place = places === undefined ? { offset, length } : places.of(offset, length);
        const bytes = found.size < kept ? window.slice(offset, Math.min(length, keptRecordBytes)) : undefined;
        if (place !== undefined) found.set(record, { ...place, bytes });
      }
      window.dropBefore(offset + length);
      places?.dropBefore(offset + length);
    };
    const decoder = new RecordReader({
      delimiter: shape.delimiter,
      quoted: shape.quoted,
      rowDelimiter: shape.rowDelimiter,
      nullTokens: [],
      maxRecordBytes: Number.MAX_SAFE_INTEGER,
      singleColumn: shape.fields.length === 1,
      startOffset: start,
      onRecord: (_fields, offset, length) => take(offset, length),
      onFault: (fault) => take(fault.start, window.end - fault.start),
    });
    for await (const chunk of this.#bytes(object, start, places)) {
      window.push(chunk);
      decoder.write(chunk);
      if (wanted.size === 0 || decoder.fault !== undefined) return;
    }
    decoder.end();
  }

  /** From an offset in the text on. */
  async *#bytes(object: StagedObject, start: number, places: SourcePlaces | undefined): AsyncGenerator<Buffer> {
    const { object: listed } = object.claim;
    if (!listed.gzip && places === undefined) {
      yield* this.#source.open(listed, { from: start }) as AsyncIterable<Buffer>;
      return;
    }
    const settings = { gzip: listed.gzip, encoding: "utf-8", maxHeadBytes: 0, signal: undefined };
    const opened = await openObject(this.#source, listed, settings);
    const transcoder = openTranscoder(this.#encoding);
    let skip = start;
    const behind = (text: Buffer) => {
      const rest = text.subarray(Math.min(skip, text.length));
      skip -= text.length - rest.length;
      return rest;
    };
    try {
      for await (const chunk of opened.bytes(0)) {
        const text = transcoder.write(chunk);
        places?.push(chunk, text);
        yield behind(text);
      }
      yield behind(transcoder.end());
    } finally {
      opened.close();
    }
  }
}

/** The chunk at hand, and what went before it of the record that it continues: no more of it than is kept. */
class RecordWindow {
  /** From #next on, up to the chunk or as far as is kept. */
  #head: Buffer = Buffer.alloc(0);
  #chunk: Buffer = Buffer.alloc(0);
  #chunkFrom: number;
  /** Where the last record ended: its line end and the next record follow. */
  #next: number;

  constructor(from: number) {
    this.#chunkFrom = from;
    this.#next = from;
  }

  get end(): number {
    return this.#chunkFrom + this.#chunk.length;
  }

  push(chunk: Buffer): void {
    // A record that is never closed may be a gigabyte long.
    if (this.#head.length < keptHeadBytes) this.#head = this.slice(this.#next, keptHeadBytes);
    this.#chunkFrom = this.end;
    this.#chunk = chunk;
  }

  /** Of the record that begins at `offset`, behind the last one. */
  slice(offset: number, length: number): Buffer {
    if (offset >= this.#chunkFrom) {
      const from = offset - this.#chunkFrom;
      return Buffer.from(this.#chunk.subarray(from, from + length));
    }
    const whole = this.#head.length < keptHeadBytes ? Buffer.concat([this.#head, this.#chunk]) : this.#head;
    const from = offset - this.#next;
    return Buffer.from(whole.subarray(from, from + length));
  }

  dropBefore(offset: number): void {
    this.#next = offset;
    this.#head = Buffer.alloc(0);
  }
}
