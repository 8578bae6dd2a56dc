/** Starts an S3 server on this machine for the demo: in this process, or in one that stays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { DrayageError } from "../errors.ts";

export interface S3Options {
  /** The server outlives this process; `stopCommand` ends it. Objects are in its memory only. */
  readonly keep?: boolean | undefined;
  /** Default a free one. */
  readonly port?: number | undefined;
}

export interface S3Server {
  /** `http://127.0.0.1:PORT`; buckets are in the path. */
  readonly endpoint: string;
  /** What a client must have in its environment. */
  readonly env: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
  /** Shell line that ends a kept server. */
  readonly stopCommand: string;
  /** Makes the bucket; one that is there stays as it is. */
  bucket(name: string): Promise<void>;
  /** At most 11 MB. Its last modified time is now: the server knows no other. */
  put(bucket: string, key: string, body: Uint8Array | string): Promise<void>;
  stop(): Promise<void>;
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  stop(): Promise<void>;
}

const env = { AWS_ACCESS_KEY_ID: "drayage", AWS_SECRET_ACCESS_KEY: "drayage" } as const;

/** Throws DEMO_UNAVAILABLE. */
export async function startS3(options: S3Options = {}): Promise<S3Server> {
  const apart = options.keep ? await serveApart(options.port ?? 0) : undefined;
  const server = apart ?? (await serveS3(options.port ?? 0));
  const endpoint = `http://127.0.0.1:${server.port}`;
  const client = new S3Client({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  });
  return {
    endpoint,
    env,
    stopCommand: `kill ${apart?.pid ?? process.pid}`,
    async bucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
    },
    async put(bucket, key, body) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    },
    async stop() {
      client.destroy();
      await server.stop();
    },
  };
}

/** The part of fauxqs that is used. Its own types are there only where the optional package is. */
interface Fauxqs {
  buildApp(options: { logger: boolean }): {
    listen(options: { port: number; host: string }): Promise<string>;
    close(): Promise<void>;
  };
}

/** Serves in this process, on the loopback address only (fauxqs's own start listens on every one). */
export async function serveS3(port: number): Promise<Listening> {
  const { buildApp } = await loadFauxqs();
  const app = buildApp({ logger: false });
  try {
    const address = await app.listen({ port, host: "127.0.0.1" });
    return { port: Number(new URL(address).port), stop: () => app.close() };
  } catch (error) {
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: `The S3 server could not listen on port ${port}`,
      next: "Use another port.",
      cause: error,
    });
  }
}

async function loadFauxqs(): Promise<Fauxqs> {
  // Not a literal, or the build would fail where the optional package is not installed.
  const name: string = "fauxqs";
  try {
    return (await import(name)) as Fauxqs;
  } catch (error) {
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: "There is no S3 server: the optional package fauxqs is missing",
      cause: error,
    });
  }
}

/** Serves in a process of its own that stays when this one ends. */
async function serveApart(port: number): Promise<Listening & { readonly pid: number }> {
  await loadFauxqs();
  const fromSource = import.meta.url.endsWith(".ts");
  const entry = new URL(fromSource ? "./serve-s3.ts" : "./serve-s3.js", import.meta.url);
  const loader = fromSource ? ["--import", import.meta.resolve("tsx")] : [];
  const child = spawn(process.execPath, [...loader, fileURLToPath(entry), String(port)], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const [line] = (await Promise.race([once(child.stdout, "data"), ended])) as [unknown];
  if (!Buffer.isBuffer(line) || child.pid === undefined) {
    throw new DrayageError("DEMO_UNAVAILABLE", { message: "The S3 server did not start", next: "Use another port." });
  }
  child.stdout.destroy();
  child.unref();
  return {
    pid: child.pid,
    port: Number(line.toString()),
    async stop() {
      child.ref();
      child.kill("SIGTERM");
      await ended;
    },
  };
}
