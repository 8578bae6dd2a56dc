/** Pause, mark, retry and backfill as somebody uses them: what they print, what they refuse, what the next load does. */
import { truncateSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Ran } from "../support/drayage.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  configure("");
  place.put("shop/orders/LOAD00000001.csv", "id,a,b\n1,one,x\n2,two,x\n");
  change(1, "U,2,zwei,y");
  place.put("shop/notes/LOAD00000001.csv", "id,a\n1,one\n");
});
afterEach(async () => place.end());

function configure(columns: string): void {
  place.config(`source: { url: "${place.source}" }
warehouse: { url: "\${DATABASE_URL}", schema: shop }
tables:
  orders: { prefix: shop/orders, primary_key: [id], columns: { ${columns} } }
  notes: { prefix: shop/notes, primary_key: [id] }
`);
}

/** Closed at that hour of 2026-03-01, UTC. */
function change(hour: number, ...records: string[]): string {
  const path = `shop/orders/20260301-${String(hour).padStart(2, "0")}0000000.csv`;
  place.put(path, ["Op,id,a,b", ...records, ""].join("\n"));
  return path;
}

async function ids(): Promise<string> {
  const { rows } = await place.client.query<{ ids: string }>(
    "select string_agg(id::text, ' ' order by id) as ids from shop.orders",
  );
  return rows[0]?.ids ?? "";
}

async function statuses(): Promise<string[]> {
  const { rows } = await place.client.query<{ line: string }>(
    `select concat_ws(' ', key, status, note) as line from drayage.load_history where table_name = 'orders' order by key`,
  );
  return rows.map((row) => row.line.replace("shop/orders/", ""));
}

function json(ran: Ran): Record<string, unknown> & { exit: number } {
  return JSON.parse(ran.stdout) as Record<string, unknown> & { exit: number };
}

function expectPlain({ stdout, stderr }: Ran): void {
  expect(stdout + stderr).not.toContain("\u001b");
  expect(stdout).not.toMatch(/[ \t]+$/m);
}

describe("pause and resume", () => {
  test("before the first load, with a reason; every load says so; resume takes what waits", async () => {
    const paused = await place.run(["pause", "orders", "--reason", "moving house"]);
    expect(paused.exit).toBe(0);
    expect(paused.stdout).toContain("orders: paused until it is resumed (moving house).");
    expect(paused.stdout).toContain("the way back: drayage resume orders");
    expectPlain(paused);
    const load = await place.run(["load"]);
    expect(load.exit).toBe(0);
    expect(load.stdout).toContain("note  shop.orders: paused: moving house; 2 objects wait");
    expect(await statuses()).toEqual([]);
    const resumed = await place.run(["resume", "orders"]);
    expect(resumed.stdout).toMatch(/^orders: resumed; it was paused since 20.* UTC \(moving house\)\./);
    expect((await place.run(["load"])).exit).toBe(0);
    expect(await ids()).toBe("1 2");
    expect((await place.run(["resume", "orders"])).stdout).toBe("orders: was not paused.\n");
  });

  test("until a time to come; a glob is several tables; --json", async () => {
    const ran = await place.run(["pause", "*", "--until", "3d", "--json"]);
    expect(json(ran)).toMatchObject({
      format: 1,
      command: "pause",
      exit: 0,
      tables: ["orders", "notes"],
      reason: null,
    });
    const { rows } = await place.client.query(
      "select round(extract(epoch from paused_until - now()) / 86400)::int as days from drayage.tables group by 1",
    );
    expect(rows).toEqual([{ days: 3 }]);
    // When it is over, the load goes on by itself.
    await place.client.query("update drayage.tables set paused_until = now() - interval '1 second'");
    expect((await place.run(["load"])).stdout).toMatch(/^shop\.orders +2 /m);
    expect(json(await place.run(["resume", "*", "--json"]))).toMatchObject({
      tables: [{ paused_since: null }, { paused_since: null }],
    });
  });

  test("refuses what it cannot do, and touches nothing", async () => {
    const cases: [string, string[]][] = [
      ["a time that is over", ["pause", "orders", "--until", "2020-01-01"]],
      ["no time", ["pause", "orders", "--until", "soon"]],
      ["an unknown table", ["pause", "ordres"]],
      ["an unknown table", ["resume", "ordres"]],
    ];
    for (const [name, args] of cases) expect(await place.run(args), name).toMatchObject({ exit: 2, stdout: "" });
  });
});

