/** What a replay reads of an object: the records of its open rejects, from the bytes that were kept, else from the object again. */
import { DrayageError, type ErrorCode } from "../errors.ts";
import { isUtf8Name, openTranscoder } from "../rows/transcode.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { Claim } from "../warehouse/load-history.ts";
import type { OpenReject } from "../warehouse/open-rejects.ts";
import { endsObject } from "../warehouse/reject-reasons.ts";
import type { SourceObject } from "./discover.ts";
import { type OpenedObject, openObject, transcoded } from "./open-object.ts";
import type { ChosenRecord, RecordSource } from "./stage-decoded.ts";
import type { ObjectPiece } from "./stage-unit.ts";
import type { TableSpec } from "./table-spec.ts";

export interface PieceSettings {
  readonly source: ObjectSource;
  readonly spec: TableSpec;
  readonly maxHeadBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** A reject whose place in its object is known. */
type Placed = OpenReject & { readonly offset: number; readonly length: number };

/** Rejects of one object that are staged together: single records, or the one that stands for the rest of its object. */
export interface RejectPiece {
  readonly claim: Claim<SourceObject>;
  readonly rejects: readonly OpenReject[];
  readonly rest: boolean;
  readonly piece: ObjectPiece;
}

/** `header`: the object's bytes before its first record, where they were noted. Rejects without a place are in no piece. */
export function rejectPieces(
  claim: Claim<SourceObject>,
  header: Buffer | undefined,
  rejects: readonly OpenReject[],
  settings: PieceSettings,
): RejectPiece[] {
  const placed = rejects.filter((one): one is Placed => one.offset !== undefined && one.length !== undefined);
  const single = placed.filter((one) => !endsObject(one.reason)).sort((a, b) => a.offset - b.offset);
  const rest = placed.filter((one) => endsObject(one.reason));
  const pieces: RejectPiece[] = [];
  if (single.length > 0) {
    const piece = chosenPiece(claim.object, header, single, settings);
    pieces.push({ claim, rejects: single, rest: false, piece });
  }
  // A claim of its own: the unit knows its objects by them. After the single ones, as its records are.
  for (const one of rest)
    pieces.push({ claim: { ...claim }, rejects: [one], rest: true, piece: restPiece(claim.object, one, settings) });
  return pieces;
}

export interface RawRecord {
  readonly reject: OpenReject;
  /** As DMS wrote them; of a reject that stands for the rest of its object, all of that. */
  readonly bytes: AsyncIterable<Buffer>;
}

/** The records of a piece as they stand in their object, which is opened only where they were not kept. Each is to be read before the next. */
export async function* rawRecords({ piece, rejects, rest }: RejectPiece): AsyncGenerator<RawRecord> {
  const kept = rejects.flatMap((reject) => (reject.bytes === undefined ? [] : [{ reject, bytes: once(reject.bytes) }]));
  if (!rest && kept.length === rejects.length) {
    yield* kept;
    return;
  }
  const opened = await piece.open();
  try {
    const source = piece.records(opened);
    const [first] = rejects;
    if (source.kind === "stream") {
      if (first !== undefined) yield { reject: first, bytes: source.bytes };
      return;
    }
    const byRecord = new Map(rejects.map((reject) => [reject.record, reject]));
    for await (const { record, bytes } of source.records) {
      const reject = byRecord.get(record);
      if (reject !== undefined) yield { reject, bytes: once(bytes) };
    }
  } finally {
    opened.close();
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function restPiece(object: SourceObject, { record, offset }: Placed, settings: PieceSettings): ObjectPiece {
  return {
    open: () => open(object, settings),
    records: (opened): RecordSource => ({
      kind: "stream",
      first: record,
      offset,
      bytes: readable(ownBytes(object, offset, opened, settings), settings),
    }),
  };
}

/** Codes of an object that is no longer there to be read, as it was. */
const gone: ReadonlySet<ErrorCode> = new Set(["OBJECT_GONE", "OBJECT_CHANGED", "OBJECT_ARCHIVED"]);

function chosenPiece(
  object: SourceObject,
  header: Buffer | undefined,
  rejects: readonly Placed[],
  settings: PieceSettings,
): ObjectPiece {
  return {
    async open() {
      try {
        return await open(object, settings);
      } catch (error) {
        if (!(error instanceof DrayageError) || !gone.has(error.code) || header === undefined) throw error;
        return fromKept(header, rejects) ?? Promise.reject(error);
      }
    },
    records: (opened) => ({ kind: "chosen", records: chosen(object, rejects, opened, settings) }),
  };
}

/** The object as far as it is known without the source; undefined: a record of it was not kept whole. */
function fromKept(header: Buffer, rejects: readonly OpenReject[]): OpenedObject | undefined {
  const lineEnd = Buffer.from(header.at(-2) === 13 ? "\r\n" : "\n");
  const parts = rejects.flatMap(({ bytes }) => (bytes === undefined ? [] : [bytes, lineEnd]));
  if (parts.length < rejects.length * 2) return undefined;
  const head = Buffer.concat([header, ...parts]);
  return {
    head,
    whole: true,
    async *bytes(from) {
      yield head.subarray(from);
    },
    sha256: () => Buffer.alloc(0),
    waited: () => 0,
    close: () => undefined,
  };
}

/** In the order of their places: of a gzip one pass finds them all. */
async function* chosen(
  object: SourceObject,
  rejects: readonly Placed[],
  opened: OpenedObject,
  settings: PieceSettings,
): AsyncGenerator<ChosenRecord> {
  const pass = new ForwardBytes(() => ownBytes(object, 0, opened, settings));
  for (const { record, offset, length, bytes } of rejects) {
    settings.signal?.throwIfAborted();
    const own = async () =>
      object.gzip ? pass.take(offset, length) : joined(range(object, offset, offset + length, settings));
    yield { record, offset, length, bytes: bytes ?? utf8(await own(), settings) };
  }
}

/** Places are those of the object's own bytes, after gunzip and before transcoding. A gzip has no middle to begin at. */
async function* ownBytes(
  object: SourceObject,
  from: number,
  opened: OpenedObject,
  settings: PieceSettings,
): AsyncGenerator<Buffer> {
  if (!object.gzip) {
    yield* range(object, from, object.size, settings);
    return;
  }
  const isOwn = isUtf8Name(settings.spec.config.dialect.encoding);
  const own = isOwn ? opened : await open(object, settings, "utf-8");
  try {
    let at = 0;
    for await (const chunk of own.bytes(0)) {
      if (at + chunk.length > from) yield chunk.subarray(Math.max(0, from - at));
      at += chunk.length;
    }
  } finally {
    if (!isOwn) own.close();
  }
}

function readable(bytes: AsyncGenerator<Buffer>, { spec }: PieceSettings): AsyncGenerator<Buffer> {
  const { encoding } = spec.config.dialect;
  return isUtf8Name(encoding) ? bytes : transcoded(bytes, encoding);
}

function utf8(bytes: Buffer, { spec }: PieceSettings): Buffer {
  const transcoder = openTranscoder(spec.config.dialect.encoding);
  return Buffer.concat([transcoder.write(bytes), transcoder.end()]);
}

function open(
  object: SourceObject,
  { source, spec, maxHeadBytes, signal }: PieceSettings,
  encoding = spec.config.dialect.encoding,
): Promise<OpenedObject> {
  return openObject(source, object, { gzip: object.gzip, encoding, maxHeadBytes, signal });
}

function range(
  object: SourceObject,
  from: number,
  to: number,
  { source, signal }: PieceSettings,
): AsyncIterable<Buffer> {
  return source.open(object, { from, to, ...(signal === undefined ? {} : { signal }) }) as AsyncIterable<Buffer>;
}

async function joined(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** Ranges of a stream, each after the one before. */
class ForwardBytes {
  readonly #open: () => AsyncGenerator<Buffer>;
  #chunks: AsyncGenerator<Buffer> | undefined;
  #chunk: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(open: () => AsyncGenerator<Buffer>) {
    this.#open = open;
  }

  async take(offset: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let at = offset;
    while (at < offset + length) {
      if (at >= this.#from + this.#chunk.length && !(await this.#next())) break;
      const part = this.#chunk.subarray(Math.max(0, at - this.#from), offset + length - this.#from);
      if (at < this.#from + this.#chunk.length) {
        parts.push(part);
        at += part.length;
      }
    }
    return Buffer.concat(parts);
  }

  async #next(): Promise<boolean> {
    this.#chunks ??= this.#open();
    const { value, done } = await this.#chunks.next();
    if (done === true) return false;
    this.#from += this.#chunk.length;
    this.#chunk = value;
    return true;
  }
}
