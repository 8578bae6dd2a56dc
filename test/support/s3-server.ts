/** An S3 server for tests, in this process; DRAYAGE_TEST_S3 names the endpoint of another to use instead. */
import { randomBytes } from "node:crypto";
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { startS3 } from "../../src/demo/s3-server.ts";

export interface TestS3 {
  readonly endpoint: string;
  readonly env: { readonly AWS_ACCESS_KEY_ID: string; readonly AWS_SECRET_ACCESS_KEY: string };
  /** A bucket of its own for each start. */
  readonly bucket: string;
  /** What belongs under `source` in a config; `prefix` without slashes at its ends. */
  config(prefix?: string): { readonly url: string; readonly region: string; readonly endpoint: string };
  /** In one request up to 8 MB, in parts above. */
  put(key: string, body: Uint8Array | string): Promise<void>;
  remove(key: string): Promise<void>;
  stop(): Promise<void>;
}

/** The server is an optional package: tests that need it are skipped, and say so, where it is not installed. */
export const s3Installed = await isInstalled();

async function isInstalled(): Promise<boolean> {
  if (process.env.DRAYAGE_TEST_S3) return true;
  try {
    import.meta.resolve("fauxqs");
    return true;
  } catch {
    return false;
  }
}

const maxPutBytes = 8_000_000;
const region = "us-east-1";

export async function startTestS3(): Promise<TestS3> {
  const given = process.env.DRAYAGE_TEST_S3;
  const server = given ? undefined : await startS3();
  const endpoint = server?.endpoint ?? given ?? "";
  const env = {
    AWS_ACCESS_KEY_ID: process.env.DRAYAGE_TEST_S3_KEY ?? "drayage",
    AWS_SECRET_ACCESS_KEY: process.env.DRAYAGE_TEST_S3_SECRET ?? "drayage",
  };
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  });
  const bucket = `test-${randomBytes(6).toString("hex")}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return {
    endpoint,
    env,
    bucket,
    config: (prefix = "") => ({ url: prefix === "" ? `s3://${bucket}` : `s3://${bucket}/${prefix}`, region, endpoint }),
    async put(key, body) {
      const object = { Bucket: bucket, Key: key, Body: Buffer.from(body) };
      if (Buffer.byteLength(body) <= maxPutBytes) await client.send(new PutObjectCommand(object));
      else await new Upload({ client, params: object, partSize: maxPutBytes }).done();
    },
    async remove(key) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    async stop() {
      client.destroy();
      await server?.stop();
    },
  };
}
