/** Every cell of the table of an object's life, walked in a real database by the functions that the program uses. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readStatusFacts } from "../../src/load/status-facts.ts";
import { evaluate } from "../../src/observe/evaluate.ts";
import { beginBackfill } from "../../src/warehouse/backfills.ts";
import { migrate } from "../../src/warehouse/migrate.ts";
import {
  afterEvent,
  type LifeEvent,
  type LifeState,
  lifeEvents,
  lifeStates,
  stateFacts,
} from "../../src/warehouse/object-life.ts";
import { startRun } from "../../src/warehouse/runs.ts";
import { Session } from "../../src/warehouse/session.ts";
import { configHere } from "../support/load-here.ts";
import { maxAttempts, WalkedObject } from "../support/walked-object.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const schema = "drayage";
const events = Object.keys(lifeEvents) as LifeEvent[];

let place: Workplace;
let session: Session;
let sessions: Session[];
/** Runs: one that is at work, another one beside it, and one whose lock is free. */
let [mine, other, gone] = [0n, 0n, 0n];
let backfill = 0n;

beforeAll(async () => {
  place = await openWorkplace();
  place.config(
    `source: {url: "${place.source}"}\nwarehouse: {url: "\${DATABASE_URL}", schema: public, max_attempts: ${maxAttempts}, lock_wait: 1ms}\n` +
      `tables:\n  life: {prefix: life, primary_key: [id]}\n${lifeStates.map((state) => `  ${state}: {prefix: ${state}, primary_key: [id]}\n`).join("")}`,
  );
  const config = configHere(place);
  const start = async () => Session.connect(config.warehouse, "test", "UTC");
  sessions = await Promise.all([start(), start(), start(), start()]);
  session = sessions[0] as Session;
  await migrate(session, schema);
  const run = { command: "load", host: "h", pid: 1, version: "0" };
  // The last one: the next run's start would see that it is lost.
  const ids: bigint[] = [];
  for (const one of sessions.slice(1)) ids.push(await startRun(one, schema, run));
  [mine, other, gone] = ids as [bigint, bigint, bigint];
  await sessions[3]?.close();
  for (const name of ["life", ...lifeStates])
    await session.query(
      `insert into drayage.tables (table_name, main_schema, main_table) values ($1::text, 'public', $1::text)`,
      [name],
    );
  const request = { table: "life", selector: "--all", configHash: "1", from: undefined, to: undefined };
  backfill = (await beginBackfill(session, schema, request)).id;
});
afterAll(async () => {
  for (const one of sessions) await one.close();
  await place.end();
});

const world = () => ({ session, mine, other, gone, backfill });

/** How an object comes to be so. */
const arrive: Record<LifeState, (life: WalkedObject) => Promise<void>> = {
  none: async () => undefined,
  pending: async (life) => {
    await life.take(mine);
    await act.released(life);
  },
  loading: (life) => life.take(mine),
  reloading: async (life) => {
    await arrive.loaded(life);
    await life.take(mine, life.policy(true, true));
  },
  lost: async (life) => {
    await life.take(mine);
    await life.lose();
  },
  worn_out: async (life) => {
    await life.take(mine);
    await life.lose();
    await life.useUp();
  },
  passing: async (life) => {
    await life.take(mine);
    await life.fail(mine, "auto");
  },
  lasting: async (life) => {
    await life.take(mine);
    await life.fail(mine, "after_change");
  },
  changed: async (life) => {
    await arrive.lasting(life);
    life.changeConfig();
  },
  given_up: async (life) => {
    await arrive.passing(life);
    await life.useUp();
  },
  away: async (life) => {
    await life.take(mine);
    await act.released(life);
    await life.vanish();
  },
  loaded: async (life) => {
    await life.take(mine);
    await life.merge(mine, 0);
  },
  rejects: async (life) => {
    await life.take(mine);
    await life.merge(mine, 1);
  },
  skipped: (life) => life.mark("skipped"),
  // What a newer full load makes of it.
  superseded: async (life) => {
    await arrive.loaded(life);
    await life.raise([]);
  },
};

