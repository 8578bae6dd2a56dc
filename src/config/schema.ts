/** Every key of the config file: its type and its sentence. Defaults are in resolve-config.ts. */
import { z } from "zod";
import { columns } from "./schema-columns.ts";
import * as v from "./schema-values.ts";

const megabyte = 2 ** 20;

const dialect = v.section({
  header: v.flagOrAuto().optional().describe("Whether objects begin with a line of column names."),
  op: v.flagOrAuto().optional().describe("Whether records begin with I, U or D."),
  timestamp_column: v.text.optional().describe("DMS's TimestampColumnName."),
  delimiter: v.delimiter.optional().describe("DMS's CsvDelimiter: one character; auto takes what the records show."),
  row_delimiter: v.rowDelimiter.optional().describe("DMS's CsvRowDelimiter."),
  rfc4180: v.flagOrAuto().optional().describe("DMS's Rfc4180; false means that nothing is ever quoted."),
  nulls: v.nullTokens.optional().describe('Unquoted texts that mean NULL; "" is the empty field.'),
  encoding: v.encoding
    .optional()
    .describe("Encoding of the objects, such as latin1 (which is read as windows-1252) or utf-16le."),
  file_timezone: v.timeZone.optional().describe("DMS's DatePartitionTimezone: the zone of the times in object names."),
  unchanged_token: v.text
    .optional()
    .describe(
      "DMS's CsvNoSupValue: a cell that was not logged keeps its stored value; the table loads strictly in order.",
    ),
  before_image: v
    .section({
      prefix: v.text.optional().describe("What their names begin with."),
      suffix: v.text.optional().describe("What their names end with."),
    })
    .refine((names) => names.prefix !== undefined || names.suffix !== undefined, "needs a prefix or a suffix")
    .optional()
    .describe(
      "How the columns of DMS's add-before-image-columns are called: they tell the old key of a row whose key changes.",
    ),
  lob_max_size: v
    .size(1024 * megabyte)
    .refine((bytes) => bytes >= 1024, "must be 1KB or more: DMS counts LobMaxSize in KB, so its 32 is 32KB here")
    .optional()
    .describe("DMS's LobMaxSize (which counts in KB), the size at which documents and texts are cut: 32KB."),
  zero_dates: z
    .union([z.null(), z.literal("null")], "must be null")
    .optional()
    .describe("What 0000-00-00 becomes."),
});

const source = v.section({
  url: v.text.superRefine(sourceUrl).describe("s3://bucket/prefix or file:///dir; everything below is looked at."),
  region: v.text.optional().describe("AWS region of the bucket."),
  endpoint: v.text
    .refine((url) => /^https?:\/\/[^/]/.test(url), "must be an http:// or https:// URL")
    .optional()
    .describe("S3 endpoint, for stores other than AWS."),
  role: v.text.optional().describe("IAM role to take on."),
  timezone: v.timeZone.optional().describe("What a source time without a zone means."),
  expect_every: v.span(1).optional().describe("Without an object of any table for longer than this, status says so."),
  ignore: v.names().optional().describe("Globs of folders that no table reads and nobody wants reported."),
  dialect: dialect.optional().describe("How DMS writes its CSV here."),
});

const warehouse = v
  .section(
    {
      url: v.text
        .refine(
          isPostgresUrl,
          "must be a postgresql:// URL; characters such as @ # / in its password are written as %40 %23 %2F",
        )
        .optional()
        .describe("postgresql://user:password@host:port/database"),
      host: v.text.optional().describe("Instead of url. The password comes from PGPASSWORD."),
      port: v.whole(1, 65_535).optional().describe("Instead of url."),
      database: v.text.optional().describe("Instead of url."),
      user: v.text.optional().describe("Instead of url."),
      role: v.identifier.optional().describe("SET ROLE of every session: the owner of the main tables."),
      auth: v
        .choice("password", "iam")
        .optional()
        .describe("How drayage signs in: iam makes a token for each connection."),
      secret: v.text
        .optional()
        .describe("ARN of an AWS Secrets Manager secret with username and password, read for each connection."),
      tls: z
        .union([z.enum(["verify-full", "require", "off"]), z.literal(false)], "must be verify-full, require or off")
        .transform((value) => (value === false ? "off" : value))
        .optional()
        .describe("How far the server's certificate is checked."),
      ca: v.text.optional().describe("File with the server's CA certificates (PEM); relative to the config."),
      schema: v.identifier.optional().describe("Where main tables live, unless `into` says otherwise."),
      state_schema: v.identifier.optional().describe("drayage's own schema."),
      connections: v.whole(1, 1_000).optional().describe("Most connections at a time."),
      lock_timeout: v.duration(1).optional().describe("How long DDL waits for a lock on a main table."),
      lock_wait: v.duration().optional().describe("How long `load` waits at its end for what other runs hold."),
      max_attempts: v
        .whole(1, 100_000)
        .optional()
        .describe("How often an object that failed for a passing reason is tried."),
      statement_timeout: v.duration().optional().describe("PostgreSQL's statement_timeout; 0 is none."),
      staging: v.choice("temp", "unlogged").optional().describe("Kind of the staging tables."),
      ddl: v
        .choice("apply", "print")
        .optional()
        .describe("Whether drayage alters main tables or prints the statements."),
    },
    { password: "it belongs into url, or into PGPASSWORD" },
  )
  .superRefine(v.signInFaults);

