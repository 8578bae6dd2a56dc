/** The closed table of why a record is rejected: each word with its sentence and with what to do about it. */
import { type RejectReason, rejectReasons } from "./find-bad-records.ts";

export type { RejectReason };

export interface RejectEntry {
  /** One sentence without a full stop: what is wrong with the record. */
  readonly summary: string;
  /** One sentence for the person on call: what to change. */
  readonly next: string;
}

const again = "`drayage rejects replay`";
const replay = `then ${again}`;
const anew = "fetch the rows anew from the source: `drayage rejects export --keys` names them";

const nextSteps = {
  field_count: `Check the list under \`columns:\`, dialect.delimiter and dialect.rfc4180, ${replay}; one record alone was written so by DMS.`,
  unclosed_quote: `Set dialect.rfc4180 to what the DMS endpoint has, ${replay}: the rest of the object is read again from there.`,
  bad_quote: `Set dialect.rfc4180 to what the DMS endpoint has, ${replay}: the rest of the object is read again from there.`,
  record_too_large: `Raise limits.max_record_bytes if the record is real, ${replay}: the rest of the object is read again from there.`,
  invalid_text: `Set invalid_text: repair (U+FFFD stands for what cannot be stored), ${replay}.`,
  bad_json: `Check \`document\` (the column that holds the documents); a document that is broken in the source is mended there.`,
  not_object: `Check \`document\` (the column that holds the documents), ${replay}.`,
  too_deep: `Raise limits.max_depth, ${replay}.`,
  truncated_lob: `Raise LobMaxSize of the DMS task (and dialect.lob_max_size with it), then ${anew}.`,
  bad_op: `Set dialect.op: false if the first column is no op, ${replay}.`,
  null_key: `Check primary_key in the config, and that the source has a value in each of its columns; ${replay}.`,
  partial_unknown_key: `Once the key's own insert is loaded, ${again}; a row that the source has and the table lacks is fetched anew: \`drayage rejects export --keys\` names it.`,
  late_partial:
    "Its row may lack what the record changed: `drayage refresh` builds the row anew from all objects in order; then purge the reject.",
  no_order: `Check order_by in the config, and that the source writes digits into its column; ${replay}.`,
  cast: `Alter the column to a type that takes the value, or correct the value in the source; ${replay}.`,
  out_of_range: `Alter the column to a wider type, ${replay}.`,
  too_long: `Alter the column to a longer type, ${replay}.`,
  lossy: `Alter the column to a type that holds the value exactly, ${replay}.`,
  not_null: `Alter the column to drop NOT NULL, or to have the source fill it; ${replay}.`,
  check: `Alter the constraint or the domain, or correct the value in the source; ${replay}.`,
  unique: `Look at the row that has the value already; once it has changed, or the constraint has, ${again}.`,
  foreign_key: "Nothing to do: each run tries it again until the row that it refers to is there.",
  exclusion: `Look at the row that it collides with; once it has changed, or the constraint has, ${again}.`,
  generated: `Set the column to \`ignore\` in the config, ${replay}.`,
  row_security: `Alter the policy, or let drayage's role bypass it (alter role ... bypassrls), ${replay}.`,
  trigger: `Correct the trigger, or what it does not like, ${replay}.`,
  row_too_big: `Give the largest columns to a table of their own, or set them to \`ignore\`, ${replay}.`,
  refused: `Look at the SQLSTATE, mend the cause, ${replay}.`,
} as const satisfies Record<RejectReason, string>;

export const rejectEntries: Readonly<Record<RejectReason, RejectEntry>> = Object.fromEntries(
  Object.entries(rejectReasons).map(([reason, summary]) => [
    reason,
    { summary, next: nextSteps[reason as RejectReason] },
  ]),
) as Record<RejectReason, RejectEntry>;

function isRejectReason(word: string): word is RejectReason {
  return Object.hasOwn(rejectEntries, word);
}

/** A newer drayage may have written a word that this one does not know. */
export function rejectEntry(reason: string): RejectEntry {
  return isRejectReason(reason)
    ? rejectEntries[reason]
    : { summary: "A reason that this version does not know", next: "Use the version that wrote it, or a newer one." };
}

const page = "docs/errors.md";

/** Where the page of errors explains it. */
export function rejectAnchor(reason: string): string {
  return `${page}#rejected-${reason}`;
}

/** Reasons after which the rest of the object is one reject: where its next record begins could not be told. */
const endings: ReadonlySet<RejectReason> = new Set(["unclosed_quote", "bad_quote", "record_too_large"]);

export function endsObject(reason: string): boolean {
  return endings.has(reason as RejectReason);
}
