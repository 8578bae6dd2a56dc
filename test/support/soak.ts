/** A soak: a PostgreSQL of its own that is restarted, an S3 that objects arrive in all the time, services that come and go. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type PostgresServer, startPostgres } from "../../src/demo/postgres-server.ts";
import { outcomes } from "../../src/warehouse/record-counts.ts";
import { type HookServer, startHooks } from "./hook-server.ts";
import { startTestS3, type TestS3 } from "./s3-server.ts";
import { type RunningSchedule, startSchedule, until } from "./schedule.ts";
import { alertProblems, type Break, type QueuedEvent } from "./soak-alerts.ts";
import { rowText, type SoakSource, type SoakTable } from "./soak-source.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";

/** Records by `table outcome`; zeros are left out. */
export type Counters = Readonly<Record<string, number>>;

export class Soak {
  readonly place: Workplace;
  readonly s3: TestS3;
  readonly server: PostgresServer;
  readonly hooks: HookServer;
  readonly services: RunningSchedule[] = [];
  readonly #breaks: Break[] = [];
  readonly #source: SoakSource;
  #delivered = 0;
  #deliveries = 0;

  private constructor(server: PostgresServer, s3: TestS3, hooks: HookServer, place: Workplace, source: SoakSource) {
    this.hooks = hooks;
    this.server = server;
    this.s3 = s3;
    this.place = place;
    this.#source = source;
  }

  static async open(source: SoakSource): Promise<Soak> {
    // Durable: what a commit was answered must be there after the crash.
    const server = await startPostgres();
    const s3 = await startTestS3();
    const hooks = await startHooks();
    return new Soak(server, s3, hooks, await openWorkplace(undefined, server.url), source);
  }

  async end(): Promise<void> {
    for (const service of this.services) service.kill("SIGKILL");
    await Promise.all(this.services.map((service) => service.ended));
    await this.place.end();
    await this.hooks.close();
    await this.s3.stop();
    await this.server.stop();
  }

  /** `returnsKey`: without it, nothing can be loaded into returns. */
  configure(returnsKey: boolean): void {
    const keyed = (name: string) => ({ prefix: `shop/${name}`, primary_key: ["id"] });
    const expectEvery = { expect_every: "3s", late_after: "1s" };
    this.place.config(
      JSON.stringify({
        source: this.s3.config(),
        warehouse: { url: this.place.url, schema: "public", lock_wait: "5s" },
        schedule: { cron: "* * * * * *", http: { port: 0 } },
        defaults: { delete_limit_pct: 100, dialect: { nulls: ["NULL"] } },
        tables: {
          orders: keyed("orders"),
          clicks: { prefix: "shop/clicks", write_mode: "append" },
          returns: returnsKey ? keyed("returns") : { prefix: "shop/returns" },
          refunds: { ...keyed("refunds"), columns: { cents: "integer" } },
          deliveries: { ...keyed("deliveries"), ...expectEvery },
        },
        alerts: { webhook: `${this.hooks.url}/alerts`, heartbeat: `${this.hooks.url}/beat` },
      }),
    );
  }

  start(): RunningSchedule {
    const service = startSchedule(this.place, { env: this.s3.env });
    this.services.push(service);
    return service;
  }

  async restart(how: "fast" | "crash"): Promise<void> {
    await this.#during(() => this.server.restart(how));
  }

