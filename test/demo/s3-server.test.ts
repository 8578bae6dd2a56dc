import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { type S3Server, startS3 } from "../../src/demo/s3-server.ts";

// The package is optional: where it is not installed, the one thing to check is what startS3 says about it.
const installed = await import("fauxqs" as string).then(
  () => true,
  () => false,
);

function clientOf(server: S3Server): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: server.env.AWS_ACCESS_KEY_ID, secretAccessKey: server.env.AWS_SECRET_ACCESS_KEY },
  });
}

test.skipIf(installed)("without the optional package the error says what to install", async () => {
  await expect(startS3()).rejects.toMatchObject({
    code: "DEMO_UNAVAILABLE",
    message: expect.stringContaining("fauxqs"),
  });
});

test.skipIf(!installed).each([{ keep: false }, { keep: true }])(
  "objects are listed and read back, keep: $keep",
  async ({ keep }) => {
    const server = await startS3({ keep });
    const client = clientOf(server);
    try {
      expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      await server.bucket("lake");
      await server.put("lake", "dms/shop/orders/LOAD00000001.csv", "id\n1\n");
      const { Contents } = await client.send(new ListObjectsV2Command({ Bucket: "lake", Prefix: "dms/" }));
      expect(Contents?.map(({ Key, Size }) => [Key, Size])).toEqual([["dms/shop/orders/LOAD00000001.csv", 5]]);
      const { Body } = await client.send(
        new GetObjectCommand({ Bucket: "lake", Key: "dms/shop/orders/LOAD00000001.csv" }),
      );
      expect(await Body?.transformToString()).toBe("id\n1\n");
    } finally {
      client.destroy();
      await server.stop();
    }
    await expect(fetch(server.endpoint)).rejects.toThrow();
  },
);
