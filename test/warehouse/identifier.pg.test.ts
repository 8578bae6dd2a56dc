/** What the quoting door lets through, PostgreSQL gives back: names and texts of any characters. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dollarQuoted, ident, literal } from "../../src/warehouse/identifier.ts";
import { type FreshDatabase, freshDatabase } from "../support/database.ts";

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const hostile = fc.constantFrom(
  "'",
  '"',
  "\\",
  "$",
  "$$",
  ";",
  "--",
  "/*",
  "*/",
  "\n",
  "\r",
  "%",
  "é",
  "🚚",
  "E'",
  "U&'",
  "x",
  " ",
);
const text = fc.array(hostile, { maxLength: 14 }).map((parts) => parts.join(""));

test.each(["on", "off"])("texts come back, with standard_conforming_strings %s", async (setting) => {
  await database.client.query(`set standard_conforming_strings = ${setting}; set escape_string_warning = off`);
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const { rows } = await database.client.query<{ value: string }>(`select ${literal(value)} as value`);
      expect(rows).toEqual([{ value }]);
    }),
    { numRuns: 150 },
  );
  await database.client.query("reset standard_conforming_strings");
});

test("names come back", async () => {
  const name = text.filter((value) => value !== "" && Buffer.byteLength(value) <= 63);
  await fc.assert(
    fc.asyncProperty(name, async (value) => {
      const { fields } = await database.client.query(`select 1 as ${ident(value)}`);
      expect(fields.map((field) => field.name)).toEqual([value]);
    }),
    { numRuns: 150 },
  );
});

test("dollar-quoted bodies come back", async () => {
  await fc.assert(
    fc.asyncProperty(text, async (value) => {
      const { rows } = await database.client.query<{ value: string }>(`select ${dollarQuoted(value)} as value`);
      expect(rows).toEqual([{ value }]);
    }),
    { numRuns: 150 },
  );
});
