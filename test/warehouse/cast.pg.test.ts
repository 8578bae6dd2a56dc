/**
 * Text to type, through PostgreSQL: what a cell becomes, or why its record is rejected. As the merge does it: the strict form
 * unless the cell is suspect or the strict form fails, else the lenient one; INSERT's assignment applies the modifier.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { castForms } from "../../src/warehouse/cast.ts";
import { readMainTable } from "../../src/warehouse/catalog.ts";
import { makeCastFunctions, reasonOfState } from "../../src/warehouse/find-bad-records.ts";
import { Session } from "../../src/warehouse/session.ts";
import { serverFault } from "../../src/warehouse/warehouse-error.ts";
import { configHere } from "../support/load-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
let session: Session;
beforeAll(async () => {
  place = await openWorkplace();
  place.config(`source: {url: "${place.source}"}\nwarehouse: {url: "\${DATABASE_URL}"}\ntables:\n  t: {prefix: t}\n`);
  session = await Session.connect(configHere(place).warehouse, "test", "UTC");
  await makeCastFunctions(session);
});
afterAll(async () => {
  await session.close();
  await place.end();
});

/** The value as PostgreSQL prints it, or null; `!reason` when it is rejected. */
type Cases = Readonly<Record<string, string | null>>;

const integers: Cases = {
  "5": "5",
  "-7": "-7",
  "+7": "7",
  "007": "7",
  "5.0": "5",
  "5.": "5",
  "5.50": "!lossy",
  "5e2": "500",
  "5.0656e+05": "506560",
  "+5.0656E+05": "506560",
  "5.0656e+01": "!lossy",
  "0x1A": "!lossy",
  "0b11": "!lossy",
  "1_000": "!lossy",
  " 5 ": "5",
  abc: "!cast",
  NaN: "!cast",
  "": "!cast",
  "1,000": "!cast",
};

const tables: Readonly<Record<string, Cases>> = {
  "timestamp(0)": {
    "2026-01-01 10:00:00.000000": "2026-01-01 10:00:00",
    "2026-01-01 10:00:00.7": "!lossy",
    "2026-01-01 10:00": "2026-01-01 10:00:00",
    "0000-00-00 00:00:00": null,
  },
  "timestamptz(3)": {
    "2026-01-01 10:00:00.123000": "2026-01-01 10:00:00.123+00",
    "2026-01-01 10:00:00.1234": "!lossy",
    "2026-01-01 10:00:00.123456+01": "!lossy",
  },
  "time(0)": { "10:00:00": "10:00:00", "10:00:00.5": "!lossy" },
  "bit(3)": { "101": "101", "1": "!cast", "1010": "!cast" },
  "bit varying(3)": { "1": "1", "1010": "!too_long" },
  "char(3)[]": { "{abc,d}": '{abc,"d  "}', "{abcd}": "!too_long" },
  name: { abc: "abc", [`${"n".repeat(62)}é`]: "!too_long" },
  bigint: {
    ...integers,
    "9223372036854775807": "9223372036854775807",
    "9007199254740993.0": "9007199254740993",
    "9223372036854775808": "!out_of_range",
    "1e30": "!out_of_range",
  },
  integer: { ...integers, "2147483648": "!out_of_range" },
  smallint: { "5": "5", "5.0": "5", "40000": "!out_of_range", "0x1A": "!lossy" },
  numeric: { "1.10": "1.10", "5.0656e+05": "506560", "-0.001": "-0.001", abc: "!cast", "": "!cast" },
  "numeric(12,2)": {
    "1.1": "1.10",
    "1.100": "1.10",
    "1.005": "!lossy",
    "5.0656e+05": "506560.00",
    "1e-3": "!lossy",
    "99999999999.00": "!out_of_range",
  },
  real: { "1.5": "1.5", "0.1": "0.1", "16777217": "!lossy", "3.4028235e38": "3.4028235e+38", "1e40": "!out_of_range" },
  "double precision": { "0.1": "0.1", "1e300": "1e+300", "123456789.123456789": "123456789.12345679", x: "!cast" },
  boolean: {
    "1": "true",
    "0": "false",
    t: "true",
    f: "false",
    True: "true",
    FALSE: "false",
    Y: "true",
    N: "false",
    yes: "true",
    off: "false",
    of: "!lossy",
    tr: "!lossy",
    "2": "!lossy",
    x: "!lossy",
  },
  date: {
    "2024-05-01": "2024-05-01",
    "2024-05-01 00:00:00": "2024-05-01",
    "2024-05-01T00:00:00.000": "2024-05-01",
    "2024-05-01 12:34:56": "!lossy",
    "0000-00-00": null,
    "0000-00-00 00:00:00": null,
    "2024-02-30": "!out_of_range",
    "2024-13-01": "!out_of_range",
    now: "!lossy",
    today: "!lossy",
    infinity: "!lossy",
    epoch: "!lossy",
    "May 1 2024": "!lossy",
    "01/02/2024": "!lossy",
    "20240501": "!lossy",
    "17123": "!lossy",
    "99-01-01": "!lossy",
    "2024-5-1": "2024-05-01",
    "10000-01-01": "10000-01-01",
    "0044-03-15 BC": "0044-03-15 BC",
  },
  timestamp: {
    "2024-05-01 12:34:56": "2024-05-01 12:34:56",
    "2024-05-01T12:34:56.123456": "2024-05-01 12:34:56.123456",
    "2024-05-01 12:34:56.123456000": "2024-05-01 12:34:56.123456",
    "2024-05-01 12:34:56.123456789": "!lossy",
    "2024-05-01": "2024-05-01 00:00:00",
    "2024-05-01 12:34:56Z": "!lossy",
    "2024-05-01 12:34:56+02": "!lossy",
    "2024-05-01 12:34:56-02": "!lossy",
    "2024-05-01 12:34:56 Europe/Berlin": "!lossy",
    "0000-00-00 00:00:00": null,
    now: "!lossy",
    infinity: "!lossy",
    "17123": "!lossy",
    "20240501 123456": "!lossy",
    "12:34:56 2024-05-01": "!lossy",
    "2024-05-01 12:34:56 PM": "!lossy",
    "2024-05-01 25:00:00": "!out_of_range",
  },
  timestamptz: {
    "2024-05-01 12:34:56": "2024-05-01 12:34:56+00",
    "2024-05-01T12:34:56Z": "2024-05-01 12:34:56+00",
    "2024-05-01 12:34:56.5+02": "2024-05-01 10:34:56.5+00",
    "2024-05-01 12:34:56 +05:30": "2024-05-01 07:04:56+00",
    "2024-05-01 12:34:56 UTC": "2024-05-01 12:34:56+00",
    "2024-05-01 12:34:56 Europe/Berlin": "2024-05-01 10:34:56+00",
    "2024-05-01 12:34:56 EST": "2024-05-01 17:34:56+00",
    "17123": "!lossy",
    "2024-05-01 12:34:56.123456789": "!lossy",
    "2024-05-01 12:34:56.123456789Z": "!lossy",
    "2024-05-01": "2024-05-01 00:00:00+00",
    "0000-00-00 00:00:00": null,
    now: "!lossy",
    today: "!lossy",
    tomorrow: "!lossy",
    infinity: "!lossy",
  },
  time: {
    "12:34:56": "12:34:56",
    "12:34:56.123456": "12:34:56.123456",
    "12:34": "12:34:00",
    "-01:00:00": "!lossy",
    "838:59:59": "!lossy",
    "12:34:56+02": "!lossy",
    now: "!lossy",
    "25:00:00": "!out_of_range",
  },
  bytea: { deadbeef: "\\xdeadbeef", "0xDEAD": "\\xdead", "\\xdead": "\\xdead", "": "\\x", dea: "!cast", zz: "!cast" },
  uuid: { "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", x: "!cast" },
  jsonb: { '{"a": 1.0}': '{"a": 1.0}', "{": "!cast" },
  text: { " a ": " a ", "": "", now: "now" },
  "char(3)": { abc: "abc", a: "a", "abc   ": "abc", abcd: "!too_long", "": "" },
  "varchar(3)": { abc: "abc", "abc ": "!lossy", abcd: "!too_long", äöü: "äöü" },
};

