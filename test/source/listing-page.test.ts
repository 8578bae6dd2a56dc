import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readPage } from "../../src/source/listing-page.ts";
import { createS3Source } from "../../src/source/s3-source.ts";
import { type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";

const time = "2026-01-01T00:00:00.000Z";
const contents = (key: string, more = "") =>
  `<Contents><Key>${key}</Key><LastModified>${time}</LastModified><ETag>&quot;abc-2&quot;</ETag><ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Size>5000000000</Size><Owner><ID>Key</ID></Owner><StorageClass>STANDARD</StorageClass>${more}</Contents>`;
const page = (...all: string[]) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>lake</Name><Prefix/><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${all.join("")}<KeyCount>${all.length}</KeyCount></ListBucketResult>`;
const entry = {
  etag: "abc-2",
  size: 5_000_000_000,
  lastModified: new Date(time),
  storageClass: "STANDARD",
  restored: undefined,
};

describe("objects are taken out of a page", () => {
  test("and what the rest of it says stays", () => {
    expect(readPage(page(contents("a/1.csv"), contents("a/b%2Bc.csv")))).toEqual({
      entries: [
        { key: "a/1.csv", ...entry },
        { key: "a/b%2Bc.csv", ...entry },
      ],
      rest: page().replace("<KeyCount>0", "<KeyCount>2"),
    });
  });

  test("on lines of their own", () => {
    expect(readPage(page(`\n  ${contents("1")}\n  ${contents("2")}\n`))?.entries.map(({ key }) => key)).toEqual([
      "1",
      "2",
    ]);
  });

  test("entities, where the server does not encode keys", () => {
    expect(readPage(page(contents("a&amp;b&lt;&#x20AC;&#33;&apos;")))?.entries[0]?.key).toBe("a&b<€!'");
  });

  test.each([
    ["<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>", false],
    [
      `<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>${time}</RestoreExpiryDate></RestoreStatus>`,
      true,
    ],
  ])("%s: restored %s", (status, restored) => {
    expect(readPage(page(contents("1", status)))?.entries[0]?.restored).toBe(restored);
  });

  test.each([
    ["no object", page()],
    ["a comment", page(contents("1"), "<!-- -->")],
    ["CDATA", page(contents("<![CDATA[1]]>"))],
    ["an error behind it", page(contents("1")).replace("</ListBucketResult>", "<Error></Error>")],
    ["cut", page(contents("1"), contents("2")).slice(0, -150)],
    ["no time", page(contents("1").replace(time, "yesterday"))],
    ["no size", page(contents("1").replace(/<Size>.*<\/Size>/, ""))],
    ["something between objects", page(contents("1"), "<CommonPrefixes/>", contents("2"))],
    ["another name space", page(contents("1")).replaceAll("Contents>", "s3:Contents>")],
  ])("%s: left to who reads XML in general", (_, xml) => {
    expect(readPage(xml)).toBe(undefined);
  });
});

describe("over HTTP", () => {
  let proxy: FaultProxy;
  beforeAll(async () => {
    proxy = await startFaultProxy();
  });
  afterAll(() => proxy.stop());

  test.each([
    ["as S3 writes it", page(contents("a/b%2Bc.csv"), contents("a/folder/"))],
    ["as it does not", page("<!-- one -->", contents("a/b%2Bc.csv"), contents("a/folder/"))],
  ])("%s, a page says the same", async (_, body) => {
    proxy.always({ kind: "answer", status: 200, headers: { "content-type": "application/xml" }, body });
    const config = { url: "s3://lake/a", region: "us-east-1", endpoint: proxy.url };
    const source = createS3Source(config, { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" });
    const pages = [];
    for await (const one of source.list("")) pages.push(one);
    source.close();
    expect(pages).toEqual([[{ bucket: "lake", key: "a/b+c.csv", path: "b+c.csv", ...entry }]]);
  });
});
