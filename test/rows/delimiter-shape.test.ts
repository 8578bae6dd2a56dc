/** What separates fields and records, and whether they are quoted: found out only where the evidence is clear. */
import { describe, expect, test } from "vitest";
import type { DialectConfig } from "../../src/config/config.ts";
import { DrayageError } from "../../src/errors.ts";
import { detectShape, type ObjectShape } from "../../src/rows/object-shape.ts";
import { type Knowing, known } from "../support/known-names.ts";

const time = "2026-03-01 09:00:00.000000";

/** `; quoted lf | Op id name`, then what is pinned. */
function reading(shape: ObjectShape): string {
  const end = { "\n": "lf", "\r\n": "crlf", "\r": "cr" }[shape.rowDelimiter];
  const cut = `${JSON.stringify(String.fromCharCode(shape.delimiter)).slice(1, -1)} ${shape.quoted ? "quoted" : "literal"} ${end}`;
  const { delimiter, rfc4180 } = shape.decided;
  const pins = [
    ...(delimiter === undefined ? [] : [`delimiter ${JSON.stringify(delimiter).slice(1, -1)}`]),
    ...(rfc4180 === undefined ? [] : [`rfc4180 ${rfc4180}`]),
  ];
  return [cut, shape.fields.map(({ name }) => name).join(" "), pins.join(", ")].join(" | ");
}

function read(text: string, knowing: Knowing = {}, whole = true): string {
  return reading(detectShape(Buffer.from(text), whole, known(knowing)));
}

const key = { keyNames: ["id"] };
const list = { columnList: ["id", "name", "city"] };
const headed = { dialect: { header: true } satisfies Partial<DialectConfig> };

describe("delimiter", () => {
  test.each<[string, string, Knowing, string]>([
    ["a header that names the key", "id;name\n1;a\n", key, "; quoted lf | id name | delimiter ;"],
    ["Op first in the header", "Op|id|name\nI|1|a\n", {}, "| quoted lf | Op id name | delimiter |"],
    ["a tab", "id\tname\n1\ta,b\n", key, "\\t quoted lf | id name | delimiter \\t"],
    ["a list of columns", "1;a;b\n2;c;d\n", list, "; quoted lf | id name city | delimiter ;"],
    ["a list, op and time", `I|${time}|1|a|b\n`, list, "| quoted lf | Op timestamp id name city | delimiter |"],
    ["one record", "U;1;a;b", list, "; quoted lf | Op id name city | delimiter ;"],
    ["commas in the values of semicolons", "1;a,b;c,d\n2;e;f\n", list, "; quoted lf | id name city | delimiter ;"],
    ["semicolons in the values of commas", "id,name\n1,a;b\n2,c;d\n", key, ", quoted lf | id name | delimiter ,"],
    ["semicolons in quotes", 'id,name\n1,"a;b,c"\n', key, ", quoted lf | id name | delimiter ,, rfc4180 true"],
    ["semicolons in the only column", "_doc\na;b\n", { documents: ["_doc"] }, ", quoted lf | _doc | "],
    ["nothing known, a set header", "a;b\n1;2\n3;4\n", headed, "; quoted lf | a b | delimiter ;"],
    [
      "nothing known, commas at random",
      "a|b|c\n1,0|2|x\n3|4|y,z,w\n5|6,6|v\n",
      headed,
      "| quoted lf | a b c | delimiter |",
    ],
    ["nothing known, commas", "a,b\n1;1,2\n3;3,4\n", headed, ", quoted lf | a b | "],
    ["nothing known, one column", "note\nhello; world\nyes\n", headed, ", quoted lf | note | "],
    ["nothing known, a header alone", "a;b\n", headed, ", quoted lf | a;b | "],
    ["set", "a;b\n1;2\n", { dialect: { header: true, delimiter: "," } }, ", quoted lf | a;b | "],
    ["pinned, nothing else to see", "a;b\n", { ...headed, pinned: { delimiter: ";" } }, "; quoted lf | a b | "],
    [
      "clear against what is pinned",
      "Op,id\nI,1\n",
      { pinned: { delimiter: ";" } },
      ", quoted lf | Op id | delimiter ,",
    ],
    ["one bad record among good ones", "id;name\n1;a\n2\n3;c\n4;d\n", key, "; quoted lf | id name | delimiter ;"],
  ])("%s", (_, text, knowing, expected) => {
    expect(read(text, knowing)).toBe(expected);
  });

  test("two that fit as well are for somebody to decide", () => {
    const error = thrown("a;b|c\n1;2|3\n4;5|6\n", headed);
    expect([error.code, error.exit]).toEqual(["DIALECT_UNKNOWN", 6]);
    expect(error.message).toBe("Fields may be separated by semicolon or |: 3 records have 2 or 2 fields each");
  });

  test("a list that fits under no delimiter is told with the counts of the likeliest", () => {
    expect(thrown("1;a;b;c\n2;d;e;f\n3;g;h;i\n", list).message).toMatch(
      /^Records have 4 fields, `columns:` lists 3 names/,
    );
  });
});

