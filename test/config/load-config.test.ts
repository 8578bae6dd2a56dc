/** What a good config becomes. */
import { expect, test } from "vitest";
import { z } from "zod";
import { readEnvironment } from "../../src/config/environment.ts";
import { configSchema } from "../../src/config/schema.ts";
import { configFile, configFrom, failureOf, minimal, tablesFrom } from "./config-text.ts";

const everything = `
source:
  url: s3://acme-lake/dms/
  region: ap-south-1
  endpoint: http://127.0.0.1:9000
  timezone: Asia/Kolkata
  ignore: [/tmp/, "*/scratch"]
  dialect:
    header: true
    op: "false"
    timestamp_column: dms_at
    delimiter: "\\t"
    row_delimiter: "\\r\\n"
    rfc4180: false
    nulls: ["NULL", ""]
    encoding: UTF8
    file_timezone: Asia/Tokyo
    zero_dates: null

warehouse:
  host: db.internal
  port: "\${PORT:-5433}"
  database: reports
  user: loader
  role: owner
  auth: password
  tls: require
  ca: rds.pem
  schema: shop
  state_schema: dray
  lock_timeout: 7s
  lock_wait: 1m
  max_attempts: 3
  statement_timeout: 2h
  staging: temp
  ddl: print
defaults:
  deletes: soft
tables:
  "shop/*": {into: "{schema}.{table}"}
  shop/coupons: off
  crm/old: false
  2024: {prefix: year/2024}
  orders:
    prefix: [shop/orders/, /shop/orders_eu]
    primary_key: [id, region]
    columns:
      - id bigint
      - region
      - total:  numeric(12, 2)
      - placed: {as: placed_at, type: timestamp with time zone, timezone: Europe/Paris}
      - token ignore
    document: _doc
    flatten: {separator: _, max_depth: 3, max_columns: 50, arrays: jsonb, naming: keep}
    contract: {columns: freeze, types: widen, max_new_columns: 0}
    write_mode: append
    deletes: ignore
    full_load: once
    on_reload: hold
    reload_settle: 5m
    changes_from: 2026-03-01T10:00+05:30
    reject_limit: 0
    reject_limit_pct: 0.5
    delete_limit_pct: 100
    invalid_text: reject
    system_columns: minimal
    dialect: {delimiter: ";"}
schedule: {concurrency: 2}
limits: {max_record_bytes: 1MB, max_depth: 9, max_unit_bytes: 1GB}
log: {level: debug, format: json}
`;

test("every key arrives where it belongs", () => {
  const config = configFrom(everything);
  expect(config).toMatchObject({
    file: configFile,
    source: {
      url: "s3://acme-lake/dms",
      region: "ap-south-1",
      endpoint: "http://127.0.0.1:9000",
      timezone: "Asia/Kolkata",
      ignore: ["tmp", "*/scratch"],
    },
    warehouse: {
      url: undefined,
      host: "db.internal",
      port: 5433,
      database: "reports",
      user: "loader",
      role: "owner",
      tls: "require",
      ca: "/etc/drayage/rds.pem",
      schema: "shop",
      stateSchema: "dray",
      lockTimeoutMs: 7_000,
      lockWaitMs: 60_000,
      maxAttempts: 3,
      statementTimeoutMs: 7_200_000,
      ddl: "print",
    },
    schedule: { cron: "5 * * * *", timezone: "UTC", concurrency: 2, after: [], http: undefined },
    limits: { maxRecordBytes: 1_048_576, maxDepth: 9, maxUnitBytes: 1_073_741_824 },
    log: { level: "debug", format: "json" },
  });
  expect(config.tables.map(({ name, enabled }) => [name, enabled])).toEqual([
    ["shop/*", true],
    ["shop/coupons", false],
    ["crm/old", false],
    ["2024", true],
    ["orders", true],
  ]);
  expect(config.tables.at(-1)).toEqual({
    name: "orders",
    line: 44,
    enabled: true,
    prefixes: ["shop/orders", "shop/orders_eu"],
    into: undefined,
    primaryKey: ["id", "region"],
    columnList: ["id", "region", "total", "placed", "token"],
    columns: new Map([
      ["id", { kind: "column", type: "bigint", as: undefined, timezone: undefined, line: 48 }],
      ["total", { kind: "column", type: "numeric(12, 2)", as: undefined, timezone: undefined, line: 50 }],
      [
        "placed",
        { kind: "column", type: "timestamp with time zone", as: "placed_at", timezone: "Europe/Paris", line: 51 },
      ],
      ["token", { kind: "ignore" }],
    ]),
    documents: ["_doc"],
    flatten: { separator: "_", maxDepth: 3, maxColumns: 50, naming: "keep" },
    contract: { columns: "freeze", types: "widen", maxNewColumns: 0 },
    writeMode: "append",
    deletes: "ignore",
    fullLoad: "once",
    onReload: "hold",
    reloadSettleMs: 300_000,
    changesFrom: Date.UTC(2026, 2, 1, 4, 30),
    rejectLimit: 0,
    rejectLimitPct: 0.5,
    deleteLimitPct: 100,
    invalidText: "reject",
    systemColumns: "minimal",
    dialect: {
      header: true,
      op: false,
      timestampColumn: "dms_at",
      delimiter: ";",
      rowDelimiter: "\r\n",
      rfc4180: false,
      nulls: ["NULL", ""],
      encoding: "utf-8",
      fileTimezone: "Asia/Tokyo",
      lobMaxSize: undefined,
    },
  });
});

