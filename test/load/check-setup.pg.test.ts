/** Each thing that doctor knows, made for real; where the fix is a statement, it is run, and the finding is gone. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { checkSetup, type Finding } from "../../src/load/check-setup.ts";
import { openSource } from "../../src/source/open-source.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let database: string;

beforeAll(async () => {
  place = await openWorkplace();
  database = new URL(place.url).pathname.slice(1);
  place.put("shop/orders/LOAD00000001.csv", "Op,id\nI,1\n");
});

afterAll(() => place.end());

interface Setting {
  readonly source?: string;
  readonly url?: string;
  readonly schema?: string;
  readonly clock?: number;
  readonly lines?: string;
}

async function doctor({
  source = place.source,
  url = place.url,
  schema = "shop",
  clock = 0,
  lines = "",
}: Setting = {}) {
  place.config(
    `source: { url: "${source}" }\nwarehouse: { url: "${url}", schema: ${schema}${lines} }\ntables: { orders: { prefix: shop/orders, primary_key: [id] } }\n`,
  );
  const config = loadConfig({ file: join(place.dir, "drayage.yaml"), env: {} });
  return checkSetup(
    config,
    () => openSource(config.source, {}),
    () => new Date(Date.now() + clock),
  );
}

function notGood(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ level }) => level !== "good");
}

/** The one thing that is wrong. */
async function onlyFault(setting: Setting = {}): Promise<Finding> {
  const found = notGood(await doctor(setting));
  expect(found).toHaveLength(1);
  return found[0] as Finding;
}

async function mended(fault: Finding, setting: Setting = {}): Promise<void> {
  await place.client.query(fault.fix ?? "");
  expect(notGood(await doctor(setting)).map(({ text }) => text)).not.toContain(fault.text);
}

test("a setup that works has nothing to say", async () => {
  expect(notGood(await doctor())).toEqual([]);
  expect((await doctor()).map(({ check }) => check)).toEqual([
    "config",
    "source list",
    "source read",
    "warehouse",
    "writer",
    "tls",
    "encoding",
    "staging",
    "clock",
    "session",
    "state",
    "schema",
  ]);
});

test.each<[string, string, () => Setting]>([
  ["a directory that is not there", "source list", () => ({ source: `${place.source}/none` })],
  ["a server that is not there", "warehouse", () => ({ url: "postgresql://h@127.0.0.1:1/d" })],
  ["a wrong password", "warehouse", () => ({ url: place.url.replace(/:[^:@]+@/, ":planted-secret@") })],
  ["a clock that is off", "clock", () => ({ clock: 600_000 })],
])("%s", async (_, check, setting) => {
  const fault = await onlyFault(setting());
  expect(fault).toMatchObject({ check, level: "bad" });
  expect(fault.fix).toBeTruthy();
  expect(JSON.stringify(fault)).not.toContain("planted-secret");
});

test("an empty source is worth a word", async () => {
  const empty = join(place.dir, "empty");
  mkdirSync(empty);
  expect(await onlyFault({ source: pathToFileURL(empty).href })).toMatchObject({ check: "source list", level: "note" });
});

test("a reader", async () => {
  await place.client.query(`alter database ${database} set default_transaction_read_only = on`);
  expect(await onlyFault()).toMatchObject({ check: "writer", level: "bad" });
  await place.client.query(`alter database ${database} reset default_transaction_read_only`);
});

test("a database of another encoding", async () => {
  const other = `${database}_ascii`;
  await place.client.query(
    `create database ${other} template template0 encoding 'SQL_ASCII' locale 'C' owner ${place.role}`,
  );
  try {
    expect(await onlyFault({ url: place.url.replace(`/${database}`, `/${other}`) })).toMatchObject({
      check: "encoding",
      level: "bad",
    });
  } finally {
    await place.client.query(`drop database ${other}`);
  }
});

test("rights that are missing, each mended by the statement that is printed", async () => {
  const { client, role } = place;
  await client.query(`alter database ${database} owner to current_user`);
  await client.query(`revoke temporary on database ${database} from public`);
  await client.query("create schema shop create table orders (id text primary key)");
  const seen: string[] = [];
  for (let found = notGood(await doctor()); found.length > 0; found = notGood(await doctor())) {
    const [fault] = found;
    if (fault === undefined || seen.length > 10) break;
    seen.push(`${fault.level} ${fault.check}: ${fault.text.replaceAll(role, "ROLE")}`);
    if (!fault.fix?.endsWith(";")) break;
    await mended(fault);
  }
  expect(seen).toEqual([
    "bad staging: No temporary tables may be made",
    "bad state: There is no schema drayage, and ROLE may not make it",
    "bad schema: ROLE may not use the schema shop",
    "bad table: ROLE may not select, insert, update, delete on shop.orders",
    "bad table: shop.orders lacks drayage's columns, and only its owner may add them",
    "note table: shop.orders belongs to another role: a new column of the source would stop it",
  ]);
  expect(notGood(await doctor({ lines: ", ddl: print" }))).toEqual([]);
});

test("a state schema that a newer version has made, and one that somebody else owns", async () => {
  const { client } = place;
  await client.query("create table drayage.migrations (number integer)");
  await client.query(`alter table drayage.migrations owner to ${place.role}`);
  await client.query("insert into drayage.migrations values (9999)");
  expect(await onlyFault({ lines: ", ddl: print" })).toMatchObject({
    check: "state",
    text: expect.stringContaining("STATE_NEWER"),
  });
  await client.query("drop table drayage.migrations");
  await client.query("alter schema drayage owner to current_user");
  await mended(await onlyFault({ lines: ", ddl: print" }), { lines: ", ddl: print" });
});
