/** When a pass is due, and whether one was missed. */
import { expect, test } from "vitest";
import { cronFault } from "../../src/config/cron-text.ts";
import { openCron } from "../../src/schedule/cron.ts";

test.each([
  ["right after it", "5 * * * *", "UTC", "2026-03-01T10:05:01Z", "2026-03-01T10:06:00Z", false],
  ["at it", "5 * * * *", "UTC", "2026-03-01T10:05:00Z", "2026-03-01T11:04:59Z", false],
  ["the second that it is due", "5 * * * *", "UTC", "2026-03-01T10:05:00Z", "2026-03-01T11:05:00Z", true],
  ["began before it", "5 * * * *", "UTC", "2026-03-01T10:04:59.999Z", "2026-03-01T10:05:00Z", true],
  ["hours ago", "5 * * * *", "UTC", "2026-03-01T03:00:00Z", "2026-03-01T10:00:00Z", true],
  ["a night of an office-hours cron", "5 8-18 * * *", "UTC", "2026-03-01T18:05:02Z", "2026-03-02T08:04:00Z", false],
  ["its morning", "5 8-18 * * *", "UTC", "2026-03-01T18:05:02Z", "2026-03-02T08:05:00Z", true],
  ["8:05 in Kolkata is 2:35 UTC", "5 8 * * *", "Asia/Kolkata", "2026-03-01T03:00:00Z", "2026-03-02T02:35:00Z", true],
  ["and not 8:05 UTC", "5 8 * * *", "Asia/Kolkata", "2026-03-01T03:00:00Z", "2026-03-01T09:00:00Z", false],
  ["seconds", "*/10 * * * * *", "UTC", "2026-03-01T10:00:01Z", "2026-03-01T10:00:09Z", false],
  ["the next ten", "*/10 * * * * *", "UTC", "2026-03-01T10:00:01Z", "2026-03-01T10:00:10Z", true],
  ["longer than any cron of hours", "0 0 1 1 *", "UTC", "2026-02-01T00:00:00Z", "2026-04-01T00:00:00Z", true],
])("was due: %s", (_, cron, timezone, since, now, expected) => {
  const due = openCron(cron, timezone);
  expect(due.wasDue(new Date(since), new Date(now))).toBe(expected);
  due.stop();
});

test("the next two times are in order, in the zone", () => {
  const due = openCron("30 4 * * *", "Asia/Kolkata");
  const [first, second] = due.next();
  expect([first, second].map((time) => time.toISOString().slice(11))).toEqual(["23:00:00.000Z", "23:00:00.000Z"]);
  expect(second.getTime() - first.getTime()).toBe(24 * 3_600_000);
  due.stop();
});

test("it calls when it is due, and no more once it is stopped", async () => {
  const due = openCron("* * * * * *", "UTC");
  let calls = 0;
  await new Promise<void>((resolve) => {
    due.start(() => {
      calls++;
      resolve();
    });
  });
  due.stop();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(calls).toBe(1);
});

test.each(["5 * * * *", "*/10 * * * * *", "@hourly", "5 8-18 * * mon-fri", "0 0 L * *"])(
  "%s is a cron line",
  (line) => {
    expect(cronFault(line)).toBeUndefined();
  },
);

test.each([
  ["61 * * * *", "; its minute is wrong"],
  ["0 0 31 2 *", "; its day of month is wrong"],
  ["every hour", ""],
  ["5 * * *", ""],
])("%s is none", (line, where) => {
  expect(cronFault(line)).toBe(`must be a cron line such as "5 * * * *": minute, hour, day, month, weekday${where}`);
});
