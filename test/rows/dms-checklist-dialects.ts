/** Lines 1, 6, 8 and 9 of the checklist: header, op, timestamp, NULLs, delimiters, columns that come and go. */
import { csv, type Line, type Lines, minute } from "./dms-checklist-line.ts";

const load = "LOAD00000001.csv";
const at = "2026-03-01 09:00:00.000000";
const list = ["id bigint", "v"];

interface Form {
  readonly header: boolean;
  readonly op: boolean;
  readonly timestamp: boolean;
}

const bits = [true, false];
const forms: readonly Form[] = bits.flatMap((header) =>
  bits.flatMap((op) => bits.map((timestamp) => ({ header, op, timestamp }))),
);

function formed({ header, op, timestamp }: Form, id: number): string {
  const line = (o: string, ts: string, rest: string) =>
    [...(op ? [o] : []), ...(timestamp ? [ts] : []), rest].join(",");
  const names = header ? [line("Op", "ts", "id,v")] : [];
  return csv(...names, line("I", at, `${id},a`), line(op ? "U" : "I", at, `${id + 1},b`));
}

/** Each object has rows 10n and 10n + 1. */
function formedRows(all: readonly Form[]): (string | null)[][] {
  return all.flatMap(({ timestamp }, i) => {
    const time = timestamp ? "2026-03-01 09:00:00+00" : null;
    return [
      [String(10 * (i + 1)), "a", time],
      [String(10 * (i + 1) + 1), "b", time],
    ];
  });
}

const named = { dialect: { timestamp_column: "ts" }, columns: list };
const quoted = 'say "hi"; a|b, c';

/** No setting: what separates fields and records is found out. */
function delimited(delimiter: string, end: string): Line {
  const cell = `"${quoted.replaceAll('"', '""')}"`;
  const text = (...records: string[][]) => records.map((record) => record.join(delimiter) + end).join("");
  return {
    first: {
      [load]: text(["id", "v"], ["1", cell], ["2", "b"]),
      [minute(1)]: text(["Op", "id", "v"], ["U", "2", cell]),
    },
    select: ["id", "v"],
    rows: [
      ["1", quoted],
      ["2", quoted],
    ],
    read: 3,
  };
}

const nullsOf = (nulls: unknown, body: string, rows: Line["rows"], more: Partial<Line> = {}): Line => ({
  entry: { columns: { n: "integer" }, ...(nulls === undefined ? {} : { dialect: { nulls } }) },
  first: { [load]: `id,n,v\n${body}` },
  select: ["id", "n", "v"],
  rows,
  read: body.trimEnd().split("\n").length,
  ...more,
});

