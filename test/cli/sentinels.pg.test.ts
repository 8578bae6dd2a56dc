/**
 * No cell value leaves unasked: every cell of a messy source holds a mark of its own, and none of them is in what any command
 * prints, in the log, or in the state schema outside `rejects.record` and `rejects.message`.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv } from "../support/one-table.ts";
import { programHere } from "../support/program-here.ts";
import { startSchedule } from "../support/schedule.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let made = 0;
/** A text, and a number, that stand nowhere else. */
const mark = () => `Zq${String(++made).padStart(4, "0")}`;
const digits = () => `7700${String(++made).padStart(4, "0")}`;
const marks = /zq\d{4}|7700\d{4}/i;

const create = `
  create domain public.positive as bigint check (value > 0);
  create type public.colour as enum ('red');
  create table public.parents (id bigint primary key);
  create function public.refuse() returns trigger language plpgsql as
    $$ begin if new.s like '%!' then raise exception 'refused %', new.s; end if; return new; end $$;
  create function public.break() returns trigger language plpgsql as
    $$ begin raise exception using errcode = '58030', message = 'broken ' || new.s, detail = new.s, hint = new.s; end $$;
  create table public.orders (
    id bigint primary key, n integer, s varchar(12), c colour, p positive, code text unique, small bigint constraint is_small check (small < 80000000),
    parent bigint references public.parents, at date, needed text not null, doc jsonb
  );
  create trigger refuse before insert or update on public.orders for each row execute function public.refuse();
  create table public.broken (id text primary key, s text);
  create trigger break before insert on public.broken for each row execute function public.break();
  create table public.limited (id text primary key, n integer)`;

beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(create);
  for (const name of ["parents", "orders", "broken", "limited"])
    await place.client.query(`alter table public.${name} owner to ${place.role}`);
  const table = (prefix: string, more = {}) => ({ prefix, reject_limit: 1000, dialect: { nulls: [""] }, ...more });
  const tables = {
    orders: table("orders"),
    notes: table("notes", { document: "_doc" }),
    broken: table("broken"),
    limited: table("limited", { reject_limit: 0, reject_limit_pct: 0 }),
    headerless: table("headerless"),
    shapeless: table("shapeless", { document: "_doc" }),
    cut: table("cut"),
    keyless: table("keyless", { dialect: { header: true } }),
    list: table("list", { columns: ["a text", "b text"], primary_key: ["a"] }),
  };
  const alerts = { webhook: "http://127.0.0.1:9/nobody" };
  const base = { source: { url: place.source }, warehouse: { url: place.url, schema: "public" }, alerts };
  place.config(JSON.stringify({ ...base, schedule: { cron: "* * * * * *" }, tables }));
  putOrders();
  putOthers();
});
afterAll(() => place.end());

function putOrders(): void {
  const header = "id,n,s,c,p,code,small,parent,at,needed,doc";
  const row = (change: Record<string, string> = {}) => {
    const good = { id: digits(), n: digits(), s: mark(), c: "red", p: digits(), code: mark(), small: digits() };
    const rest = { parent: "", at: "2026-01-01", needed: mark(), doc: `"{""${"k"}"":""${mark()}""}"` };
    return Object.values({ ...good, ...rest, ...change }).join(",");
  };
  const code = mark();
  place.put(
    "orders/LOAD00000001.csv",
    csv(
      header,
      ...[{}, { n: mark() }, { n: `${digits()}99999` }, { n: `${digits()}.5` }, { s: `${mark()}${mark()}x` }].map(row),
      ...[{ s: `${mark()}!` }, { c: mark() }, { p: `-${digits()}` }, { code }, { code }, { small: `9${digits()}` }].map(
        row,
      ),
      ...[{ parent: digits() }, { at: `${digits()}-02-30` }, { needed: "" }, { doc: `"{${mark()}"` }, { id: "" }].map(
        row,
      ),
      ...[{ id: mark() }, { s: `${mark()}\0` }, { doc: `"{""a"":""${mark()}"` }].map(row),
      `${digits()},${mark()}`,
      `${row()},${mark()}`,
      `${digits()},"${mark()}`,
    ),
  );
  place.put(
    "orders/20260301-100000000.csv",
    csv(`Op,${header}`, `${mark()},${row()}`, `U,${row({ n: mark() })}`, `D,${mark()},,,,,,,,,,`),
  );
}

