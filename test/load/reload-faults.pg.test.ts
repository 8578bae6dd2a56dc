import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { type FrontendMessage, startPostgresProxy, type Verdict } from "../support/postgres-proxy.ts";
import { type ReloadedTable, reloadedTable } from "../support/reloaded-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const numbers = (from: number, to: number, v: string) =>
  csv("id,v", ...Array.from({ length: to - from + 1 }, (_, i) => `${from + i},${v}`));

async function shadows(): Promise<string[]> {
  const { rows } = await place.client.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'drayage'::regnamespace and relname like 'shadow%' and relkind = 'r'",
  );
  return rows.map((row) => row.name);
}

async function counted(table: ReloadedTable): Promise<string> {
  return (await table.rows("count(*)", "min(v)", "max(v)"))[0] ?? "";
}

test("delete_limit_pct: exit 5 and nothing changed; --allow-deletes applies it", async () => {
  const table = await reloadedTable(place);
  table.fullAt("10:00", 1, numbers(1, 1000, "a"));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, numbers(1, 799, "b"));
  const stopped = await table.loadAt("13:00");
  expect([stopped.exit, stopped.failures]).toEqual([
    5,
    ["DELETE_LIMIT: The newer full load lacks 201 of 1000 rows; delete_limit_pct is 20"],
  ]);
  expect([await counted(table), await table.generation(), await shadows()]).toEqual(["1000 a a", 1, []]);
  expect(await table.history()).toEqual(["LOAD00000001 loaded 1", "LOAD00000001 pending 2"]);
  expect((await table.loadAt("13:05", { allowDeletes: true })).exit).toBe(0);
  expect(await counted(table)).toBe("799 b b");
  table.fullAt("14:00", 1, numbers(1, 640, "b"));
  expect((await table.loadAt("15:00")).exit).toBe(0);
  expect(await counted(table)).toBe("640 b b");
});

describe("the connection breaks at the COMMIT that applies it", () => {
  test.each<[Verdict, string]>([
    ["cut", "2 b b"],
    ["drop", "3 a a"],
  ])("%s", async (verdict, then) => {
    let armed = false;
    let raised = false;
    const decide = (message: FrontendMessage): Verdict => {
      raised ||= armed && message.sql.includes("set generation = $2");
      if (!raised || message.type !== "Q" || message.sql !== "commit") return "pass";
      armed = false;
      raised = false;
      return verdict;
    };
    const proxy = await startPostgresProxy(place.url, decide);
    try {
      const table = await reloadedTable({ ...place, url: proxy.url });
      table.fullAt("10:00", 1, numbers(1, 3, "a"));
      await table.loadAt("10:01");
      table.fullAt("12:00", 1, numbers(1, 2, "b"));
      armed = true;
      const broken = await table.loadAt("13:00");
      expect([broken.exit, await counted(table)]).toEqual([verdict === "cut" ? 0 : 1, then]);
      expect((await table.loadAt("13:01")).exit).toBe(0);
      expect([await counted(table), await table.generation()]).toEqual(["2 b b", 2]);
      await table.loadAt("13:02");
      expect(await shadows()).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });
});

test("an object of it that cannot be loaded holds all of it; mended, it is applied", async () => {
  const table = await reloadedTable(place, { reject_limit: 0, reject_limit_pct: 0 });
  for (const n of [1, 2]) table.fullAt("10:00", n, csv("id,v", `${n},a`));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, csv("id,v", "1,b"));
  table.fullAt("12:01", 2, csv("id,v", "two,b", "2,b"));
  table.changeAt("12:30", csv("Op,id,v", "I,3,c"));
  const failed = await table.loadAt("13:00");
  expect([failed.exit, failed.failures]).toEqual([5, [expect.stringMatching(/^REJECT_LIMIT: 1 of 2/)]]);
  expect(await table.rows("id", "v")).toEqual(["1 a", "2 a", "3 c"]);
  expect(await table.rejects()).toEqual([]);
  // Nothing has changed: it is not read again.
  const waiting = await table.loadAt("13:05");
  expect([waiting.exit, waiting.report.tables[0]?.waiting.length, waiting.counts]).toEqual([5, 1, {}]);
  table.fullAt("14:00", 2, csv("id,v", "2,b"));
  expect((await table.loadAt("15:00")).exit).toBe(0);
  expect(await table.rows("id", "v")).toEqual(["1 b", "2 b", "3 c"]);
});

