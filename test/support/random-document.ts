/** Random documents whose paths and types drift from object to object, and what the main table must then hold. */
import { isDeepStrictEqual } from "node:util";
import type { Random } from "../../src/demo/random.ts";

/** Stands for a wrapper of Extended JSON. */
export class Wrapped {
  readonly json: unknown;
  readonly kind: "bigint" | "decimal" | "date";
  readonly text: string;

  constructor(kind: Wrapped["kind"], text: string, json: unknown) {
    this.kind = kind;
    this.text = text;
    this.json = json;
  }
}

const wide = "9007199254740993";

function scalar(random: Random, kinds: readonly string[]): unknown {
  const kind = random.pick(kinds);
  const n = random.below(9);
  if (kind === "integer") return n;
  if (kind === "fraction") return n + 0.5;
  if (kind === "wide") return new Wrapped("bigint", wide, { $numberLong: wide });
  if (kind === "decimal") return new Wrapped("decimal", `${n}.10`, { $numberDecimal: `${n}.10` });
  if (kind === "date") {
    const text = `2026-01-0${n + 1}T10:00:00.000Z`;
    return new Wrapped("date", text, { $date: text });
  }
  if (kind === "boolean") return n > 4;
  if (kind === "array") return [n, "x", null];
  if (kind === "null") return null;
  return random.pick(["x", "", "NULL", "1", "true", 'q"uote', "line\nbreak", "é 😀", "\\N", "null", "[1]"]);
}

/** What path `drift` may hold, by the era of its object. */
const eras = [
  ["integer", "null"],
  ["integer", "fraction"],
  ["wide", "integer", "decimal"],
  ["string", "boolean", "date", "array", "integer", "fraction"],
] as const;

/** Names that meet each other, PostgreSQL's or drayage's own once they are spelled for a column. */
const oddNames = [
  "aB",
  "a_b",
  "A b",
  "a__b",
  "_version",
  "ctid",
  "a.b",
  "é",
  "select",
  "x".repeat(70),
  `${"x".repeat(70)}y`,
];

export function randomDocument(random: Random, era: number): Record<string, unknown> {
  const drift = eras[era] ?? eras[0];
  const document: Record<string, unknown> = {};
  if (random.chance(90)) document.plain = scalar(random, ["string"]);
  if (random.chance(80)) document.drift = scalar(random, drift);
  if (random.chance(60)) document.number = scalar(random, era > 1 ? ["fraction", "wide"] : ["integer"]);
  if (random.chance(60)) document.when = scalar(random, era === 3 ? ["date", "string"] : ["date"]);
  if (random.chance(50)) document.flag = scalar(random, era === 2 ? ["boolean", "integer"] : ["boolean"]);
  if (random.chance(60)) {
    const nested: Record<string, unknown> = { city: scalar(random, ["string"]) };
    if (era > 0) nested.zip = scalar(random, era === 1 ? ["string"] : ["string", "integer"]);
    document.address = nested;
  }
  if (random.chance(20)) document.list = scalar(random, era === 0 ? ["array"] : ["array", "string", "date"]);
  if (random.chance(15)) document.address = scalar(random, ["string", "null"]);
  if (random.chance(25)) document[random.pick(oddNames)] = scalar(random, ["integer"]);
  if (random.chance(15)) document.a = { b: scalar(random, ["integer"]) };
  return document;
}

/** Whether the value of `number` is none that a column of whole numbers takes. */
export function hasFraction({ number }: Record<string, unknown>): boolean {
  return typeof number === "number" && !Number.isInteger(number);
}

export function badDocument(random: Random): { readonly text: string; readonly bad: string } {
  return random.pick([
    { text: '{"plain": "broken', bad: "bad_json" },
    { text: '{"drift": tru}', bad: "bad_json" },
    { text: '{"drift": {"deep": 1}, "flag": [1]} x', bad: "bad_json" },
    { text: "[1]", bad: "not_object" },
  ]);
}

/** As DMS writes it; with blanks now and then. */
export function spellDocument(random: Random, document: Record<string, unknown>): string {
  const unwrapped = (_: string, value: unknown) => (value instanceof Wrapped ? value.json : value);
  return JSON.stringify(document, unwrapped, random.chance(20) ? 1 : undefined);
}

export interface LeafRules {
  readonly ignored: readonly string[];
  /** Kept whole as jsonb. */
  readonly whole: readonly string[];
}

/** Value by path, segments joined by "."; nulls and empty objects are none. */
export function leaves(document: unknown, rules: LeafRules, path = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  if (document === null || document === undefined || rules.ignored.includes(path)) return found;
  if (
    typeof document !== "object" ||
    Array.isArray(document) ||
    document instanceof Wrapped ||
    rules.whole.includes(path)
  ) {
    return found.set(path, document);
  }
  for (const [name, value] of Object.entries(document)) {
    const segment = name.replaceAll(".", "\\.");
    for (const [below, leaf] of leaves(value, rules, path === "" ? segment : `${path}.${segment}`))
      found.set(below, leaf);
  }
  return found;
}

/**
 * Whether a cell of that type, read as text, holds the value. A value that was text before its column became jsonb is a JSON
 * string of that text.
 */
export function holds(cell: string | null, type: string, value: unknown): boolean {
  if (cell === null || value === undefined) return cell === null && value === undefined;
  if (type !== "jsonb") return isSpelled(cell, value);
  const json: unknown = JSON.parse(cell);
  if (typeof json === "string") return isSpelled(json, value);
  if (typeof json === "number") return isSpelled(cell, value);
  return isDeepStrictEqual(json, value);
}

function isSpelled(text: string, value: unknown): boolean {
  if (value instanceof Wrapped) {
    if (value.kind === "date") return Date.parse(text) === Date.parse(value.text);
    return value.kind === "bigint" ? text === value.text : Number(text) === Number(value.text);
  }
  if (typeof value === "number") return text !== "" && Number(text) === value;
  if (Array.isArray(value)) return isDeepStrictEqual(JSON.parse(text), value);
  return text === String(value);
}
