/** What is alerted, how it is grouped, and what the messages say: pure, on made attention. */
import { describe, expect, test } from "vitest";
import { alertCauses } from "../../src/config/alert-causes.ts";
import { pauseAfter } from "../../src/load/alert-run.ts";
import { clearedEvents, raisedEvents, slackText } from "../../src/observe/alert-event.ts";
import { type Attention, attentionCauses, type StatusFacts, type TableFacts } from "../../src/observe/attention.ts";
import { alertsOf, compareAlerts } from "../../src/observe/compare-alerts.ts";
import { summaryDay } from "../../src/observe/daily-event.ts";
import { evaluate } from "../../src/observe/evaluate.ts";

const now = new Date("2026-03-01T12:00:00Z");
const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const making = { source: "s3://lake/dms", now, newId: () => "id" };

function one(cause: Attention["cause"], more: Partial<Attention> = {}): Attention {
  return { cause, message: "m", command: "c", since: ago(1), ...more };
}

const failed = (table: string, code = "NOT_CSV") =>
  one("failed", { table, code, count: 1, message: `1 object failed: ${code}`, command: `drayage retry ${table}` });
const run = one("failed", { code: "S3_ACCESS_DENIED" });
const silent = one("late_source", { code: "silent" });
const unlisted = one("late_source", { code: "unlisted" });
const lateTable = one("late_table", { table: "a" });

/** `cause subject` of what is raised, cleared and dropped, when `before` was told. */
function compared(before: readonly Attention[], after: readonly Attention[], complete = true, on = alertCauses) {
  const open = alertsOf(before, alertCauses, now);
  const { raise, clear, drop } = compareAlerts(open, alertsOf(after, on, now), after, { on, complete });
  const names = (list: readonly { cause: string; subject: string }[]) =>
    list.map(({ cause, subject }) => `${cause} ${subject}`.trim());
  return { raise: names(raise), clear: names(clear), drop: names(drop) };
}

interface Outcome {
  readonly raise: readonly string[];
  readonly clear: readonly string[];
  readonly drop: readonly string[];
}

const nothing: Outcome = { raise: [], clear: [], drop: [] };

describe("what is new and what is over", () => {
  test.each<[what: string, before: Attention[], after: Attention[], complete: boolean, outcome: Partial<Outcome>]>([
    ["the same", [failed("a")], [failed("a")], true, {}],
    ["another table", [failed("a")], [failed("a"), failed("b")], true, { raise: ["failed NOT_CSV table b"] }],
    [
      "another code is news, and not the end of anything",
      [failed("a")],
      [failed("a", "GZIP_BROKEN")],
      true,
      { raise: ["failed GZIP_BROKEN table a"], drop: ["failed NOT_CSV table a"] },
    ],
    ["over", [failed("a")], [], true, { clear: ["failed NOT_CSV table a"] }],
    [
      "over, as a part can know",
      [failed("a"), lateTable],
      [],
      false,
      { clear: ["failed NOT_CSV table a", "late_table table a"] },
    ],
    ["a run of a part finds nobody late", [], [silent, lateTable], false, {}],
    ["but nobody looking", [], [unlisted], false, { raise: ["late_source unlisted"] }],
    ["which failed runs explain", [], [run, unlisted], false, { raise: ["failed S3_ACCESS_DENIED"] }],
    ["and which is no news while nothing comes", [silent], [unlisted], false, {}],
    ["a failed run is over when a whole one ends", [run], [], false, {}],
    ["as here", [run], [], true, { clear: ["failed S3_ACCESS_DENIED"] }],
    [
      "a late table is not on time because nothing comes at all",
      [lateTable],
      [silent],
      true,
      { raise: ["late_source silent"] },
    ],
    ["a misspelt key", [], [one("failed", { code: "OBJECT_UNKNOWN" })], true, {}],
    ["alerts are not alerted", [], [one("alerts")], true, {}],
    [
      "a lost run is one of its own",
      [one("lost_run", { run: "7" })],
      [one("lost_run", { run: "8" })],
      true,
      { raise: ["lost_run run 8"], clear: ["lost_run run 7"] },
    ],
  ])("%s", (_what, before, after, complete, outcome) => {
    expect(compared(before, after, complete)).toEqual({ ...nothing, ...outcome });
  });

  test("a cause that nobody wants to hear of is closed without a word", () => {
    expect(compared([failed("a")], [failed("a")], true, [] as unknown as typeof alertCauses)).toEqual({
      ...nothing,
      drop: ["failed NOT_CSV table a"],
    });
  });

  test("a pause is told of after 24 hours", () => {
    const paused = (hours: number) => alertsOf([one("paused", { table: "a", since: ago(hours) })], alertCauses, now);
    expect([paused(23.9).length, paused(24.1).length]).toEqual([0, 1]);
  });

  test("every cause but the one about alerts can be told of", () => {
    expect(attentionCauses.filter((cause) => !(alertCauses as readonly string[]).includes(cause))).toEqual(["alerts"]);
  });
});