export const dialectLines: Readonly<Record<string, Lines>> = {
  "1 full loads and changes": {
    "with and without Op, timestamp, header, mixed in one table": {
      entry: named,
      first: Object.fromEntries([
        ...forms.map((form, i) => [`LOAD0000000${i + 1}.csv`, formed(form, 10 * (i + 1))]),
        ...forms.map((form, i) => [minute(i + 1), formed(form, 10 * (i + 9))]),
      ]),
      select: ["id", "v", "_op_ts"],
      rows: formedRows([...forms, ...forms]),
      read: 32,
    },
    "no setting but the list": {
      entry: { columns: list },
      first: { [load]: `${at},10,a\n`, [minute(1)]: `U,${at},11,b\n`, [minute(2)]: "U,12,c\n" },
      select: ["id", "v", "_op_ts"],
      rows: [
        ["10", "a", "2026-03-01 09:00:00+00"],
        ["11", "b", "2026-03-01 09:00:00+00"],
        ["12", "c", null],
      ],
      read: 3,
    },
  },
  "6 NULLs": {
    "NULL as NULL, an empty text stays": nullsOf(
      undefined,
      "1,NULL,NULL\n2,5,\n3,,x\n",
      [
        ["1", null, null],
        ["2", "5", ""],
        ["3", null, "x"],
      ].map((row, i) => (i === 1 ? ["2", "5", null] : row)) as Line["rows"],
    ),
    "NULL as empty, the word is text": nullsOf(undefined, "1,,\n2,5,NULL\n3,6,x\n", [
      ["1", null, null],
      ["2", "5", null],
      ["3", "6", "x"],
    ]),
    "NULL alone was seen": nullsOf(undefined, "1,NULL,NULL\n2,5,\n", [
      ["1", null, null],
      ["2", "5", ""],
    ]),
    "empty alone was seen": nullsOf(undefined, '1,,\n2,5,"NULL"\n', [
      ["1", null, null],
      ["2", "5", "NULL"],
    ]),
    "a custom token": nullsOf(["\\N"], "1,\\N,\\N\n2,5,NULL\n3,,\n", [
      ["1", null, null],
      ["2", "5", "NULL"],
      ["3", null, ""],
    ]),
    "a quoted NULL is text": nullsOf(["NULL"], '1,1,"NULL"\n2,2,NULL\n', [
      ["1", "1", "NULL"],
      ["2", "2", null],
    ]),
  },
  "8 delimiters": {
    semicolon: delimited(";", "\n"),
    bar: delimited("|", "\n"),
    tab: delimited("\t", "\n"),
    "CRLF between records": delimited(",", "\r\n"),
    "a carriage return alone between records": delimited(",", "\r"),
    "semicolon without a header": {
      entry: { columns: list },
      first: { [load]: "1;a,b\n2;c\n", [minute(1)]: "U;2;d,e\n" },
      select: ["id", "v"],
      rows: [
        ["1", "a,b"],
        ["2", "d,e"],
      ],
      read: 3,
    },
    "rfc4180=false": {
      first: {
        [load]: csv("id,v", '1,5" pipe', '2,"quoted" in front', '3,"never closed', '4,""'),
        // Nothing in it decides: what was decided before holds.
        [minute(1)]: csv("Op,id,v", 'U,4,"as it stands"'),
      },
      select: ["id", "v"],
      rows: [
        ["1", '5" pipe'],
        ["2", '"quoted" in front'],
        ["3", '"never closed'],
        ["4", '"as it stands"'],
      ],
      read: 5,
    },
  },
  "9 columns": {
    "added at the end, with a header": {
      first: {
        [load]: csv("id,v", "1,a"),
        [minute(1)]: csv("Op,id,v,w", "I,2,b,new"),
        [minute(2)]: csv("Op,id,v", "I,3,c"),
      },
      select: ["id", "v", "w"],
      rows: [
        ["1", "a", null],
        ["2", "b", "new"],
        ["3", "c", null],
      ],
      read: 3,
    },
    "added at the end, without a header: counts and the setting, what came before is loaded": {
      entry: { columns: list },
      first: { [load]: "1,a\n", [minute(1)]: "I,2,b\n", [minute(2)]: "I,3,c,new\nU,1,d,new\n" },
      select: ["id", "v"],
      rows: [
        ["1", "a"],
        ["2", "b"],
      ],
      read: 2,
      failures: Array.from(
        { length: 2 },
        () =>
          "FIELD_COUNT Records have 4 fields, `columns:` lists 2 names, and what stands before them is no op (I, U, D) or known timestamp",
      ),
    },
    "on both sides of the change in one object: each record by its own": {
      entry: { columns: list },
      first: { [minute(1)]: "I,1,a\nI,2,b\nI,3,c,new\n" },
      select: ["id", "v"],
      rows: [
        ["1", "a"],
        ["2", "b"],
      ],
      read: 3,
      rejects: ["3 field_count"],
    },
    "dropped: rows keep what they had until they change": {
      first: { [load]: csv("id,v,w", "1,a,x", "2,b,y"), [minute(1)]: csv("Op,id,v", "U,1,c") },
      select: ["id", "v", "w"],
      rows: [
        ["1", "c", null],
        ["2", "b", "y"],
      ],
      read: 3,
    },
    "renamed: a new column, the old one stays": {
      first: { [load]: csv("id,v", "1,a", "2,b"), [minute(1)]: csv("Op,id,w", "U,1,c") },
      select: ["id", "v", "w"],
      rows: [
        ["1", null, "c"],
        ["2", "b", null],
      ],
      read: 3,
    },
    "a header in another order": {
      first: { [load]: csv("id,v,w", "1,a,x"), [minute(1)]: csv("Op,w,id,v", "U,y,1,b", "I,z,2,c") },
      select: ["id", "v", "w"],
      rows: [
        ["1", "b", "y"],
        ["2", "c", "z"],
      ],
      read: 3,
    },
  },
};