describe("mark", () => {
  test("loaded --before: a table that something else has filled begins with what comes after", async () => {
    change(5, "I,5,five,z");
    place.put("shop/orders/LOAD00000001.csv", "id,a,b\n1,one,x\n");
    const marked = await place.run(["mark", "loaded", "orders", "--before", "2026-03-01T05:00"]);
    expect(marked.stdout).toContain("shop.orders: 1 object marked loaded");
    expectPlain(marked);
    const full = await place.run(["mark", "loaded", "orders", "--object", "LOAD00000001.csv"]);
    expect(full).toMatchObject({ exit: 2, stdout: "" });
    await place.run(["mark", "loaded", "orders", "--object", "shop/orders/LOAD00000001.csv"]);
    expect((await place.run(["load", "orders"])).exit).toBe(0);
    expect(await ids()).toBe("5");
    expect(await statuses()).toEqual([
      "20260301-010000000.csv skipped marked loaded",
      "20260301-050000000.csv loaded",
      "LOAD00000001.csv skipped marked loaded",
    ]);
  });

  test("skipped: an object that cannot be read is no more said; pending: it is open again", async () => {
    const bad = change(2, "");
    place.put(bad, Buffer.from("\0\0\0\0PNG", "latin1"));
    expect((await place.run(["load", "orders"])).exit).toBe(1);
    const marked = await place.run(["mark", "skipped", "orders", "--object", bad, "--json"]);
    expect(json(marked)).toEqual({
      ...{ format: 1, command: "mark", exit: 0, mark: "skipped" },
      ...{ table: "orders", target: "shop.orders", changed: 1, held: 0, unchanged: 0 },
    });
    expect((await place.run(["load", "orders"])).exit).toBe(0);
    expect((await place.run(["mark", "skipped", "orders", "--object", bad])).stdout).toContain("final already");
    await place.run(["mark", "pending", "orders", "--object", bad]);
    expect((await place.run(["load", "orders"])).exit).toBe(1);
  });

  test("skipped: an object that has gone from the source, by the key that the history knows", async () => {
    const gone = change(2, "");
    place.put(gone, Buffer.from("\0\0\0\0PNG", "latin1"));
    await place.run(["load", "orders"]);
    await place.client.query(
      "update drayage.load_history set key = 'shop/orders/20260301-070000000.csv' where key = $1",
      [gone],
    );
    const marked = await place.run(["mark", "skipped", "orders", "--object", "shop/orders/20260301-070000000.csv"]);
    expect(marked).toMatchObject({ exit: 0, stdout: expect.stringContaining("1 object marked skipped") });
  });

  test("pending: a loaded object is loaded again, and what is newer stays", async () => {
    await place.run(["load"]);
    await place.run(["mark", "pending", "orders", "--object", "shop/orders/LOAD00000001.csv"]);
    expect(await statuses()).toContain("LOAD00000001.csv pending marked pending");
    const load = json(await place.run(["load", "--json"]));
    expect(load).toMatchObject({ exit: 0, counts: { read: 2, inserted: 0, unchanged: 1, stale: 1 } });
  });

  test("what a live run holds is left to it: exit 4", async () => {
    await place.run(["load"]);
    await place.client.query(
      `with live as (insert into drayage.runs (command, host, pid, version) values ('load', 'h', 1, '0') returning run_id)
       update drayage.load_history set status = 'loading', run_id = (select run_id from live) where key like '%010000000.csv'`,
    );
    await place.client.query("select pg_advisory_lock(1685223729, max(run_id)::int) from drayage.runs");
    const marked = await place.run(["mark", "pending", "orders", "--before", "2026-03-01T05:00"]);
    expect(marked).toMatchObject({ exit: 4, stdout: expect.stringContaining("1 object left: a run has them now") });
    expect(await statuses()).toContain("20260301-010000000.csv loading");
  });

  test("more than 1,000 objects need --yes", async () => {
    for (let n = 0; n < 1001; n++) place.put(`shop/notes/20260301-0200${String(n).padStart(5, "0")}.csv`, "");
    const args = ["mark", "loaded", "notes", "--before", "2026-03-02"];
    const asked = await place.run(args);
    expect(asked).toMatchObject({ exit: 2, stdout: "", stderr: expect.stringContaining("1,001 objects") });
    expect((await place.run([...args, "--yes"])).stdout).toContain("1,001 objects marked loaded");
  });

  test("refuses what it cannot do, and touches nothing", async () => {
    const cases: [string, string[]][] = [
      ["neither selector", ["mark", "loaded", "orders"]],
      ["both", ["mark", "loaded", "orders", "--object", "x", "--before", "3d"]],
      ["a status that is none", ["mark", "failed", "orders", "--before", "3d"]],
      ["several tables", ["mark", "loaded", "*", "--before", "3d"]],
    ];
    for (const [name, args] of cases) expect(await place.run(args), name).toMatchObject({ exit: 2, stdout: "" });
  });
});

