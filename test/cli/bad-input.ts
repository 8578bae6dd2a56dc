/** The table of what people get wrong: how each is set up, and what the program must say about it. */
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Workplace } from "../support/workplace.ts";

/** Planted where no output may show them. */
export const secrets = { password: "pw5e47neverPrint", awsSecret: "sk5e47neverPrint", awsToken: "tk5e47neverPrint" };
/** In every cell: as text, as a number. */
export const cells = { text: "cell5e47", number: "918273645" };

/** Endpoints that the test starts. */
export interface Servers {
  /** Answers 403 AccessDenied to everything. */
  readonly denying: string;
  /** S3 without the bucket `nowhere`. */
  readonly s3: string;
}

export interface BadInput {
  readonly name: string;
  readonly arrange: (place: Workplace, servers: Servers) => void | Promise<void>;
  /** Default `load`. */
  readonly args?: readonly string[];
  readonly env?: (place: Workplace) => Readonly<Record<string, string | undefined>>;
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
  readonly where?: RegExp;
  readonly next: RegExp;
  /** Of shop.orders afterwards; default: there is no such table. */
  readonly rows?: number;
  /** Statuses in the load history; default: none. */
  readonly history?: readonly string[];
  /** Needs the S3 server, an optional package. */
  readonly needsS3?: boolean;
}

const aws = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: secrets.awsSecret };
const full = "shop/orders/LOAD00000001.csv";
const key = /table orders, object shop\/orders\/LOAD00000001\.csv/;

interface ConfigParts {
  readonly source?: string;
  readonly warehouse?: string;
  readonly orders?: string;
}

/** Flow style, so that a part is one line. */
function config(place: Workplace, parts: ConfigParts = {}): void {
  place.config(`source: { ${parts.source ?? `url: "${place.source}"`} }
warehouse: { ${parts.warehouse ?? `url: "\${DATABASE_URL}"`}, schema: shop }
tables:
  orders: { prefix: shop/orders, ${parts.orders ?? "primary_key: [id]"} }
`);
}

/** A header and `count` records of a number, a text and a document. */
function records(count: number, third: (n: number) => string = (n) => `${cells.text} note ${n}`): string {
  const lines = Array.from({ length: count }, (_, n) => `${cells.number}${n},${cells.text} ${n},"${third(n)}"`);
  return `id,name,note\n${lines.join("\n")}\n`;
}

function good(place: Workplace): void {
  config(place);
  place.put(full, records(20));
}

function onS3(place: Workplace, endpoint: string, bucket: string): void {
  config(place, { source: `url: "s3://${bucket}/dms", region: us-east-1, endpoint: "${endpoint}"` });
}

function withUrl(place: Workplace, change: (url: URL) => void): { DATABASE_URL: string } {
  const url = new URL(place.url);
  change(url);
  return { DATABASE_URL: url.href };
}

function databaseOf(place: Workplace): string {
  return new URL(place.url).pathname.slice(1);
}

const document = (ok: boolean): string => (ok ? `{""city"": ""${cells.text}""}` : `${cells.text} is no JSON`);

/** The loopback address refuses: nothing listens on port 1. */
const nothingListens = "http://127.0.0.1:1";

