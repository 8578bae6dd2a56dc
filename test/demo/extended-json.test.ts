import { expect, test } from "vitest";
import { type BsonDocument, type BsonValue, extendedJson } from "../../src/demo/extended-json.ts";

const document = (...fields: BsonDocument["fields"]): BsonDocument => ({ kind: "document", fields });

const cases: readonly { value: BsonValue; canonical: string; relaxed: string; legacy: string }[] = [
  {
    value: { kind: "objectId", value: "5a94815f40bd44d1b02bdfe0" },
    canonical: '{"$oid":"5a94815f40bd44d1b02bdfe0"}',
    relaxed: '{"$oid":"5a94815f40bd44d1b02bdfe0"}',
    legacy: '{ "$oid" : "5a94815f40bd44d1b02bdfe0" }',
  },
  { value: { kind: "int32", value: 1 }, canonical: '{"$numberInt":"1"}', relaxed: "1", legacy: "1" },
  {
    value: { kind: "int64", value: "9007199254740993" },
    canonical: '{"$numberLong":"9007199254740993"}',
    relaxed: "9007199254740993",
    legacy: "9007199254740993",
  },
  {
    value: { kind: "double", value: 42.42 },
    canonical: '{"$numberDouble":"42.42"}',
    relaxed: "42.42",
    legacy: "42.420000000000001705",
  },
  { value: { kind: "double", value: 1 }, canonical: '{"$numberDouble":"1.0"}', relaxed: "1.0", legacy: "1.0" },
  {
    value: { kind: "decimal", value: "1.50" },
    canonical: '{"$numberDecimal":"1.50"}',
    relaxed: '{"$numberDecimal":"1.50"}',
    legacy: '{ "$numberDecimal" : "1.50" }',
  },
  {
    value: { kind: "date", value: 1556064000000 },
    canonical: '{"$date":{"$numberLong":"1556064000000"}}',
    relaxed: '{"$date":"2019-04-24T00:00:00Z"}',
    legacy: '{ "$date" : 1556064000000 }',
  },
  {
    value: { kind: "date", value: 1556064000123 },
    canonical: '{"$date":{"$numberLong":"1556064000123"}}',
    relaxed: '{"$date":"2019-04-24T00:00:00.123Z"}',
    legacy: '{ "$date" : 1556064000123 }',
  },
  {
    value: { kind: "date", value: -1 },
    canonical: '{"$date":{"$numberLong":"-1"}}',
    relaxed: '{"$date":{"$numberLong":"-1"}}',
    legacy: '{ "$date" : -1 }',
  },
  {
    value: document(["a", null], ["b", { kind: "array", elements: ["x", true] }]),
    canonical: '{"a":null,"b":["x",true]}',
    relaxed: '{"a":null,"b":["x",true]}',
    legacy: '{ "a" : null, "b" : [ "x", true ] }',
  },
  { value: document(["e", document()]), canonical: '{"e":{}}', relaxed: '{"e":{}}', legacy: '{ "e" : { } }' },
  { value: { kind: "array", elements: [] }, canonical: "[]", relaxed: "[]", legacy: "[ ]" },
  { value: 'a"b\\c\n', canonical: '"a\\"b\\\\c\\n"', relaxed: '"a\\"b\\\\c\\n"', legacy: '"a\\"b\\\\c\\n"' },
  { value: "Zürich 🚚 日本", canonical: '"Zürich 🚚 日本"', relaxed: '"Zürich 🚚 日本"', legacy: '"Zürich 🚚 日本"' },
];

test.each(cases)("$canonical", ({ value, canonical, relaxed, legacy }) => {
  expect(extendedJson(value, "canonical")).toBe(canonical);
  expect(extendedJson(value, "relaxed")).toBe(relaxed);
  expect(extendedJson(value, "legacy")).toBe(legacy);
  expect(() => JSON.parse(legacy)).not.toThrow();
});
