/** `rejects export` and `purge`: what goes out is what DMS wrote, only where it was asked to go; what is deleted was counted first. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadHere } from "../support/load-here.ts";
import { csv } from "../support/one-table.ts";
import { programHere } from "../support/program-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
const long = "x".repeat(70_000);
const cut = `"{""note"":""${"y".repeat(1013)}"`;

beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(
    `create table public.orders (id integer primary key, v integer); alter table public.orders owner to ${place.role};
     create table public.events (a integer, b integer, v integer, primary key (a, b)); alter table public.events owner to ${place.role}`,
  );
  const table = (prefix: string, more = {}) => ({ prefix, reject_limit: 100, dialect: { nulls: [""] }, ...more });
  place.config(
    JSON.stringify({
      source: { url: place.source },
      warehouse: { url: place.url },
      tables: { orders: table("o"), events: table("e"), notes: table("n", { document: "_doc" }) },
    }),
  );
  place.put("o/LOAD00000001.csv", csv("id,v", '1,"a, ""b"""', "2,2", `3,${long}`));
  place.put("o/20260301-100000000.csv.gz", gzipSync("Op,id,v\r\nI,4,4\r\nI,5,e\r\nU,1,f\r\n"));
  place.put("e/LOAD00000001.csv", csv("a,b,v", "1,1,x", '1,2,"p\nq"', "1,3,3", '1,4,"open', "1,5,5"));
  place.put("n/LOAD00000001.csv", csv("_id,_doc", `7,${cut}`, `8,${cut}`, '9,"{}"'));
  place.put("n/20260301-100000000.csv", csv("Op,_id,_doc", `U,7,${cut}`));
  expect((await loadHere(place)).counts).toEqual({ read: 14, inserted: 4, rejected: 10 });
});
afterAll(() => place.end());

const path = (name: string) => join(place.dir, name);
const text = (name: string) => readFileSync(path(name), "utf8");

test("csv: the records as they were, below their header, a file for each shape that nobody else can read", async () => {
  const ran = await programHere(place, "rejects", "export", "orders", "events", "--out", path("bad.csv"));
  expect(ran).toMatchObject({ exit: 0, stderr: "" });
  expect(ran.stdout).toBe(["", "-2", "-3"].map((n, i) => `${path(`bad${n}.csv`)}: ${[3, 2, 2][i]} records\n`).join(""));
  const texts = [text("bad.csv"), text("bad-2.csv"), text("bad-3.csv")];
  expect(texts).toEqual([
    'a,b,v\n1,1,x\n1,2,"p\nq"\n1,4,"open\n1,5,5\n',
    `id,v\n1,"a, ""b"""\n3,${long}\n`,
    "Op,id,v\r\nI,5,e\r\nU,1,f\r\n",
  ]);
  expect(statSync(path("bad.csv")).mode & 0o777).toBe(0o600);
  // Never over what is there, but when told so.
  const again = await programHere(place, "rejects", "export", "orders", "--out", path("bad.csv"));
  expect(again).toMatchObject({ exit: 2, stderr: expect.stringContaining("The file is there already") });
  expect((await programHere(place, "rejects", "export", "events", "--out", path("bad.csv"), "--yes")).exit).toBe(0);
  expect(text("bad.csv")).toBe(texts[0]);
});

test("ndjson: all shapes in one file, each record with its place and reason", async () => {
  const ran = await programHere(place, "rejects", "export", "events", "--format", "ndjson", "--out", "-");
  expect(ran.exit).toBe(0);
  const lines = ran.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toMatchObject([
    {
      table: "events",
      object: "e/LOAD00000001.csv",
      record: 1,
      reason: "cast",
      column: "v",
      sqlstate: "22P02",
      text: "1,1,x",
    },
    { record: 2, reason: "cast", text: '1,2,"p\nq"' },
    { record: 4, reason: "unclosed_quote", text: '1,4,"open\n1,5,5\n' },
  ]);
  expect(ran.stderr).toBe("standard output: 3 records\n");
});

test("--keys: each key of a cut document once, to fetch it anew", async () => {
  const ran = await programHere(place, "rejects", "export", "--reason", "truncated_lob", "--keys", "--out", "-");
  expect(ran).toEqual({ exit: 0, stdout: "_id\n7\n8\n", stderr: "standard output: 2 keys\n" });
  const two = await programHere(place, "rejects", "export", "events", "--keys", "--out", "-");
  // The rest of an object has no key.
  expect(two).toEqual({
    exit: 3,
    stdout: "a,b\n1,1\n1,2\n",
    stderr: "standard output: 2 keys\nleft: 1 record whose key could not be read\n",
  });
});

test.each([
  [["export"], /It is not said where the records go/],
  [["export", "--out", "-"], /several shapes/],
  [["export", "--out", "-", "--json"], /not both/],
  [["export", "--out", "x", "--reason", "lossi"], /No reject has it\. Did you mean lossy/],
  [["purge"], /It is not said which rejects/],
  [["purge", "--before", "soon"], /"soon" is no time/],
])("rejects %j is refused", async (args, why) => {
  const ran = await programHere(place, "rejects", ...args);
  expect(ran.exit).toBe(2);
  expect(ran.stderr + ran.stdout).toMatch(why);
  expect(existsSync("x")).toBe(false);
});

test("purge: a count first, then those alone", async () => {
  await place.client.query("alter table public.orders alter v type text");
  expect(await programHere(place, "rejects", "replay", "orders", "--reason", "cast")).toMatchObject({
    exit: 0,
    stdout: "replayed  public.orders: 4 records: 3 inserted, 1 updated\n",
  });
  const asked = await programHere(place, "rejects", "purge", "--replayed");
  expect(asked).toMatchObject({ exit: 2, stderr: expect.stringContaining("4 rejects would be deleted\n") });
  expect((await programHere(place, "rejects", "purge", "--replayed", "--yes")).stdout).toBe("4 rejects deleted.\n");
  expect((await programHere(place, "rejects", "purge", "--replayed", "--yes")).stdout).toBe("No such rejects.\n");
  expect((await programHere(place, "rejects", "purge", "--before", "1h", "--yes")).stdout).toBe("No such rejects.\n");
  const open = await programHere(place, "rejects", "purge", "events", "--before", "0");
  expect(open.stderr).toContain("3 rejects would be deleted, 3 of them open: those records are in no table");
  expect((await programHere(place, "rejects", "purge", "events", "--before", "0", "--yes")).exit).toBe(0);
  const { rows } = await place.client.query(
    "select table_name, count(*)::integer as n from drayage.rejects group by 1",
  );
  expect(rows).toEqual([{ table_name: "notes", n: 3 }]);
});
