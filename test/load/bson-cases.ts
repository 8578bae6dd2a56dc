/**
 * What MongoDB can hold, as DMS may write it, and what a column of it then is: the values of the BSON corpus of MongoDB's
 * specifications (source/bson-corpus), restated, and those that only other dialects write.
 *
 * What does not come back as it was, on purpose: a decimal has no sign on its zero (-0 is 0), and inside jsonb a double has none
 * either; NaN has no sign and no payload, and inside jsonb it and the infinities are strings; a NUL and half a surrogate pair
 * are U+FFFD, counted; the subtype of a binary is gone, but for uuids; `undefined`, null and an empty object are NULL.
 */

/** Dialect and value, as written, the column's type, its text by `select`, the same as an element of a jsonb array. */
export type BsonCase = readonly [what: string, written: string, type: string, text: string, json: string];

const zeros = (count: number) => "0".repeat(count);
const nines = "9".repeat(34);
const instant = "timestamp with time zone";
const text = (what: string, written: string, value: string): BsonCase => [
  what,
  written,
  "text",
  value,
  JSON.stringify(value),
];
const number = (what: string, written: string, type: string, value: string, json = value): BsonCase => [
  what,
  written,
  type,
  value,
  json,
];
const decimal = (written: string, value: string, json = value): BsonCase =>
  number(`decimal ${written.slice(0, 40)}`, `{"$numberDecimal":"${written}"}`, "numeric", value, json);
/** `json`: as drayage writes it; `text`: as PostgreSQL prints it. */
const time = (what: string, written: string, value: string, json: string): BsonCase => [
  what,
  written,
  instant,
  value,
  JSON.stringify(json),
];
const whole = (what: string, written: string, value: string): BsonCase => [what, written, "jsonb", value, value];
const uuid = "73ffd264-44b3-4c69-90e8-e7d1dfc035d4";
const uuidBytes = "73ffd26444b34c6990e8e7d1dfc035d4";
const base64 = "c//SZESzTGmQ6OfR38A11A==";
const binary = (type: string) => `{"$binary":{"base64":"${base64}","subType":"${type}"}}`;

