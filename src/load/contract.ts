/** The schema contract: what the main table must become before a unit can be merged, as statements; or why it may not. */
import { DrayageError } from "../errors.ts";
import { joinTypes } from "../rows/kinds.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import { ident, qualified } from "../warehouse/identifier.ts";
import {
  addColumns,
  changeVersionType,
  createTable,
  missingSystemColumns,
  type NewColumn,
  orderedVersion,
  type SystemColumns,
  widenColumn,
} from "../warehouse/main-table.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import type { Binding, Feed, Rescue } from "./binding.ts";
import { systemNames } from "./choose-names.ts";
import { storedRule } from "./stored-path.ts";
import type { TableSpec } from "./table-spec.ts";
import { yamlKey } from "./yaml-key.ts";

export interface Contract {
  /** What to run on the main table, in order, before its columns grow; with these, all of it. */
  readonly shape: readonly string[];
  readonly growth: readonly Growth[];
  /** All statements; empty when the table fits. */
  readonly statements: readonly string[];
  /** Cells that have no place in a column once the statements were run. */
  readonly rescues: readonly Rescue[];
  /** For `plan`: columns that come into being, and those whose type grows. */
  readonly newColumns: readonly NewColumn[];
  readonly widened: readonly NewColumn[];
  /** To be stored with the state. */
  readonly columns: readonly StoredColumn[];
}

/** A column whose type grows. */
export interface Growth {
  readonly path: string;
  readonly column: string;
  readonly type: string;
  readonly statement: string;
}

export function systemColumnsOf(table: TableSpec, binding: Binding): SystemColumns {
  return {
    all: table.config.systemColumns === "all",
    opTimestamp: binding.timestampIndex !== undefined || table.config.dialect.timestampColumn !== undefined,
    deletedAt: table.config.deletes === "soft",
    op: table.config.writeMode === "append",
    ordered: table.config.orderBy !== undefined,
  };
}

/** `narrow`: columns that may not grow. */
export function decideContract(
  table: TableSpec,
  binding: Binding,
  main: MainTable | undefined,
  narrow: ReadonlyMap<string, string> = new Map(),
): Contract {
  const system = systemColumnsOf(table, binding);
  const growth = growthOf(table, binding).filter(({ column }) => !narrow.has(column));
  const grown = new Map(growth.map((one) => [one.column, one]));
  const rescues = binding.rescues.filter((one) => one.column === undefined || !grown.has(one.column));
  checkKeyGrows(table, binding, rescues, narrow);
  // Made with the table where it may be wanted: later, the lock for it may be the very one that cannot be had.
  const wantsRescued =
    binding.rescued !== undefined ||
    rescues.length > 0 ||
    (main === undefined && (binding.hasDocuments || table.config.contract.columns === "rescue"));
  const rescued: NewColumn[] = wantsRescued ? [{ column: "_rescued", type: "jsonb" }] : [];
  const columns = binding.feeds.map((feed) => ({
    path: feed.path,
    column: feed.column,
    type: grown.get(feed.column)?.type ?? feed.main?.type ?? feed.type,
    made: feed.made,
    kinds: feed.kinds,
    seen: feed.from.kind !== "absent",
  }));
  if (main === undefined) {
    const made = binding.feeds.map((feed) => ({ column: feed.column, type: feed.type }));
    const shape = [createTable(table.target, [...made, ...rescued], binding.key, system)];
    return { shape, growth: [], statements: shape, rescues, newColumns: [...made, ...rescued], widened: [], columns };
  }
  checkVersions(table, binding, main);
  const has = new Set(main.columns.map((column) => column.name));
  const added = binding.feeds
    .filter((feed) => feed.main === undefined)
    .map((feed) => ({ column: feed.column, type: feed.type }));
  checkNewColumns(table, binding, added);
  checkUnfed(table, binding, main);
  const all = [...added, ...rescued.filter((column) => !has.has(column.column)), ...missingSystemColumns(main, system)];
  const shape = all.length > 0 ? [addColumns(table.target, all)] : [];
  return {
    shape,
    growth,
    statements: [...shape, ...growth.map((one) => one.statement)],
    rescues,
    newColumns: added,
    widened: growth,
    columns,
  };
}

