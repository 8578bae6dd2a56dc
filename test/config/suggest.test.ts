import fc from "fast-check";
import { expect, test } from "vitest";
import { didYouMean, distance, nearest } from "../../src/config/suggest.ts";

const keys = ["prefix", "into", "primary_key", "columns", "columns_from", "deletes", "dialect"];

test.each([
  ["primary_kye", "primary_key"],
  ["primaryKey", "primary_key"],
  ["Primary-Key", "primary_key"],
  ["prefx", "prefix"],
  ["colunms", "columns"],
  ["column", "columns"],
  ["delete", "deletes"],
  ["zzz", undefined],
  ["", undefined],
  ["x".repeat(5_000), undefined],
])("%s means %s", (name, meant) => {
  expect(nearest(name, keys)).toBe(meant);
});

test("a short name is not near to every other short name", () => {
  expect(nearest("ab", ["xy", "on", "off"])).toBeUndefined();
  expect(nearest("of", ["on", "off"])).toBe("on");
});

test("of equally near names the first is suggested", () => {
  expect(nearest("order_x", ["order_a", "order_b"])).toBe("order_a");
});

test("the suggestion is a clause to append", () => {
  expect(didYouMean("prefx", keys)).toBe("; did you mean prefix?");
  expect(didYouMean("zzz", keys)).toBe("");
});

test("two swapped letters are one step", () => {
  expect(distance("kye", "key")).toBe(1);
  expect(distance("kitten", "sitting")).toBe(3);
});

test("distance is symmetric, and 0 only between equals", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 6 });
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(distance(a, b)).toBe(distance(b, a));
      expect(distance(a, b) === 0).toBe(a === b);
      expect(distance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
