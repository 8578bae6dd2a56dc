/**
 * Each reason of a reject, in each lane that can meet it: its row in `rejects` is right, the neighbours are in, the balance holds.
 * What they do to merges of other forms is in merge-rejects.pg.test.ts. Runs on every PostgreSQL that drayage knows.
 */
import { hash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Lane } from "../../src/load/staged-unit.ts";
import { type RejectReason, rejectEntries } from "../../src/warehouse/reject-reasons.ts";
import { loadHere } from "../support/load-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query(
    `create domain public.positive as integer check (value > 0);
     create type public.colour as enum ('red');
     create table public.parents (id integer primary key);
     alter table public.parents owner to ${place.role};
     create function public.refuse() returns trigger language plpgsql as
       $$ begin if new.v = 'zap' then raise exception 'refused'; elsif new.v = 'gone' then raise no_data_found; end if; return new; end $$`,
  );
});
afterAll(() => place.end());

interface Case {
  readonly name: string;
  readonly reason: RejectReason;
  /** Definition of the column v of the main table; the key is `id integer`. */
  readonly v?: string;
  /** More statements, `TABLE` for the table's name. */
  readonly also?: string;
  /** The middle one of three records; the others are `1,GOOD` and `3,GOOD`. */
  readonly bad: string | Buffer;
  readonly good?: string;
  readonly header?: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly sqlstate?: string;
  /** The rest of the object goes with it. */
  readonly rest?: true;
  readonly entry?: object;
  readonly limits?: object;
  /** Documents have one lane alone. */
  readonly decodedOnly?: true;
}

const document = { decodedOnly: true, v: "text", header: "id,_doc", good: "{}", column: "_doc" } as const;
/** Random enough that the server cannot compress it. */
const digits = Array.from({ length: 140 }, (_, i) => hash("sha256", String(i), "base64")).join("");

