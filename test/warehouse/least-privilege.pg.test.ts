/** The grants of sql/roles are enough: a loader that owns nothing but its state schema loads, and can do nothing else. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { root } from "../support/source-tree.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let loader: string;
let owner: string;
let url: string;

/** What psql makes of the script. */
function statements(values: Readonly<Record<string, string>>): string {
  return readFileSync(join(root, "sql/roles/least_privilege.sql"), "utf8")
    .replace(/^select .*\\gset$/m, "")
    .replaceAll(/:"(\w+)"/g, (_, name: string) => pg.escapeIdentifier(values[name] ?? ""));
}

beforeAll(async () => {
  place = await openWorkplace();
  const { client } = place;
  const database = new URL(place.url).pathname.slice(1);
  [loader, owner] = [`loader_${database}`, `owner_${database}`];
  // Nothing by default: neither the database's owner nor what PUBLIC has helps.
  await client.query(`alter database ${database} owner to current_user`);
  await client.query(`revoke all on database ${database} from public`);
  await client.query("revoke all on schema public from public");
  await client.query(`create role ${owner}; create schema shop authorization ${owner}; create schema hr`);
  await client.query("create table hr.salaries (id integer)");
  await client.query(
    `create table shop.orders (id bigserial primary key, n integer not null, _loaded_at timestamptz, _op_ts timestamptz, _object bigint, _record integer, _version bigint)`,
  );
  await client.query(`alter table shop.orders owner to ${owner}`);
  await client.query(statements({ loader, schema: "shop", state: "drayage", database }));
  await client.query(`alter role ${loader} password 'only-for-this'`);
  const signIn = new URL(place.url);
  signIn.username = loader;
  signIn.password = "only-for-this";
  url = signIn.href;
  place.config(
    `source: { url: "${place.source}" }\nwarehouse: { url: "${url}", schema: shop }\ndefaults: { primary_key: [id] }\ntables: { "shop/*": {} }\nalerts: { heartbeat: "http://127.0.0.1:9/" }\n`,
  );
});

afterAll(async () => {
  await place.client.query(`drop owned by ${loader} cascade; drop owned by ${owner} cascade`);
  await place.client.query(`drop role ${loader}; drop role ${owner}`);
  await place.end();
});

test("a table that belongs to somebody else, and one that is made: loaded, changed, reloaded, looked at", async () => {
  place.put("shop/orders/LOAD00000001.csv", csv("Op,id,n", "I,1,1", "I,2,2", "I,3,bad"));
  place.put("shop/orders/20260301-100000000.csv", csv("Op,id,n", "U,1,10", "D,2,2", "I,4,4"));
  place.put("shop/items/LOAD00000001.csv", csv("Op,id,n", "I,1,1"));
  const loaded = await place.run(["load", "--quiet"]);
  expect([loaded.exit, loaded.stderr]).toEqual([3, ""]);
  const { rows } = await place.client.query("select id::int, n from shop.orders order by id");
  expect(rows).toEqual([
    { id: 1, n: 10 },
    { id: 4, n: 4 },
  ]);
  for (const command of [["status"], ["history"], ["rejects", "list"], ["plan"]])
    expect((await place.run(command)).stderr, command.join(" ")).toBe("");
  const doctor = await place.run(["doctor", "--json"]);
  const { findings } = JSON.parse(doctor.stdout) as { findings: { level: string; text: string }[] };
  expect(findings.filter(({ level }) => level === "bad")).toEqual([]);
});

test("nothing else: no schema, no other table, no shape of a table that is not its own", async () => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of [
      "create schema mine",
      "create table public.mine (id integer)",
      "select from hr.salaries",
      "alter table shop.orders add column x text",
      "drop table shop.orders",
      "truncate shop.orders",
      "create role other",
    ])
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: "42501" });
    const { rows } = await client.query(
      `select array(select nspname::text from pg_namespace where nspowner = r.oid) as schemas, rolsuper or rolcreaterole or rolcreatedb or rolbypassrls as more
       from pg_roles r where rolname = current_user`,
    );
    expect(rows).toEqual([{ schemas: ["drayage"], more: false }]);
  } finally {
    await client.end();
  }
});
