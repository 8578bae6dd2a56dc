/** What a unit is between its two transactions: staged rows, and everything that the merge must know of them. */
import type { DocumentFlattener } from "../rows/flatten-document.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import type { Claim } from "../warehouse/load-history.ts";
import type { RejectReason } from "../warehouse/reject-reasons.ts";
import type { StagingTable } from "../warehouse/staging.ts";
import type { SourceObject } from "./discover.ts";

export type Lane = "raw" | "decoded";

/** A record that could not be staged. */
export interface UnstagedRecord {
  readonly record: number;
  readonly reason: RejectReason;
  readonly column: string | undefined;
  /** In the object's bytes, after gunzip. */
  readonly offset: number;
  readonly length: number;
}

export interface StagedObject {
  readonly claim: Claim<SourceObject>;
  /** Position in the unit. */
  readonly ordinal: number;
  readonly lane: Lane;
  /** Records that the scanner or the decoder counted. */
  readonly records: number;
  /** Rows in COPY's command tags. */
  readonly staged: number;
  readonly unstaged: readonly UnstagedRecord[];
  /** Number of the record at the first checkpoint: 1, but of the rest of an object that is replayed. */
  readonly first: number;
  /** Byte offset of every 1,024th record, from the first. */
  readonly checkpoints: readonly number[];
  /** Its bytes before the first record: BOM and header line. */
  readonly header: Buffer;
  readonly repairs: Readonly<Record<string, number>>;
  readonly sha256: Buffer;
  /** Of the object, as stored. */
  readonly bytes: number;
  readonly timings: Readonly<Record<string, number>>;
}

export interface StagedUnit {
  /** undefined: no object had a record. */
  readonly staging: StagingTable | undefined;
  readonly shape: ObjectShape;
  readonly nulls: NullRule;
  readonly objects: readonly StagedObject[];
  readonly documents: ReadonlyMap<number, DocumentFlattener>;
  /** Cell of the rescued paths, once there were any. */
  readonly rescued: number | undefined;
  /** Paths that had no column left, by parent. */
  readonly overflow: ReadonlyMap<string, number>;
}

/** What means NULL in the objects of a unit. */
export interface NullRule {
  readonly tokens: readonly string[];
  /** Whether the tokens were decided by evidence or config, rather than assumed. */
  readonly decided: boolean;
  /** Sentences for `plan`, without values. */
  readonly evidence: readonly string[];
  /** Raw lane with two tokens: COPY's NULL is '', this token is turned into NULL by the cast. */
  readonly castToken: string | undefined;
}
