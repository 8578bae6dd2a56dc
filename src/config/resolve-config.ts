/** Checked input to the Config that the program reads: defaults filled in, source < defaults < table merged. */
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { alertCauses } from "./alert-causes.ts";
import { awsKeys, awsRegion } from "./aws-keys.ts";
import { tidyType } from "./column-type.ts";
import type { ExportsByPath } from "./columns-from.ts";
import type {
  ColumnRule,
  Config,
  DialectConfig,
  ScheduleConfig,
  SourceConfig,
  TableConfig,
  WarehouseConfig,
} from "./config.ts";
import type { ConfigTree } from "./config-tree.ts";
import type { Environment } from "./environment.ts";
import { trimSlashes } from "./folder-names.ts";
import type { KeyPath } from "./problems.ts";
import type { ConfigInput, DialectInput, TableInput } from "./schema.ts";
import { type ColumnRuleInput, type ColumnsInput, splitColumn } from "./schema-columns.ts";

type DefaultsInput = NonNullable<ConfigInput["defaults"]>;
type LineOf = (path: KeyPath) => number;

const megabyte = 2 ** 20;
const dayMs = 86_400_000;

/** `file` as the user named it; paths in the config are relative to it. */
export function resolveConfig(
  input: ConfigInput,
  tree: ConfigTree,
  file: string,
  env: Environment,
  exports: ExportsByPath = new Map(),
): Config {
  const lineOf: LineOf = (path) => tree.keyAt(path).line;
  const absolute = resolve(file);
  const defaults = input.defaults ?? {};
  const tables = Object.entries(input.tables).map(([name, entry]) => {
    const settings = entry === "off" || entry === false ? undefined : entry;
    return resolveTable(name, settings, defaults, { dialect: input.source.dialect ?? {}, exports, lineOf });
  });
  // Objects put keys that look like numbers first; the file's order is what the user sees.
  const columnOf = (table: TableConfig): number => tree.keyAt(["tables", table.name]).column;
  tables.sort((a, b) => a.line - b.line || columnOf(a) - columnOf(b));
  return {
    file: absolute,
    source: resolveSource(input.source),
    warehouse: resolveWarehouse(input, dirname(absolute), env),
    tables,
    limits: {
      maxRecordBytes: input.limits?.max_record_bytes ?? 64 * megabyte,
      maxDepth: input.limits?.max_depth ?? 200,
      maxUnitBytes: input.limits?.max_unit_bytes ?? 256 * megabyte,
    },
    log: { level: input.log?.level ?? "info", format: input.log?.format ?? "auto" },
    schedule: resolveSchedule(input.schedule ?? {}),
    alerts: {
      webhook: input.alerts?.webhook,
      heartbeat: input.alerts?.heartbeat,
      on: input.alerts?.on ?? alertCauses,
      daily: input.alerts?.daily,
    },
    retention: {
      rejectsMs: input.retention?.rejects ?? 90 * dayMs,
      tombstonesMs: input.retention?.tombstones ?? 30 * dayMs,
      runsMs: input.retention?.runs ?? 400 * dayMs,
    },
  };
}

function resolveSource(input: ConfigInput["source"]): SourceConfig {
  return {
    url: input.url.replace(/(?<=[^/:])\/+$/, ""),
    region: input.region,
    endpoint: input.endpoint,
    role: input.role,
    timezone: input.timezone ?? "UTC",
    expectEveryMs: input.expect_every ?? 7_200_000,
    ignore: (input.ignore ?? []).map(trimSlashes),
  };
}

function resolveSchedule(input: NonNullable<ConfigInput["schedule"]>): ScheduleConfig {
  const { http } = input;
  return {
    cron: input.cron ?? "5 * * * *",
    timezone: input.timezone ?? "UTC",
    concurrency: input.concurrency ?? 4,
    after: (input.after ?? []).map((step) =>
      typeof step === "string" ? { kind: "command", command: step } : { kind: "webhook", url: step.webhook },
    ),
    http: http?.port === undefined ? undefined : { port: http.port, bind: http.bind ?? "127.0.0.1", token: http.token },
  };
}

/** PG* of the environment, `.env` included, stand in for what neither the url nor a key says, as in every client of PostgreSQL. */
function resolveWarehouse(
  { warehouse: input, source }: Pick<ConfigInput, "warehouse" | "source">,
  directory: string,
  env: Environment,
): WarehouseConfig {
  const port = Number(env.PGPORT);
  return {
    url: input.url,
    host: input.host ?? (env.PGHOST || undefined),
    port: input.port ?? (port > 0 ? port : undefined),
    database: input.database ?? (env.PGDATABASE || undefined),
    user: input.user ?? (env.PGUSER || undefined),
    password: env.PGPASSWORD || undefined,
    auth: input.auth ?? "password",
    secret: input.secret,
    aws: {
      region: awsRegion(env) ?? source.region,
      keys: awsKeys(env),
      secretsEndpoint: env.AWS_ENDPOINT_URL_SECRETS_MANAGER || undefined,
    },
    role: input.role,
    tls: input.tls,
    ca:
      input.ca === undefined
        ? undefined
        : input.ca.startsWith("file://")
          ? fileURLToPath(input.ca)
          : resolve(directory, input.ca),
    schema: input.schema ?? "public",
    stateSchema: input.state_schema ?? "drayage",
    lockTimeoutMs: input.lock_timeout ?? 5_000,
    lockWaitMs: input.lock_wait ?? 600_000,
    statementTimeoutMs: input.statement_timeout ?? 0,
    maxAttempts: input.max_attempts ?? 24,
    ddl: input.ddl ?? "apply",
  };
}

