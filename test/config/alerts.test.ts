/** The section `alerts`: what it means, and what is refused. */
import { expect, test } from "vitest";
import { alertCauses } from "../../src/config/alert-causes.ts";
import { configFrom, minimal, problemsOf } from "./config-text.ts";

/** `alerts` is on line 4. */
const alerts = (text: string) => minimal(`tables: {a/b: {}}\nalerts: {${text}}`);
const webhook = 'webhook: "https://hooks/x"';

test("nothing unless asked for; then every cause", () => {
  const none = { webhook: undefined, heartbeat: undefined, on: alertCauses, daily: undefined };
  expect(configFrom(minimal("tables: {a/b: {}}")).alerts).toEqual(none);
  expect(
    configFrom(alerts(`${webhook}, heartbeat: "http://h:1/y", on: [failed, paused], daily: 06:30`)).alerts,
  ).toEqual({ webhook: "https://hooks/x", heartbeat: "http://h:1/y", on: ["failed", "paused"], daily: 390 });
});

test.each([
  ["true", 480],
  ["false", undefined],
  ['"7:05"', 425],
  ["23:59", 1439],
])("daily: %s", (text, minutes) => {
  expect(configFrom(alerts(`${webhook}, daily: ${text}`)).alerts.daily).toBe(minutes);
});

test.each([
  [`${webhook}, on: [failed, unclaimd]`, /^4:\d+ {2}alerts\.on\[1\]: must be failed, .*; did you mean unclaimed\?$/],
  [`${webhook}, on: lost-run`, /alerts\.on: must be .*; did you mean lost_run\?$/],
  [`${webhook}, on: [alerts]`, /alerts\.on\[0\]: must be failed, /],
  [`${webhook}, daily: 24:00`, /alerts\.daily: must be a time of day such as "08:00", or true$/],
  ["daily: true", /alerts\.daily: does nothing without alerts\.webhook$/],
  ["on: failed", /alerts\.on: does nothing without alerts\.webhook$/],
  ["webhook: hooks.slack.com/x", /alerts\.webhook: must be an http:\/\/ or https:\/\/ URL$/],
  ["heartbeat: 5", /alerts\.heartbeat: must be text/],
])("%s is refused", (text, message) => {
  expect(problemsOf(alerts(text))).toEqual([expect.stringMatching(message)]);
});

test("no problem says what a variable held", () => {
  const env = { HOOK: "ftp://hush" };
  expect(problemsOf(alerts('webhook: "$' + '{HOOK}"'), { env }).join("\n")).not.toContain("hush");
});
