/** What a cell holds in the object is what PostgreSQL has afterwards, by either lane, wherever the stream is cut. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/demo/random.ts";
import type { Lane } from "../../src/load/staged-unit.ts";
import { cutInto, loadHere } from "../support/load-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

/** As in the object, and the value that the column `t` must have. */
type TextCell = readonly [written: string, value: string];

/** Longer than the head of 64 KiB that is read before the rest flows, so that what follows it is cut. */
const long = `${"0123456789abcdef\\\t\"',é🚚\r\n".repeat(4200)}end`;

const texts: readonly TextCell[] = [
  [quoted(long), long],
  ['"a\r\nb"', "a\r\nb"],
  ['"a\nb"', "a\nb"],
  ['"a\rb"', "a\rb"],
  ['"\r"', "\r"],
  ["a\tb", "a\tb"],
  ["\t", "\t"],
  ["C:\\dir\\new", "C:\\dir\\new"],
  ["\\", "\\"],
  ['"\\"', "\\"],
  ['"say ""hi"""', 'say "hi"'],
  ['""""', '"'],
  ["👩‍👩‍👧‍👦 naïve Zoë", "👩‍👩‍👧‍👦 naïve Zoë"],
  ["\\N", "\\N"],
  ['"\\N"', "\\N"],
  ["\\.", "\\."],
  ['"\\."', "\\."],
  ['"a\n\\.\nb"', "a\n\\.\nb"],
  ['"a,b"', "a,b"],
  ["  spaces  ", "  spaces  "],
  [" NULL", " NULL"],
  ["null", "null"],
  ["'", "'"],
  ["{}$1%s\\x41", "{}$1%s\\x41"],
];

/** What `COPY` would read wrongly: the raw lane must leave the object to the decoder. */
const divertingTexts: readonly TextCell[] = [
  ["a\rb", "a\rb"],
  ['5" pipe', '5" pipe'],
];

/** What a cell becomes under each setting: a value, null, or the reason for which the record is rejected. */
type Outcome = { readonly value: string | null } | { readonly reject: string };
const is = (value: string | null): Outcome => ({ value });
const no = (reject: string): Outcome => ({ reject });

interface NullCase {
  readonly written: string;
  readonly column: "t" | "n" | "tn";
  readonly outcomes: Readonly<Record<Setting, Outcome>>;
}

type Setting = "NULL" | "empty" | "both";
const nullSettings: Readonly<Record<Setting, readonly string[]>> = { NULL: ["NULL"], empty: [""], both: ["NULL", ""] };

// biome-ignore format: a table
const nullCases: readonly NullCase[] = [
  { column: "t", written: "NULL", outcomes: { NULL: is(null), empty: is("NULL"), both: is(null) } },
  { column: "t", written: "", outcomes: { NULL: is(""), empty: is(null), both: is(null) } },
  { column: "t", written: '""', outcomes: { NULL: is(""), empty: is(""), both: is("") } },
  { column: "n", written: "NULL", outcomes: { NULL: is(null), empty: no("cast"), both: is(null) } },
  { column: "n", written: "", outcomes: { NULL: is(null), empty: is(null), both: is(null) } },
  { column: "tn", written: "NULL", outcomes: { NULL: no("not_null"), empty: is("NULL"), both: is("") } },
  { column: "tn", written: "", outcomes: { NULL: is(""), empty: is(""), both: is("") } },
  { column: "tn", written: '""', outcomes: { NULL: is(""), empty: is(""), both: is("") } },
];

/** Quoted tokens: where two tokens mean NULL, COPY cannot tell them from unquoted ones. */
const quotedTokens: readonly NullCase[] = [
  { column: "t", written: '"NULL"', outcomes: { NULL: is("NULL"), empty: is("NULL"), both: is("NULL") } },
  { column: "tn", written: '"NULL"', outcomes: { NULL: is("NULL"), empty: is("NULL"), both: is("NULL") } },
  { column: "n", written: '"NULL"', outcomes: { NULL: no("cast"), empty: no("cast"), both: no("cast") } },
];

interface Row {
  readonly id: number;
  readonly t: string | null;
  readonly n: string | null;
  readonly tn: string | null;
}

interface Expected {
  readonly rows: readonly Row[];
  /** `record reason column`. */
  readonly rejects: readonly string[];
}

const plainRow = { t: "x", n: "7", tn: "y" } as const;

