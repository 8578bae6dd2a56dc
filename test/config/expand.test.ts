import fc from "fast-check";
import { expect, test } from "vitest";
import { expandText } from "../../src/config/expand.ts";

const variables: Record<string, string> = { HOST: "db.internal", EMPTY: "", NESTED: "$" + "{HOST}" };
const files: Record<string, string> = { "/run/secrets/pw": "s3cret\n", "/run/two": "a\nb\r\n", "/run/bare": "x" };
const source = {
  variable: (name: string) => variables[name],
  file: (path: string) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    return text;
  },
};
const expand = (text: string) => expandText(text, source);
// Written with @ so that the templates stay readable.
const dollars = (text: string) => text.replaceAll("@", "$");

test.each([
  ["plain", "plain"],
  ["a $5 bill", "a $5 bill"],
  ["@{HOST}", "db.internal"],
  ["//@{HOST}:@{PORT:-5432}/x", "//db.internal:5432/x"],
  ["@{EMPTY}", ""],
  ["@{EMPTY:-fallback}", "fallback"],
  ["@{MISSING:-}", ""],
  ["@{MISSING:-a:-b c}", "a:-b c"],
  ["@{HOST:-unused}", "db.internal"],
  ["@{file:/run/secrets/pw}", "s3cret"],
  ["@{file:/run/two}", "a\nb"],
  ["<@{file:/run/bare}>", "<x>"],
  ["@@{HOST}", "@{HOST}"],
  ["a@@{b} @{HOST}", "a@{b} db.internal"],
  ["@{HOST}@@{HOST}", "db.internal@{HOST}"],
  ["@{NESTED}", "@{HOST}"],
])("%s", (text, result) => {
  expect(expand(dollars(text))).toMatchObject({ text: dollars(result), problems: [] });
});

test.each([
  ["@{MISSING}", "MISSING is not set"],
  ["x@{HOST", "is not closed"],
  ["@{}", "holds no name"],
  ["@{9A}", "holds no name"],
  ["@{HOST-x}", "holds no name"],
  ["@{file:}", "names no file"],
  ["@{file:/nope}", "the file /nope cannot be read (ENOENT)"],
])("%s is a problem", (text, problem) => {
  expect(expand(dollars(text)).problems).toEqual([expect.stringContaining(problem)]);
});

test("every missing variable of a text is named", () => {
  expect(expand(dollars("@{A}@{B}")).problems).toHaveLength(2);
});

test("only what was put in marks a text as expanded", () => {
  expect(expand("plain").expanded).toBe(false);
  expect(expand(dollars("@@{HOST}")).expanded).toBe(false);
  expect(expand(dollars("x@{MISSING:-y}")).expanded).toBe(true);
});

test("a value is put in as it is, whatever it holds", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.string().filter((text) => !text.includes("$")),
      (value, around) => {
        const { text } = expandText(dollars(`${around.replaceAll("@", "")}@{V}`), {
          variable: () => value,
          file: () => "",
        });
        expect(text).toBe(around.replaceAll("@", "") + value);
      },
    ),
  );
});

test("text without an opening is never changed", () => {
  fc.assert(
    fc.property(
      fc.string().filter((text) => !text.includes("$" + "{")),
      (text) => {
        expect(expand(text)).toEqual({ text, expanded: false, problems: [] });
      },
    ),
  );
});