async function assign(type: string, form: string): Promise<string | null> {
  try {
    return await session.transaction(async () => {
      await session.query(`create temporary table assigned (v ${type}) on commit drop`);
      await session.query(`insert into assigned select ${form} from pg_temp.cell`);
      return (await session.one<{ v: string | null }>("select v::text from assigned")).v;
    });
  } catch (error) {
    const state = error instanceof pg.DatabaseError ? serverFault(error)?.sqlstate : undefined;
    if (state === undefined) throw error;
    return `!${reasonOfState(state)}`;
  }
}

async function formsOf(type: string, timezone?: string) {
  await session.query(`create table public.typed (v ${type})`);
  try {
    const main = await readMainTable(session, "public", "typed");
    const column = main?.columns[0];
    if (column === undefined) throw new Error("the table has a column");
    return castForms({ baseType: column.baseType, modifier: column.modifier, timezone }, "v");
  } finally {
    await session.query("drop table public.typed");
  }
}

async function stage(cell: string | null): Promise<void> {
  await session.query("drop table if exists pg_temp.cell; create temporary table cell (v text)");
  await session.query("insert into pg_temp.cell values ($1)", [cell]);
}

async function cast(type: string, cell: string | null, timezone?: string) {
  const forms = await formsOf(type, timezone);
  await stage(cell);
  const suspect =
    forms.suspect !== undefined &&
    (await session.one<{ suspect: boolean | null }>(`select ${forms.suspect} as suspect from pg_temp.cell`)).suspect ===
      true;
  const strict = await assign(type, forms.strict);
  const lenient = await assign(type, forms.lenient);
  return { suspect, strict, lenient };
}

describe.each(Object.entries(tables))("%s", (type, cases) => {
  test.each(Object.entries(cases))("%j becomes %j", async (cell, expected) => {
    const { suspect, strict, lenient } = await cast(type, cell);
    expect(lenient, "the lenient form").toBe(expected);
    // Another cell of the unit decides which form this one meets: where the strict one passes, both must agree.
    if (!suspect && !strict?.startsWith("!")) expect(strict, "the strict form").toBe(expected);
  });

  test("NULL stays NULL, and is not suspect", async () => {
    expect(await cast(type, null)).toEqual({ suspect: false, strict: null, lenient: null });
  });
});

test.each([
  ["2024-07-01 12:00:00", "2024-07-01 10:00:00+00"],
  ["2024-07-01 12:00:00Z", "2024-07-01 12:00:00+00"],
  ["2024-07-01T12:00:00+05:30", "2024-07-01 06:30:00+00"],
  ["2024-07-01 12:00:00 UTC", "2024-07-01 12:00:00+00"],
  ["2024-07-01 12:00:00 America/New_York", "2024-07-01 16:00:00+00"],
  ["2024-07-01", "2024-06-30 22:00:00+00"],
])("a zone-less time is in the column's zone: %s", async (cell, expected) => {
  const { strict, lenient } = await cast("timestamptz", cell, "Europe/Berlin");
  expect([strict, lenient]).toEqual([expected, expected]);
});
