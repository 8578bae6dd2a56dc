/** What needs somebody, and above all what does not: pure, on made facts. */
import { describe, expect, test } from "vitest";
import type { StatusFacts, TableFacts } from "../../src/observe/attention.ts";
import { evaluate } from "../../src/observe/evaluate.ts";
import { cadenceText, standingsOf } from "../../src/observe/table-standing.ts";

const now = new Date("2026-03-01T12:00:00Z");
const hour = 3_600_000;
const ago = (hours: number) => new Date(now.getTime() - hours * hour);

function table(name: string, facts: Partial<TableFacts> = {}): TableFacts {
  return {
    table: name,
    configured: true,
    expectEveryMs: undefined,
    lateAfterMs: undefined,
    usualEveryMs: undefined,
    lastObjectAt: ago(0.5),
    lastLoadedAt: ago(0.4),
    paused: undefined,
    failed: undefined,
    rejects: undefined,
    ...facts,
  };
}

function facts(tables: readonly TableFacts[], more: Partial<StatusFacts> = {}): StatusFacts {
  return {
    source: { expectEveryMs: 2 * hour, listedAt: ago(0.1), firstRunAt: ago(1000) },
    tables,
    unclaimed: [],
    decisions: [],
    holds: [],
    backfills: [],
    undelivered: undefined,
    lostRun: undefined,
    failedRun: undefined,
    ...more,
  };
}

/** `cause table` of each. */
function causes(of: StatusFacts): string[] {
  return evaluate(of, now).map((one) => [one.cause, one.table ?? one.folder].filter((part) => part).join(" "));
}

describe("lateness", () => {
  const living = table("living");
  const cases: readonly [what: string, tables: readonly TableFacts[], late: readonly string[]][] = [
    ["a fresh table is not late", [living], []],
    ["a quiet table of which nothing is expected", [living, table("a", { lastObjectAt: ago(900) })], []],
    [
      "a quiet table with a learned cadence, nobody asked",
      [living, table("a", { usualEveryMs: hour, lastObjectAt: ago(900) })],
      [],
    ],
    ["expect_every, inside", [living, table("a", { expectEveryMs: hour, lastObjectAt: ago(0.9) })], []],
    ["expect_every, within half of it more", [living, table("a", { expectEveryMs: hour, lastObjectAt: ago(1.4) })], []],
    ["expect_every, beyond", [living, table("a", { expectEveryMs: hour, lastObjectAt: ago(1.6) })], ["late_table a"]],
    [
      "late_after is what is added",
      [living, table("a", { expectEveryMs: hour, lateAfterMs: 0, lastObjectAt: ago(1.1) })],
      ["late_table a"],
    ],
    [
      "a long late_after",
      [living, table("a", { expectEveryMs: hour, lateAfterMs: 24 * hour, lastObjectAt: ago(20) })],
      [],
    ],
    [
      "late_after alone, on the learned cadence",
      [living, table("a", { usualEveryMs: hour, lateAfterMs: hour, lastObjectAt: ago(2.1) })],
      ["late_table a"],
    ],
    ["late_after alone, no cadence known", [living, table("a", { lateAfterMs: hour, lastObjectAt: ago(900) })], []],
    [
      "a paused table",
      [living, table("a", paused(ago(3), { expectEveryMs: hour, lastObjectAt: ago(9) }))],
      ["paused a"],
    ],
    [
      "a table that left the config",
      [living, table("a", { configured: false, expectEveryMs: hour, lastObjectAt: ago(9) })],
      [],
    ],
    [
      "expected and never seen",
      [living, table("a", { expectEveryMs: hour, lastObjectAt: undefined })],
      ["late_table a"],
    ],
    ["not expected and never seen", [living, table("a", { lastObjectAt: undefined })], []],
    ["a source that never delivered", [table("a", { lastObjectAt: undefined, expectEveryMs: undefined })], []],
    ["a dead source", [table("a", { lastObjectAt: ago(2.1) }), table("b", { lastObjectAt: ago(5) })], ["late_source"]],
    [
      "a dead source, and a table that was late before",
      [
        table("a", { expectEveryMs: hour, lastObjectAt: ago(3) }),
        table("b", { expectEveryMs: hour, lastObjectAt: ago(9) }),
      ],
      ["late_source", "late_table b"],
    ],
  ];
  test.each(cases)("%s", (_what, tables, late) => {
    expect(causes(facts(tables))).toEqual(late);
  });

  function paused(since: Date, more: Partial<TableFacts>): Partial<TableFacts> {
    return { paused: { since, until: undefined, reason: undefined }, ...more };
  }

  test("300 quiet tables and one dead DMS are one attention", () => {
    const tables = Array.from({ length: 300 }, (_, i) =>
      table(`t${i}`, {
        expectEveryMs: i % 3 === 0 ? hour : undefined,
        usualEveryMs: hour,
        lastObjectAt: ago(3 + (i % 2) / 10),
      }),
    );
    const [only, ...others] = evaluate(facts(tables), now);
    expect(others).toEqual([]);
    expect(only).toMatchObject({ cause: "late_source", since: ago(3), command: "drayage history" });
    expect(only?.message).toBe("No object of any table came in time, expected every 2 h: see the DMS tasks");
  });

  test("when no run looked, drayage is late and not DMS", () => {
    const unseen = facts([table("a", { lastObjectAt: ago(9) })], {
      source: { expectEveryMs: 2 * hour, listedAt: ago(8), firstRunAt: ago(100) },
    });
    expect(evaluate(unseen, now)).toMatchObject([
      {
        cause: "late_source",
        since: ago(8),
        message: "No run has listed the source in time: see the schedule",
        command: "drayage load",
      },
    ]);
  });

  test("a message stays the same while its cause does", () => {
    const dead = facts([
      table("a", { lastObjectAt: ago(3), expectEveryMs: hour }),
      table("b", { lastObjectAt: ago(30), expectEveryMs: hour }),
    ]);
    const later = new Date(now.getTime() + hour);
    const said = (at: Date) => evaluate(dead, at).map(({ since, message }) => [since, message]);
    // The second hour: listed again, and still nothing there.
    expect(said(later)).toEqual(said(now));
  });
});

