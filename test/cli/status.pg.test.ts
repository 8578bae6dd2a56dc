/** `drayage status` after real loads: each cause appears, names what mends it, and goes when it is mended. */
import { utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lockClass, runLockKey } from "../../src/warehouse/advisory-locks.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

interface StatusOutput {
  readonly format: number;
  readonly exit: number;
  readonly attention: readonly { readonly cause: string; readonly table?: string; readonly command: string }[];
  readonly tables: readonly { readonly table: string; readonly standing: string; readonly open_rejects: number }[];
}

const orders = "orders: {prefix: shop/orders, primary_key: [id], columns: {amount: numeric}}";
const full = "shop/orders/LOAD00000001.csv";

let place: Workplace;
beforeEach(async () => {
  place = await openWorkplace();
  configure(orders);
  place.put(full, "id,amount\n1,5\n");
});
afterEach(async () => place.end());

function configure(tables: string, source = "", url = place.source): void {
  place.config(
    `source: {url: "${url}"${source}}\nwarehouse: {url: "\${DATABASE_URL}", schema: shop, lock_wait: 1s}\ntables:\n  ${tables.split("\n").join("\n  ")}\n`,
  );
}

/** Its last-modified time becomes `hours` ago. */
function age(path: string, hours: number): void {
  const time = Date.now() / 1000 - hours * 3600;
  utimesSync(fileURLToPath(`${place.source}/${path}`), time, time);
}

/** `cause table`, and the exit code. */
async function status(...args: string[]): Promise<{ exit: number; causes: string[]; output: StatusOutput }> {
  const { exit, stdout } = await place.run(["status", "--json", ...args]);
  const output = JSON.parse(stdout) as StatusOutput;
  expect(output).toMatchObject({ format: 1, exit });
  return { exit, causes: output.attention.map((one) => [one.cause, one.table].filter(Boolean).join(" ")), output };
}

async function load(exit: number, ...args: string[]) {
  const ran = await place.run(["load", ...args]);
  expect(ran.exit, ran.stdout + ran.stderr).toBe(exit);
  return ran;
}

test("before the first load, then all fine; by name with its cadence", async () => {
  expect(await place.run(["status"])).toMatchObject({
    exit: 0,
    stdout: "Nothing was ever loaded: there is no state schema yet. Run `drayage load`.\n",
  });
  expect(JSON.parse((await place.run(["status", "--json"])).stdout)).toMatchObject({ format: 1, exit: 0 });
  for (const hour of ["01", "02", "03", "04", "05"])
    place.put(`shop/orders/20260101-${hour}0000000.csv`, "Op,id,amount\nI,2,1\n");
  await load(0);
  expect(await place.run(["status"])).toMatchObject({
    exit: 0,
    stdout: "Nothing needs attention: 1 fine.\n",
    stderr: "",
  });
  const named = await place.run(["status", "shop/orders"]);
  expect(named.stdout).toMatch(/^orders +usually hourly, \d+ s ago +\d+ s ago$/m);
  expect(await place.run(["status", "nothing"])).toMatchObject({ exit: 2 });
  expect(await place.run(["status", "--watch"])).toMatchObject({ exit: 2, stdout: "" });
});

test("rejects: open ones need somebody, and load says so in each later run without changing its exit", async () => {
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,twelve\nI,3,4\n");
  const first = await load(3);
  expect(first.stdout).toContain("rejected  shop.orders: 1 cast");
  expect(first.stdout).not.toContain("Needs attention besides");
  const again = await load(0);
  expect(again.stdout).toMatch(
    /^Nothing new: .*\n\nNeeds attention besides:\nrejected {3}orders: 1 record was rejected \(\d+ s ago\)\n {2}next {5}drayage rejects list orders\n$/,
  );
  const json = JSON.parse((await load(0, "--json")).stdout) as StatusOutput;
  expect(json).toMatchObject({ exit: 0, attention: [{ cause: "rejects", table: "orders", count: 1 }] });
  const text = await place.run(["status"]);
  expect(text.exit).toBe(7);
  expect(text.stdout).toMatch(
    /^rejected {3}orders: 1 record was rejected \(\d+ s ago\)\n {2}next {5}drayage rejects list orders\n$/,
  );
  expect(text.stdout).not.toContain("twelve");
  expect(await status("orders")).toMatchObject({
    exit: 7,
    output: { tables: [{ standing: "attention", open_rejects: 1 }] },
  });
});

