/** Tables of a few small objects, each to be stopped at a step of its own, and what a right load leaves of all of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import { readBody } from "../../src/demo/drop-writer.ts";
import { makeDrops } from "../../src/demo/drops.ts";
import type { Step } from "../../src/load/failpoint.ts";
import type { Stops } from "./armed.ts";
import { type RunningDrayage, startDrayage } from "./drayage.ts";
import { type LoadedHere, loadHere } from "./load-here.ts";
import { differences, rowsOf, rowText } from "./scene.ts";
import { openWorkplace, type Workplace } from "./workplace.ts";

/** `full`: it stops in its first unit, of full-load objects. `changes`: those were loaded before, it stops in the changes. */
export type CrashKind = "full" | "changes";

export interface CrashTable {
  readonly name: string;
  readonly kind: CrashKind;
  /** Appended, what is applied twice shows; with a key, what is applied in the wrong order. */
  readonly append: boolean;
  readonly objects: readonly { readonly path: string; readonly body: Buffer }[];
  readonly columns: readonly string[];
  /** Of the source, as text, sorted; the key of the record that must be rejected is not among them. */
  readonly rows: readonly string[];
}

export interface CrashScene {
  readonly place: Workplace;
  readonly tables: readonly CrashTable[];
  /** `load --json` of the built program. */
  start(before?: string): RunningDrayage;
  /** The same in this process, the tables side by side. */
  loadHere(signal?: AbortSignal): Promise<LoadedHere>;
  /** Of the loads to come; 30 s at first. */
  lockWait(text: string): void;
  /** Rows, history, rejects and leavings are those of a load that nobody disturbed. */
  check(): Promise<void>;
  end(): Promise<void>;
}

/** In each object: a record that no table takes, so that there are rejects to be lost or doubled. */
const badId = "NULL";
const objectsPerTable = 4;

const isLong = process.env.LONG !== undefined;

/** For each step and kind a table with a key or one of append, turn about; with LONG one of each. */
export async function openCrashScene(
  steps: readonly (Step | undefined)[],
  kinds: readonly CrashKind[],
): Promise<CrashScene> {
  const place = await openWorkplace();
  await place.client.query(`create schema shop authorization ${place.role}`);
  const tables: CrashTable[] = [];
  for (const [i, step] of steps.entries())
    for (const [j, kind] of kinds.entries())
      for (const append of [false, true])
        if (isLong || steps.length === 1 || append === ((i + j) % 2 === 1))
          tables.push(await makeTable(step, kind, append, tables.length));
  const entries = tables.map(
    ({ name, append }) =>
      `  ${name}: { prefix: shop/${name}, ${append ? "write_mode: append" : "primary_key: [id]"} }\n`,
  );
  const configure = (lockWait: string) =>
    place.config(
      `source: { url: "${place.source}" }\nwarehouse: { url: "\${DATABASE_URL}", schema: shop, lock_wait: ${lockWait} }\n` +
        `defaults: { delete_limit_pct: 100, reject_limit: 1000, dialect: { nulls: ["${badId}"] } }\ntables:\n${entries.join("")}`,
    );
  configure("30s");
  const here = (signal?: AbortSignal) => loadHere(place, { signal, concurrency: tables.length });
  const isFull = (path: string) => path.includes("/LOAD");
  const put = (of: readonly CrashTable[], wanted: (path: string) => boolean) => {
    for (const { objects } of of) for (const { path, body } of objects) if (wanted(path)) place.put(path, body);
  };
  const early = tables.filter(({ kind }) => kind === "changes");
  put(early, isFull);
  if (early.length > 0) await loadEarly(place, early);
  put(early, (path) => !isFull(path));
  put(
    tables.filter(({ kind }) => kind === "full"),
    () => true,
  );
  return {
    place,
    tables,
    start: (before) =>
      startDrayage(["load", "--json", "--concurrency", String(tables.length)], {
        cwd: place.dir,
        env: { HOME: place.dir, DATABASE_URL: place.url },
        before,
      }),
    loadHere: here,
    lockWait: configure,
    check: () => check(place, tables),
    end: () => place.end(),
  };
}

