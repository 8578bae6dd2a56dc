/** Names of folders, columns, schemas come from outside: whatever they are, plan and load say and do the same. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadHere, planHere } from "../support/load-here.ts";
import { csv } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const names = [
  'a"b',
  "a'b",
  "tab\there",
  "new\nline",
  "back\\slash",
  "$body$",
  "%s %I %L",
  "semi; drop table x; --",
  "\u{1f600}".repeat(20),
  "é".repeat(40),
  "x".repeat(70),
  `${"x".repeat(69)}y`,
  "select",
  "A",
  "a",
  "ctid",
  "_version",
  "_n",
  "c1",
];

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
const header = ["id", ...names].map(quoted).join(",");
const record = (id: string, text: string) => [id, ...names.map((_, i) => `${text}${i}`)].join(",");

test("columns, schemas, folders", async () => {
  const folder = "hos tile%20+é/ta'ble";
  const schema = "sch\"e'ma \u{1f600};";
  place.config(
    JSON.stringify({
      source: { url: place.source },
      warehouse: { url: place.url, schema, state_schema: 'st"ate' },
      tables: { hostile: { prefix: folder, primary_key: ["id", 'a"b', "\u{1f600}".repeat(20)] } },
    }),
  );
  place.put(`${folder}/LOAD00000001.csv`, csv(header, record("1", "v"), record("2", "w")));
  const first = (await planHere(place)).tables[0];
  expect(first?.errors).toEqual([]);
  expect(first?.counts).toMatchObject({ read: 2, inserted: 2 });
  expect((await loadHere(place)).counts).toEqual({ read: 2, inserted: 2 });

  // Through the loops that look for bad records, and the tombstones.
  place.put(
    `${folder}/20260301-100000000.csv`,
    csv(`Op,${header}`, `U,${record("1", "v")}`, `D,${record("2", "w")}`, `X,${record("3", "x")}`),
  );
  expect((await planHere(place)).tables[0]?.counts).toMatchObject({ read: 3, updated: 1, deleted: 1, rejected: 1 });
  expect((await loadHere(place)).counts).toEqual({ read: 3, updated: 1, deleted: 1, rejected: 1 });
  const { rows } = await place.client.query(
    `select c.column_name, to_jsonb(h) ->> c.column_name as cell
     from "sch""e'ma \u{1f600};".hostile h, "st""ate".columns c where c.path <> 'id' order by c.path collate "C"`,
  );
  const cells = names
    .map((name, i) => [name, `v${i}`] as const)
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(rows.map((row) => row.cell)).toEqual(cells.map(([, cell]) => cell));
  expect(new Set(rows.map((row) => row.column_name)).size).toBe(names.length);
});
