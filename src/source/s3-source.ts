/** Objects in an S3 bucket; the one file that knows the AWS SDK. */
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import {
  GetBucketVersioningCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  S3Client,
  type S3ClientConfig,
} from "@aws-sdk/client-s3";
import { awsKeys, awsRegion } from "../config/aws-keys.ts";
import type { SourceConfig } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { type PageEntry, readPage } from "./listing-page.ts";
import { compareKeys, type KeyRange, rangesOf, sideBySide } from "./listing-ranges.ts";
import type { ListedObject, ObjectSource, OpenOptions } from "./object-source.ts";
import { type ResumableOptions, resumableBody } from "./resumable-body.ts";
import { s3Error } from "./s3-error.ts";

export type S3Config = Pick<SourceConfig, "url" | "region" | "endpoint">;

interface Page {
  readonly objects: readonly ListedObject[];
  /** Of the next one. */
  readonly token: string | undefined;
}

/** How bodies are read again; tests shorten it. */
export type Patience = Pick<ResumableOptions, "idleMs" | "retries" | "delayMs" | "sleep">;

/**
 * `env`: AWS_* as the config sees them (with what `.env` adds); what it does not set is found by the SDK's default chain.
 * Nothing is requested before the first `list` or `open`. Throws CONFIG_INVALID for a URL that is not s3://bucket/prefix.
 */
export function createS3Source(
  config: S3Config,
  env: Readonly<Record<string, string | undefined>>,
  patience: Patience = {},
): ObjectSource {
  const { bucket, prefix } = parseUrl(config.url);
  const base = prefix === "" ? "" : `${prefix}/`;
  let opening: Promise<S3Client> | undefined;
  const client = () => {
    opening ??= openClient(config, env);
    return opening;
  };

  async function listPage(
    prefix: string,
    from: Pick<ListObjectsV2CommandInput, "ContinuationToken" | "StartAfter">,
    abortSignal: AbortSignal,
  ): Promise<Page> {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      // Keys may hold characters that XML cannot: without this one such key would hide its whole page.
      EncodingType: "url",
      // An archived object that somebody restored keeps its storage class.
      OptionalObjectAttributes: ["RestoreStatus"],
      ...(prefix === "" ? {} : { Prefix: prefix }),
      ...from,
    });
    const read = readEntries(command);
    try {
      const page = await (await client()).send(command, { abortSignal });
      return {
        objects: listedObjects(read() ?? entriesOf(page), page.EncodingType === "url", bucket, base),
        token: page.IsTruncated === true ? page.NextContinuationToken : undefined,
      };
    } catch (error) {
      throw s3Error(error, bucket);
    }
  }

  async function* listRange(
    prefix: string,
    { after, upTo }: KeyRange,
    abortSignal: AbortSignal,
  ): AsyncGenerator<readonly ListedObject[]> {
    const first = after === undefined ? {} : { StartAfter: after };
    let next: Promise<Page> | undefined = listPage(prefix, first, abortSignal);
    while (next !== undefined) {
      const page: Page = await next;
      const { token } = page;
      const isWithin = (object: ListedObject | undefined) =>
        upTo === undefined || object === undefined || compareKeys(object.key, upTo) <= 0;
      // Keys come in their order: where the last one is within, all are.
      const within: Page["objects"] = isWithin(page.objects.at(-1)) ? page.objects : page.objects.filter(isWithin);
      // The next page is on its way while the caller works on this one.
      next =
        token === undefined || within.length < page.objects.length
          ? undefined
          : listPage(prefix, { ContinuationToken: token }, abortSignal);
      // Awaited above; until then its failure must not count as unhandled.
      next?.catch(() => undefined);
      if (within.length > 0) yield within;
    }
  }

  return {
    url: config.url,
    base: { bucket, prefix: base },
    async *list(folder, splits = []) {
      const prefix = folder === "" ? base : `${base}${folder}/`;
      const abort = new AbortController();
      try {
        yield* sideBySide(rangesOf(splits, prefix).map((range) => listRange(prefix, range, abort.signal)));
      } finally {
        abort.abort();
      }
    },
    open(object: ListedObject, options: OpenOptions = {}): Readable {
      const to = Math.min(options.to ?? object.size, object.size);
      return resumableBody({
        ...patience,
        from: options.from ?? 0,
        to,
        place: { object: object.key },
        signal: options.signal,
        openAt: async (offset, signal) => getObject(await client(), object, offset, to, signal),
      });
    },
    async keepsVersions() {
      try {
        const { Status } = await (await client()).send(new GetBucketVersioningCommand({ Bucket: bucket }));
        return Status === "Enabled";
      } catch (error) {
        throw s3Error(error, bucket);
      }
    },
    close() {
      void opening?.then((opened) => opened.destroy()).catch(() => undefined);
      opening = undefined;
    },
  };
}