describe("what is sent", () => {
  const alerts = (...attention: Attention[]) => alertsOf(attention, alertCauses, now);

  test("300 tables of one cause and code are one event, ten of them named", () => {
    const many = Array.from({ length: 300 }, (_, i) => failed(`t${i}`, "S3_FAILED"));
    const [event, ...others] = raisedEvents(alerts(...many), making);
    expect(others).toEqual([]);
    const { text, drayage } = (event?.body ?? {}) as { text: string; drayage: { count: number; subjects: unknown[] } };
    expect(text).toBe(
      "drayage failed: t0, t1, t2, t3, t4 and 295 more: 300 objects failed: S3_FAILED\n" +
        "Since 2026-03-01 11:00 UTC. s3://lake/dms\nNext: drayage retry TABLE",
    );
    expect(drayage.count).toBe(300);
    expect(drayage.subjects).toHaveLength(10);
    expect(drayage.subjects[9]).toEqual({
      table: "t9",
      message: "1 object failed: S3_FAILED",
      next: "drayage retry t9",
    });
  });

  test("causes and codes are events of their own; what is over says what it was", () => {
    const mixed = alerts(failed("a"), failed("b", "GZIP_BROKEN"), failed("c"), run, one("unclaimed", { folder: "" }));
    expect(raisedEvents(mixed, making).map(({ cause, code }) => [cause, code])).toEqual([
      ["failed", "NOT_CSV"],
      ["failed", "GZIP_BROKEN"],
      ["failed", "S3_ACCESS_DENIED"],
      ["unclaimed", undefined],
    ]);
    const ended = mixed.map((alert) => ({
      ...alert,
      code: alert.code,
      table: alert.table,
      folder: alert.folder,
      since: alert.since,
      raisedAt: now,
    }));
    expect(clearedEvents(ended, making).map(({ body }) => String(body.text).split("\n")[0])).toEqual([
      "drayage over (failed): a, c: 2 tables, NOT_CSV",
      "drayage over (failed): b: 1 object failed: GZIP_BROKEN",
      "drayage over (failed): m",
      "drayage over (unclaimed): (top level): m",
    ]);
  });

  test("no name of a stranger calls a channel or fakes a line", () => {
    expect(slackText(["a <!channel> & b\nc\u001b[2J", "d"])).toBe("a &lt;!channel&gt; &amp; b c [2J\nd");
  });
});

test("a failed post waits a minute, then twice as long, and never longer than an hour", () => {
  expect([1, 2, 3, 6, 7, 500].map((attempts) => pauseAfter(attempts) / 60_000)).toEqual([1, 2, 4, 32, 60, 60]);
});

test.each([
  ["2026-03-01T07:59:00Z", "UTC", undefined],
  ["2026-03-01T08:00:00Z", "UTC", "2026-03-01"],
  ["2026-03-01T23:59:00Z", "UTC", "2026-03-01"],
  ["2026-03-02T00:00:00Z", "UTC", undefined],
  ["2026-03-01T02:29:00Z", "Asia/Kolkata", undefined],
  ["2026-03-01T02:30:00Z", "Asia/Kolkata", "2026-03-01"],
  ["2026-03-01T20:00:00Z", "Asia/Tokyo", undefined],
  ["2026-03-01T23:00:00Z", "Asia/Tokyo", "2026-03-02"],
])("the summary of 08:00 at %s in %s", (time, zone, day) => {
  expect(summaryDay(new Date(time), 8 * 60, zone)).toBe(day);
});

describe("what status shows besides", () => {
  const table = { configured: true, table: "a b", lastObjectAt: now } as TableFacts;
  const facts: StatusFacts = {
    source: { expectEveryMs: 7_200_000, listedAt: now, firstRunAt: ago(99) },
    tables: [table],
    unclaimed: [],
    decisions: [],
    holds: [],
    backfills: [],
    undelivered: undefined,
    lostRun: undefined,
    failedRun: undefined,
  };
  const backfill = (hours: number, running: boolean, words = "--from 3d", name = "a b") => ({
    table: name,
    words,
    since: ago(hours),
    running,
  });

  test.each<[what: string, more: Partial<StatusFacts>, message: string, command: string]>([
    [
      "a backfill that nobody goes on with",
      { backfills: [backfill(1, false), backfill(1, false, "--all", "gone")] },
      "The backfill --from 3d was broken off; the same command goes on with it",
      "drayage backfill 'a b' --from 3d",
    ],
    [
      "one that takes more than a day",
      { backfills: [backfill(25, true), backfill(23, true, "--all")] },
      "The backfill --from 3d has not come to its end",
      "drayage history --runs",
    ],
    [
      "alerts that nobody got",
      { undelivered: { events: 3, since: ago(9), fault: "was not answered (X)", givenUp: 3 } },
      "3 alerts were not delivered, given up: the webhook was not answered (X)",
      "check alerts.webhook, then drayage load",
    ],
  ])("%s", (_what, more, message, command) => {
    expect(evaluate({ ...facts, ...more }, now)).toMatchObject([{ message, command }]);
  });
});
