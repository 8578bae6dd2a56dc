/** Times on the command line: never local, never guessed. */
import { expect, test } from "vitest";
import { parseMoment } from "../../src/cli/moment.ts";

const now = new Date("2026-03-01T12:00:00Z");

test.each([
  ["3d", "2026-02-26T12:00:00.000Z"],
  ["90m", "2026-03-01T10:30:00.000Z"],
  ["0", "2026-03-01T12:00:00.000Z"],
  ["2026-02-03", "2026-02-03T00:00:00.000Z"],
  ["2026-02-03T04:05", "2026-02-03T04:05:00.000Z"],
  ["2026-02-03 04:05:06", "2026-02-03T04:05:06.000Z"],
  ["2026-02-03T04:05:06.789Z", "2026-02-03T04:05:06.789Z"],
  ["2026-02-03T04:05+05:30", "2026-02-02T22:35:00.000Z"],
  ["2026-02-03T04:05-0300", "2026-02-03T07:05:00.000Z"],
])("%s", (text, time) => {
  expect(parseMoment(text, now).toISOString()).toBe(time);
});

test.each(["", "yesterday", "2026", "2026-02-30", "2026-13-01", "03/02/2026", "2026-02-03T25:00", "1767225600", "-3d"])(
  "%j is no time",
  (text) => {
    expect(() => parseMoment(text, now)).toThrow(expect.objectContaining({ code: "USAGE" }));
  },
);
