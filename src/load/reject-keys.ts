/** Reads the keys of rejected records: what is needed to fetch their rows anew from the source. */
import { fromByteText } from "../rows/byte-text.ts";
import type { Cell } from "../rows/decoder-port.ts";
import { detectShape, type ObjectShape } from "../rows/object-shape.ts";
import { RecordReader } from "../rows/record-reader.ts";
import { bindColumns } from "./bind-columns.ts";
import { noPaths } from "./binding.ts";
import type { RejectPiece } from "./reject-pieces.ts";
import { isDocument, knownNames, nullRule, type TableKnowledge } from "./table-knowledge.ts";

export interface RejectKeys {
  /** Of the key's fields, as the source calls them. */
  readonly names: readonly string[];
  /** Of the records whose key is there. */
  readonly keys: readonly (readonly string[])[];
}

/** The rest of an object has no keys that could be told; a key that lies in a document, none where that is cut. */
export async function readKeys(
  known: TableKnowledge,
  { claim, piece, rest }: RejectPiece,
  maxRecordBytes: number,
): Promise<RejectKeys> {
  if (rest) return { names: [], keys: [] };
  const opened = await piece.open();
  try {
    const shape = detectShape(opened.head, opened.whole, knownNames(known, claim.object.kind));
    const nullTokens = nullRule(known, opened, shape).tokens;
    const indexes = keyFields(known, shape);
    const source = piece.records(opened);
    if (indexes.length === 0 || source.kind === "stream") return { names: [], keys: [] };
    const keys: string[][] = [];
    for await (const { bytes } of source.records) {
      const read: Cell[][] = [];
      const reader = new RecordReader({
        delimiter: shape.delimiter,
        quoted: shape.quoted,
        rowDelimiter: shape.rowDelimiter,
        nullTokens,
        maxRecordBytes,
        onRecord: (fields) => void read.push(fields),
        onFault: () => undefined,
      });
      reader.write(bytes);
      reader.end();
      const [fields] = read;
      const cells = indexes.map((index) => fields?.[index]);
      const isWhole = read.length === 1 && fields?.length === shape.fields.length;
      if (isWhole && cells.every((cell) => cell !== null && cell !== undefined))
        keys.push(cells.map((cell) => fromByteText(cell ?? "")));
    }
    return { names: indexes.map((index) => shape.fields[index]?.name ?? ""), keys };
  } finally {
    opened.close();
  }
}

/** Fields of the key, in its order; empty when one of its columns comes from no field. */
function keyFields(known: TableKnowledge, shape: ObjectShape): number[] {
  const { spec, stored, main } = known;
  const fields = shape.fields.map((field, index) => ({
    index,
    name: field.name,
    role: field.role === "column" && isDocument(spec, field.name) ? ("document" as const) : field.role,
  }));
  const { key, feeds } = bindColumns(spec, { fields, ...noPaths }, stored, main);
  const indexes = key.flatMap((column) => {
    const from = feeds.find((feed) => feed.column === column)?.from;
    return from?.kind === "field" ? [from.index] : [];
  });
  return indexes.length === key.length ? indexes : [];
}
