/** The commands as somebody uses them: the built program in a directory with a config, objects beside it, its output in a pipe. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBody } from "../../src/demo/drop-writer.ts";
import { makeDrops } from "../../src/demo/drops.ts";
import type { Ran } from "../support/drayage.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { badObjects } from "./bad-objects.ts";

const version = (
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string }
).version;

const config = `source:
  url: SOURCE
  dialect: {timestamp_column: dms_ts}
warehouse:
  url: \${DATABASE_URL}
  schema: shop
tables:
  orders:
    prefix: shop/orders
    primary_key: [id]
    columns: {amount: "numeric(12,2)"}
  customers: {prefix: crm/customers, document: _doc}
  "log/*": {primary_key: [id]}
`;

const badKey = "shop/orders/20260101-020000000.csv";
const badRecord = "I,2026-01-01 02:00:00,9001,twelve";

/** 20 orders and an object of two with one bad record, 20 customers, two visits and two refunds that no table reads. */
async function fill(place: Workplace): Promise<void> {
  place.config(config.replace("SOURCE", place.source));
  const orders = makeDrops({ kind: "relational", seed: 1, rows: 20 });
  const customers = makeDrops({ kind: "documents", seed: 1, rows: 20 });
  for (const drops of [orders, customers])
    for (const object of drops.objects()) place.put(object.path, await readBody(object));
  place.put(badKey, `Op,dms_ts,id,amount\n${badRecord}\nI,2026-01-01 02:00:00,9002,5\n`);
  place.put("log/visits/LOAD00000001.csv", "id,page\n1,a\n2,b\n");
  place.put("shop/refunds/LOAD00000001.csv", "id,name\n1,a\n");
  place.put("shop/refunds/20260101-020000000.csv", "id,name\n1,a\n");
}

interface LoadOutput {
  readonly format: number;
  readonly exit: number;
  readonly tables: readonly { readonly table: string; readonly objects: readonly { readonly key: string }[] }[];
  readonly counts: Readonly<Record<string, number>>;
}

async function count(place: Workplace, table: string): Promise<number> {
  const { rows } = await place.client.query<{ count: string }>(`select count(*) from ${table}`);
  return Number(rows[0]?.count);
}

/** Lines without what differs from run to run. */
function steady(text: string): string {
  return text.replaceAll(/\d+(\.\d+)? m?s\b/g, "TIME");
}

function expectPlain({ stdout, stderr }: Ran): void {
  expect(stdout + stderr).not.toContain("\u001b");
  // Alignment must not leave blanks at the ends of lines.
  expect(stdout).not.toMatch(/[ \t]+$/m);
}

