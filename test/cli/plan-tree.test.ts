import { expect, test } from "vitest";
import { columnTree, treeRows } from "../../src/cli/plan-tree.ts";
import type { PlannedColumn } from "../../src/load/plan-columns.ts";

const column = (path: string, type = "text", sample = "a sample of some length"): PlannedColumn => ({
  path,
  segments: path.split("."),
  column: path.replaceAll(".", "__"),
  type,
  isKey: path === "_id",
  isNew: false,
  nullShare: 0.25,
  maxLength: 1234,
  sample,
});
const columns = [
  column("_id"),
  column("address.geo.lat", "double precision"),
  column("name"),
  column("address.city"),
  column("address", "jsonb"),
  column("\u001b[2J"),
];

test("paths with a parent in common stand together below it", () => {
  expect(treeRows(columns).map(({ path, column }) => [path, column?.column])).toEqual([
    ["_id", "_id"],
    ["address", "address"],
    ["  geo", undefined],
    ["    lat", "address__geo__lat"],
    ["  city", "address__city"],
    ["name", "name"],
    ["\\u001b[2J", "\u001b[2J"],
  ]);
});

test.each([80, 200])("on a terminal of %d columns no line is longer; through a pipe names are whole", (width) => {
  const long = [...columns, column(`${"deep.".repeat(12)}end`), column("x".repeat(63))];
  const terminal = {
    out: process.stdout,
    err: process.stderr,
    colour: false,
    json: false,
    quiet: false,
    verbose: false,
    width,
  };
  const lines = columnTree({ ...terminal, interactive: true }, long, true, (text) => text ?? "", 2).split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width - 2);
  expect(lines.join()).toContain("(key)");
  const piped = columnTree({ ...terminal, interactive: false }, long, true, undefined, 2);
  expect(piped).toContain(`${"deep__".repeat(12)}end`);
  expect(piped).not.toContain("a sample");
});
