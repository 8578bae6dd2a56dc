import { describe, expect, test } from "vitest";
import { kinds } from "../../src/rows/kinds.ts";
import { columnOf, flatten, isJsonCell } from "./flattening.ts";

const wide = kinds.integer | kinds.wideInteger;
const special = kinds.doubleSpecial;

/** BSON value and dialect, as written, kind, cell as plain text, the same inside JSON. */
const values: [string, string, number, string, string][] = [
  [
    "ObjectId",
    '{ "$oid" : "5a94815f40bd44d1b02bdfe0" }',
    kinds.string,
    "5a94815f40bd44d1b02bdfe0",
    '"5a94815f40bd44d1b02bdfe0"',
  ],
  ["int32, legacy and relaxed", "1", kinds.integer, "1", "1"],
  ["int32, canonical", '{"$numberInt":"-17"}', kinds.integer, "-17", "-17"],
  ["int64, bare", "9007199254740993", wide, "9007199254740993", "9007199254740993"],
  ["int64 at 2^53", "9007199254740992", kinds.integer, "9007199254740992", "9007199254740992"],
  ["int64, canonical", '{"$numberLong":"9223372036854775807"}', wide, "9223372036854775807", "9223372036854775807"],
  ["int64, least", '{"$numberLong":"-9223372036854775808"}', wide, "-9223372036854775808", "-9223372036854775808"],
  [
    "beyond int64",
    "9223372036854775808",
    kinds.bigInteger | kinds.wideInteger,
    "9223372036854775808",
    "9223372036854775808",
  ],
  ["double, libbson", "42.420000000000001705", kinds.fraction, "42.420000000000001705", "42.420000000000001705"],
  ["double, whole", "1.0", kinds.fraction, "1.0", "1.0"],
  ["double, exponent", "-1.5E-7", kinds.fraction, "-1.5E-7", "-1.5E-7"],
  ["double, canonical", '{"$numberDouble":"42.42"}', kinds.fraction, "42.42", "42.42"],
  ["double, canonical, whole", '{"$numberDouble":"-5"}', kinds.fraction, "-5", "-5"],
  ["beyond double", "1e400", kinds.decimal, "1e400", "1e400"],
  ["below double", "1e-400", kinds.decimal, "1e-400", "1e-400"],
  ["beyond numeric", "1e99999", kinds.string, "1e99999", '"1e99999"'],
  ["NaN, libbson", "nan", special, "NaN", '"NaN"'],
  ["NaN, libbson, negative", "-nan", special, "NaN", '"NaN"'],
  ["NaN, bare", "NaN", special, "NaN", '"NaN"'],
  ["infinity, libbson", "inf", special, "Infinity", '"Infinity"'],
  ["infinity, libbson, negative", "-inf", special, "-Infinity", '"-Infinity"'],
  ["infinity, bare", "Infinity", special, "Infinity", '"Infinity"'],
  ["infinity, bare, negative", "-Infinity", special, "-Infinity", '"-Infinity"'],
  ["NaN, canonical", '{"$numberDouble":"NaN"}', special, "NaN", '"NaN"'],
  ["infinity, canonical", '{"$numberDouble":"-Infinity"}', special, "-Infinity", '"-Infinity"'],
  ["decimal", '{ "$numberDecimal" : "1.50" }', kinds.decimal, "1.50", "1.50"],
  ["decimal, exponent", '{"$numberDecimal":"1E+3"}', kinds.decimal, "1E+3", "1E+3"],
  [
    "decimal, integer",
    '{"$numberDecimal":"12345678901234567890123456789"}',
    kinds.decimal,
    "12345678901234567890123456789",
    "12345678901234567890123456789",
  ],
  ["decimal, loosely spelled", '{"$numberDecimal":"+.5"}', kinds.decimal, "0.5", "0.5"],
  ["decimal NaN", '{"$numberDecimal":"NaN"}', kinds.decimal | special, "NaN", '"NaN"'],
  ["decimal infinity", '{"$numberDecimal":"-Infinity"}', kinds.decimal | special, "-Infinity", '"-Infinity"'],
  ["date, legacy", '{ "$date" : 1556064000000 }', kinds.timestamp, "2019-04-24T00:00:00Z", '"2019-04-24T00:00:00Z"'],
  [
    "date, legacy, negative",
    '{ "$date" : -1 }',
    kinds.timestamp,
    "1969-12-31T23:59:59.999Z",
    '"1969-12-31T23:59:59.999Z"',
  ],
  [
    "date, canonical",
    '{"$date":{"$numberLong":"1556064000123"}}',
    kinds.timestamp,
    "2019-04-24T00:00:00.123Z",
    '"2019-04-24T00:00:00.123Z"',
  ],
  [
    "date, canonical, spaced",
    '{ "$date" : { "$numberLong" : "0" } }',
    kinds.timestamp,
    "1970-01-01T00:00:00Z",
    '"1970-01-01T00:00:00Z"',
  ],
  [
    "date, relaxed",
    '{"$date":"2019-04-24T00:00:00.123Z"}',
    kinds.timestamp,
    "2019-04-24T00:00:00.123Z",
    '"2019-04-24T00:00:00.123Z"',
  ],
  [
    "date, v1",
    '{"$date":"2019-04-24T02:00:00.000+0200"}',
    kinds.timestamp,
    "2019-04-24T00:00:00Z",
    '"2019-04-24T00:00:00Z"',
  ],
  [
    "date without Z",
    '{"$date":"2019-04-24T00:00:00"}',
    kinds.timestamp,
    "2019-04-24T00:00:00Z",
    '"2019-04-24T00:00:00Z"',
  ],
  [
    "date beyond timestamptz",
    '{"$date":{"$numberLong":"9224318016000000"}}',
    kinds.string,
    "294277-01-01T00:00:00Z",
    '"294277-01-01T00:00:00Z"',
  ],
  ["date that is none", '{"$date":"soon"}', kinds.string, "soon", '"soon"'],
  ["binary, legacy", '{ "$binary" : "AAEC", "$type" : "00" }', kinds.binary, "\\x000102", '"\\\\x000102"'],
  ["binary, legacy, other order", '{"$type":"0","$binary":"AAEC"}', kinds.binary, "\\x000102", '"\\\\x000102"'],
  ["binary, canonical", '{"$binary":{"base64":"AAEC","subType":"80"}}', kinds.binary, "\\x000102", '"\\\\x000102"'],
  ["binary, canonical, other order", '{"$binary":{"subType":"80","base64":""}}', kinds.binary, "\\x", '"\\\\x"'],
  [
    "uuid, canonical",
    '{"$binary":{"base64":"yO2rw/c4TKO2jauSqRR4ow==","subType":"04"}}',
    kinds.uuid,
    "c8edabc3-f738-4ca3-b68d-ab92a91478a3",
    '"c8edabc3-f738-4ca3-b68d-ab92a91478a3"',
  ],
  [
    "uuid, legacy, one digit",
    '{ "$binary" : "yO2rw\\/c4TKO2jauSqRR4ow==", "$type" : "3" }',
    kinds.uuid,
    "c8edabc3-f738-4ca3-b68d-ab92a91478a3",
    '"c8edabc3-f738-4ca3-b68d-ab92a91478a3"',
  ],
  [
    "uuid of the wrong length",
    '{"$binary":{"base64":"AAEC","subType":"04"}}',
    kinds.binary,
    "\\x000102",
    '"\\\\x000102"',
  ],
  [
    "uuid, by name",
    '{"$uuid":"C8EDABC3-f738-4ca3-b68d-ab92a91478a3"}',
    kinds.uuid,
    "c8edabc3-f738-4ca3-b68d-ab92a91478a3",
    '"c8edabc3-f738-4ca3-b68d-ab92a91478a3"',
  ],
  ["symbol", '{"$symbol":"sy\\"m"}', kinds.string, 'sy"m', '"sy\\"m"'],
  ["string", '"s"', kinds.string, "s", '"s"'],
  ["true", "true", kinds.boolean, "true", "true"],
  ["false", "false", kinds.boolean, "false", "false"],
  ["array", "[ 1, 2 ]", kinds.json, "[ 1, 2 ]", "[ 1, 2 ]"],
  ["empty array", "[ ]", kinds.json, "[ ]", "[ ]"],
  [
    "regex, legacy",
    '{ "$regex" : "^a\\\\d", "$options" : "i" }',
    kinds.json,
    '{ "$regex" : "^a\\\\d", "$options" : "i" }',
    '{ "$regex" : "^a\\\\d", "$options" : "i" }',
  ],
  [
    "regex, canonical",
    '{"$regularExpression":{"pattern":"a","options":"i"}}',
    kinds.json,
    '{"$regularExpression":{"pattern":"a","options":"i"}}',
    '{"$regularExpression":{"pattern":"a","options":"i"}}',
  ],
  [
    "timestamp",
    '{ "$timestamp" : { "t" : 1, "i" : 2 } }',
    kinds.json,
    '{ "$timestamp" : { "t" : 1, "i" : 2 } }',
    '{ "$timestamp" : { "t" : 1, "i" : 2 } }',
  ],
  ["code", '{"$code":"f()"}', kinds.json, '{"$code":"f()"}', '{"$code":"f()"}'],
  [
    "code with scope",
    '{"$scope":{"x":{"$numberInt":"1"}},"$code":"f()"}',
    kinds.json,
    '{"$scope":{"x":1},"$code":"f()"}',
    '{"$scope":{"x":1},"$code":"f()"}',
  ],
  [
    "DBPointer, canonical",
    '{"$dbPointer":{"$ref":"c","$id":{"$oid":"ab"}}}',
    kinds.json,
    '{"$dbPointer":{"$ref":"c","$id":"ab"}}',
    '{"$dbPointer":{"$ref":"c","$id":"ab"}}',
  ],
  [
    "DBPointer, legacy",
    '{ "$ref" : "c", "$id" : "ab" }',
    kinds.json,
    '{ "$ref" : "c", "$id" : "ab" }',
    '{ "$ref" : "c", "$id" : "ab" }',
  ],
  [
    "DBRef",
    '{"$ref":"c","$id":{"$oid":"ab"},"$db":"d"}',
    kinds.json,
    '{"$ref":"c","$id":"ab","$db":"d"}',
    '{"$ref":"c","$id":"ab","$db":"d"}',
  ],
  ["MinKey", '{ "$minKey" : 1 }', kinds.json, '{ "$minKey" : 1 }', '{ "$minKey" : 1 }'],
  ["MaxKey, canonical", '{"$maxKey":{"$numberInt":"1"}}', kinds.json, '{"$maxKey":1}', '{"$maxKey":1}'],
];

