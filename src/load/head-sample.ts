/** Reads the heads of a table's objects as `load` would read them, without a warehouse: shapes, cells, what would be rejected. */
import type { Config } from "../config/config.ts";
import { DrayageError, withPlace } from "../errors.ts";
import { type ByteText, toByteText } from "../rows/byte-text.ts";
import type { DocumentFlattener } from "../rows/flatten-document.ts";
import type { ShapeField } from "../rows/known-names.ts";
import { detectShape, type ObjectShape } from "../rows/object-shape.ts";
import { readHead } from "../rows/read-head.ts";
import { RecordReader } from "../rows/record-reader.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { isArchived } from "./archived-objects.ts";
import { HeadColumn, type RecordOrigin } from "./head-cells.ts";
import { asDrayageError } from "./load-errors.ts";
import { type OpenedObject, openObject } from "./open-object.ts";
import { CellLayout, RecordStager } from "./record-stager.ts";
import type { HeadSample, SeenObject } from "./seen-heads.ts";
import type { UnstagedRecord } from "./staged-unit.ts";
import type { NamedObject } from "./table-folders.ts";
import {
  flatteners,
  isDocument,
  knownNames,
  newPins,
  nothingYet,
  nullRule,
  type TableKnowledge,
} from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";

export interface HeadSettings {
  readonly source: ObjectSource;
  readonly limits: Config["limits"];
  /** Records read of the table. */
  readonly most: number;
  readonly signal: AbortSignal | undefined;
}

/** Asked of an object at first: what openObject looks at. */
const headBytes = 65_536;
/** And at the most, where no record ends within that. */
const longHeadBytes = 4 * 2 ** 20;

interface Opened {
  readonly object: NamedObject;
  readonly opened: OpenedObject;
}

/** Never rejects because of an object: what cannot be read is among `errors`. */
export async function sampleHeads(
  spec: TableSpec,
  objects: readonly NamedObject[],
  settings: HeadSettings,
): Promise<HeadSample> {
  const sampler = new HeadSampler(spec, settings);
  for (const object of objects) await sampler.open(object);
  return sampler.read();
}

class HeadSampler {
  readonly #spec: TableSpec;
  readonly #settings: HeadSettings;
  readonly #seen: (SeenObject & Opened)[] = [];
  readonly #errors: DrayageError[] = [];
  #known: TableKnowledge;
  #bytes = 0;
  #records = 0;
  #deletes = 0;
  #kept = 0;
  readonly #columns: HeadColumn[] = [];
  readonly #unstaged: UnstagedRecord[] = [];

  constructor(spec: TableSpec, settings: HeadSettings) {
    this.#spec = spec;
    this.#settings = settings;
    this.#known = { spec, main: undefined, stored: [], pinned: {}, ...nothingYet };
  }

