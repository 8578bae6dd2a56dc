/** `plan` of a URL: no config, no warehouse, and little read of however much lies there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startingConfig } from "../../src/config/starting-config.ts";
import { planUrl } from "../../src/load/plan-url.ts";
import { readSourceUrl } from "../../src/load/source-url.ts";
import type { ListedObject, ObjectSource } from "../../src/source/object-source.ts";
import { runHere } from "../support/drayage.ts";
import { csv } from "../support/one-table.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "drayage-url-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(path: string, body: string | Uint8Array): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), body);
}

const urlOf = (path: string) => pathToFileURL(join(dir, path)).href;
const plan = (path: string, ...options: string[]) => runHere(["plan", urlOf(path), ...options], { cwd: dir });

async function planned(path: string, ...options: string[]) {
  const ran = await plan(path, "--json", ...options);
  return { exit: ran.exit, ...JSON.parse(ran.stdout) };
}

const documents = (n: number) =>
  csv(
    "Op,_id,_doc",
    ...Array.from({ length: n }, (_, i) => `I,${i},"{""name"":""n${i}"",""at"":{""$date"":${i}},""tags"":[${i}]}"`),
  );

describe("one folder is one table", () => {
  test("documents: columns over full load and changes, one type each, the key that tells them apart", async () => {
    put("crm/people/LOAD00000001.csv", documents(3));
    put("crm/people/2026/03/01/20260301-100000000.csv", csv("Op,_id,_doc", 'U,1,"{""name"":5,""late"":1.5}"', "D,2,"));
    const { exit, found, tables } = await planned("crm/people", "--samples", "full");
    expect(exit).toBe(0);
    expect(found).toMatchObject([{ folder: "crm/people", fullLoads: 1, changes: 1 }]);
    const [table] = tables;
    expect(table).toMatchObject({ table: "people", key: ["_id"], counts: { read: 5, rejected: 0 }, errors: [] });
    const column = (path: string) => table.columns.find((one: { path: string }) => one.path === path);
    expect(column("name")).toMatchObject({ type: "text", nullShare: 0 });
    expect(column("at")).toMatchObject({ type: "timestamp with time zone", nullShare: 0.25 });
    // Absent from the documents before it.
    expect(column("late")).toMatchObject({ type: "double precision", nullShare: 0.75, sample: "1.5" });
    expect(column("tags")).toMatchObject({ type: "jsonb", sample: "[0]" });
  });

  test("what its structure would reject is counted by reason, and the exit is that of a load with rejects", async () => {
    const bad = ["3,c,extra", '4,"{""x"":"'];
    put("shop/a/LOAD00000001.csv", csv("id,_doc", '1,"{""v"":1}"', '2,"[1]"', ...bad));
    const { exit, tables } = await planned("shop/a");
    expect(exit).toBe(3);
    expect(tables[0].rejects).toEqual({ field_count: 1, "not_object (_doc)": 1, "bad_json (_doc)": 1 });
    const { stdout } = await plan("shop/a");
    expect(stdout).toContain("rejects expected of 4 records: ");
    expect(stdout).toContain("not tried without a warehouse: casts");
    expect(stdout).toContain(`next   drayage init ${urlOf("shop/a")}`);
  });

  test("gzip, and a first record longer than what is asked for at first", async () => {
    const long = "x".repeat(200_000);
    put("shop/b/LOAD00000001.csv", csv("Op,id,note", `I,1,${long}`, "I,2,b"));
    put(
      "shop/b/LOAD00000002.csv.gz",
      gzipSync(csv("Op,id,note", ...Array.from({ length: 9000 }, (_, i) => `I,${i},c`))),
    );
    const { tables } = await planned("shop/b");
    expect(tables[0].errors).toEqual([]);
    expect(tables[0].columns.find(({ path }: { path: string }) => path === "note").maxLength).toBe(200_000);
    expect(tables[0].read.objects).toBe(2);
  });

  test("without a header: the lines to paste, exit 6, and init with a file of names", async () => {
    put("shop/c/LOAD00000001.csv", csv("1,a,2026-03-01 10:00:00", "2,b,2026-03-01 10:00:00"));
    const { exit, stdout } = await plan("shop/c");
    expect(exit).toBe(6);
    expect(stdout).toContain("- column_3 timestamp");
    expect(stdout).toContain("--columns FILE");
  });
});

describe("the key that is proposed", () => {
  const keyOf = async (folder: string, ...lines: string[]) => {
    put(`${folder}/LOAD00000001.csv`, csv(...lines));
    return (await planned(folder)).tables[0].proposedKey;
  };

  test("a column called like the table's key, where no value comes twice", async () => {
    expect(await keyOf("s/orders", "ref,order_id", "7,1", "7,2", "7,3")).toMatchObject({ key: ["order_id"] });
    expect(await keyOf("s/categories", "name,category_id", "x,1", "x,2", "x,3")).toMatchObject({
      key: ["category_id"],
    });
  });

  test("none where a value comes twice, or where the name is another table's", async () => {
    expect(await keyOf("s/lines", "id,n", "1,1", "1,2", "2,2")).toBeUndefined();
    expect(await keyOf("s/notes", "customer_id,n", "1,1", "2,2", "3,3")).toBeUndefined();
  });

  test("what deletes carry is the key, whatever it is called; DMS's own time is not", async () => {
    put(
      "s/pairs/20260301-100000000.csv",
      csv("Op,ts,a,b,v", "I,2026-03-01 10:00:00,1,1,x", "D,2026-03-01 10:00:00,1,1,"),
    );
    expect((await planned("s/pairs")).tables[0].proposedKey).toMatchObject({ key: ["a", "b"] });
  });
});

describe("a URL that holds many tables", () => {
  test("lists all, plans some; partitions of a full load and dates of changes are no tables of their own", async () => {
    for (const name of ["a", "b", "c", "d", "e", "f", "g"])
      put(`lake/shop/${name}/LOAD00000001.csv`, csv("id,n", "1,1"));
    put("lake/shop/parts/p1/LOAD00000001.csv", csv("id,n", "1,1"));
    put("lake/shop/parts/p2/LOAD00000001.csv", csv("id,n", "2,1"));
    put("lake/shop/a/20260301/20260301-100000000.csv", csv("Op,id,n", "I,2,1"));
    put("lake/shop/awsdms_validation/LOAD00000001.csv", csv("id", "1"));
    put("lake/export/readme.txt", "not of DMS");
    const { found, tables, others } = await planned("lake");
    expect(found.map(({ folder }: { folder: string }) => folder)).toEqual(
      ["a", "b", "c", "d", "e", "f", "g", "parts"].map((name) => `shop/${name}`),
    );
    expect(found.at(-1)).toMatchObject({ fullLoads: 2 });
    expect(tables).toHaveLength(5);
    expect(others).toEqual({ export: 1 });
    const { stdout } = await plan("lake");
    expect(stdout).toContain("3 more tables, not planned here");
    expect((await planned("lake", "--full")).tables).toHaveLength(8);
  });

  test("50 GB below it: some megabytes are read, in seconds", async () => {
    const tables = 20;
    const size = 5_000_000;
    const body = Buffer.from(documents(2_000));
    let asked = 0;
    const source: ObjectSource = {
      url: "s3://acme/dms",
      base: { bucket: "acme", prefix: "dms/" },
      async *list() {
        for (let table = 0; table < tables; table++) {
          const page = Array.from({ length: 500 }, (_, i): ListedObject => {
            const path = `crm/t${String(table).padStart(3, "0")}/LOAD${String(i + 1).padStart(8, "0")}.csv`;
            const key = `dms/${path}`;
            return { bucket: "acme", key, path, etag: "e", size, lastModified: new Date(0), storageClass: undefined };
          });
          yield page;
        }
      },
      open(object, { from = 0, to = object.size } = {}) {
        asked += to - from;
        return Readable.from([body.subarray(from, Math.min(to, body.length))]);
      },
      close: () => undefined,
    };
    const report = await planUrl({
      config: startingConfig("s3://acme/dms", {}),
      source,
      url: readSourceUrl("s3://acme/dms"),
      mostTables: tables,
      mostObjects: 100_000,
      mostRecords: 10_000,
      signal: undefined,
    });
    expect(report.found.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(50e9);
    expect(report.tables).toHaveLength(tables);
    expect(report.tables.every(({ plan: { errors, columns } }) => errors.length === 0 && columns.length > 3)).toBe(
      true,
    );
    expect(asked).toBeLessThan(50e6);
    expect(report.bytes).toBe(asked);
    expect(report.milliseconds).toBeLessThan(10_000);
  });
});

describe("a URL that is wrong", () => {
  test("a folder that is spelled otherwise is suggested", async () => {
    put("crm/customers/LOAD00000001.csv", documents(1));
    const { exit, stderr } = await plan("crm/custmers");
    expect(exit).not.toBe(0);
    expect(stderr).toContain(`Did you mean ${urlOf("crm/customers")}?`);
  });

  test("a folder without objects of DMS says what is there", async () => {
    put("lake/x/readme.txt", "hello");
    const { exit, stderr } = await plan("lake");
    expect(exit).toBe(2);
    expect(stderr).toMatch(/SOURCE_EMPTY.*None of the 1 objects/);
  });

  test.each(["s3:/acme/x", "https://acme.s3.amazonaws.com/x", "s3://", "file://x"])("%s is refused", async (url) => {
    const { exit, stderr } = await runHere(["plan", url], { cwd: dir });
    expect(exit).toBe(2);
    expect(stderr).toContain("USAGE  That is no URL of a source");
  });
});
