/** Objects in other encodings: their text arrives, what is no character is repaired and counted, rejects have their place in the object's own bytes. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

function swapped(text: string): Buffer {
  return Buffer.from(text, "utf16le").swap16();
}

const text = csv("id,v,n", '1,"Zoë,\nNaïve",1', "2,é,many", '3,"ÿ""",3', "4,ü", "5,è,lots");
const crlf = text.replaceAll("\n", "\r\n");
const astral = csv("id,v,n", "1,🚚,1", "2,🚚🚚,many", "3,ok,3", "4,🚚", "5,x,lots").trimEnd();

test.each<[string, string, Buffer, string[]]>([
  ["latin1", "latin1", Buffer.from(text, "latin1"), ["1 Zoë,\nNaïve 1", '3 ÿ" 3']],
  ["windows-1252, CRLF", "windows-1252", Buffer.from(crlf, "latin1"), ["1 Zoë,\r\nNaïve 1", '3 ÿ" 3']],
  ["UTF-16 with its mark", "utf-16", Buffer.from(`\ufeff${astral}`, "utf16le"), ["1 🚚 1", "3 ok 3"]],
  ["UTF-16, the higher byte first", "utf-16be", swapped(crlf), ["1 Zoë,\r\nNaïve 1", '3 ÿ" 3']],
])("%s", async (_, encoding, body, rows) => {
  for (const name of ["LOAD00000001.csv", "LOAD00000001.csv.gz"]) {
    const table = await oneTable(place, {
      primary_key: ["id"],
      columns: { id: "int", n: "int" },
      dialect: { encoding },
    });
    place.put(`${table.name}/${name}`, name.endsWith(".gz") ? gzipSync(body) : body);
    expect(await table.load()).toMatchObject({ exit: 3, failures: [], counts: { read: 5, inserted: 2, rejected: 3 } });
    expect(await table.rows("id", "v", "n")).toEqual(rows);
    expect(await table.rejects()).toEqual(["2 cast n -", "4 field_count - -", "5 cast n -"]);
    const { rows: places } = await place.client.query<{ at: string; length: string; record: string }>(
      `select byte_offset as at, byte_length as length, convert_from(record, 'UTF8') as record from drayage.rejects
       where table_name = $1 order by record_no`,
      [table.name],
    );
    const stored = readFileSync(fileURLToPath(`${place.source}/${table.name}/${name}`));
    const bytes = name.endsWith(".gz") ? gunzipSync(stored) : stored;
    for (const { at, length, record } of places)
      expect(new TextDecoder(encoding).decode(bytes.subarray(Number(at), Number(at) + Number(length)))).toBe(record);
    expect(places.map(({ record }) => record[0])).toEqual(["2", "4", "5"]);
  }
});

test.each<[string, string, Buffer]>([
  ["half a pair", "utf-16le", Buffer.from("id,v\n1,a\ud83d\n2,\ude9a\n", "utf16le")],
  [
    "a byte that begins nothing",
    "shift_jis",
    Buffer.from([...Buffer.from("id,v\n1,"), 0x82, 0xa0, 0xff, 0x0a, ...Buffer.from("2,"), 0x82, 0x0a]),
  ],
])("%s is repaired and counted, or rejected", async (_, encoding, body) => {
  for (const invalid_text of ["repair", "reject"]) {
    const table = await oneTable(place, { primary_key: ["id"], invalid_text, dialect: { encoding } });
    place.put(`${table.name}/LOAD00000001.csv`, body);
    const { counts } = await table.load();
    expect(counts.rejected ?? 0).toBe(invalid_text === "reject" ? 2 : 0);
    const { rows } = await place.client.query("select repairs from drayage.load_history where table_name = $1", [
      table.name,
    ]);
    expect(rows).toEqual([{ repairs: invalid_text === "reject" ? {} : { v: 2 } }]);
    if (invalid_text === "repair") expect((await table.rows("v")).map((v) => v.at(-1))).toEqual(["\ufffd", "\ufffd"]);
  }
});

test("UTF-16 that nobody named is refused with the setting", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  place.put(`${table.name}/LOAD00000001.csv`, Buffer.from("\ufeffid\n1\n", "utf16le"));
  const { report } = await table.load();
  const [failure] = report.tables.flatMap(({ failures }) => failures);
  expect(failure?.error).toMatchObject({ code: "NOT_CSV", next: "Set dialect.encoding: utf-16le." });
});
