/** A backfill of 30 hours that is killed twice, with hourly loads between: the end is the source's. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DropObject, readBody } from "../../src/demo/drop-writer.ts";
import { makeDrops } from "../../src/demo/drops.ts";
import { startDrayage } from "../support/drayage.ts";
import { faultsOf } from "../support/scene.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const rows = 3000;
const hours = 30;

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

interface Written {
  readonly objects: readonly { readonly object: DropObject; readonly body: Buffer }[];
  readonly columns: readonly string[];
  /** As text, sorted. */
  readonly state: readonly string[];
}

async function write(seed: number, folder: string): Promise<Written> {
  const drops = makeDrops({ kind: "relational", seed, rows, objects: 3, hours, changesPerObject: 120, folder });
  const objects = [];
  for (const object of drops.objects()) objects.push({ object, body: Buffer.from(await readBody(object)) });
  const state = [...drops.state()].map((row) => row.map((cell) => cell ?? "-").join("|")).sort();
  return { objects, columns: drops.columns, state };
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
    const ran = await place.run(["load", "--json"]);
    expect(faultsOf(ran)).toEqual([]);
    expect(ran.exit).toBe(0);
  };
  const start = () =>
    startDrayage(["backfill", table, "--all", "--json"], {
      cwd: place.dir,
      env: { HOME: place.dir, DATABASE_URL: place.url },
    });
  const done = async () => {
    const { rows: found } = await place.client.query<{ done: number }>(
      "select count(*)::int as done from drayage.load_history where table_name = $1 and backfill is not null and status = 'loaded'",
      [table],
    );
    return found[0]?.done ?? 0;
  };
  const killAt = async (objects: number) => {
    const run = start();
    let over = false;
    const ended = run.ended.finally(() => {
      over = true;
    });
    while (!over && (await done()) < objects) await sleep(3);
    run.kill("SIGKILL");
    expect((await ended).exit).toBe(-1);
  };

  test("equals the oracle", { timeout: 180_000 }, async () => {
    const written = await write(append ? 72 : 71, `shop/${table}`);
    const put = (from: number, to: number) => {
      for (const { object, body } of written.objects.slice(from, to)) place.put(object.path, body);
    };
    const ignored = written.columns.at(-1) ?? "";
    configure(ignored);
    put(0, 23);
    await load();
    expect((await stored(table, ["id"])).length).toBeGreaterThan(rows / 2);
    configure(undefined);

    await killAt(4);
    put(23, 26);
    await load();
    await killAt((await done()) + 5);
    put(26, 30);
    // Side by side: the same locks.
    const [ran, beside] = await Promise.all([start().ended, place.run(["load", "--json"])]);
    expect([faultsOf(ran), faultsOf(beside)]).toEqual([[], []]);
    expect([ran.exit, beside.exit]).toEqual([0, 0]);
    const summary = JSON.parse(ran.stdout) as { command: string; backfill: { done_before: number; objects: number } };
    expect(summary.command).toBe("backfill");
    expect(summary.backfill.done_before).toBeGreaterThanOrEqual(9);
    put(30, written.objects.length);
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
    } else expect(await stored(table, written.columns)).toEqual(written.state);

    const { rows: statuses } = await place.client.query(
      "select distinct status from drayage.load_history where table_name = $1",
      [table],
    );
    expect(statuses).toEqual([{ status: "loaded" }]);
    const { rows: backfills } = await place.client.query(
      "select count(*)::int as all, count(finished_at)::int as finished from drayage.backfills where table_name = $1",
      [table],
    );
    expect(backfills).toEqual([{ all: 1, finished: 1 }]);
  });
});