  async kill(service: RunningSchedule): Promise<void> {
    await this.#during(async () => {
      service.kill("SIGKILL");
      await service.ended;
    });
  }

  /** What crashes meanwhile may tell again what it told before. */
  async #during(work: () => Promise<void>): Promise<void> {
    const one = { from: performance.now(), to: Number.POSITIVE_INFINITY };
    this.#breaks.push(one);
    await work();
    one.to = performance.now();
  }

  /** An object of a folder that no table reads. */
  async deliverStray(): Promise<void> {
    await this.s3.put("shop/strays/20260101-000000000.csv", "Op,id\nI,1\n");
  }

  /** Objects one after another up to that share of all, `pauseMs` between; with them one of deliveries a second, if `punctual`. */
  async deliver(share: number, pauseMs: number, punctual = true): Promise<void> {
    const { objects } = this.#source;
    let next = 0;
    for (const end = Math.round(objects.length * share); this.#delivered < end; this.#delivered += 1) {
      const object = objects[this.#delivered];
      if (object !== undefined) await this.s3.put(object.path, object.body);
      if (punctual && performance.now() >= next) {
        await this.deliverPunctually();
        next = performance.now() + 1_000;
      }
      await sleep(pauseMs);
    }
  }

  async deliverPunctually(): Promise<void> {
    const n = this.#deliveries++;
    const time = new Date(Date.UTC(2026, 0, 1) + n * 60_000)
      .toISOString()
      .replaceAll(/[-:.Z]/g, "")
      .replace("T", "-");
    await this.s3.put(`shop/deliveries/${time}.csv`, `Op,id,v\nI,${n},x\n`);
  }

  /** Until everything that arrived is final (returns only `withReturns`), and each of these has ended a pass since. */
  async settle(services: readonly RunningSchedule[], withReturns: boolean): Promise<void> {
    const wanted =
      this.#source.objects.slice(0, this.#delivered).filter(({ path }) => withReturns || !path.includes("/returns/"))
        .length + this.#deliveries;
    const final =
      "select count(*)::int as n from drayage.load_history where status in ('loaded', 'loaded_with_rejects')";
    await until(async () => (await this.ask<{ n: number }>(final))[0]?.n === wanted);
    const ends = (service: RunningSchedule) => service.log().filter(({ message }) => message === "pass ended").length;
    const before = services.map(ends);
    // The pass that was under way may have counted before it was final: the one after it has.
    await until(async () => services.every((service, i) => ends(service) >= (before[i] ?? 0) + 2));
  }

  /** On a connection of its own, again and again while the server is away. */
  async ask<T extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<T[]> {
    for (let attempt = 1; ; attempt += 1) {
      const client = new pg.Client({ connectionString: databaseOf(this.server.url, this.place.url) });
      client.on("error", () => undefined);
      try {
        await client.connect();
        return (await client.query<T>(sql, values)).rows;
      } catch (error) {
        // The state schema is not made yet, or the server is away.
        const code = (error as { code?: string }).code ?? "";
        if (code === "42P01") return [];
        if (attempt === 100 || code.startsWith("42")) throw error;
        await sleep(100);
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }

  /** What a process says that it loaded. */
  async counted(service: RunningSchedule): Promise<Counters> {
    const text = await (await service.get("/metrics")).text();
    const counters: Record<string, number> = {};
    for (const [, table, outcome, n] of text.matchAll(/^drayage_rows_total\{table="(\w+)",outcome="(\w+)"\} (\d+)$/gm))
      if (n !== "0") counters[`${table} ${outcome}`] = Number(n);
    return counters;
  }

  /** What the log of a process says that it loaded. */
  logged(service: RunningSchedule): Counters {
    const counters: Record<string, number> = {};
    for (const line of service.log().filter(({ message }) => message === "unit loaded")) {
      for (const outcome of outcomes) {
        const name = `${String(line.table)} ${outcome}`;
        if (typeof line[outcome] === "number") counters[name] = (counters[name] ?? 0) + line[outcome];
      }
    }
    return counters;
  }

  /** What the history says that the runs of a process loaded. */
  async recorded(service: RunningSchedule): Promise<Counters> {
    const rows = await this.ask<{ name: string; n: number }>(
      `select h.table_name || ' ' || outcome as name, sum(n)::int as n
       from drayage.load_history h join drayage.runs r using (run_id),
            lateral (values ${outcomes.map((outcome) => `('${outcome}', h.rows_${outcome})`).join(", ")}) o (outcome, n)
       where r.pid = $1 and h.status in ('loaded', 'loaded_with_rejects') group by 1 having sum(n) > 0`,
      [service.pid],
    );
    return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
  }

  /** Where the warehouse is not what was delivered; everything must have been. */
  async problems(): Promise<string[]> {
    const found: string[] = [];
    for (const table of this.#source.tables) found.push(...(await this.#tableProblems(table)));
    const [late] = await this.ask<{ n: number }>("select count(*)::int as n from public.deliveries");
    if (late?.n !== this.#deliveries) found.push(`deliveries: ${late?.n} rows of ${this.#deliveries}`);
    const attempts = await this.ask<{ key: string; loads: number }>(
      `select h.key, count(*)::int as loads from drayage.load_history h join drayage.load_attempts a on a.history_id = h.id
       where a.status in ('loaded', 'loaded_with_rejects') group by h.key having count(*) <> 1`,
    );
    found.push(...attempts.map(({ key, loads }) => `${key} was loaded ${loads} times`));
    const others = await this.ask<{ key: string; status: string }>(
      "select key, status from drayage.load_history where status not in ('loaded', 'loaded_with_rejects')",
    );
    found.push(...others.map(({ key, status }) => `${key} is ${status}`));
    return found;
  }

  async alertProblems(): Promise<string[]> {
    const queued = await this.ask<QueuedEvent & { [name: string]: unknown }>(
      "select event_id::text, delivered_at is not null as delivered from drayage.alert_events",
    );
    return alertProblems(this.hooks.calls, queued, this.#breaks);
  }

  async #tableProblems({ name, columns, rows, records, rejects }: SoakTable): Promise<string[]> {
    const cells = columns.map((column) => `'${column}', "${column}"::text`).join(", ");
    const found = await this.ask<{ cells: Record<string, string | null>; place: string }>(
      `select json_build_object(${cells}) as cells, _object || ' ' || _record as place from public.${name}`,
    );
    const [history] = await this.ask<{ read: number; rejected: number }>(
      "select sum(rows_read)::int as read, sum(rows_rejected)::int as rejected from drayage.load_history where table_name = $1",
      [name],
    );
    const problems: string[] = [];
    if (history?.read !== records) problems.push(`${name}: ${history?.read} of ${records} records read`);
    if (history?.rejected !== rejects) problems.push(`${name}: ${history?.rejected} of ${rejects} rejected`);
    if (rows === undefined) {
      const once = new Set(found.map(({ place }) => place)).size;
      if (found.length !== records || once !== records)
        problems.push(`${name}: ${found.length} rows of ${once} records, not ${records}`);
      return problems;
    }
    const actual = new Set(found.map((row) => rowText(columns.map((column) => row.cells[column] ?? null))));
    const wanted = new Set(rows);
    if (found.length !== rows.length) problems.push(`${name}: ${found.length} rows, the source has ${rows.length}`);
    problems.push(
      ...[...wanted].filter((row) => !actual.has(row)).slice(0, 3).map((row) => `${name}: missing ${row}`), // biome-ignore format: a pair
      ...[...actual].filter((row) => !wanted.has(row)).slice(0, 3).map((row) => `${name}: not in the source ${row}`), // biome-ignore format: a pair
    );
    return problems;
  }
}

/** The database of the workplace, as the server's superuser. */
function databaseOf(server: string, place: string): string {
  const url = new URL(server);
  url.pathname = new URL(place).pathname;
  return url.href;
}