function putOthers(): void {
  const doc = (text: string) => `"${text.replaceAll('"', '""')}"`;
  place.put(
    "notes/LOAD00000001.csv",
    csv(
      "_id,_doc",
      `${mark()},${doc(`{"a":"${mark()}","n":${digits()},"in":{"b":["${mark()}"]}}`)}`,
      `${mark()},${doc(`{"a":"${mark()}`)}`,
      `${mark()},${doc(`{"a":"${"x".repeat(1000)}${mark()}`.padEnd(1024, "z"))}`,
      `${mark()},${doc(`["${mark()}"]`)}`,
      `${mark()},${doc(`{"a":"\\ud800${mark()}","n":"${mark()}"}`)}`,
      `${mark()},${mark()}`,
    ),
  );
  place.put("broken/LOAD00000001.csv", csv("id,s", `${mark()},${mark()}`));
  place.put("limited/LOAD00000001.csv", csv("id,n", `${mark()},${digits()}`, `${mark()},${mark()}`));
  place.put("headerless/LOAD00000001.csv", csv(`${digits()},${mark()}`, `${digits()},${mark()}`));
  place.put("shapeless/LOAD00000001.csv", csv("_id,_doc", ...Array.from({ length: 12 }, () => `${mark()},${mark()}`)));
  place.put("cut/LOAD00000001.csv.gz", csv("id,v", `${mark()},${mark()}`));
  place.put("keyless/LOAD00000001.csv", csv("x,v", `${mark()},${mark()}`));
  place.put("list/LOAD00000001.csv", csv(`${mark()},${mark()},${mark()}`, `${mark()},${mark()},${mark()}`));
}

/** What was said, by command, with the marks that it holds. */
const found: string[] = [];
let said = "";

async function run(...args: string[]): Promise<string> {
  const { stdout, stderr } = await programHere(place, ...args);
  look(args.join(" "), stdout + stderr);
  return stdout + stderr;
}

function look(where: string, text: string): void {
  said += text;
  const hit = marks.exec(text);
  if (hit !== null) found.push(`${where}: ${text.slice(Math.max(0, hit.index - 80), hit.index + 40)}`);
}

test("no output, no line of the log, and nothing in the state schema but rejects holds a cell", async () => {
  await run("plan");
  await run("plan", "--json", "--verbose");
  await run("load", "--verbose");
  await run("load", "--json");
  await run("retry", "--verbose");
  for (const command of ["status", "history", "rejects list", "rejects replay"]) {
    await run(...command.split(" "));
    await run(...command.split(" "), "--json");
    await run(...command.split(" "), "--verbose");
  }
  await run("history", "--runs", "--json");
  const { rows } = await place.client.query<{ id: string; reason: string }>("select id, reason from drayage.rejects");
  expect(new Set(rows.map(({ reason }) => reason)).size).toBeGreaterThanOrEqual(15);
  for (const { id } of rows.slice(0, 30)) await run("rejects", "show", id);
  await run("rejects", "show", rows[0]?.id ?? "", "--json");
  const schedule = startSchedule(place);
  await schedule.line(({ message }) => message.startsWith("pass ended") || message.startsWith("pass failed"));
  const { stdout, stderr } = await schedule.stop();
  look("schedule", stdout + stderr);
  const { rows: tables } = await place.client.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'drayage'::regnamespace and relkind = 'r' and relname !~ '^(rejects|tombstones_)'",
  );
  expect(tables.length).toBeGreaterThan(8);
  for (const { name } of tables) {
    const { rows: lines } = await place.client.query<{ line: string }>(`select t::text as line from drayage.${name} t`);
    look(`table ${name}`, lines.map(({ line }) => line).join("\n"));
  }
  const { rows: headers } = await place.client.query<{ text: string }>(
    "select convert_from(header, 'UTF8') as text from drayage.load_history where header is not null",
  );
  look("headers", headers.map(({ text }) => text).join("\n"));
  expect(found).toEqual([]);
  // It was said what happened, and that was not nothing.
  for (const code of [
    "HEADER_UNKNOWN",
    "SHAPE_UNREADABLE",
    "REJECT_LIMIT",
    "KEY_MISSING",
    "GZIP_BROKEN",
    "FIELD_COUNT",
  ])
    expect(said.includes(code), code).toBe(true);
  // The marks are where they were asked for: a test that finds none anywhere would prove nothing.
  const { stdout: shown } = await programHere(place, "rejects", "show", rows[0]?.id ?? "", "--record");
  expect(shown).toMatch(marks);
});
