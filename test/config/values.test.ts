import { expect, test } from "vitest";
import { isColumnType, tidyType } from "../../src/config/column-type.ts";
import { isEncoding, isTimeZone, parseDuration, parseSize } from "../../src/config/units.ts";

test.each([
  "bigint",
  "text",
  "jsonb",
  "TEXT",
  "numeric(12,2)",
  "numeric(12, 2)",
  "varchar(255)",
  "character varying(30)",
  "double precision",
  "timestamp with time zone",
  "timestamp(3) without time zone",
  "time with time zone",
  "interval day to second(3)",
  "bit varying(8)",
  "text[]",
  "integer[3][]",
  "shop.mood",
  "geometry(Point,4326)",
  "my_type2",
])("%s is a type", (type) => {
  expect(isColumnType(type)).toBe(true);
});

test.each([
  "",
  " ",
  "bigint;",
  "bigint; drop table x",
  "text, evil int",
  "text) , (x",
  "bigint not null",
  "int default now()",
  "int primary key",
  "text collate x",
  'te"xt',
  "te'xt",
  "text -- x",
  "text/**/",
  "a.b.c",
  "1text",
  "numeric(12,2",
  "numeric(select)()",
  "text\nx",
  "text[1+1]",
  "tëxt",
  "x".repeat(201),
])("%j is no type", (type) => {
  expect(isColumnType(type)).toBe(false);
});

test("a type is tidied, not changed", () => {
  expect(tidyType("  double \t precision ")).toBe("double precision");
});

test.each([
  ["0", 0],
  ["500ms", 500],
  ["5s", 5_000],
  ["10m", 600_000],
  ["2h", 7_200_000],
  ["30d", 2_592_000_000],
  ["5", undefined],
  ["5 minutes", undefined],
  ["-5s", undefined],
  ["1.5h", undefined],
  ["5S", undefined],
  ["", undefined],
  ["5constructor", undefined],
])("duration %j", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  ["64MB", 67_108_864],
  ["64 mb", 67_108_864],
  ["1GB", 1_073_741_824],
  ["32KB", 32_768],
  ["100", 100],
  ["100B", 100],
  ["64M", undefined],
  ["1e9", undefined],
  ["99999999999999GB", undefined],
])("size %j", (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each([
  ["UTC", true],
  ["Asia/Kolkata", true],
  ["America/Argentina/Buenos_Aires", true],
  ["Etc/GMT+5", true],
  ["+05:30", false],
  ["Mars/Base", false],
  ["UTC'; drop", false],
  ["", false],
])("time zone %j: %s", (name, valid) => {
  expect(isTimeZone(name)).toBe(valid);
});

test("encodings", () => {
  expect(isEncoding("utf-8")).toBe(true);
  expect(isEncoding("iso-8859-1")).toBe(true);
  expect(isEncoding("utf-9")).toBe(false);
});
