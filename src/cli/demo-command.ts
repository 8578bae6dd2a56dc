/** `drayage demo`: three hours of DMS objects from S3 over HTTP into a real PostgreSQL, both started here. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { demoDrops } from "../demo/demo-drops.ts";
import { startPostgres } from "../demo/postgres-server.ts";
import { type S3Server, startS3 } from "../demo/s3-server.ts";
import { exitOfCode } from "../load/load-errors.ts";
import { exitOf, type RunReport, sumCounts } from "../load/report.ts";
import { runLoad } from "../load/run-load.ts";
import { openSource } from "../source/open-source.ts";
import { ident } from "../warehouse/identifier.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import { listRejects } from "../warehouse/rejects.ts";
import { Session } from "../warehouse/session.ts";
import { type GlobalOptions, type Host, programVersion, terminalOf } from "./context.ts";
import { loadText } from "./render-load.ts";
import { indent } from "./render-plan.ts";
import { print, renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export interface DemoOptions extends GlobalOptions {
  readonly keep?: boolean;
}

const bucket = "acme-lake";

export async function runDemo(host: Host, options: DemoOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const keep = options.keep === true;
  const folder = mkdtempSync(join(tmpdir(), "drayage-demo-"));
  let kept = false;
  const cleanup: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  try {
    print(
      terminal,
      `${tone(terminal, "strong", "drayage demo")}  a real PostgreSQL and S3 over HTTP start on this machine, on 127.0.0.1`,
    );
    const starting = [startPostgres({ keep }), startS3({ keep })] as const;
    // A server that came up is stopped also when the other one did not.
    for (const server of starting) cleanup.unshift(async () => (await server.catch(() => undefined))?.stop());
    const [postgres, s3] = await Promise.all(starting);
    await s3.bucket(bucket);
    const file = join(folder, "drayage.yaml");
    writeFileSync(file, demoConfig(s3.endpoint), { mode: 0o600 });
    const environment = { DATABASE_URL: postgres.url, ...s3.env };
    const config = loadConfig({ file, env: environment });
    const reports = await loadHours(terminal, host, config, s3, environment);
    await showRows(terminal, config);
    const balanced = closing(terminal, reports);
    kept = keep;
    if (keep) print(terminal, keptText(file, environment, [postgres.stopCommand, s3.stopCommand]));
    else print(terminal, nextText());
    return balanced ? 0 : 1;
  } finally {
    // Only what was shown how to end may stay.
    if (!kept) for (const step of cleanup) await step();
  }
}

function demoConfig(endpoint: string): string {
  return `source:
  url: s3://${bucket}/dms
  region: us-east-1
  endpoint: ${endpoint}
  dialect:
    timestamp_column: dms_ts
warehouse:
  url: \${DATABASE_URL}
  schema: shop
tables:
  orders:
    prefix: shop/orders
    primary_key: [id]
    columns:
      id: bigint
      customer_id: bigint
      amount: numeric(12,2)
      created_at: timestamptz
      paid: boolean
      card_token: ignore
  customers:
    prefix: crm/customers
    document: _doc
    columns:
      consents: jsonb          # a map with open-ended keys: one column, not hundreds
`;
}

async function loadHours(
  terminal: Terminal,
  host: Host,
  config: Config,
  s3: S3Server,
  environment: Record<string, string>,
): Promise<RunReport[]> {
  const source = await openSource(config.source, environment);
  const reports: RunReport[] = [];
  try {
    for (const hour of demoDrops().hours) {
      print(terminal, `\n${tone(terminal, "strong", hour.name)}  ${hour.title}`);
      for (const object of hour.objects) {
        const chunks: Buffer[] = [];
        for await (const chunk of object.body) chunks.push(chunk);
        await s3.put(bucket, `dms/${object.path}`, Buffer.concat(chunks));
        print(terminal, tone(terminal, "dim", `  s3://${bucket}/dms/${object.path}`));
      }
      const report = await runLoad({
        config,
        source,
        command: "demo",
        version: programVersion(),
        host: host.hostname,
        pid: host.pid,
        wanted: undefined,
        objects: [],
        concurrency: 2,
        allowDeletes: false,
        rejectLimit: undefined,
        signal: undefined,
      });
      reports.push(report);
      print(terminal, `\n${indent(loadText(terminal, report, new Date()))}`);
      const exit = exitOf(report, exitOfCode);
      if (exit !== 0 && exit !== 3)
        throw report.tables.flatMap((table) => table.failures)[0]?.error ?? new Error("the demo's load failed");
    }
  } finally {
    source.close();
  }
  return reports;
}

async function showRows(terminal: Terminal, config: Config): Promise<void> {
  const session = await Session.connect(config.warehouse, "demo", "UTC");
  try {
    const every = { tables: [], reason: undefined, object: undefined, ids: [] };
    const [reject] = await listRejects(session, config.warehouse.stateSchema, every, 1);
    if (reject !== undefined) {
      print(
        terminal,
        `\n${tone(terminal, "strong", "What was rejected, and why")}\n  record ${reject.record_no} of ${reject.key}, byte ${reject.byte_offset}: ` +
          `${tone(terminal, "warn", reject.reason)} in column ${reject.column_name}; the other records of the object are in`,
      );
    }
    print(
      terminal,
      `\n${tone(terminal, "strong", "Flattened rows")}  select * from shop.customers\n${indent(await sampleRows(terminal, session))}`,
    );
  } finally {
    await session.close();
  }
}

/** A few columns of a few rows: what was JSON in a CSV column an instant ago. */
async function sampleRows(terminal: Terminal, session: Session): Promise<string> {
  const { rows: columns } = await session.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = 'shop.customers'::regclass and attnum > 0 and not attisdropped and attname !~ '^_(loaded|object|record|version|op)'
     order by attnum limit 7`,
  );
  const names = columns.map((column) => `${ident(column.name)}::text`).join(", ");
  const { rows } = await session.query<Record<string, string | null>>(
    `select ${names} from shop.customers order by "_id" limit 3`,
  );
  const head = columns.map(
    (column) =>
      `${column.name}\n${tone(terminal, "dim", column.type.replace("timestamp with time zone", "timestamptz"))}`,
  );
  return renderTable(
    head,
    rows.map((row) => columns.map((column) => cut(safeText(row[column.name] ?? "NULL"), 24))),
  );
}

function closing(terminal: Terminal, reports: readonly RunReport[]): boolean {
  const names = [...new Set(reports.flatMap((report) => report.tables.map((table) => table.target)))].sort();
  const rows = names.map((name) => {
    const objects = reports.flatMap((report) =>
      report.tables.filter((table) => table.target === name).flatMap((table) => table.objects),
    );
    const counts = sumCounts(objects);
    return {
      name,
      objects: objects.length,
      counts,
      sum: outcomes.reduce((total, outcome) => total + counts[outcome], 0),
    };
  });
  const balanced = rows.length > 0 && rows.every((row) => row.sum === row.counts.read);
  const shown = outcomes.filter((outcome) => rows.some((row) => row.counts[outcome] > 0));
  print(
    terminal,
    `\n${tone(terminal, "strong", "All hours")}\n${indent(
      renderTable(
        ["table", "objects", "read", "=", ...shown, ""].map((name) => tone(terminal, "dim", name)),
        rows.map((row) => [
          row.name,
          String(row.objects),
          String(row.counts.read),
          "=",
          ...shown.map((outcome) => String(row.counts[outcome])),
          row.sum === row.counts.read ? tone(terminal, "good", "balances") : tone(terminal, "bad", "DOES NOT BALANCE"),
        ]),
        [1, 2, ...shown.map((_, i) => i + 4)],
      ),
    )}`,
  );
  return balanced;
}

function nextText(): string {
  return `
Next: keep both servers and look around      drayage demo --keep
      see what would come out of your bucket  drayage plan --config drayage.yaml
      what every setting means                docs/config.md`;
}

function keptText(file: string, environment: Record<string, string>, stops: readonly string[]): string {
  return `
Both servers stay. In a shell:
${Object.entries(environment)
  .map(([name, value]) => `  export ${name}='${value}'`)
  .join("\n")}
  export DRAYAGE_CONFIG='${file}'
and then:
  drayage load                 # nothing new: every object is final
  drayage plan orders
  drayage rejects list
  drayage rejects show 1
  drayage history
  psql "$DATABASE_URL" -c 'select * from shop.customers'
To end them:
${stops.map((line) => `  ${line}`).join("\n")}`;
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
