import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnName, type NameStyle, uniqueNames } from "../../src/rows/column-name.ts";

const snake: NameStyle = { separator: "__", naming: "snake" };
const none: ReadonlySet<string> = new Set();
const reserved: ReadonlySet<string> = new Set(["_n", "_version", "ctid"]);

describe("columnName", () => {
  test.each<[readonly string[], string]>([
    [["createdAt"], "created_at"],
    [["HTMLParser"], "html_parser"],
    [["parseHTML"], "parse_html"],
    [["address", "geo"], "address__geo"],
    [["address.geo"], "address_geo"],
    [["_id"], "_id"],
    [["__v"], "__v"],
    [["sha256Hash"], "sha256_hash"],
    [["price (EUR)"], "price_eur_"],
    [["$numberLong"], "_number_long"],
    [[""], "_"],
    [["", "a"], "___a"],
    [["Größe"], "größe"],
    [["ÉtatCivil"], "état_civil"],
    [["日本"], "日本"],
    [["💥"], "_"],
    [["__proto__"], "__proto__"],
  ])("%j is %s", (path, name) => {
    expect(columnName(path, snake)).toBe(name);
  });

  test("keeps the spelling when asked", () => {
    expect(columnName(["address", "zipCode"], { separator: ".", naming: "keep" })).toBe("address.zipCode");
  });

  test("a long name is readable, ends in a hash of the whole path and is never over 63 bytes", () => {
    const path = ["customer", "preferences", "notifications", "marketing", "emailFrequency", "perWeek"];
    expect(columnName(path, snake)).toMatch(/^customer__preferences__notifications__marketing__email_[0-9a-f]{8}$/);
    expect(columnName([...path, "x"], snake)).not.toBe(columnName([...path, "y"], snake));
    const wide = columnName(["é".repeat(300)], snake);
    expect(Buffer.byteLength(wide)).toBeLessThanOrEqual(63);
    expect(wide).toMatch(/^é{27}_[0-9a-f]{8}$/);
  });
});

describe("uniqueNames", () => {
  test("the path that is spelled like the name gets it, else the first in byte order", () => {
    const [camel, literal] = uniqueNames([["userId"], ["user_id"]], none, reserved, snake);
    expect(literal).toBe("user_id");
    expect(camel).toMatch(/^user_id_[0-9a-f]{8}$/);
    const [dashed, upper] = uniqueNames([["user-id"], ["UserId"]], none, reserved, snake);
    expect(upper).toBe("user_id");
    expect(dashed).toMatch(/^user_id_[0-9a-f]{8}$/);
  });

  test("names that are taken or reserved are given to nobody, not even to the path of that name", () => {
    expect(uniqueNames([["_version"], ["email"]], new Set(["email"]), reserved, snake)).toEqual([
      expect.stringMatching(/^_version_[0-9a-f]{8}$/),
      expect.stringMatching(/^email_[0-9a-f]{8}$/),
    ]);
  });

  test("a key spelled like another's hashed name takes nothing from it", () => {
    const [hashed] = uniqueNames([["userId"], ["user_id"]], none, reserved, snake);
    const names = uniqueNames([["userId"], ["user_id"], [hashed!]], none, reserved, snake);
    expect(new Set(names).size).toBe(3);
    expect(names[2]).toBe(hashed);
  });

  const segment = fc.oneof(
    fc.constantFrom("a", "A", "a_b", "aB", "a.b", "", "_n", "ctid", "é"),
    fc.string({ unit: "grapheme", maxLength: 80 }),
  );
  const paths = fc.uniqueArray(fc.array(segment, { minLength: 1, maxLength: 4 }), {
    selector: (path) => JSON.stringify(path),
  });

  test("names are unique, fit, avoid what is taken, and do not depend on the order of the paths", () => {
    fc.assert(
      fc.property(paths, fc.constantFrom<NameStyle["naming"]>("snake", "keep"), (all, naming) => {
        const style: NameStyle = { separator: "__", naming };
        const taken = new Set(["a__b"]);
        const names = uniqueNames(all, taken, reserved, style);
        expect(new Set(names).size).toBe(all.length);
        for (const name of names) {
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
          expect(name).not.toBe("");
          expect(taken.has(name) || reserved.has(name)).toBe(false);
        }
        expect(uniqueNames([...all].reverse(), taken, reserved, style).reverse()).toEqual(names);
      }),
    );
  });
});
