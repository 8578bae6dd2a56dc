import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ListedObject, ObjectSource } from "../../src/source/object-source.ts";
import { openSource } from "../../src/source/open-source.ts";
import { s3Installed, startTestS3 } from "../support/s3-server.ts";

/** A source and the other side of it. Paths are below source.url. */
interface Stage {
  readonly source: ObjectSource;
  put(path: string, body: Uint8Array | string): Promise<void>;
  remove(path: string): Promise<void>;
  stop(): Promise<void>;
}

async function s3Stage(): Promise<Stage> {
  const s3 = await startTestS3();
  // A prefix with characters that mean something in URLs and patterns.
  const prefix = "dms out/50% (a+b)";
  await s3.put("dms out/50% (a+b)x/not-below", "x");
  await s3.put("elsewhere/not-below", "x");
  const source = await openSource(s3.config(prefix) as Parameters<typeof openSource>[0], s3.env);
  return {
    source,
    put: (path, body) => s3.put(`${prefix}/${path}`, body),
    remove: (path) => s3.remove(`${prefix}/${path}`),
    async stop() {
      source.close();
      await s3.stop();
    },
  };
}

async function fileStage(): Promise<Stage> {
  const parent = await mkdtemp(join(tmpdir(), "drayage-source-"));
  const root = join(parent, "50% (a+b)");
  await mkdir(root);
  await writeFile(join(parent, "not-below"), "x");
  const url = pathToFileURL(root).href;
  const source = await openSource({ url, region: undefined, endpoint: undefined }, {});
  return {
    source,
    async put(path, body) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), body);
    },
    remove: (path) => rm(join(root, path)),
    async stop() {
      source.close();
      await rm(parent, { recursive: true });
    },
  };
}

const stages = [
  { scheme: "s3", start: s3Stage, runs: s3Installed },
  { scheme: "file", start: fileStage, runs: true },
];

async function pagesOf(source: ObjectSource, folder = ""): Promise<(readonly ListedObject[])[]> {
  const pages: (readonly ListedObject[])[] = [];
  for await (const page of source.list(folder)) pages.push(page);
  return pages;
}

