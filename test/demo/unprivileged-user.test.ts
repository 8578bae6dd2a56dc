import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseUsers, reaches } from "../../src/demo/unprivileged-user.ts";

test("users are read with their ids, root under any name left out", () => {
  const users = parseUsers(
    "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n\nbroken\n",
  );
  expect([...users]).toEqual([["nobody", { uid: 65534, gid: 65534 }]]);
});

test("a file is out of reach when one directory above it is closed", () => {
  const dir = mkdtempSync(join(tmpdir(), "drayage-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "inner", "file");
  mkdirSync(join(dir, "inner"));
  writeFileSync(file, "");
  // An id that owns nothing here.
  const stranger = { uid: 54_321, gid: 54_321 };
  chmodSync(file, 0o644);
  chmodSync(join(dir, "inner"), 0o755);
  chmodSync(dir, 0o755);
  expect(reaches(stranger, file)).toBe(true);
  chmodSync(dir, 0o700);
  expect(reaches(stranger, file)).toBe(false);
  expect(reaches(undefined, file)).toBe(true);
  chmodSync(dir, 0o711);
  expect(reaches(stranger, file)).toBe(true);
  expect(reaches(stranger, dir)).toBe(false);
  chmodSync(file, 0o600);
  expect(reaches(stranger, file)).toBe(false);
  expect(reaches(stranger, join(dir, "absent"))).toBe(false);
});
