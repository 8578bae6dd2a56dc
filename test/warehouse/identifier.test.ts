/** The quoting door, attacked: names come from JSON keys and CSV headers, texts from configs. */
import { describe, expect, test } from "vitest";
import { dollarQuoted, ident, identList, literal, qualified } from "../../src/warehouse/identifier.ts";

describe("ident", () => {
  test.each([
    ["plain", '"plain"'],
    ["Mixed Case", '"Mixed Case"'],
    ['a"b', '"a""b"'],
    ['"', '""""'],
    ['"; drop table t; --', '"""; drop table t; --"'],
    ["a\\", '"a\\"'],
    ["a'b", '"a\'b"'],
    ["a\nb", '"a\nb"'],
    ["--", '"--"'],
    ["/*", '"/*"'],
    ["U&", '"U&"'],
    ["🚚", '"🚚"'],
  ])("%j", (name, quoted) => {
    expect(ident(name)).toBe(quoted);
  });

  test.each(["", "\0", "a\0b"])("%j is no name", (name) => {
    expect(() => ident(name)).toThrow(RangeError);
  });

  test("lists and qualified names quote each part", () => {
    expect(qualified('s"', "t.u")).toBe('"s"""."t.u"');
    expect(identList(["a", 'b"'])).toBe('"a", "b"""');
  });
});

describe("literal", () => {
  test.each([
    ["", "''"],
    ["plain", "'plain'"],
    ["it's", "'it''s'"],
    ["'; drop table t; --", "'''; drop table t; --'"],
    ["back\\slash", " E'back\\\\slash'"],
    ["\\'", " E'\\\\'''"],
    ["\\", " E'\\\\'"],
  ])("%j", (text, quoted) => {
    expect(literal(text)).toBe(quoted);
  });

  test("a NUL would cut the statement", () => {
    expect(() => literal("a\0")).toThrow(RangeError);
  });
});

test.each([
  ["select 1", "$body$select 1$body$"],
  ["a $body$ b", "$body0$a $body$ b$body0$"],
  ["$body0$ $body$", "$body1$$body0$ $body$$body1$"],
  ["ends in $body", "$body0$ends in $body$body0$"],
])("a dollar-quoted body never ends early: %j", (body, expected) => {
  expect(dollarQuoted(body)).toBe(expected);
});
