/**
 * Text as bytes: a string whose every character is one byte (0 to 255) of the UTF-8 text it stands for.
 *
 * Cells travel from the object to COPY in this form. It is lossless for any input (invalid UTF-8 too), V8 keeps it at
 * one byte a character, and writing it out is a plain latin1 copy: no cell is decoded and encoded again on its way.
 * Everything that CSV and JSON treat specially is ASCII, so both are read in this form as they are.
 */
export type ByteText = string;

/** Real text to byte text. */
export function toByteText(text: string): ByteText {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** Byte text to real text; invalid UTF-8 becomes U+FFFD. */
export function fromByteText(bytes: ByteText): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

const beyondAscii = /[^\0-\x7f]/;

export function isAscii(text: string): boolean {
  return !beyondAscii.test(text);
}
