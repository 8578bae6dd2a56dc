/** `npm run bench`: drayage from S3 over HTTP beside a hand-written psql script from local disk, alternated, on one server. */
import { execFile, spawn } from "node:child_process";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { Command } from "commander";
import pg from "pg";
import { makeDrops } from "../../src/demo/drops.ts";
import { startPostgres } from "../../src/demo/postgres-server.ts";
import { startS3 } from "../../src/demo/s3-server.ts";

type Kind = "relational" | "documents";

interface Timed {
  readonly seconds: number;
  readonly peakRssBytes: number | undefined;
  readonly split: string;
}

const flags = new Command("bench")
  .description("Compare drayage with a psql script; needs psql on the PATH")
  .option("--rows <n>", "rows of the full load", "500000")
  .option("--runs <n>", "alternated runs of each", "3")
  .option("--kind <kind>", "relational, documents or both", "both")
  .option("--seed <n>", "of the data", "1")
  .parse()
  .opts<{ rows: string; runs: string; kind: string; seed: string }>();

const run = promisify(execFile);
const bucket = "bench";
const tables: Readonly<
  Record<Kind, { folder: string; ours: string; theirs: string; ddl: string; checksum: string; config: string }>
> = {
  relational: {
    folder: "shop/orders",
    ours: "bench_drayage.orders",
    theirs: "bench_psql.orders",
    ddl: "create table bench_psql.orders (id bigint primary key, customer_id bigint, status text, amount numeric(12,2), note text, created_at timestamptz, paid boolean, op_ts timestamptz)",
    checksum:
      "count(*)::text || ' ' || sum(id)::text || ' ' || sum(amount)::text || ' ' || sum(hashtext(note))::text || ' ' || sum(extract(epoch from created_at))::text",
    config: `  orders:
    prefix: shop/orders
    primary_key: [id]
    columns: {id: bigint, customer_id: bigint, amount: "numeric(12,2)", created_at: timestamptz, paid: boolean, card_token: ignore}`,
  },
  documents: {
    folder: "crm/customers",
    ours: "bench_drayage.customers",
    theirs: "bench_psql.customers",
    ddl: "create table bench_psql.customers (_id text primary key, name text, email text, created timestamptz, loyalty bigint, balance numeric, visits bigint, street text, city text, lat double precision, lon double precision, tags jsonb, active boolean, phone text, consents jsonb, remark text, op_ts timestamptz)",
    checksum:
      "count(*)::text || ' ' || sum(hashtext(_id))::text || ' ' || sum(loyalty)::text || ' ' || sum(balance)::text || ' ' || sum(extract(epoch from created))::text",
    config: `  customers:
    prefix: crm/customers
    document: _doc
    columns: {consents: jsonb}`,
  },
};

const postgres = await startPostgres();
const s3 = await startS3({ keep: true });
const client = new pg.Client({ connectionString: postgres.url });
try {
  await client.connect();
  const { rows } = await client.query<{ version: string }>("select current_setting('server_version') as version");
  say(
    `PostgreSQL ${rows[0]?.version ?? "?"}, Node ${process.version}, ${flags.rows} rows, seed ${flags.seed}, ${flags.runs} alternated runs`,
  );
  await s3.bucket(bucket);
  for (const kind of ["relational", "documents"] as const) {
    if (flags.kind === "both" || flags.kind === kind) await compare(kind);
  }
} finally {
  await client.end();
  await s3.stop();
  await postgres.stop();
}

