/**
 * Looked at once per run and table, before an object is read, and once per shape, before its records are: what cannot work
 * stops the table with the statement that mends it, not as a million rejects. What may refuse single records is named.
 */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import { isSameName } from "../rows/known-names.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import type { MainColumn, MainTable } from "../warehouse/catalog.ts";
import { ident, identList, qualified } from "../warehouse/identifier.ts";
import { addColumns, createSchema, missingSystemColumns, schemaExists } from "../warehouse/main-table.ts";
import type { Session } from "../warehouse/session.ts";
import { readTargetFacts, type TargetConstraint, type TargetFacts } from "../warehouse/target-facts.ts";
import { bindColumns } from "./bind-columns.ts";
import { noPaths } from "./binding.ts";
import { decideContract } from "./contract.ts";
import { isDocument, type TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";

/** One sentence for each thing of the main table that may refuse a record, or changes what becomes of one. */
export async function preflight(session: Session, known: TableKnowledge, config: Config): Promise<string[]> {
  const { spec, main } = known;
  const facts = await readTargetFacts(session, spec.target);
  if (facts === undefined) return [];
  const table = qualified(spec.target.schema, spec.target.table);
  if (facts.relkind !== "r" && facts.relkind !== "p") throw notTable(spec, facts.relkind, table);
  if (main === undefined) return [];
  checkRights(spec, facts, table);
  checkRules(spec, facts, table);
  checkRows(spec, main, facts, table);
  checkSystemColumns(spec, main, table);
  checkKey(spec, main, table);
  checkMissingColumns(spec, main, config);
  return namedConstraints(spec, main, facts);
}

const kinds: Readonly<Record<string, string>> = {
  v: "view",
  m: "materialized view",
  f: "foreign table",
  S: "sequence",
  i: "index",
  c: "type",
};

function unfit(spec: TableSpec, message: string, lines: readonly string[], next?: string, column?: string) {
  const place = { table: spec.name, ...(column === undefined ? {} : { column }) };
  return new DrayageError("TARGET_UNFIT", { message, place, lines, ...(next === undefined ? {} : { next }) });
}

function notTable(spec: TableSpec, relkind: string, table: string): DrayageError {
  const kind = kinds[relkind] ?? "relation that is no table";
  const { schema, table: name } = spec.target;
  return unfit(
    spec,
    `${schema}.${name} is a ${kind}: rows are loaded into a table`,
    kind === "type" || kinds[relkind] === undefined
      ? []
      : [`alter ${kind} ${table} rename to ${ident(`${name}_old`)};`],
    "Set `into` to another name in the config, or run the statement printed above; then `drayage load`.",
  );
}

function checkRights(spec: TableSpec, { missing, role }: TargetFacts, table: string): void {
  const { writeMode, deletes } = spec.config;
  const needed =
    writeMode === "append"
      ? ["select", "insert"]
      : ["select", "insert", "update", ...(deletes === "hard" ? ["delete"] : [])];
  const lacks = needed.filter((one) => missing.includes(one));
  if (lacks.length === 0) return;
  throw unfit(spec, `${role} may not ${lacks.join(", ")} on the main table`, [
    `grant ${lacks.join(", ")} on ${table} to ${ident(role)};`,
  ]);
}

/** What a rule does instead is in no count: the balance could not hold. */
function checkRules(spec: TableSpec, { rules }: TargetFacts, table: string): void {
  if (rules.length === 0) return;
  throw unfit(
    spec,
    `The main table has rules that run instead of a write: ${rules.join(", ")}`,
    rules.map((rule) => `drop rule ${ident(rule)} on ${table};`),
  );
}

function checkRows(spec: TableSpec, main: MainTable, facts: TargetFacts, table: string): void {
  if (!facts.hasPartition)
    throw unfit(spec, "The main table is partitioned and has no partition: it takes no row", [
      `create table ${qualified(main.schema, `${main.name}_default`)} partition of ${table} default;`,
    ]);
  if (main.rowSecurity && !facts.insertPolicy)
    throw unfit(spec, `Row security holds for ${facts.role} and no policy lets a row into the main table`, [
      `create policy drayage on ${table} to ${ident(facts.role)} using (true) with check (true);`,
    ]);
}

/** Types that the values of drayage's own columns fit into; `_version` has its own check with the contract. */
const systemTypes: Readonly<Record<string, RegExp>> = {
  _record: /^(integer|bigint|numeric)$/,
  _object: /^(bigint|numeric)$/,
  _loaded_at: /^timestamp with time zone$/,
  _op_ts: /^timestamp with time zone$/,
  _deleted_at: /^timestamp with time zone$/,
  _op: /^(text|character varying|bpchar)$/,
  _rescued: /^jsonb$/,
};

/** A column of the user's own under a reserved name would refuse every record. */
function checkSystemColumns(spec: TableSpec, main: MainTable, table: string): void {
  const own = main.columns.filter((column) => {
    if (column.name === "_deleted_at" && spec.config.deletes !== "soft") return false;
    if (column.name === "_op" && spec.config.writeMode !== "append") return false;
    return systemTypes[column.name]?.test(column.baseType) === false || (column.generated && isSystem(column));
  });
  if (own.length === 0) return;
  throw unfit(
    spec,
    `Columns under names that drayage writes are of another kind: ${own.map(({ name, type }) => `${name} ${type}`).join(", ")}`,
    own.map(({ name }) => `alter table ${table} rename column ${ident(name)} to ${ident(`own${name}`)};`),
    "Run the statement printed above, then `drayage load`: it adds the column as it needs it.",
    own[0]?.name,
  );
}

function isSystem({ name }: MainColumn): boolean {
  return name in systemTypes || name === "_version";
}

/** Types by which nothing can be ordered: the newest record of a key cannot be told. */
const unordered = /^(json|xml|point|line|lseg|box|path|polygon|circle)$/;

/** The key as far as it is known without an object. */
function keyColumns(spec: TableSpec, main: MainTable): MainColumn[] {
  if (spec.config.writeMode === "append") return [];
  const names = spec.config.primaryKey ?? main.primaryKey;
  return names.flatMap((name) => {
    const column =
      main.columns.find((one) => one.name === name) ?? main.columns.find((one) => isSameName(one.name, name));
    return column === undefined ? [] : [column];
  });
}

function checkKey(spec: TableSpec, main: MainTable, table: string): void {
  for (const column of keyColumns(spec, main)) {
    if (column.generated)
      throw unfit(
        spec,
        `The key column ${column.name} is computed by the server: no object can feed it`,
        [`alter table ${table} alter column ${ident(column.name)} drop expression;`],
        "Choose another `primary_key`, or run the statement printed above; then `drayage load`.",
        column.name,
      );
    if (unordered.test(column.baseType))
      throw unfit(
        spec,
        `The key column ${column.name} is of type ${column.type}, whose values cannot be told apart`,
        [`alter table ${table} alter column ${ident(column.name)} type text using ${ident(column.name)}::text;`],
        "Choose another `primary_key`, or run the statement printed above; then `drayage load`.",
        column.name,
      );
  }
}

/** drayage's own columns are added with the first unit: not by a role that may not. */
function checkMissingColumns(spec: TableSpec, main: MainTable, config: Config): void {
  if (main.owned && config.warehouse.ddl === "apply") return;
  const { systemColumns, deletes, writeMode, orderBy, dialect } = spec.config;
  const added = missingSystemColumns(main, {
    all: systemColumns === "all",
    opTimestamp: dialect.timestampColumn !== undefined,
    deletedAt: deletes === "soft",
    op: writeMode === "append",
    ordered: orderBy !== undefined,
  });
  if (added.length === 0) return;
  throw new DrayageError("DDL_NEEDED", {
    message: `The main table lacks ${added.map(({ column }) => column).join(", ")}`,
    place: { table: spec.name },
    lines: [`${addColumns(spec.target, added)};`],
  });
}

/** The first object of a shape, by its header alone: an object of a gigabyte need not be staged to find out. */
export async function checkShape(
  session: Session,
  known: TableKnowledge,
  shape: ObjectShape,
  config: Config,
): Promise<void> {
  const { spec, main } = known;
  // What a document feeds is in its records.
  if (shape.fields.some((field) => field.role === "column" && isDocument(spec, field.name))) return;
  const fields = shape.fields.map(({ name, role }, index) => ({ index, name, role }));
  const binding = bindColumns(spec, { fields, ...noPaths }, known.stored, main);
  const { statements } = decideContract(spec, binding, main);
  if (statements.length === 0 || (config.warehouse.ddl === "apply" && main?.owned !== false)) return;
  const schema = main === undefined && !(await schemaExists(session, spec.target.schema));
  throw new DrayageError("DDL_NEEDED", {
    ...(main === undefined || config.warehouse.ddl === "print"
      ? {}
      : { message: "The role may not alter the main table: it is not its owner" }),
    place: { table: spec.name },
    lines: [...(schema ? [createSchema(spec.target.schema)] : []), ...statements].map((one) => `${one};`),
  });
}

/** Why counts of a merge do not agree: rows that no unique index keeps apart, each changed by one record. undefined: there is such an index. */
export function keyIsTwice(spec: TableSpec, main: MainTable, key: readonly string[]): DrayageError | undefined {
  if (key.length === 0 || main.uniqueKeys.some((unique) => isSameSet(unique, key))) return undefined;
  const table = qualified(main.schema, main.name);
  return unfit(
    spec,
    `Rows of the main table have the same key (${key.join(", ")}), and no unique index keeps it from that`,
    [
      `select ${identList(key)}, count(*) from ${table} group by ${identList(key)} having count(*) > 1;`,
      `create unique index on ${table} (${identList(key)});`,
    ],
    "Delete the rows that the first statement above finds but one of each key, then run the second and `drayage load`.",
  );
}

function isSameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}

