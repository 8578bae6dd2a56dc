/** An export of information_schema.columns: names, order, types and keys of any number of source tables. */
import { warehouseType } from "./export-type.ts";
import { readSeparated } from "./separated-text.ts";

export interface ExportedColumn {
  readonly name: string;
  /** PostgreSQL's; undefined: the export names none. */
  readonly type: string | undefined;
}

export interface ExportedTable {
  readonly schema: string;
  readonly table: string;
  /** In the source's order. */
  readonly columns: readonly ExportedColumn[];
  /** Empty: the export names none. */
  readonly key: readonly string[];
}

export interface ColumnsExport {
  readonly tables: readonly ExportedTable[];
}

/** What is wrong with it, without a value of it. */
export class ExportFault extends Error {}

/** The names that the four databases, and the queries of docs/quickstart.md, give to what is read here. */
const headings = {
  schema: ["table_schema", "schema_name", "owner", "schema"],
  table: ["table_name", "table"],
  column: ["column_name", "column"],
  position: ["ordinal_position", "column_id", "position"],
  // With its brackets and its `unsigned` MySQL's column_type says more.
  type: ["column_type", "data_type", "type"],
  precision: ["numeric_precision", "data_precision", "precision"],
  scale: ["numeric_scale", "data_scale", "scale"],
  key: ["key_position", "column_key", "primary_key", "is_primary_key"],
} as const;

type Heading = keyof typeof headings;

/** Throws ExportFault. Comma, tab or semicolon between fields: whatever client wrote it. */
export function readColumnsExport(text: string): ColumnsExport {
  const rows = readSeparated(text, (names) => placesOf(names).column !== undefined);
  const [head, ...body] = rows ?? [];
  if (head === undefined)
    throw new ExportFault("is no export of columns: its first line must name table_name and column_name");
  const places = placesOf(head);
  if (places.table === undefined || places.column === undefined)
    throw new ExportFault("is no export of columns: its first line must name table_name and column_name");
  const tables = new Map<string, Gathered>();
  for (const [i, row] of body.entries()) {
    // What sqlcmd writes below the names, and behind the rows.
    if (row.every((cell) => /^-*$/.test(cell)) || (row.length === 1 && head.length > 1)) continue;
    const cell = (heading: Heading) => {
      const place = places[heading];
      const value = place === undefined ? "" : (row[place] ?? "").trim();
      return /^(?:null|\\n)$/i.test(value) ? "" : value;
    };
    gather(tables, cell, i);
  }
  if (tables.size === 0) throw new ExportFault("is an export of no columns");
  return { tables: [...tables.values()].map(tableOf) };
}

interface Gathered {
  readonly schema: string;
  readonly table: string;
  readonly columns: (ExportedColumn & { readonly position: number; readonly key: number })[];
}

function gather(tables: Map<string, Gathered>, cell: (heading: Heading) => string, line: number): void {
  const [schema, table, name] = [cell("schema"), cell("table"), cell("column")];
  if (table === "" || name === "") throw new ExportFault(`has no table or column in line ${line + 2}`);
  const id = `${schema}\0${table}`;
  const known = tables.get(id) ?? { schema, table, columns: [] };
  tables.set(id, known);
  if (known.columns.some((column) => column.name === name))
    throw new ExportFault(`names a column of a table for the second time in line ${line + 2}`);
  const type = cell("type");
  const position = Number(cell("position"));
  known.columns.push({
    name,
    type:
      type === ""
        ? undefined
        : warehouseType({ name: type, precision: count(cell("precision")), scale: count(cell("scale")) }),
    position: position > 0 ? position : line,
    key: keyPosition(cell("key"), position > 0 ? position : line),
  });
}

function tableOf({ schema, table, columns }: Gathered): ExportedTable {
  const sorted = columns.toSorted((a, b) => a.position - b.position);
  const key = sorted.filter((column) => column.key > 0).sort((a, b) => a.key - b.key);
  return { schema, table, columns: sorted.map(({ name, type }) => ({ name, type })), key: key.map(({ name }) => name) };
}

/** Its place in the key, from 1, or a word that says yes; 0: it is no part of it. */
function keyPosition(text: string, position: number): number {
  if (/^\d+$/.test(text)) return Number(text);
  return /^(?:pri|yes|y|true|t|p)$/i.test(text) ? position : 0;
}

function count(text: string): number | undefined {
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

function placesOf(names: readonly string[]): Partial<Record<Heading, number>> {
  const found = names.map((name) => name.trim().toLowerCase());
  const places: Partial<Record<Heading, number>> = {};
  for (const [heading, spellings] of Object.entries(headings)) {
    const spelling = spellings.find((one) => found.includes(one));
    if (spelling !== undefined) places[heading as Heading] = found.indexOf(spelling);
  }
  return places;
}

/**
 * The table of a folder (`shop/orders`): by schema and name, in whatever letters; by the name alone where the export has only one such
 * table, since DMS can rename schemas.
 */
export function exportedTable({ tables }: ColumnsExport, folder: string): ExportedTable | undefined {
  const levels = folder.split("/");
  const [schema, table] = [levels.at(-2)?.toLowerCase(), levels.at(-1)?.toLowerCase()];
  const named = tables.filter((one) => one.table.toLowerCase() === table);
  return named.find((one) => one.schema.toLowerCase() === schema) ?? (named.length === 1 ? named[0] : undefined);
}
