/** Reads objects back with a reader that nobody here wrote, and applies them: the reference for the generator. */
import { gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { type Cell, type DropFormat, type DropObject, readBody } from "../../src/demo/drop-writer.ts";

export interface ReadRecord {
  readonly op: string;
  readonly cells: readonly Cell[];
}

export interface ReadObject {
  readonly path: string;
  readonly header: readonly string[] | undefined;
  readonly records: readonly ReadRecord[];
}

export async function readObject(object: DropObject, format: DropFormat): Promise<ReadObject> {
  const bytes = await readBody(object);
  const lines: string[][] = parse(format.gzip ? gunzipSync(bytes) : bytes, {
    delimiter: format.delimiter,
    quote: format.rfc4180 ? '"' : null,
    record_delimiter: format.rowDelimiter,
    relax_column_count: false,
  });
  const header = format.header ? lines.shift() : undefined;
  const hasOp = object.kind === "change" || format.opOnFullLoad;
  const before = (hasOp ? 1 : 0) + (format.timestampColumn === undefined ? 0 : 1);
  const records = lines.map((fields) => ({
    op: hasOp ? (fields[0] ?? "") : "I",
    cells: fields.slice(before).map((field) => (field === format.nulls ? null : field)),
  }));
  return { path: object.path, header, records };
}

/** Rows by key. With a before image the last cell is the old key, and no part of the row. */
export function replay(objects: Iterable<ReadObject>, beforeImage = false): Map<string, readonly Cell[]> {
  const rows = new Map<string, readonly Cell[]>();
  for (const { records } of objects) {
    for (const { op, cells } of records) {
      const row = beforeImage ? cells.slice(0, -1) : cells;
      const key = row[0] ?? "";
      if (beforeImage && op === "U") rows.delete(cells.at(-1) ?? "");
      if (op === "D") rows.delete(key);
      else rows.set(key, row);
    }
  }
  return rows;
}