function namedConstraints(spec: TableSpec, main: MainTable, facts: TargetFacts): string[] {
  const key = keyColumns(spec, main).map((column) => column.name);
  const isKey = (columns: readonly string[]) => isSameSet(columns, key);
  const named = facts.constraints.filter((one) => one.kind !== "unique" || !isKey(one.columns));
  const isUnique = key.length === 0 || main.uniqueKeys.some(isKey);
  return [
    ...(isUnique
      ? []
      : [
          `no unique index on the key (${key.join(", ")}): each unit is joined with the whole table, and a key that is there twice stops it`,
        ]),
    ...named.flatMap((one) => constraintText(one, spec)),
    ...(main.rowTriggers ? ["a row trigger may refuse or change a record: what it refuses counts as ignored"] : []),
    ...(main.rowSecurity ? ["row security holds for the loader's role: what a policy refuses is rejected"] : []),
    ...columnsText(
      main.columns.filter((column) => column.generated).map(({ name }) => name),
      "computed by the server: never loaded",
    ),
    ...columnsText(
      main.columns.filter((column) => column.identity !== undefined).map(({ name }) => name),
      "an identity: the source's values are kept",
    ),
  ];
}

function constraintText({ kind, name, columns, definition, by }: TargetConstraint, spec: TableSpec): string[] {
  if (kind === "unique")
    return [
      `${name} is unique${columns.length === 0 ? "" : ` (${columns.join(", ")})`}: a record with another row's value is rejected`,
    ];
  if (kind === "exclusion") return [`${name} (${definition}): a record that meets another row is rejected`];
  if (kind === "foreign_key")
    return [`${name} (${definition}): a record whose row is not there is rejected, and tried again by each load`];
  if (spec.config.deletes !== "hard" || spec.config.writeMode === "append") return [];
  const cascades = / ON DELETE (CASCADE|SET NULL|SET DEFAULT)/.exec(definition)?.[1];
  return [
    cascades === undefined
      ? `${by} refers to it (${name}): the delete of a row that is referred to is rejected`
      : `${by} refers to it (${name}): a delete ${cascades === "CASCADE" ? "deletes its rows, too" : `is followed by ${cascades} there`}`,
  ];
}

function columnsText(names: readonly string[], what: string): string[] {
  return names.length === 0 ? [] : [`${names.join(", ")}: ${what}`];
}
