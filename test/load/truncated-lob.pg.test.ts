/** What DMS cut at LobMaxSize is called so, in both lanes: a document that breaks off there, and a text of that length. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Lane } from "../../src/load/staged-unit.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const size = 1024;

/** A document field of so many bytes that was cut inside a string. */
const cut = (bytes: number) => `"${`{"note":"${"x".repeat(bytes)}`.slice(0, bytes).replaceAll('"', '""')}"`;

test.each([
  { setting: undefined, reasons: ["2 truncated_lob _doc -", "3 truncated_lob _doc -", "4 bad_json _doc -"] },
  // A known size makes the other whole kilobytes what they are: broken JSON.
  { setting: 2 * size, reasons: ["2 bad_json _doc -", "3 truncated_lob _doc -", "4 bad_json _doc -"] },
])("documents, lob_max_size $setting", async ({ setting, reasons }) => {
  const dialect = setting === undefined ? {} : { lob_max_size: setting };
  const table = await oneTable(place, { primary_key: ["_id"], reject_limit: 1000, dialect });
  table.full(
    1,
    csv("_id,_doc", '1,"{""a"":1}"', `2,${cut(size)}`, `3,${cut(2 * size)}`, `4,${cut(700)}`, `5,"{""a"":2}"`),
  );
  const { exit, counts } = await table.load();
  expect({ exit, counts }).toEqual({ exit: 3, counts: { read: 5, inserted: 2, rejected: 3 } });
  expect(await table.rejects()).toEqual(reasons);
});

test.each(["repair", "reject"])("a document cut inside a character, invalid_text: %s", async (mode) => {
  const table = await oneTable(place, { primary_key: ["_id"], invalid_text: mode, reject_limit: 1000 });
  const whole = Buffer.from(`{"note":"${"x".repeat(size - 11)}€"}`);
  const body = Buffer.concat([
    Buffer.from('_id,_doc\n1,"'),
    Buffer.from(whole.subarray(0, size).toString("latin1").replaceAll('"', '""'), "latin1"),
    Buffer.from('"\n2,"{""a"":1}"\n'),
  ]);
  expect(whole.subarray(0, size).toString().endsWith("\ufffd")).toBe(true);
  place.put(`${table.name}/LOAD00000001.csv`, body);
  const { counts } = await table.load();
  expect(counts).toEqual({ read: 2, inserted: 1, rejected: 1 });
  expect(await table.rejects()).toEqual(["1 truncated_lob _doc -"]);
});

test.each<Lane>(["raw", "decoded"])("texts, %s lane", async (lane) => {
  const entry = { primary_key: ["id"], reject_limit: 1000, dialect: { lob_max_size: "1KB", nulls: [""] } };
  const table = await oneTable(place, entry);
  const text = (bytes: number) => "x".repeat(bytes);
  table.full(
    1,
    csv("id,v", `1,${text(size)}`, `2,${text(size - 1)}`, "3,short", `4,"${text(size - 1)}"""`, `5,${text(size + 1)}`),
  );
  const first = await table.load({ lane });
  expect(first.counts).toEqual({ read: 5, inserted: 3, rejected: 2 });
  expect(await table.rejects()).toEqual(["1 truncated_lob v -", "4 truncated_lob v -"]);
  // Nothing long enough: one COPY of the object's own bytes.
  table.full(2, csv("id,v", "6,short", `7,${text(900)}`));
  expect((await table.load({ lane })).lanes).toEqual([lane]);
  // A delete is judged by its key alone.
  table.change(1, csv("Op,id,v", `D,2,${text(size)}`, "U,3,longer"));
  expect((await table.load({ lane })).counts).toEqual({ read: 2, updated: 1, deleted: 1 });
});
