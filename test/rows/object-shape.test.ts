import { expect, test } from "vitest";
import { DrayageError } from "../../src/errors.ts";
import { detectShape, sameShape } from "../../src/rows/object-shape.ts";
import { type Knowing, known } from "../support/known-names.ts";

/** `op:Op timestamp:ts id name`, plain columns without a role. */
function shapeOf(text: string | Buffer, knowing: Knowing = {}, whole = true) {
  const shape = detectShape(Buffer.from(text), whole, known(knowing));
  const fields = shape.fields.map((field) => (field.role === "column" ? field.name : `${field.role}:${field.name}`));
  return { ...shape, fields: fields.join(" ") };
}

const three = ["id", "name", "city"];
const time = "2022-06-24 19:01:10.000000";

test.each<[string, string, Knowing, { header: boolean; fields: string; bodyOffset: number }]>([
  [
    "retail load: header and timestamp, no op",
    `dmsTimestamp,store_id,address\n${time},1,"a, b"\n`,
    { dialect: { timestampColumn: "dmsTimestamp" } },
    { header: true, fields: "timestamp:dmsTimestamp store_id address", bodyOffset: 30 },
  ],
  [
    "retail changes: header with op",
    `Op,dmsTimestamp,store_id,address\nU,${time},6,x\n`,
    { dialect: { timestampColumn: "dms_timestamp" } },
    { header: true, fields: "op:Op timestamp:dmsTimestamp store_id address", bodyOffset: 33 },
  ],
  [
    "retail load known by its key",
    `dmsTimestamp,store_id,address\n${time},1,x\n`,
    { keyNames: ["storeId"] },
    { header: true, fields: "dmsTimestamp store_id address", bodyOffset: 30 },
  ],
  ["op in lower case", "op,id\nI,1\n", {}, { header: true, fields: "op:op id", bodyOffset: 6 }],
  [
    "classic load: no header, no op",
    "103,Atelier,Nantes\n112,Signal,Las Vegas\n",
    { columnList: three, kind: "full_load" },
    { header: false, fields: "id name city", bodyOffset: 0 },
  ],
  [
    "classic changes: op only",
    "I,497,a,b\nU,497,a,b\nD,497,,\n",
    { columnList: three },
    { header: false, fields: "op:Op id name city", bodyOffset: 0 },
  ],
  [
    "op and a timestamp that nobody configured",
    `I,${time},1,a,b\n`,
    { columnList: three },
    { header: false, fields: "op:Op timestamp:timestamp id name city", bodyOffset: 0 },
  ],
  [
    "a configured timestamp, no op",
    `${time},1,a,b\n`,
    { columnList: three, dialect: { timestampColumn: "ts" } },
    { header: false, fields: "timestamp:ts id name city", bodyOffset: 0 },
  ],
  [
    "a timestamp that the list names",
    `I,${time},1\n`,
    { columnList: ["ts", "id"], dialect: { timestampColumn: "ts" } },
    { header: false, fields: "op:Op timestamp:ts id", bodyOffset: 0 },
  ],
  [
    "letters in the first listed column are no op",
    "I,a,b\nU,a,b\n",
    { columnList: three },
    { header: false, fields: "id name city", bodyOffset: 0 },
  ],
  [
    "a full load without op though op is set",
    "1,a,b\n",
    { columnList: three, kind: "full_load", dialect: { op: true } },
    { header: false, fields: "id name city", bodyOffset: 0 },
  ],
  [
    "one bad op among good ones",
    "I,1,a,b\nX,2,a,b\nU,3,a,b\n",
    { columnList: three },
    { header: false, fields: "op:Op id name city", bodyOffset: 0 },
  ],
  [
    "one bad record among good ones",
    "1,a,b\n2,a,b,c\n3,a,b\n",
    { columnList: three },
    { header: false, fields: "id name city", bodyOffset: 0 },
  ],
  [
    "one change without its last field among good ones",
    "I,1,a,b\nU,2,a\nD,3,a,b\n",
    { columnList: three },
    { header: false, fields: "op:Op id name city", bodyOffset: 0 },
  ],
  [
    "mongo documents",
    '_id,_doc\n5ca4,"{""a"":1,\n""b"":2}"\n',
    { documents: ["_doc"] },
    { header: true, fields: "_id _doc", bodyOffset: 9 },
  ],
  [
    "an unquoted document without header",
    '{ "a" : 1 }\n',
    { columnList: ["_doc"], dialect: { rfc4180: false } },
    { header: false, fields: "_doc", bodyOffset: 0 },
  ],
  [
    "BOM, CRLF, quoted names",
    '\ufeff"Op","customer ""x""","\u00fcber"\r\nI,1,2\r\n',
    {},
    { header: true, fields: 'op:Op customer "x" \u00fcber', bodyOffset: 3 + 31 },
  ],
  [
    "most of the known columns",
    "id,name,added\n1,a,b\n",
    { columnNames: ["id", "name", "city"] },
    { header: true, fields: "id name added", bodyOffset: 14 },
  ],
  [
    "the stray comma of an empty timestamp name",
    ",id,name\n1,a\n2,b\n",
    { keyNames: ["id"] },
    { header: true, fields: "id name", bodyOffset: 9 },
  ],
  ["the stray comma after op", "Op,,id,name\nI,1,a\n", {}, { header: true, fields: "op:Op id name", bodyOffset: 12 }],
  [
    "settings win: a header of unknown names",
    "a,b\n1,2\n",
    { dialect: { header: true } },
    { header: true, fields: "a b", bodyOffset: 4 },
  ],
  [
    "settings win: no header though the names fit",
    "id,name,city\n1,a,b\n",
    { columnList: three, dialect: { header: false } },
    { header: false, fields: "id name city", bodyOffset: 0 },
  ],
  [
    "settings win: Op is a column",
    "Op,id\nx,1\n",
    { dialect: { op: false } },
    { header: true, fields: "Op id", bodyOffset: 6 },
  ],
])("%s", (_, text, knowing, expected) => {
  expect(shapeOf(text, knowing)).toMatchObject({ ...expected, empty: false });
});