describe.each(values)("%s", (_what, written, kind, text, json) => {
  test("at the top", () => {
    const { flattener, rows } = flatten([`{ "before" : 1, "v" : ${written}, "after" : 2 }`]);
    expect(columnOf(flattener, "v").kinds).toBe(kind);
    expect(rows).toEqual([{ before: "1", v: text, after: "2" }]);
  });

  test("nested", () => {
    const { flattener, rows } = flatten([`{"o":{"p":{"v":${written}},"after":2}}`]);
    expect(columnOf(flattener, "o/p/v").kinds).toBe(kind);
    expect(rows).toEqual([{ "o/p/v": text, "o/after": "2" }]);
  });

  test("in an array", () => {
    const { rows } = flatten([`{"v":[0, ${written} ,{"w":${written}}]}`]);
    expect(rows).toEqual([{ v: `[0, ${json} ,{"w":${json}}]` }]);
    expect(() => JSON.parse(rows[0]!.v!)).not.toThrow();
  });

  test("in a column that turned to JSON", () => {
    const other = kind === kinds.boolean ? '"x"' : "true";
    const { flattener, rows } = flatten([`{"v":${other}}`, `{"v":${written}}`]);
    expect(isJsonCell(columnOf(flattener, "v"), 2)).toBe(true);
    expect(rows[1]).toEqual({ v: json });
  });

  test("without a column", () => {
    const { rescued } = flatten([`{"a":1,"v":${written}}`], { maxColumns: 1 });
    expect(rescued).toEqual([`{"v":${json}}`]);
  });
});

