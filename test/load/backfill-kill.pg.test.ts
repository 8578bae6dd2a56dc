/** A backfill of 30 days that is killed twice, with hourly loads between and beside it: the end is the source's. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Cell, type DropObject, readBody } from "../../src/demo/drop-writer.ts";
import { makeDrops } from "../../src/demo/drops.ts";
import { startDrayage } from "../support/drayage.ts";
import { faultsOf } from "../support/scene.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const rows = 3000;
/** An object each: thirty days that are loaded again, and a day that comes meanwhile. */
const hours = 31 * 24;
const fullLoads = 3;
const known = fullLoads + 30 * 24;

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

interface Written {
  readonly objects: readonly { readonly object: DropObject; readonly body: Buffer }[];
  readonly columns: readonly string[];
  readonly state: readonly (readonly Cell[])[];
}

async function write(seed: number, folder: string): Promise<Written> {
  const drops = makeDrops({ kind: "relational", seed, rows, objects: fullLoads, hours, changesPerObject: 10, folder });
  const objects = [];
  for (const object of drops.objects()) objects.push({ object, body: Buffer.from(await readBody(object)) });
  return { objects, columns: drops.columns, state: [...drops.state()] };
}

/** The source's rows as text, sorted. */
function states({ state, columns }: Written, of: readonly string[]): string[] {
  const at = of.map((column) => columns.indexOf(column));
  return state.map((row) => at.map((i) => row[i] ?? "-").join("|")).sort();
}

/** Rows of the main table as text, sorted. */
async function stored(table: string, columns: readonly string[]): Promise<string[]> {
  const cells = columns.map((column) => `coalesce(${column}::text, '-')`).join(" || '|' || ");
  const { rows: found } = await place.client.query<{ line: string }>(`select ${cells} as line from shop.${table}`);
  return found.map((row) => row.line).sort();
}

describe.each(["orders", "clicks"])("%s", (table) => {
  const append = table === "clicks";
  const configure = (ignored: string | undefined) =>
    place.config(`source: { url: "${place.source}" }
warehouse: { url: "\${DATABASE_URL}", schema: shop, lock_wait: 30s }
limits: { max_unit_bytes: 40KB }
defaults: { delete_limit_pct: 100, dialect: { nulls: ["NULL"] } }
tables:
  ${table}:
    prefix: shop/${table}
    ${append ? "write_mode: append" : "primary_key: [id]"}
    columns: { ${ignored === undefined ? "" : `${ignored}: ignore`} }
`);
  const load = async () => {
    const ran = await place.runApart(["load", "--json"]);
    expect(faultsOf(ran)).toEqual([]);
    expect(ran.exit).toBe(0);
  };
  const start = (...range: string[]) =>
    startDrayage(["backfill", table, ...range, "--json"], {
      cwd: place.dir,
      env: { HOME: place.dir, DATABASE_URL: place.url },
      timeout: 180_000,
    });
  // The first hour's object was closed after the second hour began.
  const thirtyDays = append ? ["--all"] : ["--from", "2026-01-01", "--to", "2026-01-31T01:30Z"];
  const done = async () => {
    const { rows: found } = await place.client.query<{ done: number }>(
      "select count(*)::int as done from drayage.load_history where table_name = $1 and backfill is not null and status = 'loaded'",
      [table],
    );
    return found[0]?.done ?? 0;
  };
  const killAt = async (objects: number) => {
    const run = start(...thirtyDays);
    let over = false;
    const ended = run.ended.finally(() => {
      over = true;
    });
    while (!over && (await done()) < objects) await sleep(3);
    run.kill("SIGKILL");
    expect((await ended).exit).toBe(-1);
  };

  test("equals the oracle", { timeout: 300_000 }, async () => {
    const written = await write(append ? 72 : 71, `shop/${table}`);
    let arrived = 0;
    const arrive = (objects: number) => {
      for (const { object, body } of written.objects.slice(arrived, arrived + objects)) place.put(object.path, body);
      arrived += objects;
    };
    const hourly = async () => {
      arrive(1);
      await load();
    };
    const ignored = written.columns.at(-1) ?? "";
    configure(ignored);
    arrive(known);
    await load();
    expect((await stored(table, ["id"])).length).toBeGreaterThan(rows / 2);
    configure(undefined);

    await killAt(100);
    for (let hour = 0; hour < 3; hour += 1) await hourly();
    const before = await done();
    expect(before).toBeGreaterThanOrEqual(100);
    await killAt(before + 150);
    await hourly();
    // Side by side: the same locks.
    const going = start(...thirtyDays);
    let over = false;
    const ended = going.ended.finally(() => {
      over = true;
    });
    let beside = 0;
    for (; !over; beside += 1) await hourly();
    expect(beside).toBeGreaterThan(0);
    const ran = await ended;
    expect(faultsOf(ran)).toEqual([]);
    expect(ran.exit).toBe(0);
    const summary = JSON.parse(ran.stdout) as { command: string; backfill: { done_before: number; objects: number } };
    expect(summary.command).toBe("backfill");
    expect(summary.backfill.done_before).toBeGreaterThanOrEqual(before + 150);
    expect(summary.backfill.done_before + summary.backfill.objects).toBeGreaterThanOrEqual(
      append ? known : known - fullLoads,
    );
    expect(arrived).toBeLessThan(written.objects.length);
    arrive(written.objects.length - arrived);
    await load();

    if (append) {
      const { rows: found } = await place.client.query<{ rows: number; read: number; once: boolean }>(
        `select count(*)::int as rows, (select sum(rows_read)::int from drayage.load_history where table_name = 'clicks') as read,
                count(*) = count(distinct (_object, _record)) as once from shop.clicks`,
      );
      expect(found[0]?.rows).toBe(found[0]?.read);
      expect(found[0]?.once).toBe(true);
      const missing = await place.client.query(
        `select _object from shop.clicks group by 1 having count(${ignored}) = 0`,
      );
      expect(missing.rows).toEqual([]);
    } else {
      // The thirty days are done; rows that nothing changed since the full load wait for it.
      const others = written.columns.filter((column) => column !== ignored);
      expect(await stored(table, others)).toEqual(states(written, others));
      expect(await stored(table, written.columns)).not.toEqual(states(written, written.columns));
      expect((await start("--full-load").ended).exit).toBe(0);
      expect(await stored(table, written.columns)).toEqual(states(written, written.columns));
    }

    const { rows: statuses } = await place.client.query(
      "select distinct status from drayage.load_history where table_name = $1",
      [table],
    );
    expect(statuses).toEqual([{ status: "loaded" }]);
    const { rows: backfills } = await place.client.query(
      "select count(*)::int as all, count(finished_at)::int as finished from drayage.backfills where table_name = $1",
      [table],
    );
    expect(backfills).toEqual([append ? { all: 1, finished: 1 } : { all: 2, finished: 2 }]);
  });
});