test.each<[string, string, boolean, { header: boolean; empty: boolean; bodyOffset: number }]>([
  ["nothing at all", "", true, { header: false, empty: true, bodyOffset: 0 }],
  ["only a BOM", "\ufeff", true, { header: false, empty: true, bodyOffset: 3 }],
  ["only blank lines", "\n\r\n", true, { header: false, empty: true, bodyOffset: 3 }],
  ["a header without newline", "Op,id", true, { header: true, empty: true, bodyOffset: 5 }],
  ["a header that may be followed by more", "Op,id\n1,aaaaaaa", false, { header: true, empty: false, bodyOffset: 6 }],
])("%s", (_, text, whole, expected) => {
  expect(shapeOf(text, {}, whole)).toMatchObject(expected);
});

test("a header of other names proves an op only by its records", () => {
  const knowing = { dialect: { header: true, op: true } };
  expect(shapeOf("change,id\n", knowing).fields).toBe("change id");
  expect(shapeOf("change,id\n1,2\n", knowing).fields).toBe("change id");
  expect(shapeOf("change,id\nI,2\n", knowing).fields).toBe("op:change id");
});

test("line ends are those of the first record, or as set", () => {
  expect(shapeOf("Op,id\r\nI,1\r\n").rowDelimiter).toBe("\r\n");
  expect(shapeOf('Op,"i\r\nd"\nI,1\n').rowDelimiter).toBe("\n");
  expect(shapeOf("Op,id\n", { dialect: { rowDelimiter: "\r\n" }, columnList: ["a"] }).rowDelimiter).toBe("\r\n");
});

const binary = Buffer.concat([Buffer.from("1,a\n"), Buffer.alloc(60)]);

