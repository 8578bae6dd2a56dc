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
import type { Binding, Feed } from "./bind-columns.ts";
import { systemNames } from "./bind-columns.ts";
import type { TableSpec } from "./table-spec.ts";

export interface Contract {
  /** What to run on the main table, in order; empty when it fits. */
  readonly statements: readonly string[];
  /** For `plan`: columns that come into being, and those whose type grows. */
  readonly newColumns: readonly NewColumn[];
  readonly widened: readonly NewColumn[];
  /** To be stored with the state. */
  readonly columns: readonly StoredColumn[];
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

export function decideContract(table: TableSpec, binding: Binding, main: MainTable | undefined): Contract {
  const system = systemColumnsOf(table, binding);
  const rescued: NewColumn[] = binding.rescued === undefined ? [] : [{ column: "_rescued", type: "jsonb" }];
  const columns = binding.feeds.map((feed) => ({
    path: feed.path,
    column: feed.column,
    type: wantedType(table, feed),
    made: feed.made,
    kinds: feed.from.kind === "path" ? feed.from.column.kinds : 0,
  }));
  if (main === undefined) {
    const made = binding.feeds.map((feed) => ({ column: feed.column, type: feed.type }));
    return {
      statements: [createTable(table.target, [...made, ...rescued], binding.key, system)],
      newColumns: [...made, ...rescued],
      widened: [],
      columns,
    };
  }
  checkVersions(table, binding, main);
  const has = new Set(main.columns.map((column) => column.name));
  const added = binding.feeds
    .filter((feed) => feed.main === undefined)
    .map((feed) => ({ column: feed.column, type: feed.type }));
  checkNewColumns(table, binding, added);
  const widened = binding.feeds.flatMap((feed): NewColumn[] => {
    const type = wantedType(table, feed);
    return feed.main !== undefined && type !== feed.main.type ? [{ column: feed.column, type }] : [];
  });
  checkUnfed(table, binding, main);
  const all = [...added, ...rescued.filter((column) => !has.has(column.column)), ...missingSystemColumns(main, system)];
  return {
    statements: [
      ...(all.length > 0 ? [addColumns(table.target, all)] : []),
      ...widened.map(({ column, type }) => widenColumn(table.target, column, type)),
    ],
    newColumns: added,
    widened,
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

/** The type after this unit: a column that drayage made for a document path grows along the lattice; others stay. */
function wantedType(table: TableSpec, feed: Feed): string {
  if (feed.main === undefined || !feed.made || feed.from.kind !== "path" || table.config.contract.types === "reject")
    return feed.main?.type ?? feed.type;
  return joinTypes(feed.main.type, feed.from.column.kinds) ?? feed.main.type;
}

function checkNewColumns(table: TableSpec, binding: Binding, added: readonly NewColumn[]): void {
  if (added.length === 0) return;
  const place = { table: table.name };
  if (table.config.contract.columns === "freeze") {
    throw new DrayageError("CONTRACT", {
      message: `The source has ${added.length} columns that the frozen table lacks: ${added.map((column) => column.column).join(", ")}`,
      place,
      lines: [
        `${addColumns(table.target, added)};`,
        "-- or in the config:",
        "columns:",
        ...binding.feeds
          .filter((feed) => feed.main === undefined)
          .map((feed) => `  ${feed.path.replace(/^[^:]*:/, "")}: ignore`),
      ],
    });
  }
  if (added.length > table.config.contract.maxNewColumns) {
    throw new DrayageError("CONTRACT", {
      message: `The source has ${added.length} new columns at once; contract.max_new_columns is ${table.config.contract.maxNewColumns}`,
      place,
      lines: [
        "contract:",
        `  max_new_columns: ${added.length}`,
        "# or, under columns:, `jsonb` for the path that holds them:",
        ...parents(binding),
      ],
      next: "Add one of the lines printed above to the table's config.",
    });
  }
}

/** The paths that hold the most new columns, as lines to paste. */
function parents(binding: Binding): string[] {
  const counts = new Map<string, number>();
  for (const feed of binding.feeds) {
    if (feed.main !== undefined || feed.from.kind !== "path") continue;
    const parent = feed.from.column.path.slice(0, -1);
    for (let depth = 1; depth <= parent.length; depth++) {
      const path = parent.slice(0, depth).join(".");
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return [...counts]
    .filter(([, count]) => count > 5)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([path, count]) => `  ${JSON.stringify(path)}: jsonb   # ${count} new columns below it`);
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

/** A map with open-ended keys must not make a new table of hundreds of columns: nothing is made before somebody decided. */
export function checkOverflow(
  table: TableSpec,
  overflow: ReadonlyMap<string, number>,
  main: MainTable | undefined,
): void {
  if (overflow.size === 0 || main !== undefined) return;
  throw overflowError(table, overflow, `Flattening would make more than ${table.config.flatten.maxColumns} columns`);
}

export function overflowError(table: TableSpec, overflow: ReadonlyMap<string, number>, message: string): DrayageError {
  const paths = [...overflow].filter(([path]) => ![...overflow.keys()].some((other) => path.startsWith(`${other}.`)));
  const worst = paths.sort((a, b) => b[1] - a[1]).slice(0, 3);
  return new DrayageError("TOO_MANY_COLUMNS", {
    message,
    place: { table: table.name },
    lines: [
      "columns:",
      ...worst.map(
        ([path, count]) => `  ${JSON.stringify(path)}: jsonb   # ${count} values below it had no column left`,
      ),
    ],
  });
}
