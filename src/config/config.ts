/** The shapes of a checked config: what the rest of the program reads. Made by load-config.ts, changed by nobody. */

import type { AlertCause } from "./alert-causes.ts";
import type { AwsKeys } from "./aws-keys.ts";
import type { ColumnsExport } from "./columns-export.ts";

export interface Config {
  /** Absolute path of the file it came from. */
  readonly file: string;
  readonly source: SourceConfig;
  readonly warehouse: WarehouseConfig;
  /** In the order of the file. */
  readonly tables: readonly TableConfig[];
  readonly limits: Limits;
  readonly log: LogConfig;
  readonly schedule: ScheduleConfig;
  readonly alerts: AlertConfig;
  readonly retention: RetentionConfig;
}

export interface SourceConfig {
  /** `s3://bucket/prefix` or `file:///dir`, without a trailing slash. */
  readonly url: string;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly role: string | undefined;
  /** Zone of zone-less source times, when the column has one (`timestamptz`). */
  readonly timezone: string;
  /** Without an object of any table for longer than this, DMS is taken for dead. */
  readonly expectEveryMs: number;
  /** Globs below source.url that no table reads and nobody wants reported. */
  readonly ignore: readonly string[];
}

export interface WarehouseConfig {
  readonly url: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly database: string | undefined;
  readonly user: string | undefined;
  /** PGPASSWORD; a password in the url wins. */
  readonly password: string | undefined;
  /** How a connection signs in: by the password of url or PGPASSWORD (or ~/.pgpass), an IAM token, or a secret of AWS. */
  readonly auth: "password" | "iam";
  /** ARN or name of a secret in AWS Secrets Manager. */
  readonly secret: string | undefined;
  readonly aws: AwsConfig;
  /** `set role` of every session: the owner of the main tables. */
  readonly role: string | undefined;
  /** undefined: verify-full, except for a server on this machine's loopback address. */
  readonly tls: "verify-full" | "require" | "off" | undefined;
  /** Path of a CA bundle (PEM). */
  readonly ca: string | undefined;
  readonly schema: string;
  readonly stateSchema: string;
  readonly lockTimeoutMs: number;
  readonly lockWaitMs: number;
  readonly statementTimeoutMs: number;
  readonly maxAttempts: number;
  readonly ddl: "apply" | "print";
}

/** What a client of AWS beside S3 needs. */
export interface AwsConfig {
  /** AWS_REGION, else source.region. */
  readonly region: string | undefined;
  readonly keys: AwsKeys;
  /** AWS_ENDPOINT_URL_SECRETS_MANAGER: a private endpoint. */
  readonly secretsEndpoint: string | undefined;
}

export interface Limits {
  readonly maxRecordBytes: number;
  /** Nesting of a document. */
  readonly maxDepth: number;
  /** Bytes of objects in one unit; an object larger than this is a unit of its own. */
  readonly maxUnitBytes: number;
}

export interface LogConfig {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly format: "text" | "json" | "auto";
}

export interface ScheduleConfig {
  /** Five fields, or six with seconds first. */
  readonly cron: string;
  readonly timezone: string;
  readonly concurrency: number;
  readonly after: readonly AfterStep[];
  /** undefined: no port is opened. */
  readonly http: HttpConfig | undefined;
}

/** Both URLs may hold a secret: never logged. */
export interface AlertConfig {
  /** undefined: no alert is sent, and none is kept. */
  readonly webhook: string | undefined;
  readonly heartbeat: string | undefined;
  readonly on: readonly AlertCause[];
  /** Minutes after midnight in schedule.timezone; undefined: no summary. */
  readonly daily: number | undefined;
}

/** How long rows of the state schema are kept. */
export interface RetentionConfig {
  readonly rejectsMs: number;
  readonly tombstonesMs: number;
  readonly runsMs: number;
}

/** What runs when a pass has loaded something. Both hold what the environment gave them: never logged. */
export type AfterStep =
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "webhook"; readonly url: string };

export interface HttpConfig {
  /** 0: any that is free. */
  readonly port: number;
  readonly bind: string;
  /** Always there when `bind` is not this machine alone. */
  readonly token: string | undefined;
}

