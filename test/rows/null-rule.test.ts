import { expect, test } from "vitest";
import { nullEvidence } from "../../src/rows/null-rule.ts";
import type { ObjectShape } from "../../src/rows/object-shape.ts";

const shape: ObjectShape = {
  delimiter: 44,
  quoted: true,
  header: true,
  fields: [
    { name: "Op", role: "op" },
    { name: "id", role: "column" },
    { name: "note", role: "column" },
  ],
  bodyOffset: 11,
  rowDelimiter: "\n",
  empty: false,
  decided: {},
  evidence: [],
};

test.each<[string, string, Record<string, string>, string[], boolean]>([
  ["nothing seen", "I,1,a\n", {}, ["NULL", ""], false],
  ["an unquoted NULL", "I,1,NULL\n", {}, ["NULL"], true],
  ["a quoted NULL", 'I,1,"NULL"\n', {}, ["NULL", ""], false],
  ["an empty number", "I,1,a\nI,,b\n", {}, [""], true],
  ["both", "I,1,a\nI,,NULL\n", {}, ["NULL", ""], true],
  ["both in one number column", "I,NULL,a\nI,,a\nI,3,a\n", {}, ["NULL", ""], true],
  ["an empty text", "I,1,a\nI,2,\n", {}, ["NULL", ""], false],
  ["NULL and an empty text", "I,1,NULL\nI,2,\n", {}, ["NULL"], true],
  ["a quoted empty number", 'I,1,a\nI,"",b\n', {}, ["NULL", ""], false],
  ["an empty time", "I,1,2024-05-01 10:00:00\nI,2,\n", {}, [""], true],
  ["codes with leading zeros", "I,007,a\nI,,b\n", {}, ["NULL", ""], false],
  ["nothing but empties", "I,,a\n", {}, ["NULL", ""], false],
  ["nothing but empties in a declared number", "I,,a\n", { id: "bigint" }, [""], true],
  ["numbers in a declared text", "I,1,2\nI,1,\n", { note: "character varying(10)" }, ["NULL", ""], false],
  ["a type that is not known", "I,1,2\nI,1,\n", { note: "mood" }, ["NULL", ""], false],
  ["an empty op is no evidence", ",1,a\n", {}, ["NULL", ""], false],
])("%s", (_, body, typed, tokens, decided) => {
  const rule = nullEvidence(Buffer.from(`Op,id,note\n${body}`), true, shape, new Map(Object.entries(typed)));
  expect(rule).toMatchObject({ tokens, decided });
  expect(rule.evidence.length).toBeGreaterThan(0);
});

test("cells that were left out say nothing of a column's type", () => {
  const rule = nullEvidence(Buffer.from("Op,id,note\nI,1,a\nU,,~\nU,~,~\n"), true, shape, new Map(), "~");
  expect(rule).toMatchObject({ tokens: [""], decided: true });
});
