/** An object's bytes as they are read: hashed as delivered, gunzipped, the head looked at before the rest flows. */
import { createHash, type Hash } from "node:crypto";
import type { Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";
import { DrayageError, withPlace } from "../errors.ts";
import { isUtf8Name, openTranscoder } from "../rows/transcode.ts";
import type { ListedObject, ObjectSource } from "../source/object-source.ts";

/** Enough of an object to see its dialect; a first record that is longer is read to its end, up to the record limit. */
const headBytes = 65_536;
/** From here on a carriage return may be what ends records: an object without any line feed is not held whole. */
const longHeadBytes = 8 * 2 ** 20;

export interface OpenedObject {
  /** The first bytes after gunzip and transcoding; may be the whole object. */
  readonly head: Buffer;
  /** Whether `head` is all there is. */
  readonly whole: boolean;
  /** All bytes after gunzip, the head included, from `from` on. Call it once. */
  bytes(from: number): AsyncGenerator<Buffer>;
  /** sha256 of the object's own bytes, once all were read. */
  sha256(): Buffer;
  /** Milliseconds waited for the source so far. */
  waited(): number;
  close(): void;
}

export interface OpenSettings {
  readonly gzip: boolean;
  /** As TextDecoder names it; what is handed out is UTF-8. */
  readonly encoding: string;
  /** A head without a line end grows up to this. */
  readonly maxHeadBytes: number;
  /** Of the object's own bytes, as stored, no more than these are asked for: the head alone is wanted. */
  readonly maxBytes?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

export async function openObject(
  source: ObjectSource,
  object: ListedObject,
  settings: OpenSettings,
): Promise<OpenedObject> {
  const hash = createHash("sha256");
  const isCut = settings.maxBytes !== undefined && settings.maxBytes < object.size;
  const body = source.open(object, {
    ...(isCut && settings.maxBytes !== undefined ? { to: settings.maxBytes } : {}),
    ...(settings.signal === undefined ? {} : { signal: settings.signal }),
  });
  const plain = settings.gzip ? gunzipped(body, hash, isCut) : hashed(body, hash);
  const chunks = isUtf8Name(settings.encoding) ? plain : transcoded(plain, settings.encoding);
  let waited = 0;
  const next = async () => {
    const began = performance.now();
    try {
      return await chunks.next();
    } catch (error) {
      throw withPlace(gzipFault(error) ?? error, { object: object.key });
    } finally {
      waited += performance.now() - began;
    }
  };

  const first: Buffer[] = [];
  let length = 0;
  let whole = false;
  let ended = false;
  const isOpen = () => !first.some((chunk) => chunk.includes(10) || (length > longHeadBytes && chunk.includes(13)));
  while (length < headBytes || (length < settings.maxHeadBytes && isOpen())) {
    const { value, done } = await next();
    if (done === true) {
      ended = true;
      whole = !isCut;
      break;
    }
    first.push(value);
    length += value.length;
  }
  const head = first.length === 1 && first[0] !== undefined ? first[0] : Buffer.concat(first);

  async function* bytes(from: number): AsyncGenerator<Buffer> {
    if (head.length > from) yield head.subarray(from);
    if (whole || ended) return;
    let skip = Math.max(0, from - head.length);
    for (;;) {
      const { value, done } = await next();
      if (done === true) return;
      if (value.length > skip) yield skip > 0 ? value.subarray(skip) : value;
      skip = Math.max(0, skip - value.length);
    }
  }
  return {
    head,
    whole,
    bytes,
    sha256: () => hash.copy().digest(),
    waited: () => waited,
    close: () => void body.destroy(),
  };
}

async function* hashed(body: Readable, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of body as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Concatenated members are one stream to Node; a cut one is an error here, never a short object. */
async function* gunzipped(body: Readable, hash: Hash, isCut: boolean): AsyncGenerator<Buffer> {
  // Where only the head was asked for, its end is no fault.
  const gunzip = createGunzip({ chunkSize: 65_536, ...(isCut ? { finishFlush: constants.Z_SYNC_FLUSH } : {}) });
  body.on("data", (chunk: Buffer) => hash.update(chunk));
  body.on("error", (error) => gunzip.destroy(error));
  body.pipe(gunzip);
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) yield chunk;
  } finally {
    body.destroy();
  }
}

export async function* transcoded(chunks: AsyncGenerator<Buffer>, encoding: string): AsyncGenerator<Buffer> {
  const transcoder = openTranscoder(encoding);
  for await (const chunk of chunks) yield transcoder.write(chunk);
  yield transcoder.end();
}

function gzipFault(error: unknown): DrayageError | undefined {
  const code = (error as NodeJS.ErrnoException).code;
  const codes = ["Z_DATA_ERROR", "Z_BUF_ERROR", "Z_STREAM_ERROR", "Z_NEED_DICT"];
  return code !== undefined && codes.includes(code) ? new DrayageError("GZIP_BROKEN", { cause: error }) : undefined;
}