/** `settings` undefined: the entry is `off`. */
function resolveTable(
  name: string,
  settings: TableInput | undefined,
  defaults: DefaultsInput,
  { dialect, exports, lineOf }: { dialect: DialectInput; exports: ExportsByPath; lineOf: LineOf },
): TableConfig {
  const own: TableInput = settings ?? {};
  const merged = { ...defaults, ...own };
  const flatten = { ...defaults.flatten, ...own.flatten };
  const contract = { ...defaults.contract, ...own.contract };
  const columns = mergeColumns(
    readColumns(defaults.columns, ["defaults", "columns"], lineOf),
    readColumns(own.columns, ["tables", name, "columns"], lineOf),
  );
  const fullLoad = merged.full_load ?? (merged.write_mode === "replace" ? "snapshot" : "once");
  return {
    name,
    line: lineOf(["tables", name]),
    enabled: settings !== undefined,
    prefixes: own.prefix ?? [trimSlashes(name)],
    into: merged.into,
    primaryKey: merged.primary_key,
    columnList: columns.list,
    columnsFrom: merged.columns_from === undefined ? undefined : exports.get(merged.columns_from),
    columns: columns.rules,
    documents: merged.document ?? [],
    flatten: {
      separator: flatten.separator ?? "__",
      maxDepth: flatten.max_depth ?? 8,
      maxColumns: flatten.max_columns ?? 400,
      naming: flatten.naming ?? "snake",
    },
    contract: {
      // Schema and not-yet list let only these through.
      columns: contract.columns ?? "evolve",
      types: contract.types,
      maxNewColumns: contract.max_new_columns ?? 20,
    },
    writeMode: merged.write_mode === "append" || merged.write_mode === "replace" ? merged.write_mode : "upsert",
    deletes: merged.deletes ?? "hard",
    fullLoad,
    onReload: merged.on_reload ?? "refresh",
    reloadSettleMs: merged.reload_settle ?? (fullLoad === "snapshot" ? 120_000 : 900_000),
    changesFrom: merged.changes_from,
    orderBy: merged.order_by,
    rejectLimit: merged.reject_limit ?? 100,
    rejectLimitPct: merged.reject_limit_pct ?? 5,
    deleteLimitPct: merged.delete_limit_pct ?? 20,
    invalidText: merged.invalid_text ?? "repair",
    expectEveryMs: merged.expect_every,
    lateAfterMs: merged.late_after,
    systemColumns: merged.system_columns ?? "all",
    dialect: resolveDialect({ ...dialect, ...defaults.dialect, ...own.dialect }),
  };
}

function resolveDialect(input: DialectInput): DialectConfig {
  return {
    header: input.header ?? "auto",
    op: input.op ?? "auto",
    timestampColumn: input.timestamp_column,
    delimiter: input.delimiter ?? "auto",
    rowDelimiter: input.row_delimiter ?? "auto",
    rfc4180: input.rfc4180 ?? "auto",
    nulls: input.nulls ?? "auto",
    encoding: input.encoding ?? "utf-8",
    fileTimezone: input.file_timezone ?? "UTC",
    beforeImage:
      input.before_image === undefined
        ? undefined
        : { prefix: input.before_image.prefix ?? "", suffix: input.before_image.suffix ?? "" },
    unchangedToken: input.unchanged_token,
    lobMaxSize: input.lob_max_size,
  };
}

interface Columns {
  readonly list: readonly string[] | undefined;
  readonly rules: ReadonlyMap<string, ColumnRule>;
}

function readColumns(input: ColumnsInput | undefined, path: KeyPath, lineOf: LineOf): Columns {
  const rules = new Map<string, ColumnRule>();
  if (input === undefined) return { list: undefined, rules };
  if (!Array.isArray(input)) {
    for (const [name, rule] of Object.entries(input)) rules.set(name, columnRule(rule, lineOf([...path, name])));
    return { list: undefined, rules };
  }
  const list: string[] = [];
  for (const [i, entry] of input.entries()) {
    const [name, rule] = typeof entry === "string" ? splitColumn(entry) : Object.entries(entry)[0]!;
    list.push(name);
    if (rule !== undefined) rules.set(name, columnRule(rule, lineOf([...path, i])));
  }
  return { list, rules };
}

function columnRule(input: ColumnRuleInput, line: number): ColumnRule {
  if (input === "ignore") return { kind: "ignore" };
  if (input === "hash")
    return { kind: "column", type: undefined, as: undefined, timezone: undefined, hash: true, line };
  if (typeof input === "string")
    return { kind: "column", type: tidyType(input), as: undefined, timezone: undefined, line };
  return { kind: "column", type: input.type, as: input.as, timezone: input.timezone, using: input.using, line };
}

/** Lists replace; rules merge name by name, and what the table's rule leaves out stays as in the defaults. */
function mergeColumns(defaults: Columns, own: Columns): Columns {
  const rules = new Map(defaults.rules);
  for (const [name, rule] of own.rules) {
    const base = rules.get(name);
    if (rule.kind === "ignore" || base === undefined || base.kind === "ignore") rules.set(name, rule);
    else
      rules.set(name, {
        ...rule,
        type: rule.type ?? base.type,
        as: rule.as ?? base.as,
        timezone: rule.timezone ?? base.timezone,
        using: rule.using ?? base.using,
      });
  }
  return { list: own.list ?? defaults.list, rules };
}
