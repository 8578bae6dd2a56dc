/** Writes what AWS DMS would: a full load and hours of changes, into a directory or a bucket. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { Command, InvalidArgumentError, Option } from "commander";
import type { DropFormat, DropObject } from "../src/demo/drop-writer.ts";
import { type DropOptions, makeDrops } from "../src/demo/drops.ts";
import { DrayageError } from "../src/errors.ts";

interface Flags {
  readonly out: string;
  readonly kind: DropOptions["kind"];
  readonly rows: number;
  readonly seed: number;
  readonly objects: number;
  readonly hours: number;
  readonly objectsPerHour: number;
  readonly changes: number;
  readonly keyChanges: NonNullable<DropOptions["keyChanges"]>;
  readonly deleted: NonNullable<DropOptions["deleted"]>;
  readonly dialect: NonNullable<DropOptions["dialect"]>;
  readonly folder?: string;
  readonly header: boolean;
  readonly op: boolean;
  readonly timestamp: string | false;
  readonly gzip?: boolean;
  readonly nulls: string;
  readonly rfc4180: boolean;
  readonly delimiter: string;
  readonly crlf?: boolean;
  readonly endpoint?: string;
  readonly region: string;
}

/** Answers the bytes that it wrote. */
type Sink = (object: DropObject) => Promise<number>;

const command = new Command("make-drops")
  .description("Make what AWS DMS would write for one table; the same bytes for the same flags")
  .requiredOption("--out <place>", "directory, or s3://bucket/prefix")
  .addOption(new Option("--kind <kind>", "source").choices(["relational", "documents"]).default("relational"))
  .option("--rows <n>", "rows of the full load", whole, 1000)
  .option("--seed <n>", "other rows for another seed", whole, 1)
  .option("--objects <n>", "LOAD objects", whole, 1)
  .option("--hours <n>", "hours of changes", whole, 0)
  .option("--objects-per-hour <n>", "change objects an hour", whole, 1)
  .option("--changes <n>", "records of a change object", whole, 100)
  .addOption(
    new Option("--key-changes <how>", "changed keys").choices(["none", "pair", "before-image"]).default("none"),
  )
  .addOption(new Option("--deleted <cells>", "cells of a delete").choices(["row", "key"]).default("row"))
  .addOption(
    new Option("--dialect <json>", "of documents").choices(["canonical", "relaxed", "legacy"]).default("canonical"),
  )
  .option("--folder <path>", "default shop/orders or crm/customers")
  .option("--no-header", "no header line")
  .option("--no-op", "no op in full loads")
  .option("--timestamp <column>", "name of the timestamp column", "dms_ts")
  .option("--no-timestamp", "no timestamp column")
  .option("--gzip", "compress")
  .option("--nulls <token>", "how NULL is written; may be empty", "NULL")
  .option("--no-rfc4180", "quote nothing")
  .option("--delimiter <character>", "between fields; `\\t` for a tab", oneCharacter, ",")
  .option("--crlf", "end records with CR LF")
  .option("--endpoint <url>", "of another S3")
  .option("--region <name>", "of the bucket", "us-east-1");

command.parse();
const flags = command.opts<Flags>();
try {
  await make(flags, flags.out.startsWith("s3://") ? bucketSink(flags) : directorySink(flags.out));
} catch (error) {
  if (!(error instanceof DrayageError)) throw error;
  process.stderr.write(`${error.message}. ${error.next}\n`);
  process.exitCode = error.exit;
}

async function make(flags: Flags, sink: Sink): Promise<void> {
  const started = performance.now();
  let count = 0;
  let total = 0;
  for (const object of makeDrops(dropOptions(flags)).objects()) {
    const bytes = await sink(object);
    count += 1;
    total += bytes;
    process.stdout.write(`${object.path}  ${bytes}\n`);
  }
  const seconds = (performance.now() - started) / 1000;
  const megabytes = total / 1e6;
  process.stderr.write(
    `${count} objects, ${megabytes.toFixed(1)} MB in ${seconds.toFixed(1)} s, ${(megabytes / seconds).toFixed(0)} MB/s\n`,
  );
}

function dropOptions(flags: Flags): DropOptions {
  const format: DropFormat = {
    header: flags.header,
    opOnFullLoad: flags.op,
    timestampColumn: flags.timestamp === false ? undefined : flags.timestamp,
    gzip: flags.gzip === true,
    nulls: flags.nulls,
    rfc4180: flags.rfc4180,
    delimiter: flags.delimiter,
    rowDelimiter: flags.crlf ? "\r\n" : "\n",
  };
  return { ...flags, changesPerObject: flags.changes, format };
}

function directorySink(directory: string): Sink {
  return async (object) => {
    const path = join(directory, object.path);
    await mkdir(dirname(path), { recursive: true });
    const file = createWriteStream(path);
    await pipeline(object.body, file);
    return file.bytesWritten;
  };
}

/** In parts, so that an object of any size needs the memory of a few of them. */
function bucketSink(flags: Flags): Sink {
  const url = new URL(flags.out);
  const prefix = url.pathname.replace(/^\/|\/$/g, "");
  const client = new S3Client({
    region: flags.region,
    ...(flags.endpoint === undefined ? {} : { endpoint: flags.endpoint, forcePathStyle: true }),
  });
  return async (object) => {
    let bytes = 0;
    const counted = async function* () {
      for await (const piece of object.body) {
        bytes += piece.length;
        yield piece;
      }
    };
    const Key = prefix === "" ? object.path : `${prefix}/${object.path}`;
    await new Upload({ client, params: { Bucket: url.host, Key, Body: Readable.from(counted()) } }).done();
    return bytes;
  };
}

function whole(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError("It must be a whole number.");
  return n;
}

function oneCharacter(text: string): string {
  const character = text === "\\t" ? "\t" : text;
  if (character.length !== 1) throw new InvalidArgumentError("It must be one character.");
  return character;
}