const act: Record<LifeEvent, (life: WalkedObject) => Promise<void>> = {
  listed: async (life) => {
    await life.open();
  },
  claimed: (life) => life.take(other),
  claimed_by_name: (life) => life.take(other, life.policy(true)),
  claimed_by_backfill: (life) => life.take(other, life.policy(true, true)),
  loader_lost: (life) => life.lose(),
  failed_passing: async (life) => life.fail((await life.claim()).runId, "auto"),
  failed_lasting: async (life) => life.fail((await life.claim()).runId, "after_change"),
  config_changed: async (life) => life.changeConfig(),
  attempts_used_up: (life) => life.useUp(),
  merged: async (life) => life.merge((await life.claim()).runId, 0),
  merged_with_rejects: async (life) => life.merge((await life.claim()).runId, 1),
  commit_unanswered: async (life) => {
    const { runId, claim } = await life.claim();
    const before = await life.state();
    await life.merge(runId, 0);
    // What the run that asks again is told.
    const told = (await life.history.ownedBy(runId, [claim.id])).get(claim.id);
    if (stateFacts[before].status === "loading") expect(told).toMatchObject({ status: "loaded", counts: { read: 2 } });
  },
  commit_never_came: async (life) => {
    const { runId, claim } = await life.claim();
    const before = await life.state();
    await life.breakMerge(runId);
    const told = (await life.history.ownedBy(runId, [claim.id])).get(claim.id);
    if (stateFacts[before].status === "loading") expect(told?.status).toBe("loading");
  },
  // A run that is neither the entry's nor lost: whatever it tries is refused.
  fenced: async (life) => {
    await life.merge(other, 0);
    await life.fail(other, "after_change");
    await life.history.release(other, [(await life.claim()).claim]);
    await life.history.skipEqual(other, (await life.claim()).claim, undefined);
    expect(await life.history.ownedBy(other, [(await life.claim()).claim.id])).toEqual(new Map());
  },
  released: async (life) => {
    const { runId, claim } = await life.claim();
    await life.history.release(runId, [claim]);
  },
  equal_bytes: async (life) => {
    const { runId, claim } = await life.claim();
    await life.history.skipEqual(runId, claim, Buffer.alloc(32));
  },
  archived: async (life) => life.fail((await life.claim()).runId, "after_change", "OBJECT_ARCHIVED"),
  vanished: (life) => life.vanish(),
  came_back: (life) => life.comeBack(),
  replaced: (life) => life.vanishReplaced(),
  overwritten: (life) => life.overwrite(),
  covered: (life) => life.cover(),
  noted: (life) => life.note(),
  copied: async (life) => {
    // What is final need not be loaded under the other key; what is open is nobody's copy.
    expect(await life.copies()).toBe(stateFacts[await life.state()].load === "final" ? 1 : 0);
  },
  generation_raised: (life) => life.raise([]),
  generation_applied: async (life) => life.applyWithGeneration((await life.claim()).runId),
  replayed: (life) => life.replay(),
  marked_loaded: (life) => life.mark("loaded"),
  marked_skipped: (life) => life.mark("skipped"),
  marked_pending: (life) => life.mark("pending"),
  taken_back: (life) => life.takeBack(),
  left_out: (life) => life.leaveOut(),
};

/** They are about objects of full loads alone. */
const ofFullLoads: readonly LifeEvent[] = ["equal_bytes", "overwritten", "noted", "generation_applied"];

const cells = lifeStates.flatMap((state) => events.map((event) => ({ state, event })));
let walked = 0;

test(`each of the ${cells.length} cells: ${lifeStates.length} states x ${events.length} events`, async () => {
  for (const { state, event } of cells) {
    const life = new WalkedObject("life", world(), ofFullLoads.includes(event) ? "full_load" : "change");
    await arrive[state](life);
    expect(await life.state(), `arriving at ${state}`).toBe(state);
    const before = await life.entry();
    await act[event](life);
    const expected = afterEvent(state, event);
    expect(await life.state(), `${state}, ${event}`).toBe(expected);
    await checkFacts(life, expected, `${state}, ${event}`);
    // A cell that says that nothing changes means the row, not the state alone.
    if (expected === state && event !== "attempts_used_up")
      expect(await life.entry(), `${state}, ${event}`).toEqual(before);
    walked++;
  }
  process.stdout.write(`object life: ${walked} cells of ${lifeStates.length} states x ${events.length} events\n`);
});

/** Status, retry class and what `load` would do are what the table says of the state. */
async function checkFacts(life: WalkedObject, state: LifeState, cell: string): Promise<void> {
  const facts = stateFacts[state];
  const entry = await life.entry();
  expect(entry?.status, cell).toBe(facts.status);
  if (facts.status !== "failed") expect(entry?.retry ?? undefined, cell).toBe(undefined);
  else if (facts.retry !== undefined) expect(entry?.retry, cell).toBe(facts.retry);
  const open = await life.open();
  const load = open === undefined ? "final" : { claimable: "takes", waiting: "waits", held: "held" }[open.state];
  expect(load, `${cell}: what load does`).toBe(facts.load);
  if (facts.load === "waits") expect(open?.errorCode, cell).toBeDefined();
}

describe("what was loaded before", () => {
  test.each(["pending", "lost", "worn_out", "passing", "lasting", "changed", "given_up"] as const)(
    "is loaded again, by mark, when it is %s",
    async (state) => {
      const life = new WalkedObject("life", world());
      await arrive.loaded(life);
      await life.mark("pending");
      if (state !== "pending") await arrive[state](life);
      expect(await life.state()).toBe(state);
      await life.mark("loaded");
      expect(await life.state()).toBe("loaded");
    },
  );
});

test("status says of each state what the table says", async () => {
  for (const state of lifeStates) {
    const life = new WalkedObject(state, world());
    await arrive[state](life);
  }
  const { facts, now } = await readStatusFacts(session, configHere(place));
  const attention = evaluate(facts, new Date(now.getTime() + 1000));
  for (const state of lifeStates) {
    const causes = attention.filter((one) => one.table === state && one.cause !== "late_table").map((one) => one.cause);
    const says = stateFacts[state].says;
    // A lost run and what a live one holds are said once for the run.
    if (says === "held" || says === "lost_run") expect(causes, state).toEqual([]);
    else expect(causes, state).toEqual(says === undefined ? [] : [says]);
  }
  expect(attention.filter((one) => one.cause === "held").length).toBeGreaterThan(0);
  expect(attention.filter((one) => one.cause === "lost_run")).toHaveLength(1);
  const worn = attention.find((one) => one.table === "worn_out");
  expect(worn).toMatchObject({ cause: "failed", message: "1 object failed: LOADER_LOST" });
  expect(worn?.command).toContain("--object");
});