test.each([
  ['{"v":null}', undefined],
  ['{"v":{ }}', undefined],
  ['{"v":{ "$undefined" : true }}', undefined],
  ['{"v":[null,{ "$undefined" : true },{ }]}', "[null,null,{ }]"],
])("%s has the cell %j", (document, cell) => {
  expect(flatten([document]).rows[0]!.v).toBe(cell);
});

describe("an object that is no wrapper is an ordinary one", () => {
  test.each<[string, Record<string, string>]>([
    ['{"v":{"$oid":"x","extra":1}}', { "v/$oid": "x", "v/extra": "1" }],
    ['{"v":{"extra":1,"$oid":"x"}}', { "v/extra": "1", "v/$oid": "x" }],
    ['{"v":{"$oid":5}}', { "v/$oid": "5" }],
    ['{"v":{"$numberInt":"five"}}', { "v/$numberInt": "five" }],
    ['{"v":{"$numberInt":"007"}}', { "v/$numberInt": "007" }],
    ['{"v":{"$numberLong":{"$numberLong":"1"}}}', { "v/$numberLong": "1" }],
    ['{"v":{"$date":{"$numberLong":"x"}}}', { "v/$date/$numberLong": "x" }],
    ['{"v":{"$date":1.5}}', { "v/$date": "1.5" }],
    ['{"v":{"$binary":"AA=="}}', { "v/$binary": "AA==" }],
    ['{"v":{"$binary":"not base64!","$type":"00"}}', { "v/$binary": "not base64!", "v/$type": "00" }],
    ['{"v":{"$binary":{"base64":"AA=="}}}', { "v/$binary/base64": "AA==" }],
    ['{"v":{"$type":"string"}}', { "v/$type": "string" }],
    ['{"v":{"$uuid":"no"}}', { "v/$uuid": "no" }],
    ['{"v":{"$undefined":false}}', { "v/$undefined": "false" }],
    ['{"v":{"$regex":{"a":1}}}', { "v/$regex/a": "1" }],
    ['{"v":{"$code":"f","more":{"a":1}}}', { "v/$code": "f", "v/more/a": "1" }],
    ['{"v":{"$ref":"c"}}', { "v/$ref": "c" }],
    ['{"v":{"$where":"x","$gt":{"$date":0}}}', { "v/$where": "x", "v/$gt": "1970-01-01T00:00:00Z" }],
  ])("%s", (document, row) => {
    expect(flatten([document]).rows).toEqual([row]);
  });

  test("inside JSON too", () => {
    expect(
      flatten(['{"v":[{"$oid":"x","extra":1},{"$date":{"$numberLong":"x"}},{"$gt":{"$numberInt":"3"}}]}']).rows,
    ).toEqual([{ v: '[{"$oid":"x","extra":1},{"$date":{"$numberLong":"x"}},{"$gt":3}]' }]);
  });
});

