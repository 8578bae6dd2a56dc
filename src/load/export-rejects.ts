/** Hands out the records of open rejects as DMS wrote them, or their keys alone: to be mended, or fetched anew, elsewhere. */
import type { Config } from "../config/config.ts";
import type { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { readMainTable } from "../warehouse/catalog.ts";
import { lastRejectId, readOpenRejects, rejectedObjects } from "../warehouse/open-rejects.ts";
import type { RejectSelection } from "../warehouse/reject-selection.ts";
import type { Session } from "../warehouse/session.ts";
import { readStoredColumns, readTableState } from "../warehouse/table-state.ts";
import { type KnownObject, placeKnown } from "./known-objects.ts";
import { asDrayageError } from "./load-errors.ts";
import { readKeys } from "./reject-keys.ts";
import { type RawRecord, type RejectPiece, rawRecords, rejectPieces } from "./reject-pieces.ts";
import { nothingYet, type TableKnowledge } from "./table-knowledge.ts";
import type { TableSpec } from "./table-spec.ts";

export interface ExportSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly selection: RejectSelection;
  readonly signal: AbortSignal | undefined;
}

export interface ExportedRecord extends RawRecord {
  readonly table: string;
  readonly key: string;
  /** The object's bytes before its first record: BOM and header line. */
  readonly header: Buffer;
}

export interface ExportedKey {
  readonly table: string;
  /** As the source calls them. */
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** What could not be handed out. */
export interface ExportLeft {
  records: number;
  readonly errors: DrayageError[];
}

/** In the order of tables and objects. Each record is to be read before the next. */
export async function* exportRecords(
  session: Session,
  settings: ExportSettings,
  left: ExportLeft,
): AsyncGenerator<ExportedRecord> {
  for await (const { object, piece } of pieces(session, settings, left)) {
    const { known, spec } = object;
    try {
      for await (const raw of rawRecords(piece))
        yield { ...raw, table: spec.name, key: known.key, header: known.header ?? Buffer.alloc(0) };
    } catch (error) {
      note(left, piece, spec, error, settings.signal);
    }
  }
}

/** Each key of a table once. Records whose key cannot be read count as left. */
export async function* exportKeys(
  session: Session,
  settings: ExportSettings,
  left: ExportLeft,
): AsyncGenerator<ExportedKey> {
  const seen = new Set<string>();
  const knowledge = new Map<TableSpec, TableKnowledge>();
  for await (const { object, piece } of pieces(session, settings, left)) {
    const { spec } = object;
    try {
      const known = knowledge.get(spec) ?? (await learn(session, settings.config, spec));
      knowledge.set(spec, known);
      const { names, keys } = await readKeys(known, piece, settings.config.limits.maxRecordBytes);
      left.records += piece.rejects.length - keys.length;
      for (const values of keys) {
        const id = JSON.stringify([spec.name, names, values]);
        if (!seen.has(id)) yield { table: spec.name, names, values };
        seen.add(id);
      }
    } catch (error) {
      note(left, piece, spec, error, settings.signal);
    }
  }
}

async function* pieces(
  session: Session,
  { config, source, selection, signal }: ExportSettings,
  left: ExportLeft,
): AsyncGenerator<{ object: KnownObject; piece: RejectPiece }> {
  const { stateSchema } = config.warehouse;
  const found = await rejectedObjects(session, stateSchema, selection);
  const placed = await placeKnown(config, source, found);
  left.records += found.reduce((sum, one) => sum + one.records, 0);
  for (const { known } of placed) left.records -= known.records;
  const upTo = await lastRejectId(session, stateSchema);
  for (const object of placed) {
    const { known, spec } = object;
    const claim = { id: known.historyId, object: object.object, attempt: 0, again: false, was: undefined };
    for (let after = "0"; ; ) {
      signal?.throwIfAborted();
      const page = { objects: [known.historyId], after, upTo, limit: 1000 };
      const rejects = await readOpenRejects(session, stateSchema, selection, page);
      const last = rejects.at(-1);
      if (last === undefined) break;
      after = last.id;
      const settings = { source, spec, maxHeadBytes: config.limits.maxRecordBytes, signal };
      const own = rejectPieces(claim, known.header, rejects, settings);
      left.records += rejects.length - own.reduce((sum, piece) => sum + piece.rejects.length, 0);
      for (const piece of own) yield { object, piece };
    }
  }
}

async function learn(session: Session, config: Config, spec: TableSpec): Promise<TableKnowledge> {
  const { stateSchema } = config.warehouse;
  const state = await readTableState(session, stateSchema, spec.name);
  const main = await readMainTable(session, spec.target.schema, spec.target.table);
  const stored = await readStoredColumns(session, stateSchema, spec.name);
  return { spec, main, stored, pinned: state?.pinned ?? {}, ...nothingYet };
}

function note(
  left: ExportLeft,
  piece: RejectPiece,
  spec: TableSpec,
  error: unknown,
  signal: AbortSignal | undefined,
): void {
  if (signal?.aborted === true) throw error;
  left.records += piece.rejects.length;
  const failed = asDrayageError(error, spec, "read the object again");
  if (!left.errors.some((one) => one.code === failed.code && one.message === failed.message)) left.errors.push(failed);
}