describe.each(stages)("$scheme://", ({ start, runs }) => {
  if (!runs) {
    test.skip("needs fauxqs, which is not installed here", () => undefined);
    return;
  }
  let stage: Stage;
  beforeAll(async () => {
    stage = await start();
  }, 30_000);
  afterAll(() => stage?.stop());

  async function listed(path: string): Promise<ListedObject> {
    const folder = path.slice(0, path.lastIndexOf("/"));
    const object = (await pagesOf(stage.source, folder)).flat().find((found) => found.path === path);
    if (object === undefined) throw new Error(`${path} is not listed`);
    return object;
  }

  async function put(path: string, body: Uint8Array | string): Promise<ListedObject> {
    await stage.put(path, body);
    return listed(path);
  }

  test("what is listed tells everything about an object", async () => {
    const before = Date.now();
    const object = await put("shop/orders/LOAD00000001.csv", "id\n1\n");
    expect(object).toMatchObject({ path: "shop/orders/LOAD00000001.csv", size: 5 });
    expect(object.key.endsWith(object.path)).toBe(true);
    expect(object.etag).toMatch(/^[^"]+$/);
    expect(Math.abs(object.lastModified.getTime() - before)).toBeLessThan(60_000);
  });

  test("a folder is its own objects, not those of folders that begin like it, and an unknown one is empty", async () => {
    await stage.put("near/a/1.csv", "1");
    await stage.put("near/a/deep/2.csv", "2");
    await stage.put("near/ab/3.csv", "3");
    await stage.put("near/a.csv", "4");
    const paths = async (folder: string) => (await pagesOf(stage.source, folder)).flat().map(({ path }) => path);
    expect(await paths("near/a")).toEqual(["near/a/1.csv", "near/a/deep/2.csv"]);
    expect(await paths("near")).toEqual(["near/a.csv", "near/a/1.csv", "near/a/deep/2.csv", "near/ab/3.csv"]);
    expect(await paths("nowhere")).toEqual([]);
    expect(await paths("..")).toEqual([]);
    expect(await paths("")).not.toContain("not-below");
  });

  test.each([
    "with space.csv",
    "plus+plus.csv",
    "100%.csv",
    "%41.csv",
    "a&b=c?d#e.csv",
    "quote'\"<>.csv",
    "back\\slash.csv",
    "späße-日本-😀.csv",
    "[x]{y}*!(z)~.csv",
    " lead and trail ",
    "dots..csv",
  ])("odd characters in a key: %j", async (name) => {
    const object = await put(`odd/${name}`, `body of ${name}`);
    expect(await buffer(stage.source.open(object))).toEqual(Buffer.from(`body of ${name}`));
  });

  test("pages hold at most 1,000 objects, in key order, none lost between them", async () => {
    const names = Array.from({ length: 2_105 }, (_, n) => `many/${String(n).padStart(5, "0")}.csv`);
    for (let from = 0; from < names.length; from += 50) {
      await Promise.all(names.slice(from, from + 50).map((name) => stage.put(name, "x")));
    }
    const pages = await pagesOf(stage.source, "many");
    expect(pages.map((page) => page.length)).toEqual([1_000, 1_000, 105]);
    expect(pages.flat().map(({ path }) => path)).toEqual(names);
    // Cut into ranges: each key once, wherever the cuts lie (at a key, between two, outside, twice).
    const base = pages[0]?.[0]?.key.slice(0, -"many/00000.csv".length) ?? "";
    const splits = ["many/01500.csv", "many/00007.csvx", "many/00007.csvx", "many/0", "many/9", "a", "z"];
    const cut: string[] = [];
    for await (const page of stage.source.list(
      "many",
      splits.map((key) => base + key),
    ))
      cut.push(...page.map(({ path }) => path));
    expect(cut.sort()).toEqual(names);
    for await (const page of stage.source.list("many")) {
      expect(page).toHaveLength(1_000);
      break;
    }
  }, 60_000);

  test("ranges", async () => {
    const object = await put("ranges/a.csv", "0123456789");
    const read = async (from?: number, to?: number) =>
      (
        await buffer(
          stage.source.open(object, { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) }),
        )
      ).toString();
    expect(await read()).toBe("0123456789");
    expect(await read(3)).toBe("3456789");
    expect(await read(0, 1)).toBe("0");
    expect(await read(3, 7)).toBe("3456");
    expect(await read(9, 10)).toBe("9");
    expect(await read(3, 99)).toBe("3456789");
    expect(await read(4, 4)).toBe("");
    expect(await read(10)).toBe("");
  });

  test("an empty object", async () => {
    const object = await put("empty/a.csv", "");
    expect(object.size).toBe(0);
    expect(await buffer(stage.source.open(object))).toHaveLength(0);
  });

  test("an object of 20 MB arrives as it is", async () => {
    const body = Buffer.alloc(20_000_000);
    for (let at = 0; at < body.length; at += 4) body.writeUInt32BE(Math.imul(at, 2_654_435_761) >>> 0, at);
    const object = await put("large/a.csv", body);
    expect(object.size).toBe(body.length);
    expect(body.equals(await buffer(stage.source.open(object)))).toBe(true);
  }, 30_000);

  test("an object that was replaced since it was listed is OBJECT_CHANGED", async () => {
    const object = await put("changed/a.csv", "first");
    await new Promise((resolve) => setTimeout(resolve, 20));
    await stage.put("changed/a.csv", "other");
    const place = { object: object.key };
    await expect(buffer(stage.source.open(object))).rejects.toMatchObject({ code: "OBJECT_CHANGED", place });
    await expect(buffer(stage.source.open(object, { from: 2 }))).rejects.toMatchObject({ code: "OBJECT_CHANGED" });
    expect((await buffer(stage.source.open(await listed("changed/a.csv")))).toString()).toBe("other");
  });

  test("an object that is shorter now is OBJECT_CHANGED for a range beyond it too", async () => {
    const object = await put("shorter/a.csv", "0123456789");
    await stage.put("shorter/a.csv", "01");
    await expect(buffer(stage.source.open(object, { from: 5 }))).rejects.toMatchObject({ code: "OBJECT_CHANGED" });
  });

  test("an object that vanished since it was listed is OBJECT_GONE", async () => {
    const object = await put("gone/a.csv", "first");
    await stage.remove("gone/a.csv");
    const place = { object: object.key };
    await expect(buffer(stage.source.open(object))).rejects.toMatchObject({ code: "OBJECT_GONE", place });
  });

  test("a signal ends the reading", async () => {
    const object = await put("signal/a.csv", "first");
    const opened = stage.source.open(object, { signal: AbortSignal.abort() });
    await expect(buffer(opened)).rejects.toMatchObject({ name: "AbortError" });
  });
});
