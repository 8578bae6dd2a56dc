/** Stages a unit: consecutive objects of one shape, read one after another into one staging table, in one transaction. */
import type { Config } from "../config/config.ts";
import { DrayageError, withPlace } from "../errors.ts";
import type { DocumentFlattener } from "../rows/flatten-document.ts";
import { detectShape, type ObjectShape, sameShape } from "../rows/object-shape.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { Claim } from "../warehouse/load-history.ts";
import type { Session } from "../warehouse/session.ts";
import type { Staging, StagingTable } from "../warehouse/staging.ts";
import { isConnectionLost, isRecordFault, serverFault } from "../warehouse/warehouse-error.ts";
import { isArchived } from "./archived-objects.ts";
import type { SourceObject } from "./discover.ts";
import { reach } from "./failpoint.ts";
import { decodedObject, type LaneSettings, rawObject, type UnitCells } from "./lane-objects.ts";
import { type OpenedObject, openObject } from "./open-object.ts";
import { CellLayout } from "./record-stager.ts";
import { type RecordSource, stageDecoded } from "./stage-decoded.ts";
import { stageRaw } from "./stage-raw.ts";
import type { Lane, NullRule, StagedObject, StagedUnit } from "./staged-unit.ts";
import {
  flatteners,
  forLane,
  knownNames,
  laneOf,
  nullRule,
  overflowOf,
  sameNulls,
  type TableKnowledge,
} from "./table-knowledge.ts";
import { keepsOrder } from "./table-spec.ts";

export interface StageSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly signal: AbortSignal | undefined;
  /** Tests alone force a lane. */
  readonly lane?: Lane | undefined;
  /** Records that are staged at the most: `plan` reads heads. */
  readonly maxRecords: number;
  /** Called with the shape of a unit's first object, before a record of it is staged; throws to refuse the object. */
  readonly onShape?: ((shape: ObjectShape) => Promise<void>) | undefined;
  /** A replay: what is read of each claim, instead of its whole object. */
  readonly pieces?: ReadonlyMap<Claim<SourceObject>, ObjectPiece> | undefined;
  /** Called as bytes are read, for the progress line. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onRecords?: ((count: number) => void) | undefined;
}

/** Some records of an object, staged under the numbers that they have in it. */
export interface ObjectPiece {
  open(): Promise<OpenedObject>;
  records(opened: OpenedObject): RecordSource;
}

export interface StageOutcome {
  /** undefined: every object failed. */
  readonly unit: StagedUnit | undefined;
  readonly failures: readonly { readonly claim: Claim<SourceObject>; readonly error: unknown }[];
  /** Objects of another shape, untouched: the next unit begins with them. */
  readonly rest: readonly Claim<SourceObject>[];
}

export async function stageUnit(
  session: Session,
  staging: Staging,
  known: TableKnowledge,
  claims: readonly Claim<SourceObject>[],
  settings: StageSettings,
): Promise<StageOutcome> {
  const stager = new UnitStager(session, staging, known, settings);
  const failures: { claim: Claim<SourceObject>; error: unknown }[] = [];
  let rest: readonly Claim<SourceObject>[] = [];
  try {
    await session.transaction(async () => {
      for (const [i, claim] of claims.entries()) {
        settings.signal?.throwIfAborted();
        try {
          if (!(await stager.add(claim))) {
            rest = claims.slice(i);
            break;
          }
        } catch (error) {
          // A row that no page takes is the object's fault: it must not stop every object after it.
          const isServers = serverFault(error) !== undefined && !isRecordFault(error);
          if (isConnectionLost(error) || isServers || settings.signal?.aborted === true) throw error;
          failures.push({ claim, error: withPlace(error, { table: known.spec.name, object: claim.object.key }) });
          // Somebody has to decide, and the rest of the table would fail alike; or what comes after waits for this one.
          if ((error instanceof DrayageError && error.exit === 6) || keepsOrder(known.spec)) {
            rest = claims.slice(i + 1);
            break;
          }
        }
      }
      await stager.finish();
      await reach("before_stage_commit", known.spec.name);
    });
    await reach("after_stage_commit", known.spec.name);
  } catch (error) {
    if (!isConnectionLost(error)) await staging.forget();
    throw error;
  }
  return { unit: stager.unit(), failures, rest };
}

