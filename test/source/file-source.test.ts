import { appendFile, chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFileSource } from "../../src/source/file-source.ts";
import type { ListedObject, ObjectSource } from "../../src/source/object-source.ts";

let parent: string;
let root: string;
let source: ObjectSource;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "drayage-file-"));
  root = join(parent, "root");
  await mkdir(root);
  source = createFileSource(pathToFileURL(root).href);
});
afterEach(() => rm(parent, { recursive: true }));

async function listed(from = source): Promise<ListedObject[]> {
  const objects: ListedObject[] = [];
  for await (const page of from.list("")) objects.push(...page);
  return objects;
}

async function onlyObject(): Promise<ListedObject> {
  const [object] = await listed();
  if (object === undefined) throw new Error("nothing is listed");
  return object;
}

test("an object tells its directory, key, size and time", async () => {
  await mkdir(join(root, "shop"));
  await writeFile(join(root, "shop/a.csv"), "abc");
  expect(await onlyObject()).toMatchObject({
    bucket: root,
    key: "shop/a.csv",
    path: "shop/a.csv",
    etag: expect.stringMatching(/^3-\d{18,}$/),
    storageClass: undefined,
  });
});

test("keys come in the order of their characters, across folders, as S3 lists them", async () => {
  const sorted = ["2.csv", "LOAD.csv", "a b.csv", "a-b/1", "a-b/2", "a.csv", "a/1", "a/b/1", "a/b0", "a0", "é.csv"];
  for (const name of sorted.toReversed()) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), name);
  }
  expect((await listed()).map(({ key }) => key)).toEqual(sorted);
});

describe("the root", () => {
  test("that is empty has no objects", async () => {
    expect(await listed()).toEqual([]);
  });

  test("that is missing or a file is SOURCE_DIRECTORY_MISSING", async () => {
    await writeFile(join(parent, "file"), "");
    for (const name of ["nothing", "file"]) {
      const broken = createFileSource(pathToFileURL(join(parent, name)).href);
      await expect(listed(broken)).rejects.toMatchObject({
        code: "SOURCE_DIRECTORY_MISSING",
        message: expect.stringContaining(join(parent, name)),
      });
    }
  });

  // Root reads everything.
  test.skipIf(process.getuid?.() === 0)("that may not be read is SOURCE_DIRECTORY_MISSING", async () => {
    await chmod(root, 0);
    await expect(listed()).rejects.toMatchObject({ code: "SOURCE_DIRECTORY_MISSING" });
    await chmod(root, 0o700);
  });

  test.each(["s3://bucket/x", "file://elsewhere/dir", "nonsense"])("cannot be %s", (url) => {
    expect(() => createFileSource(url)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});

describe("links", () => {
  test("inside the root are followed once, out of it never", async () => {
    await mkdir(join(parent, "outside"));
    await writeFile(join(parent, "outside/secret.csv"), "s");
    await mkdir(join(parent, "root2"));
    await writeFile(join(parent, "root2/secret.csv"), "s");
    await mkdir(join(root, "real/deep"), { recursive: true });
    await writeFile(join(root, "real/a.csv"), "a");
    await symlink(join(root, "real/a.csv"), join(root, "same.csv"));
    await symlink("real", join(root, "again"));
    await symlink("../..", join(root, "real/deep/up"));
    await symlink(join(parent, "outside"), join(root, "out"));
    await symlink(join(parent, "outside/secret.csv"), join(root, "out.csv"));
    // Begins like the root, and is not in it.
    await symlink(join(parent, "root2"), join(root, "beside"));
    await symlink("nowhere", join(root, "broken"));
    expect((await listed()).map(({ key }) => key)).toEqual(["again/a.csv", "real/a.csv", "same.csv"]);
    expect((await buffer(source.open((await listed())[2] as ListedObject))).toString()).toBe("a");
    for await (const page of source.list("out")) expect(page).toEqual([]);
  });

  test("put in an object's place after it was listed lead nowhere", async () => {
    await writeFile(join(root, "a.csv"), "aaa");
    await writeFile(join(parent, "secret"), "sss");
    const object = await onlyObject();
    await rm(join(root, "a.csv"));
    await symlink(join(parent, "secret"), join(root, "a.csv"));
    await expect(buffer(source.open(object))).rejects.toMatchObject({ code: "OBJECT_GONE" });
    const beyond = { ...object, key: "../secret" };
    await expect(buffer(source.open(beyond))).rejects.toMatchObject({ code: "OBJECT_GONE" });
  });

  test("the root may be one", async () => {
    await writeFile(join(root, "a.csv"), "a");
    await symlink(root, join(parent, "link"));
    expect(await listed(createFileSource(pathToFileURL(join(parent, "link")).href))).toHaveLength(1);
  });
});

test("a file that is written to while it is read is OBJECT_CHANGED", async () => {
  await writeFile(join(root, "a.csv"), Buffer.alloc(2_000_000, "a"));
  const body = source.open(await onlyObject());
  const reading = async () => {
    let chunks = 0;
    for await (const chunk of body) if (chunks++ === 0) await appendFile(join(root, "a.csv"), chunk as Buffer);
  };
  await expect(reading()).rejects.toMatchObject({ code: "OBJECT_CHANGED" });
});
