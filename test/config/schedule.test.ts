/** The section `schedule`: what it means, and what is refused. */
import { expect, test } from "vitest";
import { configFrom, minimal, problemsOf } from "./config-text.ts";

/** `schedule` is on line 4. */
const schedule = (text: string) => minimal(`tables: {a/b: {}}\nschedule: {${text}}`);

test("every key arrives", () => {
  const text = schedule(
    'cron: "*/10 8-18 * * mon-fri", timezone: Asia/Kolkata, concurrency: 2, after: [dbt build, {webhook: "https://h/x"}], http: {port: 9100, bind: 0.0.0.0, token: t}',
  );
  expect(configFrom(text).schedule).toEqual({
    cron: "*/10 8-18 * * mon-fri",
    timezone: "Asia/Kolkata",
    concurrency: 2,
    after: [
      { kind: "command", command: "dbt build" },
      { kind: "webhook", url: "https://h/x" },
    ],
    http: { port: 9100, bind: "0.0.0.0", token: "t" },
  });
});

test.each([
  ["one command", "after: dbt build", [{ kind: "command", command: "dbt build" }]],
  ["one webhook", 'after: {webhook: "http://h:1/x"}', [{ kind: "webhook", url: "http://h:1/x" }]],
  ["the same command twice", "after: [sync, sync]", [{ command: "sync" }, { command: "sync" }]],
])("after: %s", (_, text, steps) => {
  expect(configFrom(schedule(text)).schedule.after).toMatchObject(steps);
});

test.each([
  ["none", "concurrency: 1", undefined],
  ["this machine alone", "http: {port: 9100}", { port: 9100, bind: "127.0.0.1", token: undefined }],
  ["its IPv6", 'http: {port: 0, bind: "::1"}', { port: 0, bind: "::1", token: undefined }],
  ["by name", "http: {port: 0, bind: localhost}", { port: 0, bind: "localhost", token: undefined }],
])("http: %s", (_, text, http) => {
  expect(configFrom(schedule(text)).schedule.http).toEqual(http);
});

const open = "is open to other machines: it needs schedule.http.token too";
test.each([
  ['cron: "61 * * * *"', /^4:18 {2}schedule\.cron: must be a cron line such as .*; its minute is wrong$/],
  ["cron: hourly", /schedule\.cron: must be a cron line/],
  ["timezone: Mars/Olympus", /schedule\.timezone: must be a time zone/],
  ["http: {port: 9100, bind: 0.0.0.0}", new RegExp(`schedule\\.http\\.bind: ${open}$`)],
  ["http: {port: 9100, bind: 127.0.0.1.example.com}", new RegExp(open)],
  ["http: {bind: 127.0.0.1}", /schedule\.http\.bind: does nothing without schedule\.http\.port$/],
  ["http: {token: x}", /schedule\.http\.token: does nothing without schedule\.http\.port$/],
  ["after: [5]", /schedule\.after\[0\]: must be a shell command/],
  ["after: {webhook: 'ftp://x'}", /schedule\.after\.webhook: must be an http:\/\/ or https:\/\/ URL$/],
])("%s is refused", (text, message) => {
  expect(problemsOf(schedule(text))).toEqual([expect.stringMatching(message)]);
});

test("a misspelt webhook is named", () => {
  expect(problemsOf(schedule("after: [{webook: 'http://x'}]"))).toEqual([
    expect.stringMatching(/schedule\.after\[0\]\.webhook: is needed$/),
    expect.stringMatching(/schedule\.after\[0\]\.webook: unknown key; did you mean webhook\?$/),
  ]);
});

test("no problem says what a variable held", () => {
  const env = { LINE: "hush hush", URL: "ftp://hush" };
  const text = schedule('cron: "$' + '{LINE}", after: {webhook: "$' + '{URL}"}');
  expect(problemsOf(text, { env }).join("\n")).not.toContain("hush");
  expect(problemsOf(text, { env })).toHaveLength(2);
});