class UnitStager {
  readonly #session: Session;
  readonly #staging: Staging;
  readonly #known: TableKnowledge;
  readonly #settings: StageSettings;
  readonly #objects: StagedObject[] = [];
  #left: number;
  /** Of the object at hand. None is used twice: the flatteners remember record numbers of an object that broke off, too. */
  #ordinal = -1;
  #shape: ObjectShape | undefined;
  #nulls: NullRule | undefined;
  #table: StagingTable | undefined;
  #layout: CellLayout | undefined;
  #documents: ReadonlyMap<number, DocumentFlattener> = new Map();

  constructor(session: Session, staging: Staging, known: TableKnowledge, settings: StageSettings) {
    this.#session = session;
    this.#staging = staging;
    this.#known = known;
    this.#settings = settings;
    this.#left = settings.maxRecords;
  }

  unit(): StagedUnit | undefined {
    if (this.#objects.length === 0 || this.#shape === undefined || this.#nulls === undefined) return undefined;
    const { fields } = this.#shape;
    const named = [...this.#documents].map(([index, made]) => [fields[index]?.name ?? "", made] as const);
    return {
      staging: this.#table,
      shape: this.#shape,
      nulls: this.#nulls,
      objects: this.#objects,
      documents: this.#documents,
      rescued: this.#layout?.rescued,
      overflow: overflowOf(this.#known.spec, new Map(named)),
    };
  }

  /** False, with nothing read into staging, when the object's shape is another than the unit's. */
  async add(claim: Claim<SourceObject>): Promise<boolean> {
    const { object } = claim;
    if (this.#left <= 0) return false;
    if (isArchived(object)) throw new DrayageError("OBJECT_ARCHIVED");
    const began = performance.now();
    this.#ordinal++;
    const piece = this.#settings.pieces?.get(claim);
    let opened = await (piece?.open() ?? this.#open(object));
    try {
      await reach("object_opened", this.#known.spec.name);
      const shape = detectShape(opened.head, opened.whole, knownNames(this.#known, object.kind));
      if (shape.empty) {
        for await (const _ of opened.bytes(0)) {
          // Read to its end for the hash alone.
        }
        this.#shape ??= shape;
        this.#nulls ??= nullRule(this.#known, opened, shape);
        this.#note(claim, "decoded", { records: 0, staged: 0, checkpoints: [] }, { opened, shape, began });
        return true;
      }
      const lane = piece !== undefined ? "decoded" : this.#laneOf(shape, nullRule(this.#known, opened, shape));
      const nulls = forLane(nullRule(this.#known, opened, shape), lane);
      if (this.#table === undefined) await this.#settings.onShape?.(shape);
      if (!this.#begin(shape, nulls)) return false;
      const table = await this.#stagingTable();
      return await this.#atomically(table, async () => {
        if (lane === "raw") {
          const raw = rawObject(this.#known, shape, nulls, this.#laneSettings());
          const bytes = this.#counted(opened, shape.bodyOffset);
          const count = await stageRaw(this.#session, this.#staging, table, raw, bytes);
          if (count !== undefined) {
            this.#note(claim, "raw", count, { opened, shape, began });
            return true;
          }
          opened.close();
          opened = await this.#open(object);
          // In the other lane a quoted token is text and an unquoted one NULL already: such an object needs a unit of its own.
          if (nulls.castToken !== undefined && this.#objects.length > 0) return false;
          this.#nulls = forLane(nulls, "decoded");
        }
        const decoded = decodedObject(this.#known, shape, this.#cells(), this.#laneSettings());
        const source = piece?.records(opened) ?? this.#wholeObject(opened, shape.bodyOffset);
        const count = await stageDecoded(this.#staging, table, decoded, source);
        const first = source.kind === "stream" ? source.first : 1;
        this.#note(claim, "decoded", count, { opened, shape, began, first });
        return true;
      });
    } finally {
      opened.close();
    }
  }

  /** Cells whose columns went with an object that broke off: its paths are still bound. */
  async finish(): Promise<void> {
    if (this.#table !== undefined) await this.#staging.widen(this.#table, this.#layout?.width ?? 0);
  }

  /** An object that breaks off in the middle leaves nothing of it in staging; the others of the unit stay. */
  async #atomically<T>(table: StagingTable, work: () => Promise<T>): Promise<T> {
    const { width } = table;
    try {
      return await this.#session.savepoint("drayage_object", work);
    } catch (error) {
      table.width = width;
      throw error;
    }
  }

  /** `plan` reads heads, which only the decoder can cut at a record. */
  #laneOf(shape: ObjectShape, nulls: NullRule): Lane {
    if (this.#settings.maxRecords !== Number.POSITIVE_INFINITY) return "decoded";
    return this.#settings.lane ?? laneOf(this.#known, shape, nulls);
  }

  #open(object: SourceObject): Promise<OpenedObject> {
    return openObject(this.#settings.source, object, {
      gzip: object.gzip,
      encoding: this.#known.spec.config.dialect.encoding,
      maxHeadBytes: this.#settings.config.limits.maxRecordBytes,
      signal: this.#settings.signal,
    });
  }

  #wholeObject(opened: OpenedObject, bodyOffset: number): RecordSource {
    return { kind: "stream", first: 1, offset: bodyOffset, bytes: this.#counted(opened, bodyOffset) };
  }

  async *#counted(opened: OpenedObject, from: number): AsyncGenerator<Buffer> {
    for await (const chunk of opened.bytes(from)) {
      this.#settings.signal?.throwIfAborted();
      this.#settings.onBytes?.(chunk.length);
      yield chunk;
      await reach("mid_object", this.#known.spec.name);
    }
  }

  /** Fixes the unit's shape by its first object with records; false when this one does not fit. */
  #begin(shape: ObjectShape, nulls: NullRule): boolean {
    if (this.#table === undefined) {
      this.#shape = shape;
      this.#nulls = nulls;
      this.#layout = new CellLayout(shape.fields.length);
      this.#documents = flatteners(this.#known, shape, this.#settings.config.limits.maxDepth, this.#layout.allocate);
      return true;
    }
    return this.#shape !== undefined && sameShape(this.#shape, shape) && sameNulls(this.#nulls, nulls);
  }

  async #stagingTable(): Promise<StagingTable> {
    this.#table ??= await this.#staging.empty(this.#layout?.width ?? 0);
    return this.#table;
  }

  #laneSettings(): LaneSettings {
    const { onRecords, config } = this.#settings;
    const { maxRecordBytes } = config.limits;
    return { ordinal: this.#ordinal, maxRecordBytes, maxRecords: this.#left, onRecords };
  }

  #cells(): UnitCells {
    if (this.#layout === undefined || this.#nulls === undefined) throw new DrayageError("INTERNAL");
    return { layout: this.#layout, nulls: this.#nulls, documents: this.#documents };
  }

  #note(
    claim: Claim<SourceObject>,
    lane: Lane,
    count: Pick<StagedObject, "records" | "staged" | "checkpoints"> &
      Partial<Pick<StagedObject, "unstaged" | "repairs">>,
    { opened, shape, began, first = 1 }: { opened: OpenedObject; shape: ObjectShape; began: number; first?: number },
  ): void {
    const unstaged = count.unstaged ?? [];
    if (count.staged + unstaged.length !== count.records) {
      throw new DrayageError("COUNT_MISMATCH", {
        message: `The ${lane} lane counted ${count.records} records, COPY took ${count.staged} and ${unstaged.length} were rejected`,
        place: { object: claim.object.key },
      });
    }
    this.#left -= count.records;
    this.#objects.push({
      claim,
      ordinal: this.#ordinal,
      lane,
      records: count.records,
      staged: count.staged,
      unstaged,
      first,
      checkpoints: count.checkpoints,
      header: Buffer.from(opened.head.subarray(0, shape.bodyOffset)),
      repairs: count.repairs ?? {},
      sha256: opened.sha256(),
      bytes: claim.object.size,
      timings: { stage_ms: Math.round(performance.now() - began), source_ms: Math.round(opened.waited()) },
    });
  }
}
