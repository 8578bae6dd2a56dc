/** Every key of the contract is known; what this version does not do is said, never passed over. */
import { expect, test } from "vitest";
import { minimal, problemsOf } from "./config-text.ts";

const section = (text: string) => minimal(`tables: {a/b: {}}\n${text}`);
const source = (text: string) =>
  `source: {url: "s3://lake", ${text}}\nwarehouse: {url: "postgresql://h/d"}\ntables: {a/b: {}}\n`;
const warehouse = (text: string) =>
  `source: {url: "s3://lake"}\nwarehouse: {url: "postgresql://h/d", ${text}}\ntables: {a/b: {}}\n`;

test.each([
  ["source.role", source("role: arn:x")],
  ["warehouse.staging: unlogged", warehouse("staging: unlogged")],
  ["warehouse.connections", warehouse("connections: 4")],
  ["alerts.unusual", section("alerts: {unusual: true}")],
])("%s", (what, text) => {
  expect(problemsOf(text)).toEqual([
    expect.stringMatching(new RegExp(`^\\d+:\\d+  ${what.split(":")[0]}: .*is not in this version yet$`)),
  ]);
});

const ofTables = [
  ["write_mode", "write_mode: scd2"],
  ["flatten.arrays", "flatten: {arrays: child}"],
  ["columns.x", "columns: {x: child}"],
  ["columns[1].x", "columns: [a, x: child]"],
  ["columns[0]", "columns: [x child]"],
] as const;

test.each(ofTables)("tables.X.%s of %s", (key, text) => {
  expect(problemsOf(minimal(`tables:\n  a/b: {${text}}`))).toEqual([
    expect.stringMatching(notYet(`tables.a/b.${key}`)),
  ]);
});

test.each(ofTables)("defaults.%s of %s", (key, text) => {
  expect(problemsOf(section(`defaults: {${text}}`))).toEqual([expect.stringMatching(notYet(`defaults.${key}`))]);
});

test.each(ofTables.filter(([key]) => key.startsWith("dialect")))("source.%s", (key, text) => {
  expect(problemsOf(source(text))).toEqual([expect.stringMatching(notYet(`source.${key}`))]);
});

test("a column may be called like something that is not there yet", () => {
  expect(problemsOf(minimal("tables:\n  a/b: {columns: {using: child}}"))).toEqual([
    expect.stringContaining("columns.using: child is not"),
  ]);
  expect(problemsOf(minimal("tables:\n  a/b: {columns: {order_by: text}, primary_key: 5}"))).toEqual([
    expect.stringContaining("primary_key"),
  ]);
});

function notYet(path: string): RegExp {
  return new RegExp(`^\\d+:\\d+  ${path.replaceAll(/[.[\]/]/g, "\\$&")}: (\\w+ )?is not in this version yet$`);
}