test.each<[string, string | Buffer, Knowing, string, string | RegExp, boolean?]>([
  ["gzip", Buffer.of(0x1f, 0x8b, 8, 0), {}, "NOT_CSV", /compressed/],
  ["Parquet", Buffer.from("PAR1\x15\x04"), {}, "NOT_CSV", /Parquet/],
  ["UTF-16", Buffer.from("\ufeffOp,id\n", "utf16le"), {}, "NOT_CSV", /UTF-16/],
  ["binary", binary, {}, "NOT_CSV", /binary/],
  ["JSON", '{"id":1,"b":2}\n', { keyNames: ["id"] }, "NOT_CSV", /JSON/],
  ["JSON with a set header", '{"id":1}\n', { dialect: { header: true } }, "NOT_CSV", /JSON/],
  ["XML against a list", "<a>\n", { columnList: three }, "NOT_CSV", /XML/],
  ["a first record that never ends", '"a,b\n', {}, "NOT_CSV", /never closed/],
  ["a first record with a bad quote", '"a"b,c\n', {}, "NOT_CSV", /out of place/],
  ["no complete record", "a".repeat(100), {}, "RECORD_TOO_LARGE", "The first 100 bytes hold no complete record", false],
  ["no names at all", "1,a\n2,b\n", {}, "HEADER_UNKNOWN", /header/],
  ["no header and no list", "id\n1\n", { dialect: { header: false } }, "HEADER_UNKNOWN", /header/],
  ["a field without a name", "Op,id,,b\nI,1,2,3\n", {}, "HEADER_UNKNOWN", "The header has no name for field 3"],
  ["one name twice", "Op,id,b,id\n", {}, "HEADER_UNKNOWN", "The header gives fields 2 and 4 the same name"],
  ["too few", "1,a\n2\n", { columnList: three }, "FIELD_COUNT", "Records have 1 or 2 fields, `columns:` lists 3 names"],
  ["an extra field that is no op", "x,1,a,b\n", { columnList: three }, "FIELD_COUNT", /^Records have 4 fields.*no op/],
  ["no op though it is set", "1,a,b\n", { columnList: three, dialect: { op: true } }, "FIELD_COUNT", /3 fields/],
  ["an op though there is none", "I,1,a,b\n", { columnList: three, dialect: { op: false } }, "FIELD_COUNT", /4 fields/],
])("refuses %s", (_, text, knowing, code, message, whole = true) => {
  const error = thrown(() => shapeOf(text, knowing, whole));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test("a list to paste has placeholder names and likely types, and no value", () => {
  const error = thrown(() => shapeOf(`I,${time},00123,7,secret\nU,${time},00124,8,\n`));
  expect(error.lines).toEqual([
    "columns:   # if there is no header: the source's names, in its order",
    "  - column_1 text",
    "  - column_2 bigint",
    "  - column_3 text",
  ]);
  expect(thrown(() => shapeOf("1,a\n")).lines[0]).toMatch("dialect: {header: true}");
});

test("no evidence and no error tells a value", () => {
  const shape = detectShape(Buffer.from("I,497,secret,b\n"), true, known({ columnList: three }));
  expect(shape.evidence.join("\n")).not.toContain("secret");
  expect(shape.evidence).toEqual([
    "no header: `columns:` lists 3 names, records have 4 fields",
    "op: the first field of every record is I, U or D",
  ]);
});

test("a time in DMS's place is pointed out, and stays a column until it is named", () => {
  const said = (text: string, knowing: Knowing = {}) => {
    const shape = detectShape(Buffer.from(text), true, known(knowing));
    return [shape.fields.map(({ role }) => role).join(" "), shape.evidence.at(-1)];
  };
  const hint = "timestamp: at holds one in every record; if DMS adds it, set dialect.timestamp_column: at";
  expect(said(`Op,at,id\nI,${time},1\n`)).toEqual(["op column column", hint]);
  expect(said(`at,id\n${time},1\n`, { keyNames: ["id"] })).toEqual(["column column", hint]);
  expect(said(`Op,at,id\nI,${time},1\n`, { dialect: { timestampColumn: "at" } })[1]).toBe(
    "timestamp: named by the header",
  );
  expect(said(`Op,id,at\nI,1,${time}\n`)[1]).toBe("op: the header has `Op`");
  expect(said(`Op,at,id\nI,${time},1\nI,,2\n`)[1]).toBe("op: the header has `Op`");
});

test("shapes are the same when fields, delimiter, quoting and line ends are", () => {
  const shape = (text: string, knowing: Knowing = {}) => detectShape(Buffer.from(text), true, known(knowing));
  const one = shape("Op,id,a\nI,1,2\n");
  expect(sameShape(one, shape("\ufeffOp,id,a\n"))).toBe(true);
  expect(sameShape(one, shape("I,1,2\n", { columnList: ["id", "a"] }))).toBe(true);
  expect(sameShape(one, shape("Op,a,id\n"))).toBe(false);
  expect(sameShape(one, shape("Op,id\n"))).toBe(false);
  expect(sameShape(one, shape("Op,id,a\n", { dialect: { op: false } }))).toBe(false);
  expect(sameShape(one, shape("Op,id,a\r\n"))).toBe(false);
  expect(sameShape(one, shape("Op;id;a\n", { dialect: { delimiter: ";" } }))).toBe(false);
  expect(sameShape(one, shape("Op,id,a\n", { dialect: { rfc4180: false } }))).toBe(false);
});

function thrown(run: () => unknown): DrayageError {
  try {
    run();
  } catch (error) {
    if (error instanceof DrayageError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