test("retry: what waits for a change is tried now, and nothing that is new", async () => {
  const bad = change(2, "");
  place.put(bad, Buffer.from("\0\0\0\0PNG", "latin1"));
  expect((await place.run(["load"])).exit).toBe(1);
  expect((await place.run(["load"])).stdout).toContain("1 object waits since a failed load");
  const again = await place.run(["retry", "orders"]);
  expect(again).toMatchObject({ exit: 1, stdout: expect.stringMatching(/^NOT_CSV /m) });
  change(3, "I,3,three,z");
  // The history knows the object by size and time; mended in place it would be a new one, so the cause is taken away here.
  await place.client.query(
    `update drayage.load_history set status = 'failed', error_code = 'NOT_CSV', error = 'x', retry = 'after_change',
       config_hash = (select max(config_hash) from drayage.load_history) where key like '%010000000.csv'`,
  );
  const mended = json(await place.run(["retry", "--json"]));
  expect(mended).toMatchObject({ command: "retry", exit: 1, counts: { read: 1 } });
  expect(await ids()).toBe("1 2");
  await place.run(["mark", "skipped", "orders", "--object", bad]);
  expect(await place.run(["retry"])).toMatchObject({ exit: 0, stdout: "Nothing to retry: no object has failed.\n" });
  await place.run(["load"]);
  expect(await ids()).toBe("1 2 3");
});

