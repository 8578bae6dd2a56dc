/** A line of the log: one object for programs, one line for people, whatever a name holds. */
import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLogger } from "../../src/observe/logger.ts";

function logged(format: "text" | "json", level: "info" | "error" = "info"): string {
  let text = "";
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString("utf8");
      done();
    },
  });
  const log = createLogger({ level, format, stream });
  log.debug("not asked for");
  log.info("unit loaded", { run: "7", table: "orders", object: "a\nb\u001b[2K", read: 3, lane: undefined });
  return text;
}

test("JSON: time first, absent fields left out", () => {
  const text = logged("json");
  expect(text.split("\n")).toHaveLength(2);
  const { time, ...rest } = JSON.parse(text) as Record<string, unknown>;
  expect(new Date(String(time)).getTime()).toBeGreaterThan(0);
  expect(rest).toEqual({
    level: "info",
    message: "unit loaded",
    run: "7",
    table: "orders",
    object: "a\nb\u001b[2K",
    read: 3,
  });
});

test("text: one line, no control character", () => {
  expect(logged("text")).toMatch(
    /^\S+Z info {2}unit loaded {2}run=7 table=orders object=a\\u000ab\\u001b\[2K read=3\n$/,
  );
});

test("nothing below its level", () => {
  expect(logged("json", "error")).toBe("");
});
