/** Bad input on the command line, in the config, in S3 and in the warehouse. */
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Workplace } from "../support/workplace.ts";
import { type BadInput, good, objectPlace, secrets, writeConfig } from "./bad-input.ts";

const aws = { AWS_ACCESS_KEY_ID: "AKIAEXAMPLE", AWS_SECRET_ACCESS_KEY: secrets.awsSecret };

/** The loopback address refuses: nothing listens on port 1. */
const nothingListens = "http://127.0.0.1:1";

function onS3(place: Workplace, endpoint: string, bucket: string): void {
  writeConfig(place, { source: `url: "s3://${bucket}/dms", region: us-east-1, endpoint: "${endpoint}"` });
}

function withUrl(place: Workplace, change: (url: URL) => void): { DATABASE_URL: string } {
  const url = new URL(place.url);
  change(url);
  return { DATABASE_URL: url.href };
}

function databaseOf(place: Workplace): string {
  return new URL(place.url).pathname.slice(1);
}

export const badSettings: readonly BadInput[] = [
  {
    name: "no config file",
    arrange: (place) => {
      good(place);
      unlinkSync(join(place.dir, "drayage.yaml"));
    },
    exit: 2,
    code: "CONFIG_MISSING",
    says: /no config file/,
    where: /file (\S+\/)?drayage\.yaml/,
    next: /--config/,
  },
  {
    name: "unknown key",
    arrange: (place) => {
      good(place);
      writeConfig(place, { orders: "primary_kye: [id]" });
    },
    exit: 2,
    code: "CONFIG_INVALID",
    says: /drayage\.yaml:4:\d+ {2}tables\.orders\.primary_kye: unknown key; did you mean primary_key\?/,
    where: /file (\S+\/)?drayage\.yaml/,
    next: /docs\/config\.md/,
  },
  {
    name: "environment variable not set",
    arrange: good,
    env: () => ({ DATABASE_URL: undefined }),
    exit: 2,
    code: "CONFIG_INVALID",
    says: /drayage\.yaml:2:\d+ {2}warehouse\.url: .*DATABASE_URL/,
    where: /file (\S+\/)?drayage\.yaml/,
    next: /Mend the lines/,
  },
  {
    name: "password in a wrong place of the URL",
    arrange: good,
    env: () => ({ DATABASE_URL: `postgresql://me:${secrets.password}#@host/db` }),
    exit: 2,
    code: "CONFIG_INVALID",
    says: /warehouse\.url: must be a postgresql:\/\/ URL/,
    where: /file (\S+\/)?drayage\.yaml/,
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
    arrange: (place) => writeConfig(place, { source: `url: "${place.source}/absent"` }),
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
    next: /warehouse\.tls: off/,
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
    where: objectPlace,
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
];