describe("one day", () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await openWorkplace();
    await fill(place);
  });
  afterAll(async () => place.end());

  test("before the first load, history and rejects say what to do", async () => {
    const history = await place.run(["history"]);
    expect(history).toMatchObject({ exit: 0, stdout: expect.stringContaining("Run `drayage load`") });
    expect(await place.run(["rejects", "list"])).toMatchObject({ exit: 0, stdout: "No open rejects.\n" });
    expect(await place.run(["rejects", "show", "1"])).toMatchObject({ exit: 2, stdout: "" });
  });

  test("load --dry-run is plan, and changes nothing", async () => {
    const dry = await place.run(["load", "--dry-run"]);
    const plan = await place.run(["plan"]);
    expect(steady(dry.stdout)).toBe(steady(plan.stdout));
    expect(dry.stdout).toContain("rejects expected: 1 cast (amount)");
    expect(dry.stdout).toContain("nothing was changed");
    expect([dry.exit, plan.exit]).toEqual([3, 3]);
    expectPlain(dry);
    const { rows } = await place.client.query("select from pg_namespace where nspname in ('shop', 'drayage')");
    expect(rows).toHaveLength(0);
  });

  test("load by config name, by S3 path, by glob: each only its tables", async () => {
    const orders = await place.run(["load", "orders"]);
    expect(orders.exit).toBe(3);
    expect(orders.stdout).toMatch(/^shop\.orders +2 +22 +=/m);
    expect(orders.stdout).toContain("2 objects (");
    expect(orders.stdout).toContain("22 records in ");
    expect(orders.stdout).toContain("every record accounted for");
    expect(orders.stdout).toContain("rejected  shop.orders: 1 cast\n  next   drayage rejects list orders");
    expectPlain(orders);
    expect(await count(place, "shop.orders")).toBe(21);

    const customers = await place.run(["load", "crm/customers", "--json"]);
    const output = JSON.parse(customers.stdout) as LoadOutput;
    expect(output).toMatchObject({ format: 1, exit: 0, counts: { read: 20, inserted: 20 } });
    expect(output.tables.map((table) => table.table)).toEqual(["customers"]);
    expect(customers.exit).toBe(0);

    const log = await place.run(["load", "log/*"]);
    expect(log.stdout).toMatch(/^shop\.visits +1 +2 +=/m);
    expect(log.exit).toBe(0);
  });

  test("the next load has nothing new, reads nothing, and names the folder that no table reads", async () => {
    const again = await place.run(["load"]);
    expect(again.exit).toBe(0);
    expect(again.stdout).toContain("Nothing new: 6 objects listed, 2 of them of no table; none had to be read.");
    expect(again.stdout).toContain(
      "unclaimed  folders that no table reads: shop/refunds (2); add them under tables, or to source.ignore",
    );
    expect(again.stderr).toBe("");
    const json = JSON.parse((await place.run(["load", "--json"])).stdout) as LoadOutput;
    expect(json.counts.read).toBe(0);
    expect(json.tables.flatMap((table) => table.objects)).toEqual([]);
    expect(json).toMatchObject({ listed: 6, unclaimed: { "shop/refunds": 2 } });
  });

  test("rejects list leads to the record, and shows no cell itself", async () => {
    const list = await place.run(["rejects", "list"]);
    expect(list.stdout).toMatch(/^orders +cast +amount +1 +A cell is not a value of its column's type$/m);
    expect(list.stdout).toMatch(new RegExp(`^ *(\\d+) +${badKey} +1 +20 +cast +amount$`, "m"));
    expect(list.stdout).not.toContain("twelve");
    expectPlain(list);
    const id = /drayage rejects show (\d+)/.exec(list.stdout)?.[1] ?? "";

    const without = await place.run(["rejects", "show", id]);
    expect(without.stdout).not.toContain("twelve");
    expect(without.stdout).toMatch(/^next +Alter the column .*\nsee +docs\/errors\.md#rejected-cast$/m);
    const shown = await place.run(["rejects", "show", id, "--record"]);
    expect(shown.stdout.endsWith(`\n\n${badRecord}\n`)).toBe(true);
    expect(shown.stdout).toMatch(/^record +1$/m);
    expect(shown.stdout).toMatch(/^SQLSTATE +22P02$/m);
    const json = JSON.parse((await place.run(["rejects", "show", id, "--record", "--json"])).stdout) as Record<
      string,
      unknown
    >;
    expect(json).toMatchObject({ format: 1, exit: 0, record: badRecord, column_name: "amount", record_no: "1" });

    const filters: [string[], number][] = [
      [["orders"], 1],
      [["customers"], 0],
      [["--reason", "cast"], 1],
      [["--reason", "bad_json"], 0],
      [["--object", badKey], 1],
    ];
    for (const [args, found] of filters) {
      const { rejects } = JSON.parse((await place.run(["rejects", "list", ...args, "--json"])).stdout) as {
        rejects: unknown[];
      };
      expect(rejects, args.join(" ")).toHaveLength(found);
    }
  });

  test("history: objects with their balance, by table and status; runs", async () => {
    const all = await place.run(["history"]);
    expect(all.stdout.trimEnd().split("\n")).toHaveLength(5);
    expect(all.stdout).toMatch(new RegExp(`  orders +${badKey} +loaded_with_rejects +2 +1 +1 `, "m"));
    expectPlain(all);
    const rejected = await place.run(["history", "--status", "loaded_with_rejects", "--json"]);
    expect(JSON.parse(rejected.stdout)).toMatchObject({
      format: 1,
      exit: 0,
      objects: [{ key: badKey, rows_rejected: "1" }],
    });
    const failed = await place.run(["history", "customers", "--status", "failed"]);
    expect(failed).toMatchObject({ exit: 0, stdout: "Nothing found.\n" });
    expect(await place.run(["history", "nosuch"])).toMatchObject({ exit: 2, stdout: "" });

    const runs = await place.run(["history", "--runs"]);
    expect(runs.stdout).toMatch(/^ +1 .* load +done +2 +22 +1 /m);
    expectPlain(runs);
  });

  test("load --object takes the one that is named, by key or below source.url, and refuses a name that is not there", async () => {
    place.put("shop/orders/20260101-030000000.csv", "Op,dms_ts,id,amount\nI,2026-01-01 03:00:00,9003,1\n");
    place.put("shop/orders/20260101-040000000.csv", "Op,dms_ts,id,amount\nI,2026-01-01 04:00:00,9004,1\n");
    const typo = await place.run(["load", "--object", "shop/orders/20260101-030000000.csv", "shop/orders/typo.csv"]);
    expect(typo).toMatchObject({ exit: 2, stdout: "" });
    expect(typo.stderr).toContain("object shop/orders/typo.csv");
    expect(await count(place, "shop.orders")).toBe(21);
    const one = await place.run(["load", "--object", "shop/orders/20260101-040000000.csv", "--json"]);
    const objects = (JSON.parse(one.stdout) as LoadOutput).tables.flatMap((table) => table.objects);
    expect(objects.map((object) => object.key)).toEqual(["shop/orders/20260101-040000000.csv"]);
    expect(one.exit).toBe(0);
    expect(await count(place, "shop.orders where id = '9003'")).toBe(0);
  });

  test("a paused table is said to wait, and the others load", async () => {
    await place.client.query(
      "update drayage.tables set paused_at = now(), paused_reason = 'moving house' where table_name = 'orders'",
    );
    place.put("log/visits/LOAD00000002.csv", "id,page\n3,c\n");
    const paused = await place.run(["load"]);
    expect(paused.stdout).toContain("note  shop.orders: paused: moving house; 1 object waits");
    expect(paused.stdout).toMatch(/^shop\.visits +1 +1 +=/m);
    const alone = await place.run(["load", "orders"]);
    expect(alone.stdout).toContain("1 object waits");
    expect(alone.stdout).not.toContain("Nothing new");
    expect(await count(place, "shop.orders where id = '9003'")).toBe(0);
    await place.client.query("update drayage.tables set paused_at = null, paused_reason = null");
    expect((await place.run(["load"])).stdout).toMatch(/^shop\.orders +1 +1 +=/m);
  });

  test("--quiet says nothing of success, and everything of failure", async () => {
    place.put("log/visits/LOAD00000003.csv", "id,page\n4,d\n");
    expect(await place.run(["load", "--quiet"])).toEqual({ exit: 0, stdout: "", stderr: "" });
    expect(await count(place, "shop.visits")).toBe(4);
    place.put("log/visits/LOAD00000004.csv", Buffer.from("\0\0\0\0PNG", "latin1"));
    const failed = await place.run(["load", "--quiet"]);
    expect(failed).toMatchObject({ exit: 1, stdout: "" });
    expect(failed.stderr).toMatch(
      /^NOT_CSV .*\n {2}where {2}table visits, object log\/visits\/LOAD00000004\.csv\n {2}next /,
    );
  });

  test("what failed waits for a change, and is said again by every load", async () => {
    const again = await place.run(["load"]);
    expect(again.exit).toBe(1);
    expect(again.stdout).toMatch(/^NOT_CSV {2}1 object waits since a failed load: The object is binary, not CSV$/m);
    expect(again.stdout).not.toContain("Nothing new");
    const history = await place.run(["history", "--status", "failed"]);
    expect(history.stdout).toMatch(/log\/visits\/LOAD00000004\.csv +failed NOT_CSV/);
  });
});

