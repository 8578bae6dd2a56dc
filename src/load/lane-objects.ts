/** What a lane is told of an object, from its shape, its NULLs and the table's config. */
import { toByteText } from "../rows/byte-text.ts";
import type { DocumentFlattener } from "../rows/flatten-document.ts";
import type { ObjectShape } from "../rows/object-shape.ts";
import type { CellLayout, DecodedObject } from "./record-stager.ts";
import type { RawObject } from "./stage-raw.ts";
import type { NullRule } from "./staged-unit.ts";
import type { TableKnowledge } from "./table-knowledge.ts";
import { isUnread } from "./table-spec.ts";

export interface LaneSettings {
  /** Of the object in its unit. */
  readonly ordinal: number;
  readonly maxRecordBytes: number;
  readonly maxRecords: number;
  readonly onRecords: ((count: number) => void) | undefined;
}

/** What the objects of a unit share in the decoded lane. */
export interface UnitCells {
  readonly layout: CellLayout;
  readonly nulls: NullRule;
  readonly documents: ReadonlyMap<number, DocumentFlattener>;
}

export function rawObject(
  { spec }: TableKnowledge,
  shape: ObjectShape,
  nulls: NullRule,
  { ordinal, maxRecordBytes, onRecords }: LaneSettings,
): RawObject {
  const named = nulls.tokens.filter((token) => token !== "");
  return {
    ordinal,
    width: shape.fields.length,
    delimiter: shape.delimiter,
    quoted: shape.quoted,
    nullToken: nulls.tokens.includes("") ? "" : named[0],
    ambiguousTokens: nulls.castToken === undefined ? [] : [nulls.castToken],
    maxRecordBytes,
    onRecords,
    bodyOffset: shape.bodyOffset,
    lobMaxSize: spec.config.dialect.lobMaxSize,
  };
}

export function decodedObject(
  { spec }: TableKnowledge,
  shape: ObjectShape,
  { layout, nulls, documents }: UnitCells,
  settings: LaneSettings,
): DecodedObject {
  const { unchangedToken } = spec.config.dialect;
  const ignored = shape.fields.flatMap((field, i) =>
    field.role === "column" && isUnread(spec, field.name) ? [i] : [],
  );
  return {
    ...settings,
    shape,
    nullTokens: nulls.tokens,
    invalidText: spec.config.invalidText,
    documents,
    ignored: new Set(ignored),
    layout,
    lobMaxSize: spec.config.dialect.lobMaxSize,
    unchangedToken: unchangedToken === undefined ? undefined : toByteText(unchangedToken),
  };
}