const flatten = v.section({
  separator: v.text
    .regex(/^[!#-~]{1,10}$/, "must be 1 to 10 ASCII characters")
    .optional()
    .describe("Between the keys of a path in a column's name."),
  max_depth: v.whole(1, 1_000).optional().describe("Deeper objects stay jsonb."),
  max_columns: v.whole(1, 1_500).optional().describe("Most columns that a document may become."),
  arrays: v.choice("jsonb", "child").optional().describe("What arrays become."),
  naming: v.choice("snake", "keep").optional().describe("How keys are spelled as columns."),
});

const contract = v.section({
  columns: v.choice("evolve", "freeze", "rescue", "discard").optional().describe("What happens to a new column."),
  types: v.choice("widen", "reject").optional().describe("What happens to a value that the column's type cannot hold."),
  max_new_columns: v.whole(0, 1_500).optional().describe("Most columns added to a table in one run."),
});

const tableShape = {
  into: v.targetTemplate.optional().describe("Main table: table, schema.table, or a template of {schema} and {table}."),
  primary_key: v
    .names()
    .refine((list) => list.length > 0, "must name a column")
    .optional()
    .describe("The columns that identify a row."),
  columns: columns.optional().describe("By name or document path: a type, ignore, jsonb, or {type, as, timezone}."),
  columns_from: v.text
    .optional()
    .describe(
      "File with an export of information_schema.columns: names, order, types and keys of any number of tables; relative to the config. The queries are in docs/quickstart.md.",
    ),
  document: v.names().optional().describe("Columns that hold a JSON document."),
  flatten: flatten.optional().describe("How documents become columns."),
  contract: contract.optional().describe("What happens when the shape changes."),
  write_mode: v
    .choice("upsert", "append", "replace", "scd2")
    .optional()
    .describe("upsert keeps one row per key, append one per record; replace makes the table equal to each full load."),
  deletes: v
    .choice("hard", "soft", "ignore")
    .optional()
    .describe("hard mirrors the source, soft keeps rows with _deleted_at."),
  full_load: v
    .choice("once", "snapshot", "changes")
    .optional()
    .describe(
      "What a set of LOAD objects holds: once, the table as it was when DMS began; snapshot, the whole table, again and again; changes, changed rows alone.",
    ),
  on_reload: v
    .choice("refresh", "hold")
    .optional()
    .describe("What a newer full load does: refresh applies the difference, hold waits for somebody."),
  reload_settle: v
    .span()
    .optional()
    .describe("How long a full load must be quiet before it counts as complete; 2m for snapshots, unless set."),
  changes_from: v.time().optional().describe("Change objects closed before this time are not loaded."),
  order_by: v.text
    .optional()
    .describe("Column of change records whose digits (up to 38) say which is newer, such as DMS's $AR_H_CHANGE_SEQ."),
  reject_limit: v
    .whole(0, 1e12)
    .optional()
    .describe("Rejects an object may have, when reject_limit_pct is exceeded too."),
  reject_limit_pct: v.percent().optional().describe("Percent of an object's records; both limits must be exceeded."),
  delete_limit_pct: v
    .percent()
    .optional()
    .describe("Share of a table's rows that one unit, or a newer full load, may delete."),
  invalid_text: v.choice("repair", "reject").optional().describe("What happens to NUL bytes and invalid UTF-8."),
  expect_every: v
    .span(1)
    .optional()
    .describe("How often the table should get an object; unset, nothing is expected of it."),
  late_after: v
    .span()
    .optional()
    .describe(
      "How long after that it counts as late: half of it, unless set. Without expect_every, after the usual cadence.",
    ),
  system_columns: v
    .choice("all", "minimal")
    .optional()
    .describe("Which of drayage's own columns the main table gets: minimal is _version and _record."),
  dialect: dialect.optional().describe("How DMS writes this table's CSV; wins over source.dialect."),
};

const defaults = v.section(tableShape, { prefix: "it belongs to each table" });
const table = v.section({
  prefix: v
    .names(v.prefix)
    .refine((list) => list.length > 0, "must name a folder")
    .optional()
    .describe("Folders below source.url; globs allowed."),
  ...tableShape,
});
export type TableInput = z.output<typeof table>;
export type DialectInput = z.output<typeof dialect>;

export const configSchema = v.section({
  source,
  warehouse,
  defaults: defaults.optional(),
  tables: z
    .record(
      v.text,
      z.union([table, z.enum(["off"]), z.literal(false)], "must be a map of settings ({} for none), or off"),
      "must be a map of tables",
    )
    .refine((tables) => Object.keys(tables).length > 0, "must have an entry"),
  schedule: v
    .section({
      cron: v.cron.optional().describe("When to load: five fields, or six with seconds first."),
      timezone: v.timeZone.optional().describe("Zone of cron."),
      concurrency: v.whole(1, 64).optional().describe("Tables loaded at a time; `--concurrency` wins."),
      after: v
        .afterSteps()
        .optional()
        .describe("Shell commands, and {webhook: url}: what runs when a pass has loaded something."),
      http: v
        .section({
          port: v.whole(0, 65_535).optional().describe("Port of health and metrics; 0 takes any that is free."),
          bind: v.text.optional().describe("Address to listen on."),
          token: v.text
            .optional()
            .describe("Bearer token that a caller must send; required when others than this machine can call."),
        })
        .superRefine(v.httpFaults)
        .optional(),
    })
    .optional(),
  alerts: v
    .section({
      webhook: v.webhookUrl.optional().describe("URL that alerts are posted to, shaped for Slack."),
      heartbeat: v.webhookUrl
        .optional()
        .describe("URL that is called after every good run of the whole source: a dead man's switch."),
      on: v.causes().optional().describe("The causes that alerts are sent for; all, unless set."),
      unusual: z.unknown().optional().describe("What counts as an unusual hour."),
      daily: v
        .timeOfDay()
        .optional()
        .describe("A summary once a day, from this time in schedule.timezone on; true is 08:00."),
    })
    .superRefine(v.alertFaults)
    .optional(),
  retention: v
    .section({
      rejects: v.span().optional().describe("How long rejects are kept."),
      tombstones: v
        .span()
        .optional()
        .describe(
          "How long the keys of deleted rows are kept; a record older than those dropped makes no row any more.",
        ),
      runs: v.span().optional().describe("How long runs and attempts are kept. The load history stays."),
    })
    .optional(),
  limits: v
    .section({
      max_record_bytes: v
        .size(256 * megabyte)
        .optional()
        .describe("A larger record ends its object."),
      max_depth: v.whole(1, 1_000).optional().describe("Deepest nesting of a document."),
      max_unit_bytes: v
        .size(1024 * 1024 * megabyte)
        .optional()
        .describe("Bytes of objects loaded in one transaction."),
    })
    .optional(),
  log: v
    .section({
      level: v.choice("error", "warn", "info", "debug").optional().describe("What is logged at least."),
      format: v.choice("text", "json", "auto").optional().describe("How a line of the log looks; auto is text."),
    })
    .optional(),
});
export type ConfigInput = z.output<typeof configSchema>;

function sourceUrl(url: string, context: z.RefinementCtx): void {
  if (/^s3:\/\/[a-z0-9][a-z0-9._-]*(\/|$)/i.test(url) || url.startsWith("file:///")) return;
  context.addIssue({ code: "custom", message: "must be s3://bucket/prefix, or file:///dir with an absolute path" });
}

function isPostgresUrl(text: string): boolean {
  return /^postgres(ql)?:\/\//.test(text) && URL.canParse(text);
}