function objectOf(
  rowEnd: string,
  setting: Setting,
  cells: readonly TextCell[],
  nulls: readonly NullCase[],
): { body: string; expected: Expected } {
  const lines = ["id,t,n,tn"];
  const rows: Row[] = [];
  const rejects: string[] = [];
  for (const [written, value] of cells) {
    rows.push({ id: lines.length, ...plainRow, t: value });
    lines.push(`${lines.length},${written},7,y`);
  }
  for (const { column, written, outcomes } of nulls) {
    const id = lines.length;
    const cellsOf = { ...plainRow, [column]: written };
    lines.push(`${id},${cellsOf.t},${cellsOf.n},${cellsOf.tn}`);
    const outcome = outcomes[setting];
    if ("reject" in outcome) rejects.push(`${id} ${outcome.reject} ${column}`);
    else rows.push({ id, ...plainRow, [column]: outcome.value });
  }
  return { body: lines.map((line) => line + rowEnd).join(""), expected: { rows, rejects } };
}

let tables = 0;
let seeds = 0;

async function load(body: string, setting: Setting, lane: Lane | undefined, seed: number) {
  const table = `cells_${++tables}`;
  await place.client.query(
    `create table public.${table} (id integer primary key, t text, n integer, tn text not null);
     alter table public.${table} owner to ${place.role}`,
  );
  place.put(`${table}/LOAD00000001.csv`, body);
  place.config(
    `source: {url: "${place.source}"}
warehouse: {url: "\${DATABASE_URL}", schema: public}
tables:
  ${table}: {prefix: ${table}, dialect: {nulls: ${JSON.stringify(nullSettings[setting])}}}
`,
  );
  const random = new Random().reset(seed, 0, 0, 0);
  // Large pieces up to the end of the long cell, then some of a few bytes: each of the cells is cut somewhere.
  const pieceAt = (offset: number) => (offset < 90_000 ? 1 + random.below(20_000) : 1 + random.below(6));
  const { lanes, failures } = await loadHere(place, { lane, through: (source) => cutInto(source, pieceAt) });
  expect(failures).toEqual([]);
  const rows = await place.client.query<Row>(`select id, t, n::text, tn from public.${table} order by id`);
  const rejects = await place.client.query<{ line: string }>(
    `select record_no || ' ' || reason || ' ' || coalesce(column_name, '') as line
     from drayage.rejects where table_name = $1 order by record_no`,
    [table],
  );
  return { lanes, loaded: { rows: rows.rows, rejects: rejects.rows.map((row) => row.line) } };
}

const settings = Object.keys(nullSettings) as Setting[];
const rowEnds = [
  ["LF", "\n"],
  ["CRLF", "\r\n"],
] as const;

describe.each(settings)("nulls: %s", (setting) => {
  test.each(rowEnds)("every cell arrives as it was, in both lanes, rows end with %s", async (_, rowEnd) => {
    const nulls = setting === "both" ? nullCases : [...nullCases, ...quotedTokens];
    const { body, expected } = objectOf(rowEnd, setting, texts, nulls);
    for (const lane of ["raw", "decoded"] as const) {
      const seed = ++seeds;
      const { lanes, loaded } = await load(body, setting, lane, seed);
      expect(lanes).toEqual([lane]);
      expect(loaded, `${lane} lane, cut with seed ${seed}`).toEqual(expected);
    }
  });

  test.each(rowEnds)("what COPY would read wrongly goes to the decoder, rows end with %s", async (_, rowEnd) => {
    const cases = [
      ...divertingTexts.map((cell) => objectOf(rowEnd, setting, [...texts, cell], nullCases)),
      ...(setting === "both" ? [objectOf(rowEnd, setting, texts, [...nullCases, ...quotedTokens])] : []),
    ];
    for (const { body, expected } of cases) {
      const { lanes, loaded } = await load(body, setting, "raw", 3);
      expect(lanes).toEqual(["decoded"]);
      expect(loaded).toEqual(expected);
    }
  });
});

test.each(rowEnds)(
  "a line that is only \\. is a record: PostgreSQL 14 to 17 would end the input there, rows end with %s",
  async (_, rowEnd) => {
    const table = `end_marks_${++tables}`;
    place.put(`${table}/LOAD00000001.csv`, ["id", "a", "\\.", "b", "d\\.", "c", ""].join(rowEnd));
    place.config(
      `source: {url: "${place.source}"}
warehouse: {url: "\${DATABASE_URL}", schema: public}
tables:
  ${table}: {prefix: ${table}, primary_key: [id]}
`,
    );
    const { exit, lanes } = await loadHere(place);
    expect(exit).toBe(0);
    expect(lanes).toEqual(["decoded"]);
    const { rows } = await place.client.query<{ id: string; record: number }>(
      `select id, _record as record from public.${table} order by _record`,
    );
    expect(rows).toEqual(["a", "\\.", "b", "d\\.", "c"].map((id, i) => ({ id, record: i + 1 })));
  },
);

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