test("migrate makes the state schema once", async () => {
  const place = await openWorkplace();
  try {
    await fill(place);
    const first = await place.run(["migrate"]);
    expect(first.exit).toBe(0);
    expect(first.stdout).toMatch(/^Applied to the state schema drayage: 0001_state\.sql/);
    expect(await place.run(["migrate"])).toMatchObject({
      exit: 0,
      stdout: "The state schema drayage is up to date.\n",
    });
    const json = JSON.parse((await place.run(["migrate", "--json"])).stdout) as unknown;
    expect(json).toEqual({ format: 1, command: "migrate", exit: 0, applied: [] });
  } finally {
    await place.end();
  }
});

test("help in four groups, version, and help for no words at all", async () => {
  const place = await openWorkplace();
  try {
    const help = await place.run(["--help"]);
    expect(help.exit).toBe(0);
    const groups = ["Every day:", "When something is wrong:", "Look closer:", "Set up:"];
    expect(help.stdout.split("\n").filter((line) => groups.includes(line))).toEqual(groups);
    for (const command of ["load", "plan", "rejects", "history", "demo", "migrate"])
      expect(help.stdout).toMatch(new RegExp(`^ {2}${command}\\b`, "m"));
    expectPlain(help);
    expect(await place.run([])).toEqual(help);
    expect(await place.run(["--version"])).toEqual({ exit: 0, stdout: `${version}\n`, stderr: "" });
    expect((await place.run(["load", "--help"])).stdout).toContain("--allow-deletes");
  } finally {
    await place.end();
  }
});

describe.concurrent("plan ends as load would", () => {
  const names = [
    "no key for upsert",
    "document column that is not JSON",
    "3 of 100 documents are not JSON",
    "too many records are bad",
    "gzip that breaks off",
    "column list of another length",
  ];
  for (const input of badObjects.filter(({ name }) => names.includes(name))) {
    test(input.name, async () => {
      const place = await openWorkplace();
      try {
        await input.arrange(place, { denying: "", s3: "" });
        const ran = await place.run(["plan"]);
        if (input.exit !== 3) expect(ran.stdout).toMatch(new RegExp(`^ *${input.code} `, "m"));
        expect(ran.exit).toBe(input.exit);
      } finally {
        await place.end();
      }
    });
  }
  test("every name is in the table", () => {
    expect(badObjects.filter(({ name }) => names.includes(name))).toHaveLength(names.length);
  });
});
