/** Each thing that doctor knows, made for real; where the fix is a statement, it is run, and the finding is gone. */
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { checkSetup, type Finding, isRdsProxy } from "../../src/load/check-setup.ts";
import { checkTimeZone } from "../../src/load/check-time-zone.ts";
import { openSource } from "../../src/source/open-source.ts";
import { Session } from "../../src/warehouse/session.ts";
import { startHooks } from "../support/hook-server.ts";
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
  readonly table?: string;
  /** Below the sections. */
  readonly more?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly test?: boolean;
}

async function doctor({
  source = place.source,
  url = place.url,
  schema = "shop",
  clock = 0,
  lines = "",
  table = "",
  more = `alerts: { heartbeat: "http://127.0.0.1:9/" }`,
  env = {},
  test = false,
}: Setting = {}) {
  place.config(
    `source: { ${source.startsWith("{") ? source.slice(1, -1) : `url: "${source}"`} }\nwarehouse: { url: "${url}", schema: ${schema}${lines} }\ntables: { orders: { prefix: shop/orders, primary_key: [id]${table} } }\n${more}\n`,
  );
  const config = loadConfig({ file: join(place.dir, "drayage.yaml"), env: {} });
  return checkSetup(
    config,
    () => openSource(config.source, env),
    () => new Date(Date.now() + clock),
    test ? { newId: () => "an-id", now: new Date() } : undefined,
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
    "time zone",
    "session",
    "state",
    "schema",
    "heartbeat",
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

test("no heartbeat is worth a word, and setting one mends it", async () => {
  expect(await onlyFault({ more: "" })).toMatchObject({ check: "heartbeat", level: "note" });
});

test("a test alert arrives as one, or is said not to", async () => {
  const hooks = await startHooks();
  const more = `alerts: { webhook: "${hooks.url}/planted-secret", heartbeat: "${hooks.url}/beat" }`;
  const alertOf = async (setting: Setting) => (await doctor(setting)).filter(({ check }) => check === "alerts");
  try {
    expect(await alertOf({ more })).toMatchObject([{ level: "good" }]);
    expect(hooks.calls).toEqual([]);
    expect(await alertOf({ more, test: true })).toMatchObject([
      { level: "good", text: expect.stringContaining("taken") },
    ]);
    expect(hooks.calls).toMatchObject([{ method: "POST", body: { drayage: { event: "test", event_id: "an-id" } } }]);
    hooks.answer = 404;
    const [refused] = await alertOf({ more, test: true });
    expect(refused).toMatchObject({ level: "bad", text: expect.stringContaining("HTTP status 404") });
    expect(JSON.stringify(refused)).not.toContain("planted-secret");
    expect(await alertOf({ test: true })).toMatchObject([{ level: "note" }]);
  } finally {
    await hooks.close();
  }
});

test("a bucket that keeps no versions, where each full load holds rows of its own", async () => {
  // What S3 answers; the S3 of the other tests knows no versions.
  const answers = { versioning: "<VersioningConfiguration/>", status: 200 };
  const server = createServer((request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    if (/(^|&)versioning/.test(query)) {
      response.writeHead(answers.status, { "content-type": "application/xml" });
      response.end(answers.versioning);
    } else if (query.includes("list-type=2")) {
      const contents = `<Contents><Key>shop/orders/LOAD00000001.csv</Key><LastModified>2026-03-01T10:00:00.000Z</LastModified><ETag>"e"</ETag><Size>4</Size></Contents>`;
      response.writeHead(200, { "content-type": "application/xml" });
      response.end(`<ListBucketResult><IsTruncated>false</IsTruncated>${contents}</ListBucketResult>`);
    } else {
      response.writeHead(206, { "content-range": "bytes 0-3/4", etag: '"e"' });
      response.end(path.endsWith(".csv") ? "id\n1" : "");
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const setting: Setting = {
    source: `{url: "s3://acme", region: us-east-1, endpoint: "http://127.0.0.1:${port}"}`,
    table: ", full_load: changes",
    env: { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" },
  };
  try {
    const fault = await onlyFault(setting);
    expect(fault).toMatchObject({ check: "versions", level: "note", fix: expect.stringContaining("--bucket acme") });
    expect(notGood(await doctor({ ...setting, table: "" }))).toEqual([]);
    answers.versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    expect(notGood(await doctor(setting))).toEqual([]);
    Object.assign(answers, { status: 403, versioning: "<Error><Code>AccessDenied</Code></Error>" });
    expect((await onlyFault(setting)).fix).toContain("s3:GetBucketVersioning");
  } finally {
    server.close();
  }
});

test("a server whose clocks of the source's zone are not this machine's", async () => {
  await doctor({ more: `alerts: { heartbeat: "http://127.0.0.1:9/" }` });
  const config = loadConfig({ file: join(place.dir, "drayage.yaml"), env: {} });
  // In another zone than the config's a session shows what time zone files of another year would.
  const session = await Session.connect(config.warehouse, "test", "Asia/Kolkata");
  try {
    expect(await checkTimeZone(session, config, new Date())).toMatchObject({ check: "time zone", level: "note" });
  } finally {
    await session.close();
  }
});

test.each([
  ["lake.proxy-c1a2b3.ap-south-1.rds.amazonaws.com", true],
  ["lake.cluster-c1a2b3.ap-south-1.rds.amazonaws.com", false],
  ["proxy-c1.example.com", false],
])("whether %s is an RDS Proxy: %s", (host, expected) => {
  expect(isRdsProxy({ host, url: undefined })).toBe(expected);
  expect(isRdsProxy({ host: undefined, url: `postgresql://u:p@${host}:5432/d` })).toBe(expected);
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
