import { describe, expect, test } from "vitest";
import { isSameName } from "../../src/rows/known-names.ts";

describe("a name is found", () => {
  test.each([
    ["customerNumber", "customerNumber"],
    ["customerNumber", "customer_number"],
    ["customerNumber", "CUSTOMER_NUMBER"],
    ["customerNumber", "Customer Number"],
    // PostgreSQL folds what nobody quoted.
    ["customerNumber", "customernumber"],
    ["HTMLParser", "html_parser"],
    ["na-me", "na_me"],
    ["---", "---"],
  ])("%s as %s, and the other way round", (a, b) => {
    expect([isSameName(a, b), isSameName(b, a)]).toEqual([true, true]);
  });
});

describe("another name is not", () => {
  // Punctuation makes names of their own: `name: ignore` once left out `na-me`, too.
  test.each([
    ["na-me", "name"],
    ["na_me", "name"],
    ["a.b", "ab"],
    ["id", "_id"],
    ["a1", "a_1"],
    ["price", "prices"],
  ])("%s as %s", (a, b) => {
    expect([isSameName(a, b), isSameName(b, a)]).toEqual([false, false]);
  });
});
