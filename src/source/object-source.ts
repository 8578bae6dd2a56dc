/** The port between the loader and wherever objects live: list them, read one. */
import type { Readable } from "node:stream";

export interface ListedObject {
  /** Bucket name, or the absolute directory of a `file://` source. */
  readonly bucket: string;
  /** Whole key in the bucket, or the path below the directory; `/` between parts. */
  readonly key: string;
  /** Key below source.url, the one that names and orders an object: `shop/orders/LOAD00000001.csv`. */
  readonly path: string;
  /** Without quotes. For files: size and modification time. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly lastModified: Date;
  readonly storageClass: string | undefined;
  /** Whether a copy of an archived object can be read for now. */
  readonly restored?: boolean | undefined;
}

export interface OpenOptions {
  /** First byte wanted; default 0. */
  readonly from?: number;
  /** Byte after the last wanted; default the listed size. */
  readonly to?: number;
  readonly signal?: AbortSignal;
}

export interface ObjectSource {
  /** source.url, for messages. */
  readonly url: string;
  /** Where its objects lie: what keys begin with above their paths. */
  readonly base: { readonly bucket: string; readonly prefix: string };
  /**
   * Pages of at most 1,000 objects below a folder of source.url (`shop/orders`; `""` is everything), in key order. With `splits`
   * (keys) a source may list what lies between them side by side: everything still, but in no order.
   * Folder markers (keys that end in `/`) are left out. Throws DrayageError S3_* or SOURCE_DIRECTORY_MISSING.
   */
  list(folder: string, splits?: readonly string[]): AsyncIterable<readonly ListedObject[]>;
  /**
   * The bytes of exactly the version that was listed. Errors of the stream are DrayageErrors: OBJECT_GONE, OBJECT_CHANGED
   * (another etag), OBJECT_CUT_SHORT after the retries, S3_*. A broken connection is reopened at the offset reached.
   */
  open(object: ListedObject, options?: OpenOptions): Readable;
  /** Whether an object that is written over can still be had; undefined: the store has no such thing. */
  keepsVersions?(): Promise<boolean>;
  close(): void;
}
