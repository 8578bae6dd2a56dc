/** What is known of a table before a unit of it is staged, and what that says of its objects: names, NULLs, documents. */
import type { TableConfig } from "../config/config.ts";
import { DocumentFlattener } from "../rows/flatten-document.ts";
import { kindsOfType, takenKinds } from "../rows/kinds.ts";
import { isSameName, type KnownNames } from "../rows/known-names.ts";
import { nullEvidence } from "../rows/null-rule.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import type { PathRule } from "../rows/path-rules.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import type { RescuedPath } from "../warehouse/rescued.ts";
import type { PinnedDialect, StoredColumn } from "../warehouse/table-state.ts";
import { type ExpectedPath, noChanges, type RunChanges } from "./binding.ts";
import type { OpenedObject } from "./open-object.ts";
import type { Lane, NullRule, StagedUnit } from "./staged-unit.ts";
import { rescueKey, storedPath, storedRule, storedSegments } from "./stored-path.ts";
import { ruleFor, rulePath, type TableSpec } from "./table-spec.ts";

/** What is known of a table before a unit of it is staged. */
export interface TableKnowledge {
  readonly spec: TableSpec;
  readonly main: MainTable | undefined;
  readonly stored: readonly StoredColumn[];
  readonly pinned: PinnedDialect;
  /** Of a table that is not there yet: what the heads of all its objects hold. */
  readonly expected: readonly ExpectedPath[];
  /** Paths with cells in `_rescued`, as of the beginning of the run. */
  readonly waiting: readonly RescuedPath[];
  readonly changes: RunChanges;
}

/** Of a table that this run has not changed, of whose other objects nothing is known. */
export const nothingYet: Pick<TableKnowledge, "expected" | "waiting" | "changes"> = {
  expected: [],
  waiting: [],
  changes: noChanges,
};

export function knownNames(known: TableKnowledge, kind: "full_load" | "change"): KnownNames {
  const { spec, main, stored } = known;
  return {
    dialect: spec.config.dialect,
    columnList: spec.config.columnList,
    keyNames: spec.config.primaryKey ?? main?.primaryKey ?? [],
    columnNames: [
      ...[...spec.config.columns.keys()].filter((name) => !name.includes(".")),
      ...stored.filter((column) => !column.path.includes(":")).map((column) => column.path),
      ...(main?.columns ?? []).map((column) => column.name),
    ],
    documents: spec.config.documents.length > 0 ? spec.config.documents : ["_doc"],
    kind,
    timeColumns: [
      ...[...spec.config.columns].flatMap(([name, rule]) =>
        rule.kind === "column" && isTimeType(rule.type ?? "") ? [name] : [],
      ),
      ...(main?.columns ?? []).flatMap((column) => (isTimeType(column.baseType) ? [column.name] : [])),
    ],
    pinned: known.pinned,
  };
}

function isTimeType(type: string): boolean {
  return /^(?:date|time)/i.test(type);
}

/** What a staged unit's evidence adds to what is pinned. Nulls stay as first decided; how fields are cut is clear in each object. */
export function newPins(known: TableKnowledge, unit: Pick<StagedUnit, "shape" | "nulls">): PinnedDialect {
  const { nulls, delimiter, rfc4180 } = known.pinned;
  const { decided } = unit.shape;
  const isNew = unit.nulls.decided && nulls === undefined && known.spec.config.dialect.nulls === "auto";
  return {
    ...(isNew ? { nulls: unit.nulls.tokens } : {}),
    ...(decided.delimiter !== undefined && decided.delimiter !== delimiter ? { delimiter: decided.delimiter } : {}),
    ...(decided.rfc4180 !== undefined && decided.rfc4180 !== rfc4180 ? { rfc4180: decided.rfc4180 } : {}),
  };
}

/** What means NULL in an object: as configured, else as pinned, else by the evidence of its first records. */
export function nullRule(known: TableKnowledge, opened: OpenedObject, shape: ObjectShape): NullRule {
  const { spec, main, pinned } = known;
  const configured = spec.config.dialect.nulls;
  const types = new Map<string, string>();
  for (const field of shape.fields) {
    const rule = ruleFor(spec.config, [field.name]);
    const column = main?.columns.find((candidate) => isSameName(candidate.name, field.name));
    const type = column?.baseType ?? (rule?.kind === "column" ? rule.type : undefined);
    if (type !== undefined) types.set(field.name, type);
  }
  const { tokens, decided, evidence } =
    configured !== "auto"
      ? { tokens: configured, decided: true, evidence: [] }
      : pinned.nulls !== undefined
        ? { tokens: pinned.nulls, decided: true, evidence: [pinnedNulls(pinned.nulls)] }
        : nullEvidence(opened.head, opened.whole, shape, types, spec.config.dialect.unchangedToken);
  const named = tokens.filter((token) => token !== "");
  return { tokens, decided, evidence, castToken: tokens.includes("") && named.length === 1 ? named[0] : undefined };
}

function pinnedNulls(tokens: readonly string[]): string {
  const names = tokens.map((token) => (token === "" ? "empty fields" : token));
  return `nulls: ${names.length === 0 ? "none" : names.join(" and ")}, as in earlier objects of the table`;
}