describe("rfc4180", () => {
  test.each<[string, string, Knowing, string]>([
    ["a delimiter in quotes", 'id,name\n1,"a,b"\n', key, ", quoted lf | id name | delimiter ,, rfc4180 true"],
    ["a line end in quotes", 'id,name\n1,"a\nb"\n', key, ", quoted lf | id name | delimiter ,, rfc4180 true"],
    ["doubled quotes", 'id,name\n1,"a ""b"""\n', key, ", quoted lf | id name | delimiter ,, rfc4180 true"],
    ["quotes around plain words prove nothing", 'id,name\n1,"a"\n', key, ", quoted lf | id name | delimiter ,"],
    ["quotes that are text", 'id,name\n1,"a" b\n2,"c" d\n', key, ", literal lf | id name | delimiter ,, rfc4180 false"],
    [
      "quotes never closed",
      'id,name\n1,"a\n2,b\n3,"c\n4,d\n',
      key,
      ", literal lf | id name | delimiter ,, rfc4180 false",
    ],
    ["by a list", 'I,1,"a" b,c\nU,2,"c" d,e\n', list, ", literal lf | Op id name city | delimiter ,, rfc4180 false"],
    ["one record that is wrong", 'id,name\n1,a\n2,"b" c\n3,d\n', key, ", quoted lf | id name | delimiter ,"],
    ["one quote never closed", 'id,name\n1,a\n2,"never\n3,d\n', key, ", quoted lf | id name | delimiter ,"],
    [
      "wrong records among quoted ones",
      'id,name\n1,"a" b\n2,"c" d\n3,"e,f"\n',
      key,
      ", quoted lf | id name | delimiter ,",
    ],
    ["inches", 'id,name\n1,5" pipe\n2,6" pipe\n', key, ", quoted lf | id name | delimiter ,"],
    [
      "set",
      'id,name\n1,"a" b\n2,"c" d\n',
      { ...key, dialect: { rfc4180: true } },
      ", quoted lf | id name | delimiter ,",
    ],
    [
      "pinned, nothing else to see",
      "id,name\n1,a\n",
      { ...key, pinned: { rfc4180: false } },
      ", literal lf | id name | delimiter ,",
    ],
    [
      "pinned, one odd record",
      'id,name\n1,"a" b\n',
      { ...key, pinned: { rfc4180: false } },
      ", literal lf | id name | delimiter ,",
    ],
    [
      "clear against what is pinned",
      'id,name\n1,"a,b"\n',
      { ...key, pinned: { rfc4180: false } },
      ", quoted lf | id name | delimiter ,, rfc4180 true",
    ],
    [
      "documents",
      '_id,_doc\nx,"{""a"":1}"\ny,"{""a"":2}"\n',
      { documents: ["_doc"] },
      ", quoted lf | _id _doc | delimiter ,, rfc4180 true",
    ],
    [
      "documents between tabs",
      '_id\t_doc\nx\t"{""a"":1}"\ny\t"{""a"":2}"\n',
      { documents: ["_doc"] },
      "\\t quoted lf | _id _doc | delimiter \\t, rfc4180 true",
    ],
    [
      "documents between tabs, not quoted",
      '_id\t_doc\nx\t{"a":1}\ny\t{"a":2}\n',
      { documents: ["_doc"] },
      "\\t quoted lf | _id _doc | delimiter \\t",
    ],
  ])("%s", (_, text, knowing, expected) => {
    expect(read(text, knowing)).toBe(expected);
  });

  test("an open quote that swallows the rest of the head", () => {
    const body = Array.from({ length: 50 }, (_, i) => (i % 10 === 3 ? `${i},"x` : `${i},y`)).join("\n");
    expect(read(`id,name\n${body.replaceAll('"x', '"x z')}\n`, key, false)).toBe(
      ", literal lf | id name | delimiter ,, rfc4180 false",
    );
    const long = `id,name\n1,a\n2,"${"word, ".repeat(500)}`;
    expect(read(long, key, false)).toBe(", quoted lf | id name | delimiter ,");
  });
});