  async open(object: NamedObject): Promise<void> {
    const { signal } = this.#settings;
    try {
      if (isArchived(object)) throw new DrayageError("OBJECT_ARCHIVED");
      let opened = await this.#head(object);
      const shape = detectShape(opened.head, opened.whole, knownNames(this.#known, object.kind));
      if (!opened.whole && !holdsRecord(opened.head, shape)) opened = await this.#longHead(object);
      const nulls = nullRule(this.#known, opened, shape);
      this.#seen.push({ object, opened, shape, nulls });
      this.#known = { ...this.#known, pinned: { ...this.#known.pinned, ...newPins(this.#known, { shape, nulls }) } };
    } catch (error) {
      signal?.throwIfAborted();
      this.#errors.push(asDrayageError(withPlace(error, { object: object.key }), this.#spec, "read the object"));
    }
  }

  /** The first bytes alone: a range is asked for, so that nothing else is sent. */
  async #head(object: NamedObject): Promise<OpenedObject> {
    const most = Math.min(object.size, headBytes);
    const cut: ObjectSource = {
      ...this.#settings.source,
      open: (listed, options) => this.#settings.source.open(listed, { ...options, to: most }),
    };
    const isCut = most < object.size;
    try {
      const opened = await this.#open(cut, object);
      this.#bytes += most;
      // Its first record is longer, or so well compressed that the range was all used up.
      if (!opened.whole || !isCut) return opened;
    } catch (error) {
      if (!isCut || !(error instanceof DrayageError) || error.code !== "GZIP_BROKEN") throw error;
    }
    const opened = await this.#open(this.#settings.source, object);
    this.#bytes += Math.max(most, opened.head.length);
    return opened;
  }

  /** Of an object whose first record is longer than what was asked for at first: documents of a megabyte are no rarity. */
  async #longHead(object: NamedObject): Promise<OpenedObject> {
    const opened = await this.#open(this.#settings.source, object, false);
    try {
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of opened.bytes(0)) {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= longHeadBytes) break;
      }
      this.#bytes += length;
      return { ...opened, head: Buffer.concat(chunks), whole: length < longHeadBytes };
    } finally {
      opened.close();
    }
  }

  async #open(source: ObjectSource, object: NamedObject, closed = true): Promise<OpenedObject> {
    const opened = await openObject(source, object, {
      gzip: object.gzip,
      encoding: this.#spec.config.dialect.encoding,
      maxHeadBytes: this.#settings.limits.maxRecordBytes,
      signal: this.#settings.signal,
    });
    if (closed) opened.close();
    return opened;
  }

  /** One after another into the fields of all together, so that a path has one column and one type, whatever object it came in. */
  read(): HeadSample {
    const fields = this.#allFields();
    const layout = new CellLayout(fields.length);
    const first = this.#seen[0]?.shape;
    const documents =
      first === undefined
        ? new Map<number, DocumentFlattener>()
        : flatteners(this.#known, { ...first, fields }, this.#settings.limits.maxDepth, layout.allocate);
    for (const seen of this.#seen) this.#readObject(seen, fields, layout, documents);
    const overflow = new Map([...documents.values()].flatMap((flattener) => [...flattener.overflow]));
    return {
      objects: this.#seen,
      records: this.#records,
      deletes: this.#deletes,
      kept: this.#kept,
      staged: {
        fields: fields.map(({ name, role }, index) => ({
          index,
          name,
          role: role === "column" && isDocument(this.#spec, name) ? "document" : role,
        })),
        paths: [...documents].flatMap(([index, flattener]) =>
          flattener.columns.map((column) => ({ document: fields[index]?.name ?? "", column })),
        ),
        expected: [],
        rescued: layout.rescued,
        room: Number.POSITIVE_INFINITY,
        closed: undefined,
      },
      columns: this.#columns,
      overflow,
      unstaged: this.#unstaged,
      evidence: this.#evidence(),
      errors: this.#errors,
      bytes: this.#bytes,
    };
  }

  /** What one object shows, another need not: only where none does, nothing was seen. */
  #evidence(): string[] {
    const shown = this.#seen.flatMap(({ shape, nulls }) => [
      ...shape.evidence,
      ...(nulls.decided ? nulls.evidence.filter((line) => !line.endsWith("as in earlier objects of the table")) : []),
    ]);
    const undecided = this.#seen.every(({ nulls }) => !nulls.decided) ? (this.#seen[0]?.nulls.evidence ?? []) : [];
    return [...new Set([...shown, ...undecided])];
  }

  #allFields(): ShapeField[] {
    const fields: ShapeField[] = [];
    for (const { shape } of this.#seen)
      for (const field of shape.fields) if (placeOf(fields, field) < 0) fields.push(field);
    return fields;
  }

  #readObject(
    { opened, object, shape, nulls }: SeenObject & Opened,
    fields: readonly ShapeField[],
    layout: CellLayout,
    documents: ReadonlyMap<number, DocumentFlattener>,
  ): void {
    const left = this.#settings.most - this.#records;
    if (shape.empty || left <= 0) return;
    const places = shape.fields.map((field) => placeOf(fields, field));
    const own = new Map(
      shape.fields.flatMap((_, i) => {
        const flattener = documents.get(places[i] ?? -1);
        return flattener === undefined ? [] : [[i, flattener] as const];
      }),
    );
    const opIndex = shape.fields.findIndex((field) => field.role === "op");
    const isFullLoad = object.kind === "full_load";
    const { lobMaxSize, unchangedToken } = this.#spec.config.dialect;
    const stager = new RecordStager(
      {
        ordinal: 0,
        shape,
        nullTokens: nulls.tokens,
        maxRecordBytes: this.#settings.limits.maxRecordBytes,
        invalidText: this.#spec.config.invalidText,
        documents: own,
        ignored: new Set(),
        layout,
        lobMaxSize,
        unchangedToken: unchangedToken === undefined ? undefined : toByteText(unchangedToken),
        onRecords: undefined,
        maxRecords: left,
        onCells: (cells) => {
          const op = opIndex < 0 ? "I" : cells[opIndex];
          if (op !== "I" && op !== "U" && op !== "D") {
            this.#unstaged.push({ record: 0, reason: "bad_op", column: undefined, offset: 0, length: 0 });
            return;
          }
          this.#note(cells, places, fields.length, { isFullLoad, isDelete: op === "D" });
        },
      },
      1,
    );
    const reader = new RecordReader({
      delimiter: shape.delimiter,
      quoted: shape.quoted,
      rowDelimiter: shape.rowDelimiter,
      nullTokens: nulls.tokens,
      maxRecordBytes: this.#settings.limits.maxRecordBytes,
      singleColumn: shape.fields.length === 1,
      onRecord: (cells, start, length) => stager.record(cells, start, length, reader.suspect),
      onFault: (fault) => stager.fault(fault.reason, fault.start, 0),
    });
    reader.write(opened.head.subarray(shape.bodyOffset));
    // Else the head ends in the middle of a record, which is no fault of it.
    if (opened.whole && !stager.full) reader.end();
    const { records, unstaged } = stager.count();
    this.#records += records;
    this.#unstaged.push(...unstaged);
  }

  /** `cells`: those of the record's own fields, and behind all the fields those of paths. */
  #note(cells: readonly (ByteText | null)[], places: readonly number[], width: number, origin: RecordOrigin): void {
    if (origin.isDelete) this.#deletes++;
    else this.#kept++;
    for (const [i, place] of places.entries()) this.#column(place).add(cells[i], origin);
    for (let i = width; i < Math.max(cells.length, this.#columns.length); i++) this.#column(i).add(cells[i], origin);
  }

  #column(index: number): HeadColumn {
    while (this.#columns.length <= index) this.#columns.push(new HeadColumn());
    return this.#columns[index] as HeadColumn;
  }
}

function holdsRecord(head: Buffer, shape: ObjectShape): boolean {
  const from = shape.bodyOffset;
  return readHead(head, false, { ...shape, nullTokens: [], from, limit: 1 }).records.length > 0;
}

function placeOf(fields: readonly ShapeField[], { name, role }: ShapeField): number {
  return fields.findIndex((field) => field.name === name && field.role === role);
}
