/** refresh: the table becomes what its objects say by the difference alone; loads are taken back and come again; a killed one changes nothing. */
import { randomInt } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { armFailpoints, refreshSteps, type Step } from "../../src/load/failpoint.ts";
import { type ChangingTable, changingTable } from "../support/changing-table.ts";
import { csv } from "../support/one-table.ts";
import { refreshHere, refusedHere, resumeHere } from "../support/refresh-here.ts";
import { reloadedTable, timeOf } from "../support/reloaded-table.ts";
import { validateHere } from "../support/validate-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
/** Also told when a test fails. */
const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const isLong = process.env.LONG !== undefined;

beforeAll(async () => {
  place = await openWorkplace();
});

afterAll(() => place.end());

let disarm = () => {};
afterEach(() => disarm());

function randomOf(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

async function loaded(
  objects?: number,
  entry?: object,
): Promise<{ table: ChangingTable; random: (below: number) => number }> {
  const random = randomOf(seed);
  const table = await changingTable(place, random, {
    ...(objects === undefined ? {} : { objects }),
    ...(entry === undefined ? {} : { entry }),
  });
  const { exit, failures } = await table.loadAt("11:00");
  expect(failures).toEqual([]);
  expect(exit).toBe(0);
  expect(await table.holds(), `seed ${seed}`).toEqual(table.expected());
  return { table, random };
}

/** What a reader of the table may not notice to change. */
async function shape(name: string): Promise<string> {
  const { rows } = await place.client.query(
    `select c.oid, c.relfilenode, c.relacl::text, pg_get_viewdef('public.view_of_${name}'::regclass) as view
     from pg_class c where c.oid = 'public.${name}'::regclass`,
  );
  return JSON.stringify(rows);
}

test("damage is mended by the difference; what is right is not written", async () => {
  const { table } = await loaded();
  await place.client.query(`create view public.view_of_${table.name} as select id, v from public.${table.name}`);
  await place.client.query(`grant select on public.${table.name} to public`);
  const before = await shape(table.name);
  const [kept] = (await table.places("id")).filter((line) => line.startsWith("2"));
  await place.client.query(
    `with gone as (delete from public.${table.name} where id = (select max(id) from public.${table.name}) returning id)
     update public.${table.name} set v = 'by hand' where id = (select min(id) from public.${table.name})`,
  );
  await place.client.query(`insert into public.${table.name} (id, v) values (99, 'nobody')`);
  const tried = await refreshHere(place, { dryRun: true });
  expect(tried.applied).toBeUndefined();
  expect((await validateHere(place)).exit).toBe(7);
  const { applied } = await refreshHere(place);
  expect(applied).toEqual({ removed: 1, updated: 1, inserted: 1 });
  expect(await table.holds()).toEqual(table.expected());
  expect((await table.places("id")).filter((line) => line.startsWith("2"))).toContain(kept);
  expect(await shape(table.name)).toBe(before);
  const places = await table.places("id");
  expect((await refreshHere(place)).applied).toBeUndefined();
  expect(await table.places("id")).toEqual(places);
  expect((await validateHere(place)).exit).toBe(0);
});

test("a table as of random moments; loads in between leave it; resume brings it forward", async () => {
  const { table, random } = await loaded();
  for (let n = 0; n < (isLong ? 10 : 3); n++) {
    const at = new Date(Date.UTC(2026, 2, 10, 10, random(table.objects.length + 1), random(60)));
    const before = table.expected({ until: at });
    const told = `seed ${seed}, as of ${at.toISOString()}`;
    const done = await refreshHere(place, { asOf: at });
    expect(await table.holds(), told).toEqual(before);
    if (done.paused) {
      expect(done.takenBack.length, told).toBeGreaterThan(0);
      expect((await validateHere(place)).exit, told).toBe(0);
      if (n === 0) table.more();
      const hourly = await table.loadAt("12:00");
      expect(hourly.report.tables[0]?.paused, told).toBe(true);
      expect(await table.holds(), told).toEqual(before);
      await resumeHere(place, table.name);
    }
    expect(await table.loadAt("12:00"), told).toMatchObject({ exit: 0 });
    expect(await table.holds(), told).toEqual(table.expected());
  }
  expect((await validateHere(place)).exit).toBe(0);
});

test("a load that is under way when the table goes back leaves it alone", async () => {
  const { table } = await loaded(4);
  const at = new Date((table.objects[1]?.closed.getTime() ?? 0) + 1);
  table.more();
  let gone = false;
  disarm = armFailpoints(async (step) => {
    if (step !== "after_stage_commit" || gone) return;
    gone = true;
    expect((await refreshHere(place, { asOf: at })).paused).toBe(true);
  });
  const { report } = await table.loadAt("12:00");
  expect(report.tables[0]?.paused).toBe(true);
  expect(await table.holds(), `seed ${seed}`).toEqual(table.expected({ until: at }));
  expect((await table.history()).map((line) => line.split(" ")[1])).toEqual([
    ...["loaded", "loaded", "loaded"],
    ...["pending", "pending", "pending"],
  ]);
  await resumeHere(place, table.name);
  expect(await table.loadAt("12:30")).toMatchObject({ exit: 0 });
  expect(await table.holds(), `seed ${seed}`).toEqual(table.expected());
});

test("a table without some of its objects; they stay out", async () => {
  const { table, random } = await loaded(isLong ? 14 : 6);
  const without: string[] = [];
  for (let n = 0; n < (isLong ? 10 : 3); n++) {
    const open = table.objects.map(({ path }) => path).filter((path) => !without.includes(path));
    const bad = open[random(open.length)] ?? "";
    without.push(bad);
    await refreshHere(place, { without: [bad], reason: "bad export" });
    const told = `seed ${seed}, without ${without.join(", ")}`;
    expect(await table.holds(), told).toEqual(table.expected({ without }));
    expect(await table.loadAt("12:00")).toMatchObject({ exit: 0, counts: {} });
    expect(await table.holds(), told).toEqual(table.expected({ without }));
  }
  expect((await validateHere(place)).exit).toBe(0);
  expect(await table.history("note")).toContainEqual(expect.stringMatching(/skipped 1 refresh --without: bad export$/));
});

test("the bad object is left out of what comes again", async () => {
  const { table } = await loaded(6);
  const [, , third, fourth] = table.objects;
  const at = new Date((third?.closed.getTime() ?? 0) - 60_001);
  await refreshHere(place, { asOf: at });
  await place.client.query(
    "update drayage.load_history set status = 'skipped', finished_at = now() where table_name = $1 and key like $2",
    [table.name, `%${fourth?.path}`],
  );
  await resumeHere(place, table.name);
  expect(await table.loadAt("12:00")).toMatchObject({ exit: 0 });
  expect(await table.holds(), `seed ${seed}`).toEqual(table.expected({ without: [fourth?.path ?? ""] }));
});

test("a row that a later object wrote with equal cells goes back to its older version", async () => {
  const table = await reloadedTable(place);
  table.fullAt("09:00", 1, csv("id,v", "1,full"));
  table.changeAt("10:00", csv("Op,id,v", "U,1,a"));
  table.changeAt("11:00", csv("Op,id,v", "U,1,b"));
  const last = table.changeAt("12:00", csv("Op,id,v", "U,1,a"));
  await table.loadAt("13:00");
  await refreshHere(place, { asOf: timeOf("10:30") });
  expect(await table.rows("id", "v")).toEqual(["1 a"]);
  await refreshHere(place, { without: [last] });
  await resumeHere(place, table.name);
  await table.loadAt("14:00");
  // Under the version of the object that is left out it would have been stale.
  expect(await table.rows("id", "v")).toEqual(["1 b"]);
});

test("without a timestamp column the first object that was closed later is the end", async () => {
  const { table } = await loaded(5, { dialect: {} });
  const [, second, third] = table.objects;
  await refreshHere(place, { asOf: new Date((second?.closed.getTime() ?? 0) + 30_000) });
  const later = table.objects.filter(({ closed }) => closed >= (third?.closed ?? 0)).map(({ path }) => path);
  expect(await table.holds()).toEqual(table.expected({ without: later }));
});

describe("refused", () => {
  test("objects that are gone, a moment before the full load, an object that nobody knows", async () => {
    const { table } = await loaded(3);
    expect(await refusedHere(place, { asOf: new Date(Date.UTC(2026, 2, 10, 8)) })).toBe("SOURCE_INCOMPLETE");
    expect(await refusedHere(place, { without: ["nothing.csv"] })).toBe("OBJECT_UNKNOWN");
    table.remove(table.objects[1]?.path ?? "");
    expect(await refusedHere(place)).toBe("SOURCE_INCOMPLETE");
    expect(await validateHere(place)).toMatchObject({
      exit: 7,
      table: { compared: { gone: [table.objects[1]?.path] } },
    });
    expect(await table.holds()).toEqual(table.expected());
    // What is taken back anyway needs no bytes.
    await refreshHere(place, { without: [table.objects[1]?.path ?? ""] });
    expect(await table.holds()).toEqual(table.expected({ without: [table.objects[1]?.path ?? ""] }));
  });

  test("a fifth of the rows would go", async () => {
    const { table } = await loaded(1);
    await place.client.query(
      `insert into public.${table.name} (id, v) select n, 'x' from generate_series(1000, 2000) n`,
    );
    expect(await refusedHere(place)).toBe("DELETE_LIMIT");
    expect(await refusedHere(place, { allowDeletes: true })).toBeUndefined();
    expect(await table.holds()).toEqual(table.expected());
  });
});

test("soft deletes: what was deleted stays marked, what never was goes", async () => {
  const { table } = await loaded(6, { deletes: "soft" });
  const marked = `select id::text || case when _deleted_at is null then '' else ' D' end as line from public.${table.name} order by id`;
  const { rows: before } = await place.client.query(marked);
  await place.client.query(`update public.${table.name} set _deleted_at = null`);
  await place.client.query(`insert into public.${table.name} (id, v) values (99, 'nobody')`);
  await refreshHere(place);
  expect((await place.client.query(marked)).rows).toEqual(before);
  expect((await validateHere(place)).exit).toBe(0);
});

test("a connection that breaks anywhere leaves the table as it was, or refreshed", async () => {
  const { table } = await loaded(4);
  const steps: readonly Step[] = [...refreshSteps, "after_lock", "mid_object", "before_stage_commit"];
  for (const step of steps) {
    await place.client.query(
      `update public.${table.name} set v = 'by hand' where id = (select min(id) from public.${table.name})`,
    );
    const before = await table.rows("id", "v", "_version");
    let reached = 0;
    disarm = armFailpoints(async (at) => {
      if (at !== step || ++reached > 1) return;
      await place.client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'drayage refresh' and datname = current_database()",
      );
    });
    await refreshHere(place).catch(() => undefined);
    disarm();
    expect(reached, step).toBeGreaterThan(0);
    const after = await table.rows("id", "v", "_version");
    if (step === "after_refresh_commit") expect(await table.holds()).toEqual(table.expected());
    else expect(after, step).toEqual(before);
    await refreshHere(place);
    expect(await table.holds(), step).toEqual(table.expected());
  }
  const { rows } = await place.client.query("select from pg_class where relname like 'shadow%' and relkind = 'r'");
  expect(rows).toEqual([]);
});

test("readers through a view see the table before or after, and no error", async () => {
  const { table } = await loaded(4);
  const view = `public.view_of_${table.name}`;
  await place.client.query(`create view ${view} as select id, v from public.${table.name}`);
  const digest = `select count(*) || ' ' || coalesce(sum(hashtext(id::text || v)), 0) as line from ${view}`;
  const read = async () => (await place.client.query<{ line: string }>(digest)).rows[0]?.line ?? "";
  const right = await read();
  for (let n = 0; n < (isLong ? 20 : 2); n++) {
    await place.client.query(
      `with gone as (delete from public.${table.name} where id % 3 = 0) update public.${table.name} set v = 'by hand' where id % 3 = 1`,
    );
    const wrong = await read();
    const seen = new Set<string>();
    let done = false;
    const reading = (async () => {
      while (!done) seen.add(await read());
    })();
    await refreshHere(place, { allowDeletes: true }).finally(() => {
      done = true;
    });
    await reading;
    expect([...seen].filter((line) => line !== right && line !== wrong)).toEqual([]);
    expect(await read()).toBe(right);
  }
});
