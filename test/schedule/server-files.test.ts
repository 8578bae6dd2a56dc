/** The files for a server agree with the program that they run. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../support/source-tree.ts";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const setting = (text: string, name: string): string | undefined => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1];

const graceMs = Number(/const graceMs = ([\d_]+);/.exec(read("src/cli/schedule-command.ts"))?.[1]?.replaceAll("_", ""));

test.each([
  ["drayage.service", "schedule", ["143"]],
  ["drayage-load.service", "load --quiet", ["3", "4"]],
])("%s waits longer than the program does, and knows its exit codes", (name, command, success) => {
  const unit = read(`scripts/server/${name}`);
  expect(setting(unit, "ExecStart")).toBe(`/usr/local/bin/drayage ${command}`);
  expect(Number(setting(unit, "TimeoutStopSec")) * 1000).toBeGreaterThan(graceMs);
  expect(setting(unit, "SuccessExitStatus")?.split(" ")).toEqual(success);
  expect(setting(unit, "User")).toBe("drayage");
});

test("the pages say the same patience", () => {
  const page = read("docs/operations.md");
  for (const [, seconds] of page.matchAll(/(?:--stop-timeout|terminationGracePeriodSeconds:) (\d+)/g))
    expect(Number(seconds) * 1000).toBeGreaterThan(graceMs);
  expect(page).toContain(`within ${graceMs / 1000} seconds`);
});

test("install.sh is shell, can be run, and says what it wants", () => {
  const script = join(root, "scripts/server/install.sh");
  expect(statSync(script).mode & 0o111).toBe(0o111);
  const { status, stdout } = spawnSync(script, { encoding: "utf8", env: { PATH: process.env.PATH } });
  expect(status).toBe(2);
  expect(stdout).toContain("install.sh --use");
  for (const [, unit] of read("scripts/server/install.sh").matchAll(/"\/([a-z-]+\.(?:service|timer))/g))
    expect(existsSync(join(root, "scripts/server", unit ?? "")), unit).toBe(true);
});

test("the image is built in one stage, and run on Node 24 as nobody in particular in the other", () => {
  const stages = read("Dockerfile")
    .split(/^(?=FROM )/m)
    .slice(1);
  expect(stages).toHaveLength(2);
  for (const stage of stages) expect(stage).toMatch(/^FROM node:24-slim/);
  expect(stages[1]).toMatch(/^USER (?!root)/m);
  // What the build copies must come through .dockerignore.
  const taken = new Set(
    read(".dockerignore")
      .split("\n")
      .map((line) => line.replace(/^!/, "")),
  );
  const copied = [...read("Dockerfile").matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) =>
    (paths ?? "").split(" "),
  );
  expect(copied.filter((path) => !taken.has(path) || !existsSync(join(root, path)))).toEqual([]);
});
