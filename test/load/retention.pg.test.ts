/** What a run drops by age: rejects, tombstones (which raises the floor), runs. A bounded number, and never at another's cost. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DrayageError } from "../../src/errors.ts";
import { lockClass } from "../../src/warehouse/advisory-locks.ts";
import { dropOld } from "../../src/warehouse/retention.ts";
import { Session } from "../../src/warehouse/session.ts";
import { configHere } from "../support/load-here.ts";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

async function numbers(sql: string): Promise<number[]> {
  const { rows } = await place.client.query({ text: sql, rowMode: "array" });
  return (rows as unknown[][]).flat().map(Number);
}

async function tombstonesOf(table: OneTable): Promise<string> {
  const [id] = await numbers(`select table_id from drayage.tables where table_name = '${table.name}'`);
  return `drayage.tombstones_${id}`;
}

/** Keys 2 and 3 were deleted, 2 first. */
async function withDeletes(): Promise<OneTable> {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" } });
  table.full(1, csv("id,v", "1,a", "2,b", "3,c"));
  table.change(5, csv("Op,id,v", "D,2,"));
  table.change(7, csv("Op,id,v", "D,3,"));
  expect((await table.load()).failures).toEqual([]);
  return table;
}

const floorOf = (table: OneTable) =>
  numbers(
    `select floor is not null and floor >= 0, coalesce(floor, 0) from drayage.tables where table_name = '${table.name}'`,
  );

test("old tombstones go, and what is older than they were makes no row", async () => {
  const table = await withDeletes();
  const tombstones = await tombstonesOf(table);
  const [version] = await numbers(`select _version from ${tombstones} where id = 2`);
  expect((await table.load()).report.dropped, "nothing is old").toBeUndefined();
  await place.client.query(`update ${tombstones} set deleted_at = now() - interval '31 days' where id = 2`);
  table.change(8, csv("Op,id,v", "U,1,A"));
  const { report, exit } = await table.load();
  expect({ exit, dropped: report.dropped }).toEqual({
    exit: 0,
    dropped: { rejects: 0, tombstones: 1, runs: 0, alerts: 0 },
  });
  expect(await numbers(`select id from ${tombstones}`)).toEqual([3]);
  expect(await floorOf(table)).toEqual([1, version]);
  table.change(4, csv("Op,id,v", "I,2,late", "I,9,late"));
  table.change(6, csv("Op,id,v", "I,2,again", "I,3,late"));
  expect((await table.load()).counts).toEqual({ read: 4, inserted: 1, stale: 2, superseded: 1 });
  expect(await table.rows("id", "v")).toEqual(["1 A", "2 again"]);
});

test("tombstones wait for an object that failed and for an open reject: a floor would keep their records out", async () => {
  const table = await withDeletes();
  const tombstones = await tombstonesOf(table);
  await place.client.query(`update ${tombstones} set deleted_at = now() - interval '31 days'`);
  table.change(6, csv("Op,id,v", "I,4,d", "I,x,e"));
  expect((await table.load()).report.dropped, "the reject is newer than key 2's").toMatchObject({ tombstones: 1 });
  expect(await numbers(`select id from ${tombstones}`)).toEqual([3]);
  await place.client.query("update drayage.rejects set replayed_at = now() where table_name = $1", [table.name]);
  expect((await table.load()).report.dropped).toMatchObject({ tombstones: 1 });
});

test("a table that is being merged is left for the next run, and nothing waits for it", async () => {
  const table = await withDeletes();
  const tombstones = await tombstonesOf(table);
  await place.client.query(`update ${tombstones} set deleted_at = now() - interval '31 days'`);
  const id = Number(tombstones.split("_").at(-1));
  await place.client.query("select pg_advisory_lock($1, $2)", [lockClass.table, id]);
  try {
    expect((await table.load()).report.dropped).toBeUndefined();
  } finally {
    await place.client.query("select pg_advisory_unlock($1, $2)", [lockClass.table, id]);
  }
  expect((await table.load()).report.dropped).toMatchObject({ tombstones: 2 });
});

