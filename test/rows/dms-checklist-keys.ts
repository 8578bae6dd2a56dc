/** Lines 2, 3, 4, 5 and 12 of the checklist: keys, and the order that they give. */
import { gzipSync } from "node:zlib";
import { csv, type Line, type Lines, minute } from "./dms-checklist-line.ts";

const load = "LOAD00000001.csv";
const id = "id::bigint";

/** Each body is one row of its own. */
function rowEach(...names: string[]): Pick<Line, "first" | "rows" | "select" | "read"> {
  return {
    first: Object.fromEntries(names.map((name, i) => [name, body(name, csv("id,v", `${i + 100},${name}`))])),
    select: ["id", "v"],
    rows: names.map((name, i) => [String(i + 100), name]),
    read: names.length,
  };
}

function body(name: string, text: string): string | Buffer {
  return name.endsWith(".gz") ? gzipSync(text) : text;
}

const sequences = ["YYYYMMDD", "YYYYMMDDHH", "YYYYMM", "MMYYYYDD", "DDMMYYYY"] as const;
const delimiters = ["/", "-", "_", ""] as const;
/** Two changes of one row, on days of which the later one is listed first wherever days or months lead. */
const days = [
  { YYYY: "2026", MM: "02", DD: "28", HH: "23", name: "20260228-230000", v: "earlier" },
  { YYYY: "2026", MM: "03", DD: "01", HH: "01", name: "20260301-010000", v: "later" },
];

/** A row for each form: as full load says, then changed twice. Tables have one form; here they are told apart by milliseconds. */
function partitions(): Line {
  const forms = sequences.flatMap((sequence) => delimiters.map((delimiter) => ({ sequence, delimiter })));
  const first: Record<string, string> = { [load]: csv("id,v", ...forms.map((_, i) => `${i + 10},full`)) };
  for (const [i, { sequence, delimiter }] of forms.entries())
    for (const day of days) {
      const parts = sequence.match(/YYYY|MM|DD|HH/g) ?? [];
      const folder = parts.map((part) => day[part as "YYYY"]).join(delimiter);
      first[`${folder}/${day.name}0${i + 10}.csv`] = csv("Op,id,v", `U,${i + 10},${day.v}`);
    }
  const rows = forms.map((_, i) => [String(i + 10), "later"]);
  return { first, select: ["id", "v"], rows, read: forms.length * 3 };
}

const at = "2026-03-01 10:00:00.000000";
const marked = { dialect: { timestamp_column: "ts" } };

export const keyLines: Readonly<Record<string, Lines>> = {
  "2 keys": {
    "LOAD counter crossing 9 to A and F to 10": rowEach(
      ...["08", "09", "0A", "0B", "0F", "10", "11"].map((n) => `LOAD000000${n}.csv`),
    ),
    SEGMENTn_LOAD: rowEach("SEGMENT1_LOAD00000001.csv", "SEGMENT2_LOAD00000002.csv", "SEGMENT10_LOAD0000000A.csv"),
    "partition and segment folders": rowEach(
      "eu-west/LOAD00000001.csv",
      "p 2/LOAD00000001.csv",
      "20240101/LOAD00000001.csv",
    ),
    gz: rowEach("LOAD00000001.csv.gz", "20260301-100000000.csv.gz"),
    "9- and 10-digit times": {
      first: {
        [load]: csv("id,v", "1,full"),
        "20260301-100000001.csv": csv("Op,id,v", "U,1,first"),
        "20260301-1000000011.csv": csv("Op,id,v", "U,1,second"),
        "20260301-1000000019.csv": csv("Op,id,v", "U,1,third"),
      },
      select: ["v"],
      rows: [["third"]],
      read: 4,
    },
    "date partitions in all 5 sequences x 4 delimiters": partitions(),
  },
  "3 one key again and again": {
    "I,U,U,D,I in one object with one timestamp": {
      entry: marked,
      first: { [minute(1)]: csv("Op,ts,id,v", ...["I", "U", "U", "D", "I"].map((op, i) => `${op},${at},1,${i}`)) },
      select: ["id", "v"],
      rows: [["1", "4"]],
      read: 5,
    },
    "I,U,U,D,I across two objects": {
      entry: marked,
      first: {
        [minute(1)]: csv("Op,ts,id,v", `I,${at},1,0`, `U,${at},1,1`),
        [minute(2)]: csv("Op,ts,id,v", `U,${at},1,2`, `D,${at},1,2`, `I,${at},1,4`),
      },
      select: ["id", "v"],
      rows: [["1", "4"]],
      read: 5,
    },
    "D for an unknown key": {
      first: { [minute(1)]: csv("Op,id,v", "I,1,a", "D,2,b") },
      select: ["id"],
      rows: [["1"]],
      read: 2,
    },
    "U for an unknown key": {
      first: { [minute(1)]: csv("Op,id,v", "U,2,b") },
      select: ["id", "v"],
      rows: [["2", "b"]],
      read: 1,
    },
    "a whole object again under a new name": {
      first: { [minute(1)]: csv("Op,id,v", "I,1,a", "D,2,x", "U,3,c") },
      second: { [minute(9)]: csv("Op,id,v", "I,1,a", "D,2,x", "U,3,c") },
      select: ["id", "v"],
      rows: [
        ["1", "a"],
        ["3", "c"],
      ],
      read: 6,
    },
    "changes that arrive late are stale": {
      first: { [minute(5)]: csv("Op,id,v", "U,1,new", "D,2,") },
      second: { [minute(1)]: csv("Op,id,v", "I,1,old", "I,2,old", "I,3,late") },
      select: ["id", "v"],
      rows: [
        ["1", "new"],
        ["3", "late"],
      ],
      read: 5,
    },
  },
  "4 deletes": Object.fromEntries(
    [
      ["NULL", "D,1,NULL,NULL"],
      ["empty", "D,1,,"],
      ["full", "D,1,7,a"],
    ].map(([kind, record]): [string, Line] => [
      `D rows: ${kind}`,
      {
        entry: { columns: { n: "integer" } },
        first: { [load]: csv("id,n,v", "1,7,a", "2,8,b"), [minute(1)]: csv("Op,id,n,v", record ?? "") },
        select: ["id", "n"],
        rows: [["2", "8"]],
        read: 3,
      },
    ]),
  ),
  "5 keys that change": {
    "without before-image columns the row under the old key stays": {
      first: { [load]: csv("id,v", "1,a"), [minute(1)]: csv("Op,id,v", "U,66,a") },
      select: ["id", "v"],
      rows: [
        ["1", "a"],
        ["66", "a"],
      ],
      read: 2,
    },
  },
  "12 keys to ignore": {
    "control tables, validation failures, side-cars, markers, Parquet": {
      first: {
        [load]: csv("id", "1"),
        "LOAD00000001.csv.dfm": "x",
        "LOAD00000001.dfm": "x",
        "LOAD00000002.parquet": "PAR1",
        "20260301-100000000.parquet": "PAR1",
        _SUCCESS: "",
        "../awsdms_apply_exceptions/LOAD00000001.csv": csv("id", "7"),
        "../s3_validation_failures/LOAD00000001.csv": csv("id", "8"),
        "CDC_TXN-20201117153046033.csv": "I,t,s,1\n",
      },
      select: [id],
      rows: [["1"]],
      read: 1,
    },
  },
};