test("a look ahead over escapes and repairs changes nothing that is read after it", () => {
  const { flattener, rows } = flatten([
    '{"v":{"$code":"a\\"\\u0000","x":"b\\n\\u0000"},"w":[{"$oid":"c\\"","y":"d\\ud800"}]}',
  ]);
  expect(rows).toEqual([{ "v/$code": 'a"\ufffd', "v/x": "b\n\ufffd", w: '[{"$oid":"c\\"","y":"d\ufffd"}]' }]);
  expect(flattener.repairs).toBe(3);
  const raw = flatten(['{"v":{"$code":"a\0","x":"b"},"w":[{"$oid":"c\0","y":"d\0"},"e\0"]}']);
  expect(raw.rows).toEqual([{ "v/$code": "a\ufffd", "v/x": "b", w: '[{"$oid":"c\ufffd","y":"d\ufffd"},"e\ufffd"]' }]);
});

test("the specification's example of all types", () => {
  const { rows } = flatten([
    `{"_id":{"$oid":"57e193d7a9cc81b4027498b5"},"String":"string","Int32":{"$numberInt":"42"},"Int64":{"$numberLong":"42"},
      "Double":{"$numberDouble":"42.42"},"Decimal":{"$numberDecimal":"1234.5"},
      "Binary":{"$binary":{"base64":"yO2rw/c4TKO2jauSqRR4ow==","subType":"04"}},
      "BinaryUserDefined":{"$binary":{"base64":"MTIz","subType":"80"}},
      "Code":{"$code":"function() {}"},"CodeWithScope":{"$code":"function() {}","$scope":{}},
      "Subdocument":{"foo":"bar"},"Array":[{"$numberInt":"1"},{"$numberInt":"2"},{"$numberInt":"3"}],
      "Timestamp":{"$timestamp":{"t":42,"i":1}},
      "RegularExpression":{"$regularExpression":{"pattern":"foo*","options":"xi"}},
      "DatetimeEpoch":{"$date":{"$numberLong":"0"}},
      "DatetimePositive":{"$date":{"$numberLong":"253402300799999"}},
      "DatetimeNegative":{"$date":{"$numberLong":"-62135596800000"}},
      "True":true,"False":false,
      "DBPointer":{"$dbPointer":{"$ref":"db.collection","$id":{"$oid":"57e193d7a9cc81b4027498b1"}}},
      "DBRef":{"$ref":"collection","$id":{"$oid":"57fd71e96e32ab4225b723fb"},"$db":"database"},
      "MinKey":{"$minKey":1},"MaxKey":{"$maxKey":1},"Null":null,"Undefined":{"$undefined":true}}`,
  ]);
  expect(rows).toEqual([
    {
      _id: "57e193d7a9cc81b4027498b5",
      String: "string",
      Int32: "42",
      Int64: "42",
      Double: "42.42",
      Decimal: "1234.5",
      Binary: "c8edabc3-f738-4ca3-b68d-ab92a91478a3",
      BinaryUserDefined: "\\x313233",
      Code: '{"$code":"function() {}"}',
      CodeWithScope: '{"$code":"function() {}","$scope":{}}',
      "Subdocument/foo": "bar",
      Array: "[1,2,3]",
      Timestamp: '{"$timestamp":{"t":42,"i":1}}',
      RegularExpression: '{"$regularExpression":{"pattern":"foo*","options":"xi"}}',
      DatetimeEpoch: "1970-01-01T00:00:00Z",
      DatetimePositive: "9999-12-31T23:59:59.999Z",
      DatetimeNegative: "0001-01-01T00:00:00Z",
      True: "true",
      False: "false",
      DBPointer: '{"$dbPointer":{"$ref":"db.collection","$id":"57e193d7a9cc81b4027498b1"}}',
      DBRef: '{"$ref":"collection","$id":"57fd71e96e32ab4225b723fb","$db":"database"}',
      MinKey: '{"$minKey":1}',
      MaxKey: '{"$maxKey":1}',
    },
  ]);
});