test("failed: until the object is delivered again", async () => {
  const key = "shop/orders/20260101-010000000.csv.gz";
  place.put(key, Buffer.from([0x1f, 0x8b, 8, 0, 0]));
  await load(1);
  const { exit, causes, output } = await status();
  expect([exit, causes]).toEqual([7, ["failed orders"]]);
  expect(output.attention[0]?.command).toBe(`drayage load orders --object ${key}`);
  place.put(key, "");
  age(key, 0.1);
  await place.run(["load"]);
  const { gzipSync } = await import("node:zlib");
  place.put(key, gzipSync("Op,id,amount\nI,2,5\n"));
  await load(0);
  expect(await status()).toMatchObject({ exit: 0, causes: [] });
});

test("a run that ended as a whole, until one does not", async () => {
  await load(0);
  configure(orders, "", `${place.source}/nowhere`);
  await load(1);
  const { exit, output } = await status();
  expect(exit).toBe(7);
  expect(output.attention).toMatchObject([
    { cause: "failed", message: expect.stringContaining("ended with SOURCE_DIRECTORY_MISSING") },
  ]);
  configure(orders);
  await load(0);
  expect(await status()).toMatchObject({ exit: 0, causes: [] });
});

test("unclaimed: one per folder, until a table reads it or it is ignored", async () => {
  place.put("shop/refunds/LOAD00000001.csv", "id\n1\n");
  place.put("shop/returns/LOAD00000001.csv", "id\n1\n");
  await load(0);
  const text = await place.run(["status"]);
  expect(text.exit).toBe(7);
  expect(text.stdout).toMatch(
    /^unclaimed {2}shop\/refunds: No table reads the object of this folder \(.*\)\n {2}next {5}add "shop\/refunds" under tables, or to source.ignore$/m,
  );
  expect((await status()).causes).toEqual(["unclaimed", "unclaimed"]);
  // A load of one table has not looked at the others.
  await load(0, "orders");
  expect((await status()).causes).toHaveLength(2);
  configure(`${orders}\nrefunds: {prefix: shop/refunds, primary_key: [id]}`, ", ignore: [shop/returns]");
  await load(0);
  expect(await status()).toMatchObject({ exit: 0, causes: [] });
});

test("a decision, until it is taken; a table that waits holds up no other", async () => {
  const visits = "visits: {prefix: log/visits, dialect: {header: true}}";
  configure(`${orders}\n${visits}`);
  place.put("log/visits/LOAD00000001.csv", "id,page\n1,a\n");
  await load(6);
  const { exit, causes, output } = await status();
  expect([exit, causes]).toEqual([7, ["decision visits"]]);
  expect(output.attention[0]).toMatchObject({
    message: expect.stringMatching(/^KEY_MISSING: /),
    command: "drayage plan visits",
  });
  const since = output.attention[0];
  await load(6);
  expect((await status()).output.attention[0]).toEqual(since);
  expect(await status("orders")).toMatchObject({ exit: 0, causes: [] });
  configure(`${orders}\nvisits: {prefix: log/visits, primary_key: [id]}`);
  await load(0);
  expect(await status()).toMatchObject({ exit: 0, causes: [] });
});

test("paths beyond max_columns: said until a load of the table has none, though nothing waits", async () => {
  const visits = "visits: {prefix: log/visits, document: _doc, flatten: {max_columns: 2}}";
  configure(`${orders}\n${visits}`);
  const document = (id: number, doc: string) => `_id,_doc\n${id},"{""_id"": ${id}, ${doc}}"\n`;
  place.put("log/visits/LOAD00000001.csv", document(1, '""a"": 1'));
  await load(0);
  place.put(
    "log/visits/20260101-010000000.csv",
    `Op,${document(2, '""a"": 1, ""b"": 2, ""c"": 3').replace("\n2", "\nI,2")}`,
  );
  await load(6);
  expect((await status()).causes).toEqual(["decision visits"]);
  await load(0);
  expect((await status()).causes).toEqual(["decision visits"]);
  configure(`${orders}\n${visits.replace("2}", "9}")}`);
  place.put("log/visits/20260101-020000000.csv", `Op,${document(3, '""a"": 1, ""d"": 2').replace("\n3", "\nI,3")}`);
  await load(0);
  expect((await status()).causes).toEqual([]);
});

test("a newer full load", async () => {
  configure(orders.replace("{", "{on_reload: hold, "));
  await load(0);
  place.put(full, "id,amount\n1,5\n2,6\n");
  await load(6);
  expect(await status()).toMatchObject({ exit: 7, causes: ["new_generation orders"] });
});

test("paused, and not late meanwhile", async () => {
  configure(orders.replace("{", "{expect_every: 1h, "));
  age(full, 9);
  await load(0);
  expect((await status()).causes).toEqual(["late_source"]);
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,5\n");
  await place.client.query("update drayage.tables set paused_at = now(), paused_reason = 'migration'");
  const text = await load(0);
  expect(text.stdout).not.toContain("besides");
  expect(await status()).toMatchObject({ exit: 7, causes: ["paused orders"] });
  expect((await place.run(["status"])).stdout).toMatch(
    /^paused {5}orders: Paused: migration \(\d+ s ago\)\n {2}next {5}drayage resume orders$/m,
  );
});

