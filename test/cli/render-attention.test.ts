/** Many of one cause are one thing to read. */
import { expect, test } from "vitest";
import { terminalOf } from "../../src/cli/context.ts";
import { attentionText } from "../../src/cli/render-attention.ts";
import type { Attention } from "../../src/observe/attention.ts";

const now = new Date("2026-03-01T12:00:00Z");
const terminal = terminalOf(
  { argv: [], env: {}, stdout: process.stdout, stderr: process.stderr, pid: 1, hostname: "h" },
  { color: false },
);
const names = ["a", "b", "c d", "e", "f", "g", "h"];
const since = new Date("2026-03-01T07:00:00Z");
const rejects = names.map(
  (table, i): Attention => ({
    cause: "rejects",
    table,
    since,
    count: i + 1,
    message: i === 0 ? "1 record was rejected" : `${i + 1} records were rejected`,
    command: "drayage rejects list a",
  }),
);
const failed = (code: (i: number) => string) =>
  names.map(
    (table, i): Attention => ({
      cause: "failed",
      table,
      since,
      count: 1,
      message: `1 object failed: ${code(i)}`,
      command: "drayage load a --object x/1.csv",
    }),
  );
const unclaimed = names.map(
  (folder): Attention => ({
    cause: "unclaimed",
    folder,
    since,
    count: 2,
    message: "No table reads the 2 objects of this folder",
    command: `add ${JSON.stringify(folder)} under tables, or to source.ignore`,
  }),
);

test.each<[what: string, attention: readonly Attention[], text: string]>([
  ["one", rejects.slice(1, 2), "rejected   b: 2 records were rejected (5 h ago)\n  next     drayage rejects list a"],
  [
    "counts add up",
    rejects,
    "rejected   a, b, c d, e, f and 2 more: 28 records were rejected (the first 5 h ago)\n  next     drayage rejects list TABLE",
  ],
  [
    "one reason",
    failed(() => "NOT_CSV"),
    "failed     a, b, c d, e, f and 2 more: 7 objects failed: NOT_CSV (the first 5 h ago)\n  next     drayage retry TABLE",
  ],
  [
    "several reasons",
    failed((i) => (i === 3 ? "GZIP_BROKEN" : "NOT_CSV")),
    "failed     a, b, c d, e, f and 2 more: 7 objects failed: NOT_CSV, and others (the first 5 h ago)\n  next     drayage retry TABLE",
  ],
  [
    "folders",
    unclaimed,
    "unclaimed  a, b, c d, e, f and 2 more: No table reads these folders (the first 5 h ago)\n  next     add each under tables, or to source.ignore",
  ],
  [
    "a name that would move the cursor",
    [{ cause: "unclaimed", folder: "a\u001b[2J", message: "No", command: "add it" }],
    "unclaimed  a\\u001b[2J: No\n  next     add it",
  ],
])("%s", (_what, attention, text) => {
  expect(attentionText(terminal, attention, now)).toBe(text);
});
