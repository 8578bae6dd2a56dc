/** No value of the file, the environment or a file it names is ever printed. */
import { inspect } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { failureOf } from "./config-text.ts";

const secret = "hunter2sentinel";
const expression = (text: string) => `$\{${text}}`;

/** Everything that a log, a report or a debugger would show of the error. */
function shown(text: string): string {
  const error = failureOf(text, { env: { SECRET: secret }, files: { "/run/secret": secret } });
  return (
    inspect(error, { depth: 10 }) + JSON.stringify(error) + error.lines.join("\n") + error.message + String(error.stack)
  );
}

const good = {
  source: 'source: {url: "s3://lake"}',
  warehouse: 'warehouse: {url: "postgresql://h/d"}',
  tables: "tables: {a/b: {}}",
};
const withWarehouse = (text: string) => `${good.source}\nwarehouse: ${text}\n${good.tables}\n`;
const withTable = (text: string) => `${good.source}\n${good.warehouse}\ntables:\n  a/b: ${text}\n`;

test.each([
  ["a bad URL", withWarehouse(`{url: "mysql://u:${secret}@h/d"}`)],
  ["a URL that cannot be read", withWarehouse(`{url: "postgresql://u:${secret}#@h/d"}`)],
  ["a URL out of the environment", withWarehouse(`{url: "${expression("SECRET")}"}`)],
  ["a URL out of a file", withWarehouse(`{url: "${expression("file:/run/secret")}"}`)],
  ["a missing variable's default beside it", withWarehouse(`{url: "${expression(`SECRET:-${secret}`)}"}`)],
  ["a password key", withWarehouse(`{url: "postgresql://h/d", password: ${secret}}`)],
  ["a misspelt key", withWarehouse(`{urll: "postgresql://u:${secret}@h/d"}`)],
  ["a URL as key", withWarehouse(`{"postgresql://u:${secret}@h/d": x}`)],
  ["a URL as key, twice", withWarehouse(`{"postgresql://u:${secret}@h/d": x, "postgresql://u:${secret}@h/d": y}`)],
  ["a URL as section", `${good.source}\npostgresql://u:${secret}@h/d: x\n${good.tables}`],
  ["a URL as warehouse", withWarehouse(`"postgresql://u:${secret}@h/d"`)],
  ["a secret number", withWarehouse(`{url: "postgresql://h/d", port: ${secret}}`)],
  ["a source URL", `source: {url: "https://u:${secret}@h"}\n${good.warehouse}\n${good.tables}`],
  ["a token", `${good.source}\n${good.warehouse}\n${good.tables}\nschedule: {http: {token: ${secret}, port: x}}`],
  ["an alias", withWarehouse(`{url: *${secret}}`)],
  ["a tag", withWarehouse(`{url: !${secret} x}`)],
  ["an anchor without value", withWarehouse(`{url: &${secret} }`)],
  ["a bad escape", withWarehouse(`{url: "\\q${secret}"}`)],
  ["an unclosed quote", withWarehouse(`{url: "${secret}`)],
  ["a broken expansion", withWarehouse(`{url: "$\{${secret} x}"}`)],
  ["an unclosed expansion", withWarehouse(`{url: "$\{A${secret}"}`)],
  ["block text", withWarehouse(`|\n  ${secret}\n ${secret}`)],
  ["an expanded word", withTable(`{deletes: "${expression("SECRET")}"}`)],
  ["an expanded type", withTable(`{columns: {x: "${expression("SECRET")};"}}`)],
  ["an expanded prefix", withTable(`{prefix: "${expression("SECRET")}//x"}`)],
])("%s", (_, text) => {
  expect(shown(text)).not.toContain(secret);
});

test("an expanded value is not hinted at by what it is near to", () => {
  const error = failureOf(withTable(`{deletes: "${expression("WORD")}"}`), { env: { WORD: "sfot" } });
  expect(error.lines[0]).not.toContain("did you mean");
  const later = failureOf(withWarehouse(`{url: "postgresql://h/d", staging: "${expression("KIND")}"}`), {
    env: { KIND: "unlogged" },
  });
  expect(later.lines[0]).toContain("warehouse.staging: this value is not in this version yet");
});

test("wherever in the file the secret stands as a value", () => {
  const keys = ["url", "host", "port", "tls", "ddl", "schema", "lock_timeout", "quux", "password"];
  const value = fc.constantFrom(
    secret,
    `"${secret}"`,
    `[${secret}]`,
    `{a: ${secret}}`,
    `'${secret}`,
    `${secret}: x`,
    `- ${secret}`,
    `>\n    ${secret}`,
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...keys),
      value,
      fc.constantFrom("warehouse", "source", "log", "limits"),
      (key, text, section) => {
        // A key is printed by its nature: `hunter2: x` as a key's value makes YAML refuse the line instead.
        expect(shown(`broken: 1\n${section}:\n  ${key}: ${text}\n`)).not.toContain(secret);
      },
    ),
  );
});