/** One entry under `tables:`, defaults merged in. A pattern entry stands for every folder it claims. */
export interface TableConfig {
  /** As written: a warehouse name, or an S3 path that may hold globs. */
  readonly name: string;
  /** Line of the entry in the config file, for errors. */
  readonly line: number;
  /** False: claimed and left alone. */
  readonly enabled: boolean;
  /** Folders below source.url, without slashes at the ends; globs allowed. Never empty. */
  readonly prefixes: readonly string[];
  /** Main table as `table`, `schema.table`, or a template of {schema} and {table} (the last two path segments). */
  readonly into: string | undefined;
  readonly primaryKey: readonly string[] | undefined;
  /** Names and order of a headerless source (`columns` as a list). */
  readonly columnList: readonly string[] | undefined;
  /** What the source's own catalog says of the tables, by folder; a spec has it merged in (exported-columns.ts). */
  readonly columnsFrom: ColumnsExport | undefined;
  /** Rules by column name or document path (`address.geo`), in either spelling. */
  readonly columns: ReadonlyMap<string, ColumnRule>;
  readonly documents: readonly string[];
  readonly flatten: FlattenConfig;
  readonly contract: ContractConfig;
  /** `replace`: fullLoad is `snapshot`, and the first full load is applied like any other. */
  readonly writeMode: "upsert" | "append" | "replace";
  readonly deletes: "hard" | "soft" | "ignore";
  readonly fullLoad: "once" | "snapshot" | "changes";
  /** Source column whose digits say which change record is newer; undefined: the time of its object. */
  readonly orderBy: string | undefined;
  readonly onReload: "refresh" | "hold";
  /** How long a full load must be quiet before it counts as complete. */
  readonly reloadSettleMs: number;
  /** Change objects closed before it are not loaded; since the epoch. */
  readonly changesFrom: number | undefined;
  readonly rejectLimit: number;
  /** Percent of an object's records. */
  readonly rejectLimitPct: number;
  readonly deleteLimitPct: number;
  readonly invalidText: "repair" | "reject";
  /** undefined: nothing is expected; the usual cadence is shown. */
  readonly expectEveryMs: number | undefined;
  /** Beyond expectEveryMs; alone, beyond the usual cadence. */
  readonly lateAfterMs: number | undefined;
  readonly systemColumns: "all" | "minimal";
  readonly dialect: DialectConfig;
}

export type ColumnRule =
  | { readonly kind: "ignore" }
  | {
      readonly kind: "column";
      /** PostgreSQL type, as written; undefined: decided by drayage. */
      readonly type: string | undefined;
      /** Name in the warehouse. */
      readonly as: string | undefined;
      /** Zone of zone-less times in this column. */
      readonly timezone: string | undefined;
      /** The column gets sha256 of the cell's text, as hex. */
      readonly hash?: boolean | undefined;
      /** SQL over `value`, the cell's text; from the config's owner, who may do whatever the role may. */
      readonly using?: string | undefined;
      /** 0: it stands in no line of the file, but in an export. */
      readonly line: number;
    };

export interface FlattenConfig {
  readonly separator: string;
  readonly maxDepth: number;
  readonly maxColumns: number;
  readonly naming: "snake" | "keep";
}

export interface ContractConfig {
  readonly columns: "evolve" | "freeze" | "rescue" | "discard";
  /** undefined: document paths widen, relational columns reject. */
  readonly types: "widen" | "reject" | undefined;
  readonly maxNewColumns: number;
}

export interface DialectConfig {
  readonly header: boolean | "auto";
  /** Whether records start with I, U or D. */
  readonly op: boolean | "auto";
  readonly timestampColumn: string | undefined;
  /** One character, or found out per object. */
  readonly delimiter: string;
  readonly rowDelimiter: "auto" | "\n" | "\r\n" | "\r";
  /** False: nothing is ever quoted. */
  readonly rfc4180: boolean | "auto";
  /** Tokens that mean NULL when unquoted; "" is the empty field. */
  readonly nulls: readonly string[] | "auto";
  readonly encoding: string;
  /** Zone of the times in the names of change objects. */
  readonly fileTimezone: string;
  /** How the names of before-image columns differ from those of their columns; undefined: there are none. */
  readonly beforeImage: { readonly prefix: string; readonly suffix: string } | undefined;
  /** What stands in a cell that was not logged; undefined: every record has all cells. */
  readonly unchangedToken: string | undefined;
  /** Bytes at which DMS cuts a LOB, when known. */
  readonly lobMaxSize: number | undefined;
}