export const values: readonly BsonCase[] = [
  text("oid, zeroes", '{"$oid":"000000000000000000000000"}', zeros(24)),
  text("oid, libbson", '{ "$oid" : "56e1fc72e0c917e9c4714161" }', "56e1fc72e0c917e9c4714161"),

  text("string, empty", '""', ""),
  text("string, two and three bytes", '"éé☆☆"', "éé☆☆"),
  text("string, NUL", '"ab\\u0000bab\\u0000babab"', "ab\ufffdbab\ufffdbabab"),
  text(
    "string, every escape",
    '"\\b\\f\\n\\r\\t\\\\\\/\\"\\u0001\\u001f\\u00e9\\ud834\\udd1e"',
    '\b\f\n\r\t\\/"\u0001\u001fé𝄞',
  ),
  text("string, half a pair", '"a\\ud800z\\udc00"', "a\ufffdz\ufffd"),
  text("string, like a number", '"1"', "1"),
  text("string, like NULL", '"NULL"', "NULL"),
  text("string, like COPY's end", '"\\\\."', "\\."),
  text("symbol", '{"$symbol":"abab"}', "abab"),
  text("symbol, libbson", '"abab"', "abab"),

  number("int32, canonical, least", '{"$numberInt":"-2147483648"}', "bigint", "-2147483648"),
  number("int32, canonical, zero", '{"$numberInt":"0"}', "bigint", "0"),
  number("int32, relaxed", "2147483647", "bigint", "2147483647"),
  number("int64, canonical, least", '{"$numberLong":"-9223372036854775808"}', "bigint", "-9223372036854775808"),
  number("int64, canonical, most", '{"$numberLong":"9223372036854775807"}', "bigint", "9223372036854775807"),
  number("int64, libbson", "9007199254740993", "bigint", "9007199254740993"),
  number("beyond int64", "9223372036854775808", "numeric", "9223372036854775808"),

  number("double, canonical, whole", '{"$numberDouble":"1.0"}', "double precision", "1", "1.0"),
  number("double, relaxed", "-1.0001220703125", "double precision", "-1.0001220703125"),
  number("double, libbson's 20 digits", "42.420000000000001705", "double precision", "42.42", "42.420000000000001705"),
  number(
    "double, canonical, exponent",
    '{"$numberDouble":"1.2345678901234568e+18"}',
    "double precision",
    "1.2345678901234568e+18",
    "1234567890123456800",
  ),
  number("double, relaxed, exponent", "-1.5E-7", "double precision", "-1.5e-07", "-0.00000015"),
  number("double, canonical, -0.0", '{"$numberDouble":"-0.0"}', "double precision", "-0", "0.0"),
  number("double, relaxed, -0.0", "-0.0", "double precision", "-0", "0.0"),
  number("double, denormal", "5e-324", "double precision", "5e-324", `0.${zeros(323)}5`),
  number(
    "double, largest",
    '{"$numberDouble":"1.7976931348623157e308"}',
    "double precision",
    "1.7976931348623157e+308",
    `17976931348623157${zeros(292)}`,
  ),
  number("beyond double", "1e400", "numeric", `1${zeros(400)}`),
  ...(["NaN", "Infinity", "-Infinity"] as const).map((name) =>
    number(`double, canonical, ${name}`, `{"$numberDouble":"${name}"}`, "double precision", name, `"${name}"`),
  ),
  ...(
    [
      ["nan", "NaN"],
      ["-nan", "NaN"],
      ["NaN", "NaN"],
      ["inf", "Infinity"],
      ["-inf", "-Infinity"],
      ["Infinity", "Infinity"],
      ["-Infinity", "-Infinity"],
    ] as const
  ).map(([bare, name]) => number(`double, bare ${bare}`, bare, "double precision", name, `"${name}"`)),

  decimal("NaN", "NaN", '"NaN"'),
  decimal("-NaN", "NaN", '"NaN"'),
  decimal("nAn", "NaN", '"NaN"'),
  decimal("Infinity", "Infinity", '"Infinity"'),
  decimal("+infinity", "Infinity", '"Infinity"'),
  decimal("-inF", "-Infinity", '"-Infinity"'),
  decimal("0", "0"),
  decimal("-0", "0"),
  decimal("-0.0", "0.0"),
  decimal("0E+3", "0"),
  decimal("0E+6000", "0"),
  decimal("0E-611", `0.${zeros(611)}`),
  decimal("2.000", "2.000"),
  decimal("0.00123400000", "0.00123400000"),
  decimal("0.1234567890123456789012345678901234", "0.1234567890123456789012345678901234"),
  decimal("1234567890123456789012345678901234", "1234567890123456789012345678901234"),
  decimal("+1234567890123456789012345678901234", "1234567890123456789012345678901234"),
  decimal("1.234567890123456789012345678901234E-7", "0.0000001234567890123456789012345678901234"),
  decimal("-1.00E-8", "-0.0000000100"),
  decimal("-100E-10", "-0.0000000100"),
  decimal("1E+3", "1000"),
  decimal("1e3", "1000"),
  decimal("1.050E+4", "10500"),
  decimal("12345689012345789012345E+12", `12345689012345789012345${zeros(12)}`),
  decimal(".1", "0.1"),
  decimal("12.", "12"),
  decimal(`.${zeros(998)}1`, `0.${zeros(998)}1`),
  decimal("1E-6176", `0.${zeros(6175)}1`),
  decimal("-1E-6176", `-0.${zeros(6175)}1`),
  decimal("9.999999999999999999999999999999999E+6144", `${nines}${zeros(6111)}`),
  decimal("9.999999999999999999999999999999999E-6143", `0.${zeros(6142)}${nines}`),

  time("date, canonical", '{"$date":{"$numberLong":"0"}}', "1970-01-01 00:00:00+00", "1970-01-01T00:00:00Z"),
  time(
    "date, canonical, negative",
    '{"$date":{"$numberLong":"-284643869500"}}',
    "1960-12-24 12:15:30.5+00",
    "1960-12-24T12:15:30.500Z",
  ),
  time(
    "date, canonical, year 10000",
    '{"$date":{"$numberLong":"253402300800000"}}',
    "10000-01-01 00:00:00+00",
    "10000-01-01T00:00:00Z",
  ),
  time("date, libbson", '{ "$date" : 1356351330500 }', "2012-12-24 12:15:30.5+00", "2012-12-24T12:15:30.500Z"),
  time("date, libbson, negative", '{ "$date" : -1 }', "1969-12-31 23:59:59.999+00", "1969-12-31T23:59:59.999Z"),
  time("date, relaxed", '{"$date":"2012-12-24T12:15:30.500Z"}', "2012-12-24 12:15:30.5+00", "2012-12-24T12:15:30.500Z"),
  time("date, relaxed, seconds", '{"$date":"2012-12-24T12:15:30Z"}', "2012-12-24 12:15:30+00", "2012-12-24T12:15:30Z"),
  time(
    "date, mongoexport",
    '{"$date":"2012-12-24T14:15:30.501+0200"}',
    "2012-12-24 12:15:30.501+00",
    "2012-12-24T12:15:30.501Z",
  ),
  time(
    "date, offset with colon",
    '{"$date":"2012-12-24T06:45:30.501-05:30"}',
    "2012-12-24 12:15:30.501+00",
    "2012-12-24T12:15:30.501Z",
  ),
  time("date, offset of hours", '{"$date":"2012-12-31T23:30:00-02"}', "2013-01-01 01:30:00+00", "2013-01-01T01:30:00Z"),
  time("date without a zone", '{"$date":"2012-12-24T12:15:30"}', "2012-12-24 12:15:30+00", "2012-12-24T12:15:30Z"),
  time("date, day alone", '{"$date":"2012-12-24"}', "2012-12-24 00:00:00+00", "2012-12-24T00:00:00Z"),
  time(
    "date, microseconds",
    '{"$date":"2012-12-24T12:15:30.123456Z"}',
    "2012-12-24 12:15:30.123456+00",
    "2012-12-24T12:15:30.123456Z",
  ),
  time(
    "date, before Christ",
    '{"$date":{"$numberLong":"-62167219200001"}}',
    "0002-12-31 23:59:59.999+00 BC",
    "0002-12-31T23:59:59.999Z BC",
  ),
  time(
    "date, year 1 BC",
    '{"$date":{"$numberLong":"-62167219200000"}}',
    "0001-01-01 00:00:00+00 BC",
    "0001-01-01T00:00:00Z BC",
  ),
  time(
    "date, PostgreSQL's first day",
    '{"$date":{"$numberLong":"-210866803200000"}}',
    "4714-11-24 00:00:00+00 BC",
    "4714-11-24T00:00:00Z BC",
  ),
  time(
    "date beyond JavaScript",
    '{"$date":{"$numberLong":"8640000000000001"}}',
    "275760-09-13 00:00:00.001+00",
    "275760-09-13T00:00:00.001Z",
  ),
  text("date beyond PostgreSQL", '{"$date":{"$numberLong":"9224318016000000"}}', "294277-01-01T00:00:00Z"),
  text("date, last int64", '{"$date":{"$numberLong":"9223372036854775807"}}', "292278994-08-17T07:12:55.807Z"),
  text("date that is none", '{"$date":"2012-02-30T00:00:00Z"}', "2012-02-30T00:00:00Z"),

  ["binary, empty", '{"$binary":{"base64":"","subType":"00"}}', "bytea", "\\x", '"\\\\x"'],
  ["binary, keys reversed", '{"$binary":{"subType":"00","base64":""}}', "bytea", "\\x", '"\\\\x"'],
  ["binary, subtype 1", '{"$binary":{"base64":"//8=","subType":"01"}}', "bytea", "\\xffff", '"\\\\xffff"'],
  ["binary, subtype 2", '{"$binary":{"base64":"//8=","subType":"02"}}', "bytea", "\\xffff", '"\\\\xffff"'],
  ["binary, subtype 5", binary("05"), "bytea", `\\x${uuidBytes}`, `"\\\\x${uuidBytes}"`],
  ["binary, subtype 80", '{"$binary":{"base64":"//8=","subType":"80"}}', "bytea", "\\xffff", '"\\\\xffff"'],
  ["binary, libbson", '{ "$binary" : "//8=", "$type" : "00" }', "bytea", "\\xffff", '"\\\\xffff"'],
  ["uuid, subtype 3", binary("03"), "uuid", uuid, `"${uuid}"`],
  ["uuid, subtype 4", binary("04"), "uuid", uuid, `"${uuid}"`],
  ["uuid, libbson", `{ "$binary" : "${base64}", "$type" : "04" }`, "uuid", uuid, `"${uuid}"`],
  ["uuid, by name", `{"$uuid":"${uuid}"}`, "uuid", uuid, `"${uuid}"`],

  ["true", "true", "boolean", "true", "true"],
  ["false", "false", "boolean", "false", "false"],

  whole("array, empty", "[ ]", "[]"),
  whole(
    "array, mixed dialects",
    '[{"$numberInt":"10"}, 10 , "10",{"$numberLong":"10"}, nan, null]',
    '[10, 10, "10", 10, "NaN", null]',
  ),
  whole(
    "array in arrays",
    '[[[{"$oid":"56e1fc72e0c917e9c4714161"}],[]],{"a":[{"$date":0}]}]',
    '[[["56e1fc72e0c917e9c4714161"], []], {"a": ["1970-01-01T00:00:00Z"]}]',
  ),
  whole(
    "regex, canonical, empty",
    '{"$regularExpression":{"pattern":"","options":""}}',
    '{"$regularExpression": {"options": "", "pattern": ""}}',
  ),
  whole(
    "regex, canonical",
    '{"$regularExpression":{"options":"im","pattern":"ab/cd"}}',
    '{"$regularExpression": {"options": "im", "pattern": "ab/cd"}}',
  ),
  whole(
    "regex, required escapes",
    '{"$regularExpression":{"pattern":"ab\\\\\\"ab","options":""}}',
    '{"$regularExpression": {"options": "", "pattern": "ab\\\\\\"ab"}}',
  ),
  whole("regex, libbson", '{ "$regex" : "abc", "$options" : "im" }', '{"$regex": "abc", "$options": "im"}'),
  whole("timestamp", '{ "$timestamp" : { "t" : 123456789, "i" : 42 } }', '{"$timestamp": {"i": 42, "t": 123456789}}'),
  whole(
    "timestamp, every bit",
    '{"$timestamp":{"t":4294967295,"i":4294967295}}',
    '{"$timestamp": {"i": 4294967295, "t": 4294967295}}',
  ),
  whole("code", '{"$code":"ab\\u0000ab"}', '{"$code": "ab\ufffdab"}'),
  whole("code with an empty scope", '{ "$code" : "abcd", "$scope" : { } }', '{"$code": "abcd", "$scope": {}}'),
  whole("code with scope", '{"$code":"é","$scope":{"x":{"$numberInt":"1"}}}', '{"$code": "é", "$scope": {"x": 1}}'),
  whole(
    "dbpointer, canonical",
    '{"$dbPointer":{"$ref":"b","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}}',
    '{"$dbPointer": {"$id": "56e1fc72e0c917e9c4714161", "$ref": "b"}}',
  ),
  whole(
    "dbpointer, libbson",
    '{ "$ref" : "b", "$id" : "56e1fc72e0c917e9c4714161" }',
    '{"$id": "56e1fc72e0c917e9c4714161", "$ref": "b"}',
  ),
  whole(
    "dbref",
    '{"$ref":"c","$id":{"$oid":"58921b3e6e32ab156a22b59e"},"$db":"db"}',
    '{"$db": "db", "$id": "58921b3e6e32ab156a22b59e", "$ref": "c"}',
  ),
  whole("minkey", '{ "$minKey" : 1 }', '{"$minKey": 1}'),
  whole("maxkey", '{"$maxKey":{"$numberInt":"1"}}', '{"$maxKey": 1}'),
];