describe("backfill", () => {
  test("says what it is about, loads, and ends like a load; --dry-run changes nothing", async () => {
    configure("b: ignore");
    await place.run(["load"]);
    configure("");
    const dry = await place.run(["backfill", "orders", "--all", "--dry-run"]);
    expect(dry.exit).toBe(0);
    expect(dry.stdout).toMatch(
      /^backfill {2}shop\.orders: 2 objects \(1 full-load and 1 change\), \d+ B, about .*s\n\nNothing was changed\.\n$/,
    );
    expectPlain(dry);
    const { rows } = await place.client.query("select count(*)::int as n from drayage.backfills");
    expect(rows).toEqual([{ n: 0 }]);
    change(9, "I,9,nine,z");
    const ran = await place.run(["backfill", "orders", "--all"]);
    expect(ran.exit).toBe(0);
    expect(ran.stdout).toContain("1 object never loaded: left to `drayage load`");
    expect(ran.stdout).toMatch(/^shop\.orders +2 +3 += +0 +2 /m);
    expect(ran.stdout).toContain("every record accounted for");
    expectPlain(ran);
    const values = await place.client.query("select string_agg(b, ' ' order by id) as b from shop.orders");
    expect(values.rows).toEqual([{ b: "x y" }]);
    expect((await place.run(["history", "--runs"])).stdout).toMatch(/ backfill +done /);
  });

  test("a range is half-open, in UTC or by its offset; one document of JSON", async () => {
    change(2, "I,3,three,z");
    await place.run(["load"]);
    const keysOf = async (...args: string[]) => {
      const output = json(await place.run(["backfill", "orders", "--json", ...args])) as unknown as {
        exit: number;
        backfill: { objects: number };
        tables: { objects: { key: string }[] }[];
      };
      expect(output).toMatchObject({ format: 1, command: "backfill", exit: 0 });
      return output.tables.flatMap((table) => table.objects.map((object) => object.key.slice(-18)));
    };
    const one = "0301-010000000.csv";
    const two = "0301-020000000.csv";
    expect(await keysOf("--from", "2026-03-01T01:00", "--to", "2026-03-01T02:00")).toEqual([one]);
    expect(await keysOf("--to", "2026-03-01T06:31+05:30")).toEqual([one]);
    expect(await keysOf("--from", "2026-03-01T01:00:00.1Z")).toEqual([two]);
    expect(await keysOf("--from", "1h")).toEqual([]);
    expect(await keysOf("--object", "shop/orders/20260301-020000000.csv")).toEqual([two]);
    expect(await keysOf("--full-load")).toEqual(["s/LOAD00000001.csv"]);
  });

  test("above 10 GB it wants --yes: exit 2 with the figure, and nothing touched", async () => {
    await place.run(["load"]);
    const path = fileURLToPath(`${place.source}/shop/orders/20260301-010000000.csv`);
    // Sparse: eleven gigabytes that take no room. The history is told of them.
    truncateSync(path, 11_000_000_000);
    await place.run(["mark", "loaded", "orders", "--object", "shop/orders/20260301-010000000.csv"]);
    const args = ["backfill", "orders", "--object", "shop/orders/20260301-010000000.csv"];
    const ran = await place.run([...args]);
    expect(ran).toMatchObject({ exit: 2, stderr: expect.stringContaining("11 GB of 1 object") });
    expect((await place.client.query("select from drayage.backfills")).rows).toEqual([]);
    writeFileSync(path, "Op,id,a,b\nU,2,zwei,y\n");
    expect((await place.run([...args, "--yes"])).exit).toBe(0);
  });

  test("refuses what it cannot do, and touches nothing", async () => {
    await place.run(["load"]);
    const cases: [string, string[]][] = [
      ["no selector", []],
      ["two selectors", ["--all", "--full-load"]],
      ["a time that is none", ["--from", "yesterday"]],
      ["a range that is empty", ["--from", "2026-03-02", "--to", "2026-03-01"]],
      ["an object that is not there", ["--object", "shop/orders/typo.csv"]],
    ];
    for (const [name, args] of cases)
      expect(await place.run(["backfill", "orders", ...args]), name).toMatchObject({ exit: 2, stdout: "" });
  });

  test("a table that is paused, one that is not there, one that never was loaded", async () => {
    expect(await place.run(["backfill", "orders", "--all"])).toMatchObject({ exit: 2, stdout: "" });
    await place.run(["load"]);
    expect(await place.run(["backfill", "ordres", "--all"])).toMatchObject({ exit: 2, stdout: "" });
    await place.run(["pause", "orders", "--reason", "no"]);
    const paused = await place.run(["backfill", "orders", "--all"]);
    expect(paused).toMatchObject({ exit: 2, stdout: "", stderr: expect.stringContaining("drayage resume orders") });
  });
});
