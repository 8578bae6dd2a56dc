/** What cannot work stops the table before an object is read, with the statement that mends it; what may refuse records is named. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { planHere } from "../support/load-here.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

interface Case {
  readonly name: string;
  readonly create: string;
  /** Afterwards, as a superuser. */
  readonly also?: string;
  readonly entry?: object;
  readonly says: RegExp;
  /** The first line that is printed; run, and the load goes well. */
  readonly mends: RegExp;
}

const cases: readonly Case[] = [
  {
    name: "a view",
    entry: { primary_key: ["id"], columns: { id: "integer" } },
    create: "create view TABLE as select 1 as id",
    says: /is a view/,
    mends: /^alter view .* rename to/,
  },
  {
    name: "no privilege",
    create: "create table TABLE (id integer primary key, v text, _record integer, _version bigint)",
    also: "alter table TABLE owner to current_user; grant select, insert on TABLE to ROLE",
    entry: { system_columns: "minimal" },
    says: /may not update, delete on the main table/,
    mends: /^grant update, delete on/,
  },
  {
    name: "columns of drayage's that another role's table lacks",
    create: "create table TABLE (id integer primary key, v text)",
    also: "alter table TABLE owner to current_user; grant all on TABLE to ROLE",
    entry: { system_columns: "minimal" },
    says: /^DDL_NEEDED: The main table lacks _record, _version/,
    mends: /^alter table .*\n.*add column "_record" integer/,
  },
  {
    name: "a rule",
    create: "create table TABLE (id integer primary key, v text)",
    also: "create rule nothing as on insert to TABLE do instead nothing",
    says: /rules that run instead of a write: nothing/,
    mends: /^drop rule "nothing"/,
  },
  {
    name: "no partition",
    create: "create table TABLE (id integer primary key, v text) partition by range (id)",
    says: /has no partition/,
    mends: /^create table .* partition of .* default/,
  },
  {
    name: "row security without a policy",
    create: "create table TABLE (id integer primary key, v text)",
    also: "alter table TABLE enable row level security, force row level security",
    says: /no policy lets a row/,
    mends: /^create policy/,
  },
  {
    name: "a column of the user's own under a reserved name",
    create: "create table TABLE (id integer primary key, v text, _loaded_at text)",
    says: /another kind: _loaded_at text/,
    mends: /^alter table .* rename column "_loaded_at" to "own_loaded_at"/,
  },
  {
    name: "a key that the server computes",
    create: "create table TABLE (id integer generated always as (length(v)) stored primary key, v text)",
    says: /key column id is computed/,
    mends: /^alter table .* drop expression/,
  },
  {
    name: "a key that cannot be compared",
    create: "create table TABLE (id json, v text)",
    entry: { primary_key: ["id"] },
    says: /key column id is of type json/,
    mends: /^alter table .* type text/,
  },
];

/** As the superuser, or as the role that owns the table. */
async function run(table: { name: string }, sql: string, role?: string): Promise<void> {
  const named = sql.replaceAll("TABLE", `public.${table.name}`).replaceAll("ROLE", place.role);
  await place.client.query(role === undefined ? named : `set role ${role}; ${named}; reset role`);
}

test.each(cases)("$name: exit 6 before an object is read, and the line that is printed mends it", async (one) => {
  const table = await oneTable(place, one.entry, one.create);
  if (one.also !== undefined) await run(table, one.also);
  table.full(1, csv("id,v", "1,a", "2,b"));
  const opened: string[] = [];
  const through = (source: ObjectSource): ObjectSource => ({
    ...source,
    open: (object, options) => {
      opened.push(object.key);
      return source.open(object, options);
    },
  });
  const stopped = await table.load({ through });
  expect(stopped.exit).toBe(6);
  expect(stopped.failures).toEqual([expect.stringMatching(one.says)]);
  expect(opened).toEqual([]);
  const lines = stopped.report.tables[0]?.failures[0]?.error.lines ?? [];
  expect(lines[0]).toMatch(one.mends);
  const plan = await planHere(place);
  expect(plan.tables.flatMap(({ errors }) => errors.map((error) => `${error.code}: ${error.message}`))).toContainEqual(
    stopped.failures[0],
  );
  const owner = one.also?.includes("owner to") === true ? undefined : place.role;
  for (const line of lines) await run(table, line.replace(/;$/, ""), owner);
  expect(await table.load()).toMatchObject({ exit: 0, failures: [], counts: { inserted: 2 } });
});

test("a header that cannot feed the table stops it before a record is staged", async () => {
  const table = await oneTable(place, {}, "create table TABLE (id integer primary key, v text, w text not null)");
  table.full(1, csv("id,v", "1,a"));
  const stopped = await table.load();
  expect(stopped.failures).toEqual([expect.stringMatching(/^COLUMN_UNFED: .*does not feed w/)]);
  // Nothing but the header was looked at: drayage's own columns were not even added.
  expect(
    await table.query("select count(*) from pg_attribute where attrelid = to_regclass('public.' || $1) and attnum > 0"),
  ).toEqual(["3"]);
  await place.client.query(stopped.report.tables[0]?.failures[0]?.error.lines[0] ?? "");
  expect((await table.load()).exit).toBe(0);
});

test("what may refuse a record is named, by plan too", async () => {
  const table = await oneTable(
    place,
    { primary_key: ["id"] },
    `create table TABLE (
       id integer primary key, email text constraint mail unique, parent integer constraint up references TABLE,
       twice integer generated always as (id * 2) stored, n integer generated by default as identity
     )`,
  );
  await run(
    table,
    `create table public.${table.name}_items (id integer constraint items references TABLE on delete cascade)`,
  );
  table.full(1, csv("id,email,parent,n", "1,a,,1"));
  const { constraints } = (await table.load()).report.tables.find((one) => one.table === table.name) ?? {};
  expect(constraints).toEqual([
    expect.stringMatching(/^up \(FOREIGN KEY \(parent\) REFERENCES .*: a record whose row is not there is rejected/),
    expect.stringMatching(/_items refers to it \(items\): a delete deletes its rows, too$/),
    "mail is unique (email): a record with another row's value is rejected",
    "twice: computed by the server: never loaded",
    "n: an identity: the source's values are kept",
  ]);
  table.full(2, csv("id,email,parent,n", "2,b,,2"));
  expect((await planHere(place)).tables.find((one) => one.table === table.name)?.constraints).toEqual(constraints);
});

test("a key that is in the table twice is no bug of drayage: the rows are named by a statement", async () => {
  const table = await oneTable(place, { primary_key: ["id"] }, "create table TABLE (id integer, v text)");
  await run(table, "insert into TABLE values (1, 'x'), (1, 'y')");
  table.full(1, csv("id,v", "1,a", "2,b"));
  const stopped = await table.load();
  expect(stopped.failures).toEqual([expect.stringMatching(/^TARGET_UNFIT: .*same key \(id\)/)]);
  expect(stopped.report.tables[0]?.constraints).toEqual([expect.stringMatching(/^no unique index on the key \(id\)/)]);
  expect(await table.rows("id", "v")).toEqual(["1 x", "1 y"]);
  const [find, index] = stopped.report.tables[0]?.failures[0]?.error.lines ?? [];
  expect((await place.client.query(find ?? "")).rows).toEqual([{ id: 1, count: "2" }]);
  await run(table, "delete from TABLE where v = 'y'");
  await place.client.query(index ?? "");
  expect(await table.load()).toMatchObject({ exit: 0, counts: { inserted: 1, updated: 1 } });
});
