/** The shapes of a checked config: what the rest of the program reads. Made by load-config.ts, changed by nobody. */

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
  /** Rules by column name or document path (`address.geo`), in either spelling. */
  readonly columns: ReadonlyMap<string, ColumnRule>;
  readonly documents: readonly string[];
  readonly flatten: FlattenConfig;
  readonly contract: ContractConfig;
  /** `replace`: fullLoad is `snapshot`, and the first full load is applied like any other. */
  readonly writeMode: "upsert" | "append" | "replace";
  readonly deletes: "hard" | "soft" | "ignore";
  readonly fullLoad: "once" | "snapshot" | "changes";
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
  /** One character. */
  readonly delimiter: string;
  readonly rowDelimiter: "auto" | "\n" | "\r\n";
  /** False: nothing is ever quoted. */
  readonly rfc4180: boolean;
  /** Tokens that mean NULL when unquoted; "" is the empty field. */
  readonly nulls: readonly string[] | "auto";
  readonly encoding: string;
  /** Zone of the times in the names of change objects. */
  readonly fileTimezone: string;
  /** Bytes at which DMS cuts a LOB, when known. */
  readonly lobMaxSize: number | undefined;
}