test("a foreign key that needs a row that is gone: nothing is changed", async () => {
  const table = await reloadedTable(place, {}, "create table TABLE (id bigint primary key, v text)");
  await place.client.query(
    `create table public.${table.name}_child (of bigint references public.${table.name}); grant references on public.${table.name} to public`,
  );
  table.fullAt("10:00", 1, csv("id,v", "1,a", "2,a"));
  await table.loadAt("10:01");
  await place.client.query(`insert into public.${table.name}_child values (2)`);
  table.fullAt("12:00", 1, csv("id,v", "1,b"));
  const refused = await table.loadAt("13:00");
  expect([refused.exit, refused.failures]).toEqual([
    1,
    [
      `RELOAD_REFUSED: The main table refuses what a newer full load would change (SQLSTATE 23503, constraint ${table.name}_child_of_fkey)`,
    ],
  ]);
  expect([await table.rows("id", "v"), await shadows()]).toEqual([["1 a", "2 a"], []]);
});

describe("values of a unique column that moved between rows", () => {
  const create =
    "create table TABLE (id bigint primary key, code text not null unique, note text default 'none', place int generated always as identity)";

  async function moved(after?: string) {
    const table = await reloadedTable(place, {}, create);
    table.fullAt("10:00", 1, csv("id,code", "1,a", "2,b", "3,c", "4,d", "5,e"));
    await table.loadAt("10:01");
    const run = (sql: string) => place.client.query(sql.replaceAll("TABLE", `public.${table.name}`));
    await run("update TABLE set note = 'own ' || id where id < 3");
    if (after !== undefined) await run(after);
    // A swap, and a chain with a row that goes and one that comes.
    table.fullAt("12:00", 1, csv("id,code", "1,b", "2,a", "3,d", "4,e", "6,c"));
    return { table, loaded: await table.loadAt("13:00") };
  }

  test("are applied, and what is not the source's stays", async () => {
    const { table, loaded } = await moved();
    expect([loaded.exit, loaded.failures, loaded.counts]).toEqual([0, [], { read: 5, inserted: 1, updated: 4 }]);
    const rows = ["1 b own 1 1", "2 a own 2 2", "3 d none 3", "4 e none 4", "6 c none 6"];
    expect(await table.rows("id", "code", "note", "place")).toEqual(rows);
  });

  test.each([
    ["something points to a row", "create table TABLE_child (of bigint references TABLE on delete cascade)"],
    [
      "a trigger hears of it",
      `create function TABLE_hear() returns trigger language plpgsql as 'begin return null; end';
       create trigger hear after delete on TABLE for each row execute function TABLE_hear()`,
    ],
  ])("where %s, nothing is changed", async (_, after) => {
    const { table, loaded } = await moved(after);
    expect([loaded.exit, loaded.failures]).toEqual([1, [expect.stringMatching(/^RELOAD_REFUSED: .*SQLSTATE 23505/)]]);
    expect(await table.rows("id", "code")).toEqual(["1 a", "2 b", "3 c", "4 d", "5 e"]);
  });
});

test("in a bucket that was copied nobody knows which changes came after it; changes_from says so", async () => {
  const table = await reloadedTable(place);
  table.fullAt("10:00", 1, csv("id,v", "1,a", "2,a"));
  for (const clock of ["10:30", "12:30"]) table.changeAt(clock, csv("Op,id,v", `U,1,${clock}`), "20:00");
  await table.loadAt("20:01");
  table.fullAt("20:30", 1, csv("id,v", "1,b", "2,b"));
  const held = await table.loadAt("21:00");
  expect([held.exit, held.failures]).toEqual([6, [expect.stringMatching(/^NEW_GENERATION: .*were copied/)]]);
  expect(held.report.tables[0]?.failures[0]?.error.lines.at(-1)).toContain("changes_from: 2026-03-10T20:30:00.000Z");
  table.configure({ primary_key: ["id"], columns: { id: "bigint" }, changes_from: "2026-03-10T12:00" });
  expect((await table.loadAt("21:05")).exit).toBe(0);
  expect(await table.rows("id", "v")).toEqual(["1 12:30", "2 b"]);
});

test("an append table keeps what it has: a newer full load waits", async () => {
  const table = await reloadedTable(place, { write_mode: "append", primary_key: undefined, dialect: { header: true } });
  table.fullAt("10:00", 1, csv("id,v", "1,a"));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, csv("id,v", "1,b"));
  expect((await table.loadAt("13:00")).failures).toEqual([expect.stringMatching(/^NEW_GENERATION: .*only appends/)]);
  expect(await table.rows("id", "v")).toEqual(["1 a"]);
});

test("a full load without a record is no order to empty the table", async () => {
  const table = await reloadedTable(place);
  table.fullAt("10:00", 1, csv("id,v", "1,a"));
  await table.loadAt("10:01");
  table.fullAt("12:00", 1, csv("id,v"));
  const held = await table.loadAt("13:00");
  expect([held.exit, held.failures]).toEqual([6, [expect.stringMatching(/^NEW_GENERATION: .*holds no record/)]]);
  expect(await table.rows("id", "v")).toEqual(["1 a"]);
});