describe("row delimiter", () => {
  test.each<[string, string, Knowing, string]>([
    ["carriage returns alone", "id,name\r1,a\r2,b\r", key, ", quoted cr | id name | delimiter ,"],
    ["carriage returns and a list", "1;a;b\r2;c;d", list, "; quoted cr | id name city | delimiter ;"],
    ["a carriage return in the only record", "1,a\rb,c", list, ", quoted lf | id name city | delimiter ,"],
    ["a carriage return in quotes", 'id,name\r1,"a\rb"\r', key, ", quoted cr | id name | delimiter ,, rfc4180 true"],
    ["CRLF", "id,name\r\n1,a\r\n", key, ", quoted crlf | id name | delimiter ,"],
    ["set", "id,name\r1,a\r", { ...key, dialect: { rowDelimiter: "\r" } }, ", quoted cr | id name | delimiter ,"],
  ])("%s", (_, text, knowing, expected) => {
    expect(read(text, knowing)).toBe(expected);
  });
});

describe("a header of which nothing is known", () => {
  test.each<[string, string, boolean]>([
    ["times below", `a,b\nx,${time}\n`, true],
    ["three numbers below", "customerNumber,name\n1,a\n2,b\n3,c\n", true],
    ["two numbers below may be codes", "AB,name\n1,a\n2,b\n", false],
    ["words alone", "a,b\nc,d\ne,f\ng,h\n", false],
    ["a first record with a number", "1,a\n2,b\n3,c\n4,d\n", false],
    ["a first record with NULL for the number", "NULL,a\n2,b\n3,c\n4,d\n", false],
    ["a first record with an empty number", ",a\n2,b\n3,c\n4,d\n", false],
    ["a first record with a sentence", "abc,two words\n2,b\n3,c\n4,d\n", false],
    ["one word twice", "a,a\n2,b\n3,c\n4,d\n", false],
    ["records of another width", "a,b\n2,b,x\n3,c\n4,d\n", false],
    ["a header alone", "a,b\n", false],
  ])("%s", (_, text, isHeader) => {
    if (!isHeader) {
      const error = thrown(text);
      expect([error.code, error.exit]).toEqual(["HEADER_UNKNOWN", 6]);
      return;
    }
    const shape = detectShape(Buffer.from(text), true, known({}));
    expect(shape).toMatchObject({ header: true, bodyOffset: text.indexOf("\n") + 1 });
    expect(shape.evidence[0]).toMatch(/^header: the first record holds words/);
  });

  test("under another delimiter", () => {
    expect(read(`a;b\nx;${time}\n`)).toBe("; quoted lf | a b | delimiter ;");
  });
});

describe("a time that nobody named", () => {
  const listing = (columnList: string[], knowing: Knowing = {}) => ({ columnList, ...knowing });
  test.each<[string, string, Knowing, string]>([
    ["before the list, no op", `${time},1,a\n`, listing(["id", "name"]), "timestamp id name"],
    ["before the list, after the op", `I,${time},1,a\n`, listing(["id", "name"]), "Op timestamp id name"],
    [
      "named, before a list that begins with times",
      `${time},${time},1\n`,
      listing(["created_at", "id"], { dialect: { timestampColumn: "ts" } }),
      "ts created_at id",
    ],
  ])("%s", (_, text, knowing, fields) => {
    expect(
      detectShape(Buffer.from(text), true, known(knowing))
        .fields.map(({ name }) => name)
        .join(" "),
    ).toBe(fields);
  });

  // A new column at the end looks the same: every value would be one column off.
  test.each<[string, string, Knowing]>([
    ["a first column called as times are", `I,${time},1,new\n`, listing(["created_at", "id"])],
    ["a first column that holds times", `${time},1,new\n`, listing(["seen", "id"], { timeColumns: ["seen"] })],
  ])("refused before %s", (_, text, knowing) => {
    expect(thrown(text, knowing).code).toBe("FIELD_COUNT");
  });
});

test("no evidence and no error tells a value", () => {
  const texts = ["id;name\n1;secret\n", 'id,name\n1,"secret" b\n2,"secret" d\n', "id,name\r1,secret\r"];
  for (const text of texts) {
    const { evidence } = detectShape(Buffer.from(text), true, known(key));
    expect(evidence.join("\n")).not.toContain("secret");
    expect(evidence.join("\n")).toMatch(/delimiter: |rfc4180: /);
  }
});

function thrown(text: string, knowing: Knowing = {}): DrayageError {
  try {
    read(text, knowing);
  } catch (error) {
    if (error instanceof DrayageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