/** Values that are no value of their own: no column, and in an array what stands here. */
export const nothings: readonly (readonly [what: string, written: string, json: string])[] = [
  ["null", "null", "null"],
  ["undefined", '{ "$undefined" : true }', "null"],
  ["empty object", "{ }", "{}"],
];

/** Objects that only look like a value, some of them errors to other readers: ordinary objects, with a column for each path. */
export const lookalikes: readonly (readonly [written: string, cells: Readonly<Record<string, string>>])[] = [
  ['{"$key":{"$numberInt":"42"}}', { $key: "42" }],
  [
    '{"$regex":"not-a-regex","$options":"i","$banana":"peel"}',
    { $regex: "not-a-regex", $options: "i", $banana: "peel" },
  ],
  ['{"$binary":"abcdefg"}', { $binary: "abcdefg" }],
  ['{"$oid":42}', { $oid: "42" }],
  ['{"$numberInt":42}', { $numberInt: "42" }],
  ['{"$numberLong":42}', { $numberLong: "42" }],
  ['{"$numberDouble":42}', { $numberDouble: "42" }],
  ['{"$numberDecimal":42}', { $numberDecimal: "42" }],
  ['{"$numberDecimal":"1..3"}', { $numberDecimal: "1..3" }],
  ['{"$numberDecimal":"E02"}', { $numberDecimal: "E02" }],
  ['{"$binary":0,"$type":"00"}', { $binary: "0", $type: "00" }],
  ['{"$binary":"","$type":0}', { $binary: "", $type: "0" }],
  ['{"$type":"string"}', { $type: "string" }],
  ['{"$type":{"$numberInt":"2"}}', { $type: "2" }],
  ['{"$uuid":"73ffd264-44b3-90e8-e7d1dfc035d4"}', { $uuid: "73ffd264-44b3-90e8-e7d1dfc035d4" }],
  ['{"$uuid":{"data":"x"}}', { "$uuid.data": "x" }],
  ['{"$code":42}', { $code: "42" }],
  ['{"$code":"","$scope":42}', { $code: "", $scope: "42" }],
  ['{"$timestamp":42}', { $timestamp: "42" }],
  ['{"$regex":42,"$options":""}', { $regex: "42", $options: "" }],
  ['{"$regex":"a","$options":0}', { $regex: "a", $options: "0" }],
  [
    '{"$regex":{"$regularExpression":{"pattern":"p","options":""}},"$options":"ix"}',
    { $regex: '{"$regularExpression": {"options": "", "pattern": "p"}}', $options: "ix" },
  ],
  ['{"$date":{"$numberLong":"soon"}}', { "$date.$numberLong": "soon" }],
  ['{"$ref":42,"$id":"abc"}', { $ref: "42", $id: "abc" }],
  ['{"$ref":"a","$id":"abc","$db":42}', { $ref: "a", $id: "abc", $db: "42" }],
  ['{"$ref":"c"}', { $ref: "c" }],
  [
    '{"$ref":"c","$id":{"$oid":"58921b3e6e32ab156a22b59e"},"a.b":{"$numberInt":"1"},"$c":{"$numberInt":"1"}}',
    { $ref: "c", $id: "58921b3e6e32ab156a22b59e", "a\\.b": "1", $c: "1" },
  ],
  [
    '{"":"b","$":"a",".":"c","a.b":"d","__proto__":"e","x":{"":{"":"f"}}}',
    { "": "b", $: "a", "\\.": "c", "a\\.b": "d", ["__proto__"]: "e", "x..": "f" },
  ],
];