async function makeTable(step: Step | undefined, kind: CrashKind, append: boolean, seed: number): Promise<CrashTable> {
  const name = `${step ?? "run"}_${kind}${append ? "_append" : ""}`;
  const drops = makeDrops({
    kind: "relational",
    seed: 900 + seed,
    rows: 12,
    objects: 2,
    hours: 1,
    objectsPerHour: 2,
    changesPerObject: 8,
    folder: `shop/${name}`,
  });
  const objects = [];
  for (const object of drops.objects()) {
    const body = await readBody(object);
    // A record again, without its key: one that is a line, and whose cells are what is between its commas.
    const [header = "", ...lines] = body.toString("utf8").split("\n");
    const width = header.split(",").length;
    const plain = lines.find((line) => !line.includes('"') && line.split(",").length === width) ?? "";
    const bad = plain.split(",").map((cell, i) => (i === 2 ? badId : cell));
    objects.push({ path: object.path, body: Buffer.concat([body, Buffer.from(`${bad.join(",")}\n`)]) });
  }
  expect(objects).toHaveLength(objectsPerTable);
  return { name, kind, append, objects, columns: drops.columns, rows: [...drops.state()].map(rowText).sort() };
}

/** Full loads of those tables, by a run of their own; then a column is gone, so that the changes begin with DDL. */
async function loadEarly(place: Workplace, tables: readonly CrashTable[]): Promise<void> {
  const loaded = await loadHere(place, { concurrency: 4 });
  expect(loaded.failures).toEqual([]);
  await place.client.query(tables.map(({ name }) => `alter table shop.${name} drop column _loaded_at;`).join(" "));
}

/** Where each table of that kind stops. */
export function stopsOf(scene: CrashScene, steps: readonly Step[]): Stops {
  return Object.fromEntries(
    scene.tables.map(({ name }) => [name, steps.find((step) => name.startsWith(`${step}_`)) as Step]),
  );
}

async function check(place: Workplace, tables: readonly CrashTable[]): Promise<void> {
  await untilQuiet(place);
  // Once more: there is nothing to do, and what a killed run left is seen to be lost.
  const more = await loadHere(place);
  expect([more.exit, more.failures, more.report.tables]).toEqual([0, [], []]);
  const { client } = place;
  const { rows: history } = await client.query(
    `select h.table_name, h.status, count(*)::int as objects, sum(h.rows_rejected)::int as rejected,
            (count(*) filter (where a.loads is distinct from 1))::int as not_once,
            (select count(*)::int from drayage.rejects r where r.table_name = h.table_name) as kept
     from drayage.load_history h
     left join (select history_id, count(*) as loads from drayage.load_attempts where status like 'loaded%' group by 1) a on a.history_id = h.id
     group by 1, 2 order by h.table_name collate "C"`,
  );
  const wanted = (append: boolean) => (append ? 0 : objectsPerTable);
  expect(history).toEqual(
    [...tables]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, append }) => ({
        table_name: name,
        status: append ? "loaded" : "loaded_with_rejects",
        objects: objectsPerTable,
        rejected: wanted(append),
        not_once: 0,
        kept: wanted(append),
      })),
  );
  for (const { name, append, columns, rows } of tables) {
    if (!append) {
      expect(differences(await rowsOf(client, name, columns), rows), name).toEqual([]);
      continue;
    }
    const { rows: counts } = await client.query(
      `select count(*)::int as rows, count(distinct (_object, _record))::int as records,
              (select sum(rows_read)::int from drayage.load_history where table_name = $1) as read from shop.${name}`,
      [name],
    );
    expect(counts, name).toEqual([{ rows: counts[0].read, records: counts[0].read, read: counts[0].read }]);
  }
  // No staging, no half-made table, no run that still seems to be at work.
  const { rows: left } = await client.query(
    `select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = relnamespace
     where relkind in ('r', 'p') and (nspname = 'shop' or nspname like 'pg_temp%') and not (nspname = 'shop' and relname = any($1))
     union all select 'run ' || run_id from drayage.runs where status = 'running'`,
    [tables.map(({ name }) => name)],
  );
  expect(left).toEqual([]);
}

/** Backends of a killed process, and their temporary tables, go a moment after it. */
export async function untilQuiet({ client }: Pick<Workplace, "client">): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const { rows } = await client.query(
      "select pid, query from pg_stat_activity where datname = current_database() and application_name like 'drayage%'",
    );
    if (rows.length === 0) return;
    await sleep(20);
  }
  expect.fail("a connection of the program is still open after 10 s");
}
