/** What an error prints: its place, its lines, its causes, and never a cell. */
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { errorText, traceText } from "../../src/cli/print-error.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { DrayageError } from "../../src/errors.ts";

const terminal: Terminal = {
  out: new PassThrough(),
  err: new PassThrough(),
  interactive: false,
  colour: false,
  json: false,
  quiet: false,
  verbose: false,
  width: 100,
};

test("code, what, where, lines and next, one below the other", () => {
  const error = new DrayageError("DDL_NEEDED", {
    message: "The role may not alter it",
    place: { table: "orders", object: "shop/orders/a.csv", record: 7, column: "amount" },
    lines: ["alter table t\n  add c text;"],
  });
  expect(errorText(terminal, error).split("\n")).toEqual([
    "DDL_NEEDED  The role may not alter it",
    "  where  table orders, object shop/orders/a.csv, record 7, column amount",
    "    alter table t",
    "      add c text;",
    `  next   ${error.next}`,
  ]);
});

test("names with control characters neither move the cursor nor fake a line", () => {
  const text = errorText(terminal, new DrayageError("NOT_CSV", { place: { object: "a\u001b[2J\nNOT_CSV  faked" } }));
  expect(text).not.toContain("\u001b");
  expect(text.split("\n")).toHaveLength(3);
});

test("a trace names the causes by kind: a server's message, with the cell in it, is left out", () => {
  const cause = Object.assign(new Error('invalid input: "secret\n    at secret cell"'), { code: "22P02" });
  const text = traceText(new DrayageError("WAREHOUSE_FAILED", { cause }));
  expect(text).toContain("caused by Error 22P02");
  expect(text).toMatch(/^ {4}at /m);
  expect(text).not.toContain("secret");
});