/** Versions by file time and by order_by compare with each other, and mean nothing: every record would be stale, or none. */
function checkVersions(table: TableSpec, binding: Binding, main: MainTable): void {
  const type = main.columns.find((column) => column.name === "_version")?.type;
  const ordered = table.config.orderBy !== undefined;
  if (type === undefined || (type === orderedVersion) === ordered) return;
  const feed = binding.feeds.find((one) => one.path === binding.order?.column && one.main !== undefined);
  const statement = changeVersionType(
    qualified(main.schema, main.name),
    ordered,
    feed === undefined ? undefined : ident(feed.column),
  );
  throw new DrayageError("DDL_NEEDED", {
    message: ordered
      ? `\`order_by\` needs _version as ${orderedVersion}; the main table has it as ${type}`
      : `Without \`order_by\` _version must be bigint; the main table has it as ${type}`,
    place: { table: table.name },
    lines: [`${statement};`],
  });
}

/** A column that drayage made for a document path grows along the lattice, by all that the path ever held; others stay. */
export function growthOf(table: TableSpec, binding: Binding): Growth[] {
  if (table.config.contract.types === "reject") return [];
  return binding.feeds.flatMap((feed): Growth[] => {
    const { path, column, main, kinds } = feed;
    if (main === undefined || !feed.made || kinds === 0) return [];
    const type = joinTypes(main.type, kinds);
    if (type === undefined || type === main.type) return [];
    return [{ path, column, type, statement: widenColumn(table.target, column, type) }];
  });
}

/** A key that is not in its column is no key: such cells cannot wait in `_rescued`. */
function checkKeyGrows(
  table: TableSpec,
  binding: Binding,
  rescues: readonly Rescue[],
  narrow: ReadonlyMap<string, string>,
): void {
  const stuck = rescues.find((one) => one.column !== undefined && binding.key.includes(one.column));
  if (stuck?.column === undefined) return;
  throw new DrayageError("DDL_NEEDED", {
    message: `The key column ${stuck.column} must become ${stuck.type}, and ${narrow.get(stuck.column) ?? "it may not grow"}`,
    place: { table: table.name, column: stuck.column },
    lines: [`${widenColumn(table.target, stuck.column, stuck.type)};`],
  });
}

function checkNewColumns(table: TableSpec, binding: Binding, added: readonly NewColumn[]): void {
  if (added.length === 0) return;
  const place = { table: table.name };
  if (table.config.contract.columns === "freeze") {
    const open = binding.feeds.filter((feed) => feed.main === undefined && !isNamed(table, feed));
    if (open.length === 0) return;
    throw new DrayageError("CONTRACT", {
      message: `The source has ${columnsText(open.length)} that the frozen table lacks: ${open.map((feed) => feed.column).join(", ")}`,
      place,
      lines: [
        `${addColumns(
          table.target,
          open.map(({ column, type }) => ({ column, type })),
        )};`,
        "-- or in the config, a type where the column shall be made:",
        "columns:",
        ...open.map((feed) => `  ${yamlKey(feed.segments.join("."))}: ignore   # or ${feed.type}`),
      ],
    });
  }
}

function isNamed(table: TableSpec, feed: Feed): boolean {
  return storedRule(table, feed.path)?.kind === "column";
}

function columnsText(count: number): string {
  return count === 1 ? "1 column" : `${count} columns`;
}

/** What cannot work is said once, with the statement, not as a million rejects. */
function checkUnfed(table: TableSpec, binding: Binding, main: MainTable): void {
  const fed = new Set(binding.feeds.filter((feed) => feed.from.kind !== "absent").map((feed) => feed.column));
  const system: ReadonlySet<string> = new Set(systemNames);
  const unfed = main.columns.filter(
    (column) =>
      column.notNull &&
      !column.hasDefault &&
      !column.generated &&
      column.identity === undefined &&
      !fed.has(column.name) &&
      !system.has(column.name),
  );
  if (unfed.length === 0) return;
  throw new DrayageError("COLUMN_UNFED", {
    message: `The source does not feed ${unfed.map((column) => column.name).join(", ")}: NOT NULL and without a default`,
    place: { table: table.name },
    lines: unfed.map(
      (column) => `alter table ${qualified(main.schema, main.name)} alter column ${ident(column.name)} drop not null;`,
    ),
  });
}