export const badInputs: readonly BadInput[] = [
  {
    name: "no config file",
    arrange: (place) => {
      good(place);
      unlinkSync(join(place.dir, "drayage.yaml"));
    },
    exit: 2,
    code: "CONFIG_MISSING",
    says: /no config file/,
    where: /file drayage\.yaml/,
    next: /--config/,
  },
  {
    name: "unknown key",
    arrange: (place) => {
      good(place);
      config(place, { orders: "primary_kye: [id]" });
    },
    exit: 2,
    code: "CONFIG_INVALID",
    says: /drayage\.yaml:4:\d+ {2}tables\.orders\.primary_kye: unknown key; did you mean primary_key\?/,
    where: /file drayage\.yaml/,
    next: /docs\/config\.md/,
  },
  {
    name: "environment variable not set",
    arrange: good,
    env: () => ({ DATABASE_URL: undefined }),
    exit: 2,
    code: "CONFIG_INVALID",
    says: /drayage\.yaml:2:\d+ {2}warehouse\.url: .*DATABASE_URL/,
    where: /file drayage\.yaml/,
    next: /Mend the lines/,
  },
  {
    name: "password in a wrong place of the URL",
    arrange: good,
    env: () => ({ DATABASE_URL: `postgresql://me:${secrets.password}#@host/db` }),
    exit: 2,
    code: "CONFIG_INVALID",
    says: /warehouse\.url: must be a postgresql:\/\/ URL/,
    where: /file drayage\.yaml/,
    next: /Mend the lines/,
  },
  {
    name: "unknown command",
    arrange: good,
    args: ["laod"],
    exit: 2,
    code: "USAGE",
    says: /unknown command 'laod'[\s\S]*did you mean load\?/i,
    next: /drayage --help/,
  },
  {
    name: "unknown option",
    arrange: good,
    args: ["load", "--dryrun"],
    exit: 2,
    code: "USAGE",
    says: /unknown option '--dryrun'[\s\S]*did you mean --dry-run\?/i,
    next: /drayage --help/,
  },
  {
    name: "option without its number",
    arrange: good,
    args: ["load", "--concurrency", "many"],
    exit: 2,
    code: "USAGE",
    says: /--concurrency <n>.*whole number/,
    next: /drayage --help/,
  },
  {
    name: "unknown table",
    arrange: good,
    args: ["load", "ordres"],
    exit: 2,
    code: "TABLE_UNKNOWN",
    says: /ordres.*\borders\b/s,
    next: /tables:/,
  },
  {
    name: "unknown object",
    arrange: good,
    args: ["load", "--object", "shop/orders/LOAD00000009.csv"],
    exit: 2,
    code: "OBJECT_UNKNOWN",
    says: /No object with that key/,
    where: /object shop\/orders\/LOAD00000009\.csv/,
    next: /full key/,
  },
  {
    name: "no source directory",
    arrange: (place) => config(place, { source: `url: "${place.source}/absent"` }),
    exit: 1,
    code: "SOURCE_DIRECTORY_MISSING",
    says: /drops\/absent cannot be read/,
    next: /source\.url/,
  },
  {
    name: "no AWS credentials",
    arrange: (place, servers) => onS3(place, servers.denying, "acme-lake"),
    exit: 1,
    code: "S3_CREDENTIALS",
    says: /No usable AWS credentials/,
    next: /AWS_PROFILE/,
  },
  {
    name: "no such bucket",
    arrange: (place, servers) => onS3(place, servers.s3, "nowhere"),
    env: () => aws,
    exit: 1,
    code: "S3_BUCKET_MISSING",
    says: /bucket nowhere does not exist/,
    next: /source\.url/,
    needsS3: true,
  },
  {
    name: "access denied",
    arrange: (place, servers) => onS3(place, servers.denying, "acme-lake"),
    env: () => ({ ...aws, AWS_SESSION_TOKEN: secrets.awsToken }),
    exit: 1,
    code: "S3_ACCESS_DENIED",
    says: /S3 refused access.*HTTP 403/,
    next: /s3:ListBucket/,
  },
  {
    name: "wrong S3 endpoint",
    arrange: (place) => onS3(place, nothingListens, "acme-lake"),
    env: () => aws,
    exit: 1,
    code: "S3_UNREACHABLE",
    says: /ECONNREFUSED/,
    next: /source\.endpoint/,
  },
  {
    name: "database down",
    arrange: good,
    env: (place) => withUrl(place, (url) => (url.port = "1")),
    exit: 1,
    code: "WAREHOUSE_UNREACHABLE",
    says: /127\.0\.0\.1:1, database test_.*ECONNREFUSED/,
    next: /warehouse\.url/,
  },
  {
    name: "wrong password",
    arrange: good,
    env: (place) => withUrl(place, (url) => (url.password = `${secrets.password}x`)),
    exit: 1,
    code: "WAREHOUSE_PASSWORD",
    says: /user role_test_.*SQLSTATE 28P01/,
    next: /user and password/,
  },
  {
    name: "no such database",
    arrange: good,
    env: (place) => withUrl(place, (url) => (url.pathname = "/nowhere")),
    exit: 1,
    code: "WAREHOUSE_DATABASE_MISSING",
    says: /database nowhere.*SQLSTATE 3D000/,
    next: /create it/,
  },
  {
    name: "server offers no TLS",
    arrange: good,
    env: (place) => withUrl(place, (url) => url.searchParams.set("sslmode", "verify-full")),
    exit: 1,
    code: "WAREHOUSE_TLS",
    says: /no TLS/,
    next: /warehouse\.ca/,
  },
  {
    name: "no privilege to make the state schema",
    async arrange(place) {
      good(place);
      await place.client.query(`alter database ${databaseOf(place)} owner to current_user`);
    },
    exit: 1,
    code: "WAREHOUSE_PRIVILEGE",
    says: /state schema drayage.*permission denied for database test_/,
    next: /Grant/,
  },
  {
    name: "no privilege to make the main table",
    async arrange(place) {
      good(place);
      await place.client.query("create schema shop");
      await place.client.query(`grant usage on schema shop to ${place.role}`);
    },
    exit: 6,
    code: "DDL_NEEDED",
    says: /create table "shop"\."orders"/,
    where: key,
    next: /Run the statements/,
    history: ["pending"],
  },
  {
    name: "read-only server",
    async arrange(place) {
      good(place);
      await place.client.query(`alter database ${databaseOf(place)} set default_transaction_read_only = on`);
    },
    exit: 1,
    code: "WAREHOUSE_READ_ONLY",
    says: /accepts no writes \(SQLSTATE 25006\)/,
    next: /writer endpoint/,
  },
  {
    name: "no key for upsert",
    arrange: (place) => {
      good(place);
      config(place, { orders: "dialect: {header: true}" });
    },
    exit: 6,
    code: "KEY_MISSING",
    says: /primary_key: \[id\] {3}# of: id, name, note/,
    where: key,
    next: /write_mode: append/,
    history: ["pending"],
  },
  {
    name: "key column not in the object",
    arrange: (place) => {
      good(place);
      config(place, { orders: "primary_key: [order_no], dialect: {header: true}" });
    },
    exit: 6,
    code: "KEY_COLUMN_ABSENT",
    says: /order_no is not among the object's columns: id, name, note/,
    where: /object shop\/orders\/LOAD00000001\.csv, column order_no/,
    next: /primary_key/,
    history: ["pending"],
  },
  {
    name: "document column that is not JSON",
    arrange: (place) => {
      config(place, { orders: "primary_key: [id], document: note" });
      place.put(
        full,
        records(10, () => document(false)),
      );
    },
    exit: 6,
    code: "SHAPE_UNREADABLE",
    says: /All 10 records .* bad_json/,
    where: /object shop\/orders\/LOAD00000001\.csv, column note/,
    next: /Check `document`/,
    history: ["pending"],
  },
  {
    name: "3 of 100 documents are not JSON",
    arrange: (place) => {
      config(place, { orders: "primary_key: [id], document: note" });
      place.put(
        full,
        records(100, (n) => document(n % 40 !== 7)),
      );
    },
    exit: 3,
    code: "rejected",
    says: /shop\.orders: 3 bad_json/,
    next: /drayage rejects list orders/,
    rows: 97,
    history: ["loaded_with_rejects"],
  },
  {
    name: "too many records are bad",
    arrange: (place) => {
      config(place, { orders: "primary_key: [id], document: note, reject_limit: 2" });
      place.put(
        full,
        records(40, (n) => document(n % 10 !== 7)),
      );
    },
    exit: 5,
    code: "REJECT_LIMIT",
    says: /4 of 40 records were rejected \(bad_json\); the limits are 2 and 5 %/,
    where: /object shop\/orders\/LOAD00000001\.csv, record 8, column note/,
    next: /raise both limits/,
    rows: 0,
    history: ["failed"],
  },
  {
    name: "PNG named .csv",
    arrange: (place) => {
      config(place);
      const signature = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0", "latin1");
      place.put(full, Buffer.concat([signature, Buffer.from(cells.text)]));
    },
    exit: 1,
    code: "NOT_CSV",
    says: /binary, not CSV/,
    where: key,
    next: /DataFormat/,
    history: ["failed"],
  },
  {
    name: "Parquet named .csv",
    arrange: (place) => {
      config(place);
      place.put(full, Buffer.from(`PAR1\x15\x04\x15\x10${cells.text}PAR1`, "latin1"));
    },
    exit: 1,
    code: "NOT_CSV",
    says: /Parquet, not CSV/,
    where: key,
    next: /DataFormat/,
    history: ["failed"],
  },
  {
    name: "gzip that breaks off",
    arrange: (place) => {
      config(place);
      const whole = gzipSync(records(5000, (n) => `${cells.text} ${(n * 7919) % 10007}`));
      place.put(`${full}.gz`, whole.subarray(0, Math.floor(whole.length * 0.7)));
    },
    exit: 1,
    code: "GZIP_BROKEN",
    says: /not a complete gzip/,
    where: /table orders, object shop\/orders\/LOAD00000001\.csv\.gz/,
    next: /Deliver the object again/,
    history: ["failed"],
  },
  {
    name: "header that cannot be told",
    arrange: (place) => {
      good(place);
      config(place, { orders: "primary_key: [order_no]" });
    },
    exit: 6,
    code: "HEADER_UNKNOWN",
    says: /dialect: \{header: true\}/,
    where: key,
    next: /dialect\.header/,
    history: ["pending"],
  },
  {
    name: "column list of another length",
    arrange: (place) => {
      config(place, { orders: "primary_key: [id], columns: [id bigint, name, note, price numeric, paid boolean]" });
      place.put(full, records(20).replace(/^.*\n/, ""));
    },
    exit: 6,
    code: "FIELD_COUNT",
    says: /Records have 3 fields, `columns:` lists 5 names/,
    where: key,
    next: /columns:/,
    history: ["pending"],
  },
];