/** Only COPY cannot tell two tokens apart: the decoder has made NULL of both. */
export function forLane(nulls: NullRule, lane: Lane): NullRule {
  return lane === "raw" ? nulls : { ...nulls, castToken: undefined };
}

export function sameNulls(a: NullRule | undefined, b: NullRule): boolean {
  if (a === undefined || a.castToken !== b.castToken) return false;
  return a.tokens.length === b.tokens.length && a.tokens.every((token) => b.tokens.includes(token));
}

/** Raw where one COPY reads the object exactly. */
export function laneOf(known: TableKnowledge, shape: ObjectShape, nulls: NullRule): Lane {
  const plain =
    !shape.fields.some((field) => isDocument(known.spec, field.name)) &&
    shape.delimiter < 127 &&
    shape.rowDelimiter !== "\r" &&
    shape.fields.length <= 1600 &&
    nulls.tokens.filter((token) => token !== "").length <= 1 &&
    nulls.tokens.every(
      (token) =>
        /^[\x20-\x7e]*$/.test(token) && !token.includes(String.fromCharCode(shape.delimiter)) && !token.includes('"'),
    );
  return plain ? "raw" : "decoded";
}

/** Whether a source column holds documents: as configured, else by DMS's own name for it. */
export function isDocument(spec: TableSpec, field: string): boolean {
  const { documents } = spec.config;
  if (documents.length > 0) return documents.some((name) => isSameName(name, field));
  return field === "_doc" && ruleFor(spec.config, [field]) === undefined;
}

/** By field index; `allocate` gives each path its cell. */
export function flatteners(
  known: TableKnowledge,
  shape: ObjectShape,
  nestingLimit: number,
  allocate: () => number,
): Map<number, DocumentFlattener> {
  const { config } = known.spec;
  const made = new Map<number, DocumentFlattener>();
  for (const [index, field] of shape.fields.entries()) {
    if (!isDocument(known.spec, field.name)) continue;
    const skip = new Set(
      shape.fields.some((other) => ["_id", "oid__id", "oid_id"].includes(other.name)) ? ["_id"] : [],
    );
    made.set(
      index,
      new DocumentFlattener({
        maxDepth: config.flatten.maxDepth,
        maxColumns: takesNewPaths(known) ? config.flatten.maxColumns : 0,
        nestingLimit,
        rules: pathRules(known.spec, field.name),
        rescuePrefix: rescueKey(storedPath(field.name, [])),
        known: knownPaths(known, field.name),
        allocate,
        skip,
      }),
    );
  }
  return made;
}

/** Values without a column, by the path of the object that held them, as rules know it. */
export function overflowOf(
  { config }: TableSpec,
  documents: ReadonlyMap<string, DocumentFlattener>,
): Map<string, number> {
  return new Map(
    [...documents].flatMap(([document, { overflow }]) =>
      [...overflow].map(([path, count]): [string, number] => [
        [...rulePath(config, document, []), ...(path === "" ? [] : [path])].join("."),
        count,
      ]),
    ),
  );
}

/** False: every new path goes to `_rescued`, or nowhere, but those that the config names. */
export function takesNewPaths({ spec, main }: TableKnowledge): boolean {
  return main === undefined || !["rescue", "discard"].includes(spec.config.contract.columns);
}

/** Paths whose column is there already, with what its type says of them. */
function knownPaths(known: TableKnowledge, document: string) {
  const { spec, stored, main } = known;
  const prefix = storedPath(document, []);
  return stored.flatMap((column) => {
    if (!column.path.startsWith(prefix)) return [];
    const path = storedSegments(column.path) ?? [];
    const type = main?.columns.find((candidate) => candidate.name === column.column)?.type ?? column.type;
    const rule = storedRule(spec, column.path);
    const isMade = rule?.kind === "column" && (rule.hash === true || rule.using !== undefined);
    const fixed: "json" | "text" | undefined = isMade
      ? "text"
      : type === "jsonb" || type === "json"
        ? "json"
        : column.made
          ? undefined
          : "text";
    const mayGrow = column.made && spec.config.contract.types !== "reject";
    return [{ path, kinds: column.kinds | kindsOfType(type), fixed, takes: mayGrow ? takenKinds(type) : undefined }];
  });
}

function pathRules({ config }: TableSpec, document: string): Map<string, PathRule> {
  const rules = new Map<string, PathRule>();
  for (const [name, rule] of config.columns) {
    const path = pathBelow(config, document, name);
    if (path === undefined) continue;
    if (rule.kind === "ignore") rules.set(path, "ignore");
    else if (rule.hash === true) rules.set(path, "hash");
    else if (rule.using !== undefined) rules.set(path, "text");
    else if (rule.type !== undefined) rules.set(path, /^jsonb?$/i.test(rule.type) ? "json" : "text");
  }
  return rules;
}

/** A rule's path below the document; undefined: it is about another one. */
function pathBelow(config: TableConfig, document: string, name: string): string | undefined {
  if (config.documents.length < 2) return name;
  const [first = "", ...rest] = name.split(".");
  return rest.length > 0 && (first === "*" || isSameName(first, document)) ? rest.join(".") : undefined;
}
