/** Why a document cannot be flattened: the record becomes a reject with this reason. */

/** `broken_off`: the text ends in the middle of the document; whether DMS cut it, its length says (lob-cut.ts). */
export type DocumentFaultReason = "bad_json" | "too_deep" | "broken_off" | "not_object";

/** Holds no text of the document, so that it can be logged. */
export class DocumentFault extends Error {
  readonly reason: DocumentFaultReason;
  /** In bytes, from the document's first. */
  readonly offset: number;

  constructor(reason: DocumentFaultReason, offset: number) {
    super(`${reason} at byte ${offset} of the document`);
    this.name = "DocumentFault";
    this.reason = reason;
    this.offset = offset;
  }
}