test("the defaults are the contract's", () => {
  const config = configFrom(minimal("tables: {shop/orders: {}}"));
  expect(config.source).toMatchObject({ timezone: "UTC", expectEveryMs: 7_200_000, ignore: [] });
  expect(config.warehouse).toMatchObject({
    tls: undefined,
    schema: "public",
    stateSchema: "drayage",
    lockTimeoutMs: 5_000,
    lockWaitMs: 600_000,
    maxAttempts: 24,
    statementTimeoutMs: 0,
    ddl: "apply",
  });
  expect(config.limits).toEqual({ maxRecordBytes: 67_108_864, maxDepth: 200, maxUnitBytes: 268_435_456 });
  expect(config.schedule).toEqual({ cron: "5 * * * *", timezone: "UTC", concurrency: 4, after: [], http: undefined });
  expect(config.log).toEqual({ level: "info", format: "auto" });
  expect(config.tables[0]).toEqual({
    name: "shop/orders",
    line: 3,
    enabled: true,
    prefixes: ["shop/orders"],
    into: undefined,
    primaryKey: undefined,
    columnList: undefined,
    columns: new Map(),
    documents: [],
    flatten: { separator: "__", maxDepth: 8, maxColumns: 400, naming: "snake" },
    contract: { columns: "evolve", types: undefined, maxNewColumns: 20 },
    writeMode: "upsert",
    deletes: "hard",
    fullLoad: "once",
    onReload: "refresh",
    reloadSettleMs: 900_000,
    changesFrom: undefined,
    rejectLimit: 100,
    rejectLimitPct: 5,
    deleteLimitPct: 20,
    invalidText: "repair",
    expectEveryMs: undefined,
    lateAfterMs: undefined,
    systemColumns: "all",
    dialect: {
      header: "auto",
      op: "auto",
      timestampColumn: undefined,
      delimiter: "auto",
      rowDelimiter: "auto",
      rfc4180: "auto",
      nulls: "auto",
      encoding: "utf-8",
      fileTimezone: "UTC",
      lobMaxSize: undefined,
    },
  });
});

test("more specific wins, maps merge, lists replace", () => {
  const [first, second] =
    configFrom(`source: {url: "s3://lake", dialect: {header: true, nulls: ["NULL"], encoding: latin1}}
warehouse: {url: "postgresql://h/d"}
defaults:
  primary_key: [id]
  dialect: {header: false, delimiter: ";"}
  flatten: {max_depth: 3, separator: "."}
  contract: {columns: freeze}
  columns: {secret: ignore, created: {as: created_at, timezone: UTC}, geo: jsonb}
tables:
  a/one:
    primary_key: [x, y]
    dialect: {delimiter: "|", nulls: [""]}
    flatten: {max_depth: 4}
    contract: {max_new_columns: 1}
    columns: {secret: text, created: timestamptz, geo: ignore, own: int}
  a/two: {}
`).tables;
  expect(first).toMatchObject({
    primaryKey: ["x", "y"],
    dialect: { header: false, delimiter: "|", nulls: [""], encoding: "latin1" },
    flatten: { maxDepth: 4, separator: "." },
    contract: { columns: "freeze", maxNewColumns: 1 },
  });
  expect(Object.fromEntries(first!.columns)).toEqual({
    secret: { kind: "column", type: "text", as: undefined, timezone: undefined, line: 15 },
    created: { kind: "column", type: "timestamptz", as: "created_at", timezone: "UTC", line: 15 },
    geo: { kind: "ignore" },
    own: { kind: "column", type: "int", as: undefined, timezone: undefined, line: 15 },
  });
  expect(second).toMatchObject({
    primaryKey: ["id"],
    dialect: { header: false, delimiter: ";", nulls: ["NULL"] },
    flatten: { maxDepth: 3 },
  });
  expect([...second!.columns.keys()]).toEqual(["secret", "created", "geo"]);
});

