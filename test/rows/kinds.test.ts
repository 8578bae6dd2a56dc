import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { joinTypes, kinds, kindsOfType, typeOfKinds } from "../../src/rows/kinds.ts";

const wide = kinds.integer | kinds.wideInteger;
const big = kinds.bigInteger | kinds.wideInteger;

describe("typeOfKinds", () => {
  test.each<[string, number, string | undefined]>([
    ["nothing but nulls", 0, undefined],
    ["integers", kinds.integer, "bigint"],
    ["integers beyond 2^53", wide, "bigint"],
    ["integers beyond int8", big, "numeric"],
    ["fractions", kinds.fraction, "double precision"],
    ["integers and fractions", kinds.integer | kinds.fraction, "double precision"],
    ["fractions, and integers that a double would change", wide | kinds.fraction, "numeric"],
    ["fractions and integers beyond int8", big | kinds.fraction, "numeric"],
    ["NaN", kinds.doubleSpecial, "double precision"],
    ["NaN and integers", kinds.doubleSpecial | kinds.integer, "double precision"],
    ["NaN and wide integers", kinds.doubleSpecial | wide, "numeric"],
    ["decimals", kinds.decimal, "numeric"],
    ["decimals and fractions", kinds.decimal | kinds.fraction, "numeric"],
    ["booleans", kinds.boolean, "boolean"],
    ["strings", kinds.string, "text"],
    ["times", kinds.timestamp, "timestamp with time zone"],
    ["uuids", kinds.uuid, "uuid"],
    ["binary", kinds.binary, "bytea"],
    ["arrays", kinds.json, "jsonb"],
    ["mixed scalars", kinds.integer | kinds.string, "text"],
    ["times and strings", kinds.timestamp | kinds.string, "text"],
    ["scalars and arrays", kinds.timestamp | kinds.string | kinds.json, "jsonb"],
  ])("%s", (_what, set, type) => {
    expect(typeOfKinds(set)).toBe(type);
  });
});

/** Single values as they come from documents. */
const value = fc.constantFrom(
  kinds.integer,
  wide,
  big,
  kinds.fraction,
  kinds.decimal,
  kinds.doubleSpecial,
  kinds.boolean,
  kinds.string,
  kinds.timestamp,
  kinds.uuid,
  kinds.binary,
  kinds.json,
);
const union = (values: readonly number[]) => values.reduce((set, one) => set | one, 0);

test("a stored type joined with later kinds is the type of all kinds, wherever the unit's border was", () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), fc.array(value), (before, after) => {
      const stored = typeOfKinds(union(before))!;
      // What `bigint` does not tell is added, as its docstring asks.
      const known = union(before) & kinds.wideInteger;
      expect(joinTypes(stored, union(after) | known)).toBe(typeOfKinds(union([...before, ...after])));
    }),
  );
});

test("types outside the lattice are not joined", () => {
  expect(kindsOfType("tsvector")).toBe(0);
  expect(joinTypes("tsvector", kinds.string)).toBeUndefined();
});

test("a narrower spelling of the same type stays", () => {
  expect(joinTypes("character varying(20)", kinds.string)).toBe("character varying(20)");
  expect(joinTypes("numeric(12,2)", kinds.integer)).toBe("numeric(12,2)");
  expect(joinTypes("character varying(20)", kinds.json)).toBe("jsonb");
});