const cases: readonly Case[] = [
  { name: "a field too many", reason: "field_count", bad: "2,a,b" },
  { name: "a field too few", reason: "field_count", bad: "2" },
  { name: "a quote that is never closed", reason: "unclosed_quote", bad: '2,"a', rest: true },
  { name: "something after a closing quote", reason: "bad_quote", bad: '2,"a"b', rest: true },
  {
    name: "larger than allowed",
    reason: "record_too_large",
    bad: `2,${"x".repeat(200)}`,
    rest: true,
    limits: { max_record_bytes: 100 },
  },
  { name: "a NUL", reason: "invalid_text", bad: "2,a\0b", column: "v", entry: { invalid_text: "reject" } },
  {
    name: "no UTF-8",
    reason: "invalid_text",
    bad: Buffer.from("2,a\xffb", "latin1"),
    column: "v",
    entry: { invalid_text: "reject" },
  },
  { name: "no JSON", reason: "bad_json", bad: "2,{a}", ...document },
  { name: "JSON, no object", reason: "not_object", bad: "2,[]", ...document },
  {
    name: "nested too deep",
    reason: "too_deep",
    bad: `2,${'{""a"":'.repeat(4)}1${"}".repeat(4)}`.replace(/,(.*)$/, ',"$1"'),
    ...document,
    limits: { max_depth: 3 },
  },
  { name: "a document that was cut", reason: "truncated_lob", bad: `2,"{""a"":""${"x".repeat(1018)}"`, ...document },
  {
    name: "a text that was cut",
    reason: "truncated_lob",
    bad: `2,${"x".repeat(1024)}`,
    column: "v",
    entry: { dialect: { nulls: [""], lob_max_size: "1KB" } },
  },
  { name: "no op", reason: "bad_op", bad: "X,2,a", header: "Op,id,v" },
  { name: "no key", reason: "null_key", bad: ",a", column: "id" },
  { name: "no integer", reason: "cast", v: "integer", good: "1", bad: "2,a", column: "v", sqlstate: "22P02" },
  {
    name: "no label of the enum",
    reason: "cast",
    v: "public.colour",
    good: "red",
    bad: "2,blue",
    column: "v",
    sqlstate: "22P02",
  },
  {
    name: "a word for a date",
    reason: "lossy",
    v: "date",
    good: "2026-01-01",
    bad: "2,today",
    column: "v",
    sqlstate: "DR001",
  },
  {
    name: "an integer beyond its range",
    reason: "out_of_range",
    v: "integer",
    good: "1",
    bad: "2,99999999999",
    column: "v",
    sqlstate: "22003",
  },
  {
    name: "a numeric beyond its precision",
    reason: "out_of_range",
    v: "numeric(5,2)",
    good: "1.00",
    bad: "2,1000.00",
    column: "v",
    sqlstate: "22003",
  },
  {
    name: "a day that no month has",
    reason: "out_of_range",
    v: "date",
    good: "2026-01-01",
    bad: "2,2026-02-30",
    column: "v",
    sqlstate: "22008",
  },
  {
    name: "a text beyond its length",
    reason: "too_long",
    v: "varchar(3)",
    good: "abc",
    bad: "2,abcd",
    column: "v",
    sqlstate: "22001",
  },
  {
    name: "digits that would be lost",
    reason: "lossy",
    v: "numeric(5,2)",
    good: "1.00",
    bad: "2,1.005",
    column: "v",
    sqlstate: "DR001",
  },
  {
    name: "NULL where none may be",
    reason: "not_null",
    v: "integer not null",
    good: "1",
    bad: "2,",
    column: "v",
    sqlstate: "23502",
  },
  {
    name: "a CHECK",
    reason: "check",
    v: "integer constraint small check (v < 5)",
    good: "1",
    bad: "2,5",
    constraint: "small",
    sqlstate: "23514",
  },
  {
    name: "a domain",
    reason: "check",
    v: "public.positive",
    good: "1",
    bad: "2,0",
    column: "v",
    constraint: "positive_check",
    sqlstate: "23514",
  },
  {
    name: "UNIQUE on another column",
    reason: "unique",
    v: "integer unique",
    also: "insert into TABLE (id, v) values (9, 7)",
    good: "",
    bad: "2,7",
    constraint: "TABLE_v_key",
    sqlstate: "23505",
  },
  {
    name: "a row that is not there",
    reason: "foreign_key",
    v: "integer references public.parents",
    good: "",
    bad: "2,7",
    constraint: "TABLE_v_fkey",
    sqlstate: "23503",
  },
  {
    name: "an exclusion",
    reason: "exclusion",
    v: "int4range",
    also: "alter table TABLE add exclude using gist (v with &&); insert into TABLE (id, v) values (9, '[5,9)')",
    good: "",
    bad: '2,"[6,7)"',
    constraint: "TABLE_v_excl",
    sqlstate: "23P01",
  },
  {
    name: "a trigger",
    reason: "trigger",
    also: "create trigger refuse before insert on TABLE for each row execute function public.refuse()",
    bad: "2,zap",
    sqlstate: "P0001",
  },
  {
    name: "an error of its own",
    reason: "refused",
    also: "create trigger refuse before insert on TABLE for each row execute function public.refuse()",
    bad: "2,gone",
    sqlstate: "P0002",
  },
  {
    name: "a policy",
    reason: "row_security",
    also: "alter table TABLE enable row level security, force row level security; create policy p on TABLE using (true) with check (v <> 'zap')",
    bad: "2,zap",
    sqlstate: "42501",
  },
  {
    name: "nothing to order by",
    reason: "no_order",
    header: "Op,id,v",
    good: "1",
    bad: "I,2,x",
    column: "v",
    entry: { order_by: "v" },
  },
  {
    name: "too big for an index",
    reason: "row_too_big",
    also: "create index on TABLE (v)",
    bad: `2,${digits}`,
    constraint: "TABLE_v_idx",
    sqlstate: "54000",
  },
];