async function getObject(
  client: S3Client,
  object: ListedObject,
  offset: number,
  to: number,
  abortSignal: AbortSignal,
): Promise<Readable> {
  try {
    const command = new GetObjectCommand({
      Bucket: object.bucket,
      Key: object.key,
      Range: `bytes=${offset}-${to - 1}`,
      ...(object.etag === "" ? {} : { IfMatch: `"${object.etag}"` }),
    });
    const { Body, ContentRange } = await client.send(command, { abortSignal });
    const body = Body as Readable | undefined;
    if (body !== undefined && (offset === 0 || ContentRange?.startsWith(`bytes ${offset}-`))) return body;
    body?.destroy();
  } catch (error) {
    throw s3Error(error, object.bucket, object.key);
  }
  // Taking the first bytes for later ones would mix up rows without a sound.
  throw new DrayageError("S3_FAILED", {
    message: "The server did not answer with the bytes that were asked for",
    next: "Check that source.endpoint supports ranges of bytes.",
    place: { object: object.key },
  });
}

/**
 * Takes the objects out of the answer before the SDK reads it: it is left with what it needs to go on. The function tells those of the
 * last answer; undefined: they are with the SDK.
 */
function readEntries(command: ListObjectsV2Command): () => readonly PageEntry[] | undefined {
  let entries: readonly PageEntry[] | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const response = result.response as { statusCode?: number; body?: unknown };
      entries = undefined;
      if (response.statusCode !== 200 || !(response.body instanceof Readable)) return result;
      const xml = await text(response.body);
      const read = readPage(xml);
      entries = read?.entries;
      response.body = Readable.from([Buffer.from(read?.rest ?? xml)]);
      return result;
    },
    // The first to see the answer.
    { step: "deserialize", priority: "low", name: "readEntries" },
  );
  return () => entries;
}

/** Of a page that is written in another way than S3 does. */
function entriesOf(page: ListObjectsV2CommandOutput): PageEntry[] {
  return (page.Contents ?? []).flatMap(({ Key, ETag = "", Size = 0, LastModified, StorageClass, RestoreStatus }) => {
    if (Key === undefined || LastModified === undefined) return [];
    const restored = RestoreStatus === undefined ? undefined : RestoreStatus.RestoreExpiryDate !== undefined;
    const etag = ETag.replaceAll('"', "");
    return [{ key: Key, etag, size: Size, lastModified: LastModified, storageClass: StorageClass, restored }];
  });
}

function listedObjects(entries: readonly PageEntry[], encoded: boolean, bucket: string, base: string): ListedObject[] {
  const objects: ListedObject[] = [];
  for (const { key: written, etag, size, lastModified, storageClass, restored } of entries) {
    const key = encoded ? decodeKey(written) : written;
    if (key.endsWith("/")) continue;
    const path = key.slice(base.length);
    objects.push({ bucket, key, path, etag, size, lastModified, storageClass, restored });
  }
  return objects;
}

function decodeKey(key: string): string {
  return /[%+]/.test(key) ? decodeURIComponent(key.replaceAll("+", " ")) : key;
}

function parseUrl(url: string): { readonly bucket: string; readonly prefix: string } {
  // Not by `new URL`: a prefix is taken as written, with its spaces, `%` and `?`.
  const match = /^s3:\/\/([^/]+)(?:\/+(.*?))?\/*$/s.exec(url);
  if (match?.[1] === undefined) {
    throw new DrayageError("CONFIG_INVALID", { message: "source.url is not s3://bucket/prefix" });
  }
  return { bucket: match[1], prefix: match[2] ?? "" };
}

async function openClient(config: S3Config, env: Readonly<Record<string, string | undefined>>): Promise<S3Client> {
  const settings: S3ClientConfig = {
    // A bucket elsewhere names its region in the refusal.
    followRegionRedirects: true,
    maxAttempts: 3,
    // An object's checksum covers all of it; of a range nothing can be verified.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: 5_000,
      // Until the headers of an answer; bodies are watched by resumable-body.
      requestTimeout: 30_000,
      throwOnRequestTimeout: true,
      // Generous: a body waits for as long as PostgreSQL is busy.
      socketTimeout: 900_000,
      httpAgent: { keepAlive: true, maxSockets: 128 },
      httpsAgent: { keepAlive: true, maxSockets: 128 },
    },
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint, forcePathStyle: true }),
    ...awsKeys(env),
  };
  const region = config.region ?? awsRegion(env);
  if (region !== undefined) return new S3Client({ ...settings, region });
  if (config.endpoint !== undefined) return new S3Client({ ...settings, region: "us-east-1" });
  const client = new S3Client(settings);
  try {
    // The profile's region.
    await client.config.region();
    return client;
  } catch {
    // None anywhere: the first region answers for all, and its redirect is followed.
    client.destroy();
    return new S3Client({ ...settings, region: "us-east-1" });
  }
}