describe("late", () => {
  const two = `${orders.replace("{", "{expect_every: 1h, ")}\nvisits: {prefix: log/visits, primary_key: [id]}`;

  test("one table, while others get theirs", async () => {
    configure(two);
    place.put("log/visits/LOAD00000001.csv", "id,page\n1,a\n");
    age(full, 9);
    await load(0);
    const text = await place.run(["status"]);
    expect(text.stdout).toBe(
      "late       orders: Got no object in time, expected hourly (9 h ago)\n  next     drayage history orders\n\nThe rest: 1 fine.\n",
    );
    // A new object ends it.
    place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,5\n");
    await load(0);
    expect(await status()).toMatchObject({ exit: 0, causes: [] });
  });

  test("the whole source is one attention; expect_every moves it; no run at all is another", async () => {
    configure(two);
    place.put("log/visits/LOAD00000001.csv", "id,page\n1,a\n");
    age(full, 3);
    age("log/visits/LOAD00000001.csv", 3);
    const ran = await load(0);
    expect(ran.stdout).toContain(
      "Needs attention besides:\nlate       No object of any table came in time, expected every 2 h",
    );
    expect(await status()).toMatchObject({ exit: 7, causes: ["late_source"] });
    configure(orders, ", expect_every: 4h");
    expect(await status()).toMatchObject({ exit: 0, causes: [] });
    configure(orders);
    await place.client.query("update drayage.runs set listed_at = now() - interval '3 hours'");
    expect((await status()).output.attention).toMatchObject([
      { cause: "late_source", message: expect.stringMatching(/^No run/), command: "drayage load" },
    ]);
  });
});

describe("runs", () => {
  async function otherRun(): Promise<bigint> {
    const { rows } = await place.client.query<{ id: string }>(
      "insert into drayage.runs (command, host, pid, version) values ('load', 'elsewhere', 7, '0') returning run_id as id",
    );
    return BigInt(rows[0]?.id ?? 0);
  }

  test("lost, until another finishes", async () => {
    await load(0);
    await otherRun();
    const { causes, output } = await status();
    expect(causes).toEqual(["lost_run"]);
    expect(output.attention[0]).toMatchObject({ message: expect.stringContaining("on elsewhere:7") });
    await load(0);
    expect(await status()).toMatchObject({ exit: 0, causes: [] });
  });

  test("alive and holding objects for longer than lock_wait", async () => {
    await load(0);
    const id = await otherRun();
    await place.client.query("select pg_advisory_lock($1, $2)", [lockClass.run, runLockKey(id)]);
    const hold = (since: string) =>
      place.client.query(
        `update drayage.load_history set status = 'loading', run_id = $1, started_at = now() - $2::interval`,
        [id.toString(), since],
      );
    // Ahead of the clock: the program takes longer to start than lock_wait is here.
    await hold("-1 min");
    expect((await status()).causes).toEqual([]);
    await hold("3 h");
    expect(await status()).toMatchObject({ exit: 7, causes: ["held orders"] });
    expect((await place.run(["status"])).stdout).toContain(`Run ${id} on elsewhere:7 still holds 1 object (3 h ago)`);
  });
});

test("history by time and by object", async () => {
  place.put("shop/orders/20260101-010000000.csv", "Op,id,amount\nI,2,5\n");
  await load(0);
  await place.client.query(
    "update drayage.load_history set finished_at = now() - interval '2 days' where kind = 'full_load'",
  );
  const keys = async (...args: string[]) => {
    const { stdout } = await place.run(["history", "--json", ...args]);
    return (JSON.parse(stdout) as { objects: { key: string }[] }).objects.map(({ key }) => key);
  };
  const change = "shop/orders/20260101-010000000.csv";
  expect(await keys("--since", "1d")).toEqual([change]);
  expect(await keys("--since", "3d")).toEqual([change, full]);
  expect(await keys("--object", "*LOAD*.csv")).toEqual([full]);
  expect(await keys("--object", "LOAD*.csv")).toEqual([]);
  expect(await keys("--since", "2099-01-01T00:00+05:30")).toEqual([]);
  expect(await place.run(["history", "--since", "yesterday"])).toMatchObject({ exit: 2 });
  const { stdout } = await place.run(["history", "--runs", "--since", "1h", "--json"]);
  expect((JSON.parse(stdout) as { runs: unknown[] }).runs).toHaveLength(1);
});
