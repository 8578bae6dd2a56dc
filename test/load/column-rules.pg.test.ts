/** What the config says of columns and paths: hashed, made by an expression, by wildcard; several documents; DMS's table mode. */
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
  await place.client.query("set timezone = 'UTC'");
});
afterAll(() => place.end());

const quoted = (document: object) => `"${JSON.stringify(document).replaceAll('"', '""')}"`;
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("hash: sha256 of the text, NULL stays NULL, in columns and paths, and no sample is shown", async () => {
  const table = await oneTable(place, { columns: { card: "hash", "pii.*": "hash", "pii.city": "text" } });
  table.full(
    1,
    csv(
      "_id,card,_doc",
      `1,4111,${quoted({ pii: { mail: "é@x", n: 7, list: [1], city: "Rome" } })}`,
      `2,,${quoted({})}`,
    ),
  );
  const planned = await table.plan();
  expect(planned.errors).toEqual([]);
  expect(planned.columns.filter(({ column }) => /card|mail/.test(column)).map(({ sample }) => sample)).toEqual([
    undefined,
    undefined,
  ]);
  expect((await table.load()).failures).toEqual([]);
  expect(await table.rows("_id", "card", "pii__mail", "pii__n", "pii__list", "pii__city")).toEqual([
    `1 ${[sha256("4111"), sha256("é@x"), sha256("7"), sha256("[1]")].join(" ")} Rome`,
    "2 - - - - -",
  ]);

  // Where no column is left, too: it is not rescued as it is.
  const full = await oneTable(place, { columns: { "pii.*": "hash" }, contract: { columns: "rescue" } });
  full.full(1, csv("_id,_doc", `1,${quoted({ a: 1 })}`));
  expect((await full.load()).failures).toEqual([]);
  full.change(1, csv("Op,_id,_doc", `I,2,${quoted({ a: 1, b: 2, pii: { mail: "x", deep: { er: 1 } } })}`));
  expect((await full.load()).failures).toEqual([]);
  expect(await full.rows("_id", "pii__mail", "pii__deep", "_rescued")).toEqual([
    "1 - - -",
    `2 ${sha256("x")} ${sha256('{"er":1}')} {"b": 2}`,
  ]);

  // Of a column that holds something else already, the statement is printed.
  const other = await oneTable(place);
  other.change(1, csv("Op,_id,_doc", `I,1,${quoted({ v: 5 })}`));
  expect((await other.load()).failures).toEqual([]);
  other.configure({ columns: { v: "hash" } });
  other.change(2, csv("Op,_id,_doc", `I,2,${quoted({ v: 6 })}`));
  const refused = await other.load();
  expect(refused.exit).toBe(6);
  await place.client.query(refused.report.tables[0]?.failures[0]?.error.lines[0] ?? "");
  expect((await other.load()).failures).toEqual([]);
  expect(await other.rows("_id", "v")).toEqual([`1 ${sha256("5")}`, `2 ${sha256("6")}`]);
});

test("using: an expression over value; what it cannot make is a reject; what the server cannot read is said before", async () => {
  const columns = {
    day: { type: "date", using: "to_date(value, 'DD.MM.YYYY')" },
    tags: { as: "tag_count", type: "integer", using: "jsonb_array_length(value::jsonb)" },
    name: { using: "upper(value)" },
  };
  const table = await oneTable(place, { columns });
  table.full(
    1,
    csv(
      "_id,day,_doc",
      `1,24.12.2025,${quoted({ tags: ["a", "b"], name: "x;--" })}`,
      `2,,${quoted({ tags: 5 })}`,
      `3,,${quoted({})}`,
    ),
  );
  const { failures, counts } = await table.load();
  expect(failures).toEqual([]);
  expect(counts).toEqual({ read: 3, inserted: 2, rejected: 1 });
  expect(await table.rows("_id", "day", "tag_count", "name")).toEqual(["1 2025-12-24 2 X;--", "3 - - -"]);
  expect(await table.rejects()).toEqual(["2 cast tag_count -"]);
  table.configure({ columns: { ...columns, name: { using: "uper(value)" } } });
  table.change(1, csv("Op,_id,_doc", `I,4,${quoted({ name: "x" })}`));
  const refused = await table.load();
  expect(refused.exit).toBe(6);
  expect(refused.failures[0]).toMatch(/^CONTRACT: The server does not take `using` of name \(SQLSTATE 42883\)/);
});

test("several documents: a name, rules and rescued paths for each", async () => {
  const table = await oneTable(place, {
    document: ["_doc", "meta"],
    primary_key: ["id"],
    columns: { "meta.skip": "ignore", "_doc.map": "jsonb", "*.secret": "ignore" },
    flatten: { max_columns: 3 },
  });
  const record = (id: number, more: object) =>
    `I,${id},${quoted({ a: 1, skip: 2, map: { x: 1 }, secret: 1, ...more })},${quoted({ a: "x", skip: 3, map: { x: 2 }, secret: 1, ...more })}`;
  table.change(1, csv("Op,id,_doc,meta", record(1, {})));
  expect((await table.load()).failures).toEqual([]);
  table.change(2, csv("Op,id,_doc,meta", record(2, { b: 1, c: 2 })));
  await table.load();
  expect(await table.rows("id", "_doc__a", "_doc__skip", "_doc__map", "meta__a", "meta__map__x", "_rescued")).toEqual([
    '1 1 2 {"x": 1} x 2 -',
    '2 1 2 {"x": 1} x 2 {"b": 1, "c": 2, "meta:c": 2}',
  ]);
});

test("columns beside a document keep their plain names", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, csv("id,a,_doc", `1,field,${quoted({ id: 5, a: "path", b: 1 })}`));
  expect((await table.load()).failures).toEqual([]);
  const { rows } = await place.client.query(
    "select path, column_name ~ '^(a|id)$' as plain from drayage.columns where table_name = $1 and path ~ '(a|id)$' order by path",
    [table.name],
  );
  expect(rows).toEqual([
    { path: "_doc:a", plain: false },
    { path: "_doc:id", plain: false },
    { path: "a", plain: true },
    { path: "id", plain: true },
  ]);
});

test("DMS's table mode: the ObjectId is the key, arrays are jsonb, dotted names are paths", async () => {
  const table = await oneTable(place, {
    dialect: { header: true },
    columns: { "b.when": "timestamptz", "b.x*": "ignore", "b.no": "ignore" },
  });
  table.full(
    1,
    csv("oid__id,a,b.c,b.when,b.no,array__tags", `5a94,1,x,2026-03-01 10:00:00,n,"[ ""x"", 1 ]"`, "5a95,2,,,,"),
  );
  const { failures } = await table.load();
  expect(failures).toEqual([]);
  expect(await table.rows("oid__id", "a", "b__c", "b__when", "array__tags")).toEqual([
    '5a94 1 x 2026-03-01 10:00:00+00 ["x", 1]',
    "5a95 2 - - -",
  ]);
  table.change(1, csv("Op,oid__id,a,b.c,b.when,b.no,array__tags", "D,5a95,,,,,", "U,5a94,3,y,,,[]"));
  expect((await table.load()).counts).toEqual({ read: 2, updated: 1, deleted: 1 });
  expect(await table.rows("oid__id", "a", "b__c", "array__tags")).toEqual(["5a94 3 y []"]);
});