describe("what is wrong, and what mends it", () => {
  const failed = (code: string, objects = 1, passing = false) => ({
    failed: { objects, since: ago(2), code, passing, key: "shop/a/it's.csv" },
  });
  const cases: readonly [what: string, of: StatusFacts, message: string, command: string][] = [
    [
      "failed for good",
      facts([table("a", failed("GZIP_BROKEN"))]),
      "1 object failed: GZIP_BROKEN",
      "drayage load a --object 'shop/a/it'\\''s.csv'",
    ],
    [
      "several failed",
      facts([table("a b", failed("GZIP_BROKEN", 3))]),
      "3 objects failed: GZIP_BROKEN",
      "drayage retry 'a b'",
    ],
    [
      "failed for now",
      facts([table("a", failed("S3_FAILED", 2, true))]),
      "2 objects failed: S3_FAILED, tried again by each run",
      "drayage load a",
    ],
    [
      "deletes",
      facts([table("a", failed("DELETE_LIMIT"))]),
      "1 object failed: DELETE_LIMIT",
      "drayage load a --allow-deletes",
    ],
    [
      "too many rejects",
      facts([table("a", failed("REJECT_LIMIT"))]),
      "1 object failed: REJECT_LIMIT",
      "drayage plan a",
    ],
    [
      "paused",
      facts([table("a", { paused: { since: ago(30), until: new Date("2026-03-02T00:00:00Z"), reason: "migration" } })]),
      "Paused until 2026-03-02T00:00Z: migration",
      "drayage resume a",
    ],
    [
      "rejects",
      facts([table("a", { rejects: { records: 2, since: ago(5) } })]),
      "2 records were rejected",
      "drayage rejects list a",
    ],
    [
      "a decision",
      facts([table("a")], { decisions: [{ table: "a", code: "KEY_MISSING", message: "no key", since: ago(1) }] }),
      "KEY_MISSING: no key",
      "drayage plan a",
    ],
    [
      "a lost run",
      facts([table("a")], { lostRun: { runId: "7", where: "host:1", since: ago(1), found: false } }),
      "Run 7 on host:1 ended without a word; the next run takes over what it held",
      "drayage load",
    ],
    [
      "a lost run that a later one found",
      facts([table("a")], { lostRun: { runId: "7", where: "host:1", since: ago(1), found: true } }),
      "Run 7 on host:1 ended without a word; a later one took over what it held",
      "drayage history --runs",
    ],
    [
      "a failed run",
      facts([table("a")], { failedRun: { runId: "7", code: "S3_ACCESS_DENIED", at: ago(1) } }),
      "The last run, 7, ended with S3_ACCESS_DENIED: S3 refused access",
      "drayage load --verbose",
    ],
    [
      "held",
      facts([table("a")], { holds: [{ runId: "7", where: "host:1", since: ago(1), tables: ["a"], objects: 2 }] }),
      "Run 7 on host:1 still holds 2 objects",
      "drayage history --runs",
    ],
    [
      "unclaimed",
      facts([table("a")], { unclaimed: [{ folder: "shop/new", objects: 2, since: ago(1) }] }),
      "No table reads the 2 objects of this folder",
      'add "shop/new" under tables, or to source.ignore',
    ],
  ];
  test.each(cases)("%s", (_what, of, message, command) => {
    expect(evaluate(of, now)).toMatchObject([{ message, command }]);
  });

  test("a newer full load is its own cause; what the config does not read needs nobody", () => {
    const decisions = [
      { table: "a", code: "NEW_GENERATION", message: "again", since: ago(1) },
      { table: "gone", code: "KEY_MISSING", message: "no key", since: ago(1) },
    ];
    const gone = table("gone", { configured: false, ...failed("GZIP_BROKEN"), rejects: { records: 1, since: ago(1) } });
    expect(causes(facts([table("a"), gone], { decisions }))).toEqual(["new_generation a"]);
  });

  test("what stops data comes first", () => {
    const everything = facts(
      [
        table("r", { rejects: { records: 1, since: ago(1) } }),
        table("p", { paused: { since: ago(1), until: undefined, reason: undefined } }),
        table("l", { expectEveryMs: hour, lastObjectAt: ago(9) }),
        table("f", failed("NOT_CSV")),
        table("e", failed("NOT_CSV")),
      ],
      { unclaimed: [{ folder: "x/y", objects: 1, since: ago(1) }] },
    );
    expect(causes(everything)).toEqual([
      "failed e",
      "failed f",
      "late_table l",
      "paused p",
      "rejects r",
      "unclaimed x/y",
    ]);
  });
});

test("the rest in words", () => {
  const tables = [
    table("fine"),
    table("quiet", { lastObjectAt: ago(50) }),
    table("daily", { usualEveryMs: 24 * hour, lastObjectAt: ago(30) }),
    table("quieter", { usualEveryMs: hour, lastObjectAt: ago(5) }),
    table("never", { lastObjectAt: undefined }),
    table("needy", { rejects: { records: 1, since: ago(1) } }),
    table("gone", { configured: false }),
  ];
  const of = facts(tables);
  const standings = standingsOf(of, evaluate(of, now), now);
  expect(standings.map(({ table, standing }) => `${table.table} ${standing}`)).toEqual([
    "fine fine",
    "quiet quiet",
    "daily quiet",
    "quieter quieter",
    "never never",
    "needy attention",
  ]);
  expect(standings.map(({ table }) => cadenceText(table, now))).toEqual([
    "30 min ago",
    "2 days ago",
    "usually daily, 30 h ago",
    "usually hourly, 5 h ago",
    "no object yet",
    "30 min ago",
  ]);
});
