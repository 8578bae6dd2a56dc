/** Turns decoded records into rows of COPY text: cut cells, repairs, documents; what cannot be staged is noted with its reason. */
import type { ByteText } from "../rows/byte-text.ts";
import { repairText } from "../rows/decoder-port.ts";
import { DocumentFault } from "../rows/document-fault.ts";
import { CopyEncoder } from "../rows/encode-copy.ts";
import type { DocumentFlattener } from "../rows/flatten-document.ts";
import { endsInsideCharacter, isCutDocument, isCutText, mayHoldCut } from "../rows/lob-cut.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import { checkpointEvery } from "../rows/record-scanner.ts";
import { ordinalFactor } from "../warehouse/staging.ts";
import type { UnstagedRecord } from "./staged-unit.ts";

/** Which cell is which, over all objects of a unit: it grows as paths are seen. */
export class CellLayout {
  /** Cells in use. */
  width: number;
  rescued: number | undefined;

  constructor(fields: number) {
    this.width = fields;
  }

  readonly allocate = (): number => this.width++;
}

export interface DecodedObject {
  readonly ordinal: number;
  readonly shape: ObjectShape;
  readonly nullTokens: readonly string[];
  readonly maxRecordBytes: number;
  readonly invalidText: "repair" | "reject";
  /** By field index. */
  readonly documents: ReadonlyMap<number, DocumentFlattener>;
  /** Field indices whose cells are not staged. */
  readonly ignored: ReadonlySet<number>;
  readonly layout: CellLayout;
  /** The size at which DMS cut documents and texts, when known. */
  readonly lobMaxSize: number | undefined;
  /** `unchanged_token`. */
  readonly unchangedToken: ByteText | undefined;
  readonly onRecords: ((count: number) => void) | undefined;
  /** Stops after so many records. */
  readonly maxRecords: number;
  /** Called with the cells of each record that would be staged: what is known of an object without a warehouse. */
  readonly onCells?: ((cells: readonly (ByteText | null)[]) => void) | undefined;
}

export interface DecodedCount {
  readonly records: number;
  readonly staged: number;
  readonly unstaged: readonly UnstagedRecord[];
  readonly checkpoints: readonly number[];
  readonly repairs: Readonly<Record<string, number>>;
}

/** Encoded rows of one width. */
export interface Block {
  readonly width: number;
  readonly bytes: Buffer;
}

type Place = Pick<UnstagedRecord, "record" | "offset" | "length">;

/** Turns records into blocks of encoded rows, synchronously, and keeps the books of the object. */
export class RecordStager {
  readonly #object: DecodedObject;
  readonly #encoder: CopyEncoder;
  readonly #unstaged: UnstagedRecord[] = [];
  readonly #checkpoints: number[] = [];
  readonly #repairs: Record<string, number> = {};
  readonly #opIndex: number;
  readonly #fieldCount: number;
  readonly #base: number;
  /** Repairs that the flatteners had made before this object: they serve the whole unit. */
  readonly #repairsBefore: ReadonlyMap<number, number>;
  #blocks: Block[] = [];
  #records = 0;
  /** Number of the record to come. */
  #next: number;
  #width: number;

  /** `first`: number of the record to come first. */
  constructor(object: DecodedObject, first: number) {
    this.#object = object;
    this.#next = first;
    this.#width = object.layout.width;
    this.#fieldCount = object.shape.fields.length;
    this.#opIndex = object.shape.fields.findIndex((field) => field.role === "op");
    this.#base = object.ordinal * ordinalFactor;
    this.#repairsBefore = new Map([...object.documents].map(([index, flattener]) => [index, flattener.repairs]));
    this.#encoder = new CopyEncoder((bytes) => this.#blocks.push({ width: this.#width, bytes }));
  }

  get full(): boolean {
    return this.#records >= this.#object.maxRecords;
  }

  /** The next record is that one: of a replay, which takes some of an object's. */
  goTo(record: number): void {
    this.#next = record;
  }

