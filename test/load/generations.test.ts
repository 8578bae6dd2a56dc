/** Which full-load objects are a newer full load: a table of what is listed, what is known of it, and what follows. */
import { describe, expect, test } from "vitest";
import { type FullLoadVersion, judgeFullLoads } from "../../src/load/generations.ts";

const day = Date.UTC(2026, 2, 1);
const at = (clock: string): Date => {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return new Date(day + (hours * 60 + minutes) * 60_000);
};

/** `1 10:00 own final replaced`: number, last modified, bytes, and what else is so. */
function versionOf(text: string): FullLoadVersion & { readonly n: string } {
  const [n = "", clock = "", bytes = "", ...rest] = text.split(" ");
  return {
    n,
    key: `LOAD${n}`,
    lastModified: at(clock),
    bytes: bytes as FullLoadVersion["bytes"],
    final: rest.includes("final"),
    replaced: rest.includes("replaced") || bytes === "equal" || bytes === "other",
  };
}

interface Case {
  readonly what: string;
  readonly listed: readonly string[];
  readonly now: string;
  readonly newestChange?: string;
  readonly replacesFirst?: boolean;
  readonly merge?: string;
  readonly equal?: string;
  readonly old?: string;
  /** Members, when it began, and when it settles or that it is settled. */
  readonly next?: string;
}

const cases: readonly Case[] = [
  { what: "nothing is listed", listed: [], now: "12:00" },
  { what: "a first full load", listed: ["1 10:00 first", "2 10:01 first"], now: "10:01", merge: "1 2" },
  {
    what: "a first one that goes on arriving",
    listed: ["1 10:00 own final", "2 11:00 first"],
    now: "11:00",
    merge: "2",
  },
  {
    what: "one of it failed, was mended and put again",
    listed: ["1 12:00 first replaced", "2 10:01 own final"],
    now: "12:00",
    merge: "1",
  },
  { what: "everything is known", listed: ["1 10:00 own final", "2 10:01 own final"], now: "12:00" },
  {
    what: "marked as pending, it is taken again",
    listed: ["1 10:00 own", "2 10:01 own final"],
    now: "12:00",
    merge: "1",
  },
  {
    what: "a bucket was re-encrypted",
    listed: ["1 12:00 equal", "2 12:00 equal", "3 12:01 old"],
    now: "12:00",
    equal: "1 2",
    old: "3",
  },
  { what: "re-encrypted before", listed: ["1 12:00 equal final", "2 12:00 equal final"], now: "12:30" },
  { what: "a reload in one object", listed: ["1 12:00 other"], now: "12:10", next: "1 from 12:00, settles 12:15" },
  { what: "it is settled", listed: ["1 12:00 other"], now: "12:15", next: "1 from 12:00, settled" },
  {
    what: "a change object after it settles it at once",
    listed: ["1 12:00 other"],
    now: "12:03",
    newestChange: "12:02",
    next: "1 from 12:00, settled",
  },
  {
    what: "a change object before its last one does not",
    listed: ["1 12:00 other", "2 12:04 other"],
    now: "12:05",
    newestChange: "12:02",
    next: "1 2 from 12:00, settles 12:19",
  },
  {
    what: "half of it has arrived",
    listed: ["1 12:00 other", "2 10:01 own final", "3 10:02 own final"],
    now: "12:01",
    next: "1 from 12:00, settles 12:15",
  },
  {
    what: "the stale tail is no part of it",
    listed: ["1 12:00 other", "2 12:01 other", "3 10:02 own final"],
    now: "13:00",
    next: "1 2 from 12:00, settled",
  },
  {
    what: "nor is it when the reload came right after the first full load",
    listed: ["1 10:05 other", "2 10:01 own final"],
    now: "11:00",
    next: "1 from 10:05, settled",
  },
  {
    what: "it has more objects than the one before",
    listed: ["1 12:00 other", "2 12:01 other", "3 12:20 first"],
    now: "13:00",
    next: "1 2 3 from 12:00, settled",
  },
  {
    what: "an object of it has the bytes that it had",
    listed: ["1 12:00 equal", "2 12:01 other", "3 12:02 equal"],
    now: "13:00",
    next: "1 2 3 from 12:00, settled",
  },
  {
    what: "and was skipped as equal before the others came",
    listed: ["1 12:00 equal final", "2 12:01 other"],
    now: "13:00",
    next: "1 2 from 12:00, settled",
  },
  {
    what: "a stale tail that was re-encrypted long before is none of it",
    listed: ["1 12:00 other", "2 11:00 equal final"],
    now: "13:00",
    next: "1 from 12:00, settled",
  },
  {
    what: "segments are written side by side: a new key came before the one that opens it",
    listed: ["1 12:01 other", "2 10:01 own final", "3 12:00 first"],
    now: "13:00",
    next: "3 1 from 12:00, settled",
  },
  {
    what: "a late object of the older full load is merged into it",
    listed: ["1 12:00 other", "2 11:00 first"],
    now: "12:01",
    merge: "2",
    next: "1 from 12:00, settles 12:15",
  },
  {
    what: "one that failed before comes again as the first of the reload",
    listed: ["1 12:00 first replaced", "2 12:01 other"],
    now: "13:00",
    next: "1 2 from 12:00, settled",
  },
  {
    what: "and so it does when it was merged before the second came",
    listed: ["1 12:00 own final replaced", "2 12:01 other"],
    now: "13:00",
    next: "1 2 from 12:00, settled",
  },
  {
    what: "a key of an older full load comes back by itself: a late part of this one",
    listed: ["1 10:00 own final", "3 12:00 first replaced"],
    now: "12:00",
    merge: "3",
  },
  {
    what: "replace: the first full load is a newer one of what was there",
    listed: ["1 10:00 first", "2 10:01 first"],
    now: "11:00",
    replacesFirst: true,
    next: "1 2 from 10:00, settled",
  },
];

const ofNames = (versions: readonly { readonly n: string }[]) => versions.map(({ n }) => n).join(" ");

describe("full loads", () => {
  test.each(cases)("$what", (one) => {
    const judged = judgeFullLoads(one.listed.map(versionOf), {
      now: at(one.now),
      settleMs: 15 * 60_000,
      newestChange: one.newestChange === undefined ? undefined : at(one.newestChange),
      replacesFirst: one.replacesFirst ?? false,
    });
    const clock = (time: Date) => time.toISOString().slice(11, 16);
    const { next } = judged;
    expect({
      merge: ofNames(judged.merge),
      equal: ofNames(judged.equal),
      old: ofNames(judged.old),
      next:
        next === undefined
          ? ""
          : `${ofNames(next.members)} from ${clock(next.began)}, ${next.settled ? "settled" : `settles ${clock(next.settlesAt)}`}`,
    }).toEqual({ merge: one.merge ?? "", equal: one.equal ?? "", old: one.old ?? "", next: one.next ?? "" });
  });

  test("the order of the listing does not matter", () => {
    for (const { listed, now } of cases) {
      const arrival = { now: at(now), settleMs: 900_000, newestChange: undefined, replacesFirst: false };
      const forward = judgeFullLoads(listed.map(versionOf), arrival).next;
      const backward = judgeFullLoads([...listed].reverse().map(versionOf), arrival).next;
      expect(backward).toEqual(forward);
    }
  });
});
