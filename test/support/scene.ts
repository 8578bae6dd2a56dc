/** A folder of objects, the databases that they are loaded into, and what a right load leaves there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type pg from "pg";
import { expect } from "vitest";
import { type Cell, readBody } from "../../src/demo/drop-writer.ts";
import { type DropOptions, makeDrops } from "../../src/demo/drops.ts";
import { type FreshDatabase, freshDatabase } from "./database.ts";
import { type Ran, type RunningDrayage, startDrayage } from "./drayage.ts";

export interface SceneTable {
  readonly name: string;
  /** Every record becomes a row: what is applied twice shows. */
  readonly append?: boolean;
  /** The folder is `shop/<name>`. */
  readonly drops: Omit<DropOptions, "kind" | "folder">;
}

export interface Stage {
  readonly database: FreshDatabase;
  readonly client: pg.Client;
  /** `load` with `--json`. `url`: another way to the database. */
  start(options?: StartOptions): RunningDrayage;
  load(options?: StartOptions): Promise<Ran>;
  end(): Promise<void>;
}

export interface StartOptions {
  readonly url?: string | undefined;
  readonly args?: readonly string[] | undefined;
  readonly lockWait?: string | undefined;
}

export interface Scene {
  /** Number of objects. */
  readonly objects: number;
  readonly tables: readonly SceneTable[];
  /** A database of its own. */
  stage(): Promise<Stage>;
  /** Asserts that each object was applied once and every entry balances. */
  checkHistory(client: pg.Client): Promise<void>;
  /** The same, and that the rows are those of the source. */
  check(client: pg.Client): Promise<void>;
  end(): void;
}

interface Expected {
  readonly columns: readonly string[];
  /** As text, sorted; of append tables undefined. */
  readonly rows: readonly string[] | undefined;
}

/** `maxUnitBytes`: of `limits`, so that a table is many units. */
export async function openScene(tables: readonly SceneTable[], maxUnitBytes: string): Promise<Scene> {
  const dir = mkdtempSync(join(tmpdir(), "drayage-scene-"));
  const expected = new Map<string, Expected>();
  let objects = 0;
  for (const { name, append, drops: options } of tables) {
    const drops = makeDrops({ ...options, kind: "relational", folder: `shop/${name}` });
    for (const object of drops.objects()) {
      const path = join(dir, "drops", object.path);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, await readBody(object));
      objects += 1;
    }
    const rows = append === true ? undefined : [...drops.state()].map(rowText).sort();
    expected.set(name, { columns: drops.columns, rows });
  }
  const entries = tables.map(
    ({ name, append }) =>
      `  ${name}: { prefix: shop/${name}, ${append === true ? "write_mode: append" : "primary_key: [id]"} }`,
  );
  const config = `source: { url: "${pathToFileURL(join(dir, "drops")).href}" }
warehouse: { url: "\${DATABASE_URL}", schema: shop, lock_wait: "\${LOCK_WAIT:-60s}" }
limits: { max_unit_bytes: ${maxUnitBytes} }
defaults: { delete_limit_pct: 100, dialect: { nulls: ["NULL"] } }
tables:
${entries.join("\n")}
`;
  writeFileSync(join(dir, "drayage.yaml"), config);
  return {
    objects,
    tables,
    async stage() {
      const database = await freshDatabase();
      const start = ({ url = database.url, args = [], lockWait }: StartOptions = {}) =>
        startDrayage(["load", "--json", "--verbose", ...args], {
          cwd: dir,
          env: { DATABASE_URL: url, LOCK_WAIT: lockWait },
        });
      return {
        database,
        client: database.client,
        start,
        load: (options) => start(options).ended,
        end: () => database.drop(),
      };
    },
    checkHistory: (client) => checkHistory(client, objects),
    async check(client) {
      await checkHistory(client, objects);
      for (const [name, { columns, rows }] of expected) {
        if (rows === undefined) await checkAppended(client, name);
        else expect(differences(await rowsOf(client, name, columns), rows), name).toEqual([]);
      }
    },
    end: () => rmSync(dir, { recursive: true, force: true }),
  };
}

/** Final entries, one loading attempt each; the balance is the table's own CHECK, and what was read is what the rows say. */
async function checkHistory(client: pg.Client, objects: number): Promise<void> {
  const { rows } = await client.query(
    `select h.status, count(*)::int as objects,
            (count(*) filter (where a.loads is distinct from 1))::int as not_once,
            (count(*) filter (where h.rows_read <> h.rows_inserted + h.rows_updated + h.rows_unchanged + h.rows_deleted
              + h.rows_superseded + h.rows_stale + h.rows_ignored + h.rows_rejected))::int as unbalanced
     from drayage.load_history h
     left join (select history_id, count(*) as loads from drayage.load_attempts where status = 'loaded' group by 1) a on a.history_id = h.id
     group by 1`,
  );
  expect(rows).toEqual([{ status: "loaded", objects, not_once: 0, unbalanced: 0 }]);
}

async function checkAppended(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query(
    `select (select count(*) from shop.${name})::int as rows, (select count(distinct (_object, _record)) from shop.${name})::int as records,
            (select sum(rows_read) from drayage.load_history where table_name = $1)::int as read`,
    [name],
  );
  const [{ read }] = rows;
  expect(rows, name).toEqual([{ rows: read, records: read, read }]);
}

export async function rowsOf(client: pg.Client, name: string, columns: readonly string[]): Promise<string[]> {
  const { rows } = await client.query({
    text: `select ${columns.map((column) => `"${column}"::text`).join(", ")} from shop.${name}`,
    rowMode: "array",
  });
  return (rows as (readonly Cell[])[]).map(rowText).sort();
}

export function rowText(cells: readonly Cell[]): string {
  return JSON.stringify(cells);
}

/** The first few, both ways: a diff of a hundred thousand rows is of use to nobody. */
export function differences(actual: readonly string[], wanted: readonly string[]): string[] {
  const has = new Set(actual);
  const wants = new Set(wanted);
  const missing = wanted.filter((row) => !has.has(row)).map((row) => `missing ${row}`);
  const extra = actual.filter((row) => !wants.has(row)).map((row) => `not in the source ${row}`);
  const count = actual.length === wanted.length ? [] : [`${actual.length} rows, the source has ${wanted.length}`];
  return [...count, ...missing.slice(0, 3), ...extra.slice(0, 3)];
}

export interface LoadSummary {
  readonly exit: number;
  readonly run_id: number;
  readonly tables: readonly {
    readonly objects: readonly { readonly key: string }[];
    readonly failures: readonly { readonly key?: string; readonly code: string; readonly message: string }[];
    readonly held: readonly { readonly key: string; readonly reason: string }[];
  }[];
}

export function summaryOf(ran: Ran): LoadSummary {
  return JSON.parse(ran.stdout) as LoadSummary;
}

/** What went wrong, for a message that says more than an exit code. */
export function faultsOf(ran: Ran): readonly string[] {
  if (!ran.stdout.startsWith("{")) return [`exit ${ran.exit}: ${ran.stderr.slice(-500)}`];
  const summary = JSON.parse(ran.stdout) as Partial<LoadSummary> & { error?: { code: string; message: string } };
  if (summary.error !== undefined)
    return [`${summary.error.code}: ${summary.error.message}\n${ran.stderr.slice(-1500)}`];
  return (summary.tables ?? []).flatMap((table) => table.failures.map(({ code, message }) => `${code}: ${message}`));
}

/** Keys of the objects that a run says it loaded. */
export function loadedKeys(ran: Ran): string[] {
  return summaryOf(ran).tables.flatMap((table) => table.objects.map((object) => object.key));
}