  record(fields: (ByteText | null)[], offset: number, length: number, suspect: boolean): void {
    if (this.full) return;
    const record = this.#count(offset);
    if (fields.length !== this.#fieldCount) {
      this.#unstaged.push({ record, reason: "field_count", column: undefined, offset, length });
      return;
    }
    const place = { record, offset, length };
    if (this.#isCut(fields, place)) return;
    // A repair changes the length of a cell, by which a cut one is known.
    const lengths = suspect ? fields.map((cell) => cell?.length ?? 0) : undefined;
    if (suspect && !this.#repair(fields, place)) return;
    const n = this.#base + record;
    if (!this.#flatten(fields, n, place, lengths)) return;
    for (const index of this.#object.ignored) fields[index] = null;
    const { layout, onCells } = this.#object;
    if (onCells !== undefined) {
      onCells(fields);
      return;
    }
    if (layout.width !== this.#width) {
      this.#encoder.flush();
      this.#width = layout.width;
    }
    this.#encoder.row(n, fields, this.#width);
  }

  /** A record that cannot be read. After a fault it is the rest of the object: where its next record begins cannot be told. */
  fault(reason: UnstagedRecord["reason"], offset: number, length: number): void {
    if (this.full) return;
    this.#unstaged.push({ record: this.#count(offset), reason, column: undefined, offset, length });
  }

  /** Number of the record that begins there. */
  #count(offset: number): number {
    if (this.#records++ % checkpointEvery === 0) this.#checkpoints.push(offset);
    return this.#next++;
  }

  /** True when a text of the record was cut by DMS: half a text is no text. Documents say so themselves. */
  #isCut(cells: readonly (ByteText | null)[], place: Place): boolean {
    const { lobMaxSize, documents, ignored, shape } = this.#object;
    if (lobMaxSize === undefined || !mayHoldCut(place.length, lobMaxSize) || this.#isDelete(cells)) return false;
    const index = cells.findIndex(
      (cell, i) => cell !== null && !documents.has(i) && !ignored.has(i) && isCutText(cell, lobMaxSize),
    );
    if (index < 0) return false;
    this.#unstaged.push({ ...place, reason: "truncated_lob", column: shape.fields[index]?.name });
    return true;
  }

  /** A delete carries its key alone. */
  #isDelete(cells: readonly (ByteText | null)[]): boolean {
    return this.#opIndex >= 0 && cells[this.#opIndex] === "D";
  }

  /** False when the record is rejected: a text cell cannot be stored as it is and the config wants no repair. */
  #repair(cells: (ByteText | null)[], place: Place): boolean {
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i];
      if (cell === null || cell === undefined) continue;
      const { text, repaired } = repairText(cell);
      if (!repaired) continue;
      const column = this.#object.shape.fields[i]?.name ?? "";
      if (this.#object.invalidText === "reject") {
        const { documents, lobMaxSize } = this.#object;
        const isCut = documents.has(i) && endsInsideCharacter(cell) && isCutDocument(cell.length, lobMaxSize);
        this.#unstaged.push({ ...place, reason: isCut ? "truncated_lob" : "invalid_text", column });
        return false;
      }
      cells[i] = text;
      this.#repairs[column] = (this.#repairs[column] ?? 0) + 1;
    }
    return true;
  }

  /** Replaces each document by its cells. False when one is no document. `lengths`: of the cells before a repair. */
  #flatten(cells: (ByteText | null)[], n: number, place: Place, lengths: readonly number[] | undefined): boolean {
    const { documents, layout, shape, lobMaxSize, unchangedToken } = this.#object;
    if (documents.size === 0) return true;
    const isDelete = this.#isDelete(cells);
    for (const [index, flattener] of documents) {
      const document = cells[index];
      cells[index] = null;
      if (isDelete || document === null || document === undefined) continue;
      if (document === unchangedToken) {
        // No path has a cell then: the merge sees by the document's own that all of them are left out.
        cells[index] = document;
        continue;
      }
      try {
        const rescued = flattener.flatten(document, n, cells);
        if (rescued !== null) {
          layout.rescued ??= layout.allocate();
          while (cells.length <= layout.rescued) cells.push(null);
          // Of several documents: one object for all of them.
          const before = cells[layout.rescued];
          cells[layout.rescued] = typeof before === "string" ? `${before.slice(0, -1)},${rescued.slice(1)}` : rescued;
        }
      } catch (error) {
        if (!(error instanceof DocumentFault)) throw error;
        const column = shape.fields[index]?.name;
        const isCut = isCutDocument(lengths?.[index] ?? document.length, lobMaxSize);
        const reason = error.reason === "broken_off" ? (isCut ? "truncated_lob" : "bad_json") : error.reason;
        this.#unstaged.push({ ...place, reason, column });
        return false;
      }
    }
    return true;
  }

  flush(): void {
    this.#encoder.flush();
  }

  takeBlocks(): Block[] {
    const blocks = this.#blocks;
    this.#blocks = [];
    return blocks;
  }

  count(): Omit<DecodedCount, "staged"> {
    const repairs = { ...this.#repairs };
    for (const [index, flattener] of this.#object.documents) {
      const name = this.#object.shape.fields[index]?.name ?? "";
      const made = flattener.repairs - (this.#repairsBefore.get(index) ?? 0);
      if (made > 0) repairs[name] = (repairs[name] ?? 0) + made;
    }
    return { records: this.#records, unstaged: this.#unstaged, checkpoints: this.#checkpoints, repairs };
  }
}