test("keys are the text that is written, not the number that YAML reads", () => {
  const [table] = tablesFrom("  1e3: {prefix: a/b, columns: {007: ignore, yes: ignore, null: ignore}}\n");
  expect(table!.name).toBe("1e3");
  expect([...table!.columns.keys()].sort()).toEqual(["007", "null", "yes"]);
});

test("DMS's own spelling of delimiters is understood", () => {
  const [table] = tablesFrom("  a/b: {dialect: {delimiter: \\t, row_delimiter: \\r\\n}}\n");
  expect(table!.dialect).toMatchObject({ delimiter: "\t", rowDelimiter: "\r\n" });
});

const variable = (expression: string) => `$\{${expression}}`;

test("the environment wins over .env, which wins over the default; neither is changed", () => {
  const text = minimal(`tables:\n  a/b: {into: "${variable("A:-d")}_${variable("B:-d")}_${variable("C:-d")}"}`);
  const env = Object.freeze({ A: "env" });
  const { tables } = configFrom(text, { env, files: { "/etc/drayage/.env": "A=file\nB='file'\n# C=x\n" } });
  expect(tables[0]!.into).toBe("env_file_d");
});

test("files are read, relative ones beside the config", () => {
  const text = minimal(`tables:\n  a/b: {into: "${variable("file:/run/a")}_${variable("file:b")}"}`);
  expect(configFrom(text, { files: { "/run/a": "x\n", "/etc/drayage/b": "y" } }).tables[0]!.into).toBe("x_y");
});

test("keys are not expanded, and what was put in is text: no key, no list, no number of YAML", () => {
  const text = minimal(`tables:\n  a/b: {into: "${variable("X")}", columns: {"${variable("X")}": ignore}}`);
  const [table] = configFrom(text, { env: { X: "x" } }).tables;
  expect(table).toMatchObject({ into: "x" });
  expect([...table!.columns.keys()]).toEqual([variable("X")]);
  expect(failureOf(text, { env: { X: "{a: b}" } }).lines).toHaveLength(1);
});

test("the merged environment is there for others too", () => {
  const readFile = () => "AWS_PROFILE=dev\nHOME=/nowhere\n";
  expect(readEnvironment("/etc/drayage/drayage.yaml", { HOME: "/root", EMPTY: undefined }, readFile)).toEqual({
    AWS_PROFILE: "dev",
    HOME: "/root",
  });
});

test("the schema can be written as JSON Schema", () => {
  const schema = z.toJSONSchema(configSchema, { io: "input" });
  expect(Object.keys(schema.properties ?? {})).toEqual([
    "source",
    "warehouse",
    "defaults",
    "tables",
    "schedule",
    "alerts",
    "retention",
    "limits",
    "log",
  ]);
});

test("what is expected of the source and of tables", () => {
  const config = configFrom(`source: {url: "s3://lake/dms", expect_every: 6h}
warehouse: {url: "postgresql://u@h/db"}
defaults: {late_after: 10m}
tables:
  shop/orders: {expect_every: 1h}
  shop/refunds: {late_after: "0"}
`);
  expect(config.source.expectEveryMs).toBe(21_600_000);
  expect(config.tables.map((table) => [table.expectEveryMs, table.lateAfterMs])).toEqual([
    [3_600_000, 600_000],
    [undefined, 0],
  ]);
});

test.each(["0", "-1h", "hourly", "2"])("expect_every: %s is refused", (text) => {
  expect(() => configFrom(minimal(`tables: {shop/orders: {expect_every: ${JSON.stringify(text)}}}`))).toThrow();
});