let made = 0;

test.each(
  cases.flatMap((one) =>
    (["raw", "decoded"] as const).flatMap((lane) => (one.decodedOnly && lane === "raw" ? [] : [{ ...one, lane }])),
  ),
)("$name: $reason, $lane lane", async (one) => {
  const name = `c${++made}`;
  const { header = "id,v", good = "fine", v = "text" } = one;
  const column = header.split(",").at(-1) ?? "v";
  await place.client.query(
    `create table public.${name} (id integer primary key, ${column === "_doc" ? "a text" : `v ${v}`});
       alter table public.${name} owner to ${place.role}; ${(one.also ?? "").replaceAll("TABLE", `public.${name}`)}`,
  );
  const key = header.startsWith("Op") ? `${name}/20260301-100000000.csv` : `${name}/LOAD00000001.csv`;
  const op = header.startsWith("Op") ? "I," : "";
  const before = Buffer.from(`${header}\n${op}1,${good}\n`);
  const bad = Buffer.from(one.bad);
  const object = Buffer.concat([before, bad, Buffer.from(`\n${op}3,${good}\n`)]);
  place.put(key, object);
  const entry = {
    prefix: name,
    dialect: { nulls: [""] },
    ...(column === "_doc" ? { document: "_doc" } : {}),
    ...one.entry,
  };
  const limits = one.limits === undefined ? {} : { limits: one.limits };
  const base = { source: { url: place.source }, warehouse: { url: place.url, schema: "public" } };
  place.config(JSON.stringify({ ...base, ...limits, tables: { [name]: entry } }));

  const { exit, failures, counts } = await loadHere(place, { lane: one.lane satisfies Lane });
  const read = one.rest ? 2 : 3;
  expect({ exit, failures, counts }).toEqual({
    exit: 3,
    failures: [],
    counts: { read, inserted: read - 1, rejected: 1 },
  });
  const { rows } = await place.client.query<Record<string, unknown>>(
    `select record_no, byte_offset, reason, column_name, constraint_name, sqlstate, record from drayage.rejects where table_name = $1`,
    [name],
  );
  expect(rows).toEqual([
    {
      record_no: "2",
      byte_offset: String(before.length),
      reason: one.reason,
      column_name: one.column ?? null,
      constraint_name: one.constraint?.replace("TABLE", name) ?? null,
      sqlstate: one.sqlstate ?? null,
      // Of one that is too large the length is known; of the others that is all the rest.
      record: one.rest && one.reason !== "record_too_large" ? object.subarray(before.length) : bad,
    },
  ]);
  const ids = await place.client.query<{ id: number }>(`select id from public.${name} where id <> 9 order by id`);
  expect(ids.rows.map((row) => row.id)).toEqual(one.rest ? [1] : [1, 3]);
});

test("every reason has its case; a generated column is not fed, so nothing is rejected for it", async () => {
  const covered = new Set(cases.map(({ reason }) => reason));
  const missing = Object.keys(rejectEntries).filter((reason) => !covered.has(reason as RejectReason));
  // Those of records that leave cells out are in unchanged-token.pg.test.ts.
  expect(missing).toEqual(["partial_unknown_key", "late_partial", "generated"]);
  await place.client.query(
    `create table public.computed (id integer primary key, v integer generated always as (id * 2) stored); alter table public.computed owner to ${place.role}`,
  );
  place.put("computed/LOAD00000001.csv", "id,v\n1,7\n");
  const base = { source: { url: place.source }, warehouse: { url: place.url, schema: "public" } };
  place.config(JSON.stringify({ ...base, tables: { computed: { prefix: "computed" } } }));
  expect((await loadHere(place)).counts).toEqual({ read: 1, inserted: 1 });
  expect((await place.client.query("select v from public.computed")).rows).toEqual([{ v: 2 }]);
});