async function compare(kind: Kind): Promise<void> {
  const { folder, ours, theirs, ddl, checksum, config } = tables[kind];
  const file = await makeObject(kind);
  await upload(file, `dms/${folder}/LOAD00000001.csv`);
  const configFile = join(dirname(file), `${kind}.yaml`);
  writeFileSync(
    configFile,
    `source:\n  url: s3://${bucket}/dms\n  endpoint: ${s3.endpoint}\n  dialect: {timestamp_column: dms_ts}\nwarehouse:\n  url: \${DATABASE_URL}\n  schema: bench_drayage\ntables:\n${config}\n`,
  );
  const times: Record<"psql" | "drayage", Timed[]> = { psql: [], drayage: [] };
  for (let i = 0; i < Number(flags.runs); i++) {
    await client.query("drop schema if exists bench_psql, bench_drayage, drayage cascade; create schema bench_psql");
    await client.query(ddl);
    await client.query("checkpoint");
    times.psql.push(await timePsql(kind, file));
    await client.query("checkpoint");
    times.drayage.push(await timeDrayage(configFile));
    const sums = await client.query<{ sum: string }>(
      `select ${checksum} as sum from ${ours} union all select ${checksum} from ${theirs}`,
    );
    if (sums.rows[0]?.sum !== sums.rows[1]?.sum) throw new Error(`the two tables differ: ${JSON.stringify(sums.rows)}`);
  }
  const size = statSync(file).size;
  say(`\n${kind}: ${(size / 1e6).toFixed(0)} MB; both tables equal by checksum after every run`);
  const base = median(times.psql.map((one) => one.seconds));
  for (const [name, list] of Object.entries(times)) {
    const seconds = median(list.map((one) => one.seconds));
    const rss = Math.max(...list.map((one) => one.peakRssBytes ?? 0));
    say(
      `  ${name.padEnd(8)} ${seconds.toFixed(2)} s  ${Math.round(Number(flags.rows) / seconds)} rows/s  ${(size / 1e6 / seconds).toFixed(0)} MB/s  ${(seconds / base).toFixed(2)}x` +
        `${rss > 0 ? `  peak RSS ${(rss / 1e6).toFixed(0)} MB` : ""}  ${list.at(-1)?.split ?? ""}  (${list.map((one) => one.seconds.toFixed(2)).join(", ")})`,
    );
  }
}

async function timePsql(kind: Kind, file: string): Promise<Timed> {
  const script = new URL(`./psql-${kind}.sql`, import.meta.url).pathname;
  const began = performance.now();
  await run("psql", [postgres.url, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", `file=${file}`, "-f", script]);
  return { seconds: (performance.now() - began) / 1000, peakRssBytes: undefined, split: "" };
}

/** The whole process, from start to exit. */
async function timeDrayage(config: string): Promise<Timed> {
  const main = new URL("../../dist/main.js", import.meta.url).pathname;
  const began = performance.now();
  const child = spawn(process.execPath, [main, "load", "--json", "--quiet", "--config", config], {
    env: { ...process.env, ...s3.env, DATABASE_URL: postgres.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  for await (const chunk of child.stdout) out += String(chunk);
  const seconds = (performance.now() - began) / 1000;
  const report = JSON.parse(out) as { exit: number; peak_rss_bytes: number };
  if (report.exit !== 0) throw new Error(`drayage ended with ${report.exit}`);
  const { rows } = await client.query<{ split: string }>(
    "select string_agg(timings::text, ' ') as split from drayage.load_history",
  );
  return { seconds, peakRssBytes: report.peak_rss_bytes, split: rows[0]?.split ?? "" };
}

/** The object on local disk, made once for a seed and a size; the server reads it too. */
async function makeObject(kind: Kind): Promise<string> {
  const file = join(tmpdir(), "drayage-bench", `${kind}-${flags.rows}-${flags.seed}.csv`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  for (const object of makeDrops({ kind, seed: Number(flags.seed), rows: Number(flags.rows) }).objects()) {
    await pipeline(Readable.from(object.body), createWriteStream(`${file}.part`));
  }
  renameSync(`${file}.part`, file);
  return file;
}

async function upload(file: string, key: string): Promise<void> {
  const s3client = new S3Client({
    endpoint: s3.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: s3.env.AWS_ACCESS_KEY_ID, secretAccessKey: s3.env.AWS_SECRET_ACCESS_KEY },
  });
  await new Upload({ client: s3client, params: { Bucket: bucket, Key: key, Body: createReadStream(file) } }).done();
  s3client.destroy();
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