test("old rejects and runs go with their attempts; the history knows its objects still", async () => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" }, reject_limit: 100 });
  table.full(1, csv("id,v", "1,a", "x,b", "y,c"));
  expect((await table.load()).exit).toBe(3);
  await place.client.query(
    "update drayage.rejects set created_at = now() - interval '91 days' where table_name = $1 and record_no = 2",
    [table.name],
  );
  const [run] = await numbers("select max(run_id) from drayage.runs");
  await place.client.query(
    "update drayage.runs set started_at = started_at - interval '401 days', finished_at = finished_at - interval '401 days' where run_id <= $1",
    [run],
  );
  const first = await table.load();
  expect(first.report.dropped, "the last run that listed everything stays").toMatchObject({
    rejects: 1,
    runs: Number(run) - 1,
  });
  const { report, counts } = await table.load();
  expect(counts).toEqual({});
  expect(report.dropped).toEqual({ rejects: 0, tombstones: 0, runs: 1, alerts: 0 });
  expect(await numbers(`select count(*) from drayage.runs where run_id <= ${run}`)).toEqual([0]);
  expect(await numbers(`select count(*) from drayage.load_attempts where run_id <= ${run}`)).toEqual([0]);
  expect(await table.rejects()).toEqual(["3 cast id -"]);
  // "New" means: not in the history.
  expect((await table.load()).counts).toEqual({});
});

test("alerts that are over go with the runs; what is open or still to be delivered stays", async () => {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" } });
  table.full(1, csv("id,v", "1,a"));
  await table.load();
  const old = "now() - interval '401 days'";
  await place.client.query(
    `insert into drayage.alerts (cause, subject, place, message, raised_at, cleared_at)
     values ('failed', 'over', '', 'm', ${old}, ${old}), ('failed', 'open', '', 'm', ${old}, null)`,
  );
  await place.client.query(
    `insert into drayage.alert_events (event_id, kind, cause, body, created_at, attempts, next_attempt_at, delivered_at)
     select e.id, 'raised', 'failed', jsonb_build_object('drayage', jsonb_build_object('event_id', e.id)), ${old}, 1, ${old}, e.at
     from (values (gen_random_uuid(), ${old}), (gen_random_uuid(), null)) as e (id, at)`,
  );
  expect((await table.load()).report.dropped).toMatchObject({ alerts: 2 });
  expect(
    await numbers("select (select count(*) from drayage.alerts), (select count(*) from drayage.alert_events)"),
  ).toEqual([1, 1]);
});

test("a bounded number at a time; what went wrong is said and costs nothing", async () => {
  const table = await withDeletes();
  const tombstones = await tombstonesOf(table);
  await place.client.query(`update ${tombstones} set deleted_at = now() - interval '31 days'`);
  const { warehouse, retention, source } = configHere(place);
  const session = await Session.connect(warehouse, "test", source.timezone);
  try {
    const drop = () => dropOld(session, "drayage", retention, 1);
    expect(await drop()).toMatchObject({ tombstones: 1 });
    expect(await drop()).toMatchObject({ tombstones: 1 });
    expect(await drop()).toMatchObject({ tombstones: 0 });
  } finally {
    await session.close();
  }
  await place.client.query(`alter table ${tombstones} rename column deleted_at to gone_at`);
  try {
    const warnings: DrayageError[] = [];
    await place.client.query(`insert into ${tombstones} values (9, 1, 1, now())`);
    const { exit } = await table.load({ warnings });
    expect({ exit, warnings: warnings.map(({ code }) => code) }).toEqual({ exit: 0, warnings: ["WAREHOUSE_FAILED"] });
  } finally {
    await place.client.query(`alter table ${tombstones} rename column gone_at to deleted_at`);
  }
});
