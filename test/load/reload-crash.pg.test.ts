/**
 * The crash matrix of a newer full load: killed at every step of applying it, restarted or taken over by another process that runs
 * beside it. The end is that of a table that nobody disturbed, and until the COMMIT readers see the table as it was.
 */

import { utimesSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { reloadSteps, type Step } from "../../src/load/failpoint.ts";
import { armedProgram, reachedCount } from "../support/armed.ts";
import { untilQuiet } from "../support/crash-scene.ts";
import { type RunningDrayage, startDrayage } from "../support/drayage.ts";
import { loadHere } from "../support/load-here.ts";
import { csv } from "../support/one-table.ts";
import { timeOf } from "../support/reloaded-table.ts";
import { faultsOf } from "../support/scene.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const processes = [1, 2] as const;
/** Loaded before the processes that are killed: what it ends with is right. */
const calm = "calm";

const cells = new Set<string>();
afterAll(() => {
  process.stdout.write(
    `reload crash matrix: ${cells.size} of ${reloadSteps.length * processes.length} cells (${reloadSteps.length} steps x 1, 2 processes) end as the source says\n`,
  );
});

test.each(processes)(
  "%i process: killed while each table stands at a step of its own",
  { timeout: 120_000 },
  async (count) => {
    const place = await openWorkplace();
    try {
      const old = await openScene(place);
      expect((await place.run(["load", calm])).exit).toBe(3);
      const right = await stateOf(place, calm);
      expect(right.rows).toEqual(["1 same", "2 b", "4 c", "5 late"]);
      const stops = Object.fromEntries(reloadSteps.map((step): [string, Step] => [step, step]));
      const start = (before?: string) =>
        startDrayage(["load", "--json", "--concurrency", String(reloadSteps.length)], {
          cwd: place.dir,
          env: { HOME: place.dir, DATABASE_URL: place.url },
          before,
        });
      const first = start(armedProgram(stops, "freeze"));
      await untilReached(first, reloadSteps.length);
      const second = count === 2 ? start() : undefined;
      if (second !== undefined) await untilBeside(place, second);
      // What readers see meanwhile, and, where nobody takes over, after the kill.
      await checkBefore(place, old, right.rows);
      first.kill("SIGKILL");
      expect((await first.ended).exit).toBe(-1);
      if (second === undefined) {
        await untilQuiet(place);
        await checkBefore(place, old, right.rows);
      } else {
        const ran = await second.ended;
        expect([faultsOf(ran), ran.exit], ran.stdout.slice(0, 3000)).toEqual([[], 3]);
      }
      for (const exit of [second === undefined ? 3 : 0, 0]) {
        const next = await loadHere(place, { concurrency: reloadSteps.length });
        expect([next.failures, next.exit]).toEqual([[], exit]);
      }
      for (const step of reloadSteps) {
        const { counts, ...end } = await stateOf(place, step);
        expect(end, step).toEqual({ rows: right.rows, objects: right.objects, of: right.of });
        // A run beside it may load the later change before the full load is applied: their counts then are others.
        if (count === 1) expect(counts, step).toEqual(right.counts);
        cells.add(`${step} ${count}`);
      }
      expect(await leavings(place)).toEqual([]);
    } finally {
      await place.end();
    }
  },
);

test("every cell was there", () => {
  expect(cells.size).toBe(reloadSteps.length * processes.length);
});

/** A table a step, and the calm one: loaded, and by then written again, with fewer rows, more, others, and one that is rejected. */
async function openScene(place: Workplace): Promise<readonly string[]> {
  const tables = [calm, ...reloadSteps];
  place.config(
    `source: { url: "${place.source}" }\nwarehouse: { url: "\${DATABASE_URL}", lock_wait: 30s }\n` +
      `defaults: { primary_key: [id], columns: { id: bigint }, delete_limit_pct: 100, reject_limit: 1000 }\n` +
      `tables:\n${tables.map((name) => `  ${name}: { prefix: ${name} }\n`).join("")}`,
  );
  const put = (name: string, clock: string, body: string) => {
    for (const table of tables) {
      place.put(`${table}/${name}.csv`, body);
      utimesSync(fileURLToPath(`${place.source}/${table}/${name}.csv`), timeOf(clock), timeOf(clock));
    }
  };
  put("LOAD00000001", "10:00", csv("Op,id,v", "I,1,same", "I,2,a"));
  put("LOAD00000002", "10:00", csv("Op,id,v", "I,3,a", "I,x,bad"));
  put("20260310-103000000", "10:30", csv("Op,id,v", "U,2,change", "I,6,gone"));
  const { failures } = await loadHere(place, { concurrency: 4 });
  expect(failures).toEqual([]);
  const old = (await stateOf(place, calm)).rows;
  expect(old).toEqual(["1 same", "2 change", "3 a", "6 gone"]);
  put("LOAD00000001", "12:00", csv("Op,id,v", "I,1,same", "I,2,b"));
  put("LOAD00000002", "12:01", csv("Op,id,v", "I,4,b", "I,y,bad"));
  put("20260310-123000000", "12:30", csv("Op,id,v", "U,4,c", "I,5,late"));
  return old;
}

async function stateOf({ client }: Workplace, table: string) {
  const { rows: stored } = await client.query<{ row: string }>(
    `select concat_ws(' ', id, v) as row from public.${table} order by id`,
  );
  // Times, ids and attempts differ; what became of each object does not.
  const { rows: objects } = await client.query(
    `select regexp_replace(h.key, '^.*/', '') as name, h.size, h.status, h.generation,
            (select count(*)::int from drayage.load_attempts a where a.history_id = h.id and a.status like 'loaded%') as loads,
            (select count(*)::int from drayage.rejects r where r.history_id = h.id) as rejects
     from drayage.load_history h where h.table_name = $1 order by h.last_modified, h.key`,
    [table],
  );
  const { rows: counts } = await client.query(
    `select h.rows_read, h.rows_inserted, h.rows_updated, h.rows_unchanged,
            h.rows_deleted, h.rows_superseded, h.rows_stale, h.rows_ignored, h.rows_rejected, h.rows_removed
     from drayage.load_history h where h.table_name = $1 order by h.last_modified, h.key`,
    [table],
  );
  const { rows: of } = await client.query(
    "select generation, generation_began from drayage.tables where table_name = $1",
    [table],
  );
  return { rows: stored.map(({ row }) => row), objects, counts, of };
}

/** With the later change, or without it. The table that stands after its COMMIT has the new rows. */
async function checkBefore(place: Workplace, old: readonly string[], right: readonly string[]): Promise<void> {
  for (const step of reloadSteps) {
    const { rows } = await stateOf(place, step);
    const committed = ["1 same", "2 b", "4 b"];
    const late = [...old.slice(0, -1), "4 c", "5 late", ...old.slice(-1)];
    expect(step === "generation_committed" ? [committed, right] : [old, late], step).toContainEqual(rows);
  }
}

async function untilReached(run: RunningDrayage, wanted: number): Promise<void> {
  let over = false;
  void run.ended.finally(() => {
    over = true;
  });
  for (let tries = 0; reachedCount(run.complained()) < wanted; tries++) {
    if (over || tries > 3000)
      expect.fail(`only ${reachedCount(run.complained())} of ${wanted}: ${run.complained()}${run.said()}`);
    await sleep(10);
  }
}

/** The second run has claimed what the first one left, and waits for the rest. */
async function untilBeside({ client }: Workplace, second: RunningDrayage): Promise<void> {
  let over = false;
  void second.ended.finally(() => {
    over = true;
  });
  for (let tries = 0; tries < 3000; tries++) {
    const { rows } = await client.query<{ waits: boolean }>(
      `select exists (
         select from drayage.load_history h where h.table_name = 'generation_committed' and h.status = 'loaded' and h.key like '%123000000.csv'
       ) as waits`,
    );
    if (rows[0]?.waits === true) return;
    if (over) expect.fail(`it ended: ${(await second.ended).stdout}`);
    await sleep(10);
  }
  expect.fail("the second run did not come to the change objects");
}

/** Shadows, and runs that still seem to be at work. */
async function leavings({ client }: Workplace): Promise<unknown[]> {
  const { rows } = await client.query(
    `select relname as name from pg_class where relnamespace = 'drayage'::regnamespace and relname like 'shadow%' and relkind = 'r'
     union all select 'run ' || run_id from drayage.runs where status = 'running'`,
  );
  return rows;
}
