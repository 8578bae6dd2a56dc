/** Scalars of a document as the text that PostgreSQL reads: numbers, binary, uuid; and any scalar as JSON. */
import type { ByteText } from "./byte-text.ts";
import { kinds } from "./kinds.ts";

export interface Scalar {
  readonly kind: number;
  readonly text: ByteText;
}

const maxWide = "9007199254740992";
const maxInt8 = "9223372036854775807";
const minInt8 = "9223372036854775808";

/** Of an integer as JSON writes it. */
export function integerKind(text: ByteText): number {
  if (text.length < 16) return kinds.integer;
  const negative = text.charCodeAt(0) === 0x2d;
  const digits = negative ? text.slice(1) : text;
  if (isAtMost(digits, maxWide)) return kinds.integer;
  if (isAtMost(digits, negative ? minInt8 : maxInt8)) return kinds.integer | kinds.wideInteger;
  return digits.length > maxDigits ? kinds.string : kinds.bigInteger | kinds.wideInteger;
}

function isAtMost(digits: ByteText, limit: string): boolean {
  return digits.length < limit.length || (digits.length === limit.length && digits <= limit);
}

/** PostgreSQL's numeric ends at 131,072 digits before the point and 16,383 after it: what could pass that is kept as text. */
const maxDigits = 16_000;

/** Of a number with a point or an exponent: what a double would round away or refuse is decimal. */
export function fractionKind(text: ByteText): number {
  const exponent = text.search(/[eE]/);
  if (exponent < 0 && text.length < 300) return kinds.fraction;
  if (!fitsNumeric(text, exponent)) return kinds.string;
  const value = Number(text);
  const lost = !Number.isFinite(value) || (value === 0 && /[1-9]/.test(exponent < 0 ? text : text.slice(0, exponent)));
  return lost ? kinds.decimal : kinds.fraction;
}

function fitsNumeric(text: ByteText, exponent: number): boolean {
  const power = exponent < 0 ? 0 : Math.abs(Number(text.slice(exponent + 1)));
  return text.length + power <= maxDigits;
}

const jsonInteger = /^-?(?:0|[1-9][0-9]*)$/;
const jsonNumber = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

/** `$numberInt`, `$numberLong`. */
export function integerScalar(text: ByteText): Scalar | undefined {
  return jsonInteger.test(text) ? { kind: integerKind(text), text } : undefined;
}

/** `$numberDouble`: never an integer, however it is spelled. */
export function doubleScalar(text: ByteText): Scalar | undefined {
  const number = jsonNumberText(text);
  if (number !== undefined) return { kind: fractionKind(number), text: number };
  const special = specialText(text);
  return special === undefined ? undefined : { kind: kinds.doubleSpecial, text: special };
}

/** `$numberDecimal`. */
export function decimalScalar(text: ByteText): Scalar | undefined {
  const number = jsonNumberText(text);
  if (number !== undefined)
    return { kind: fitsNumeric(number, number.search(/[eE]/)) ? kinds.decimal : kinds.string, text: number };
  const special = specialText(text);
  return special === undefined ? undefined : { kind: kinds.decimal | kinds.doubleSpecial, text: special };
}

const looseNumber = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?((?:[eE][+-]?[0-9]+)?)$/;

/** `+5`, `.5` and `007` are numbers to their writers but not to JSON. */
function jsonNumberText(text: ByteText): ByteText | undefined {
  if (jsonNumber.test(text)) return text;
  const match = looseNumber.exec(text);
  if (match === null || !/[0-9]/.test(text.replace(/[eE].*/, ""))) return undefined;
  const [, sign, whole, fraction = "", exponent] = match;
  return `${sign === "-" ? "-" : ""}${whole || "0"}${fraction === "" ? "" : `.${fraction}`}${exponent}`;
}

const specials: ReadonlyMap<string, string> = new Map([
  ["nan", "NaN"],
  ["-nan", "NaN"],
  ["inf", "Infinity"],
  ["infinity", "Infinity"],
  ["+inf", "Infinity"],
  ["+infinity", "Infinity"],
  ["-inf", "-Infinity"],
  ["-infinity", "-Infinity"],
]);

/** PostgreSQL's spelling of a number that is none. */
export function specialText(text: ByteText): ByteText | undefined {
  return specials.get(text.toLowerCase());
}

const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const subtype = /^(?:0x)?[0-9a-fA-F]{1,2}$/;

/** `$binary`: bytea as hex; subtypes 3 and 4 of 16 bytes are uuids. */
export function binaryScalar(encoded: ByteText, type: ByteText): Scalar | undefined {
  if (!base64.test(encoded) || !subtype.test(type)) return undefined;
  const bytes = Buffer.from(encoded, "base64");
  const number = Number.parseInt(type.replace(/^0x/, ""), 16);
  const hex = bytes.toString("hex");
  if ((number === 3 || number === 4) && bytes.length === 16) return { kind: kinds.uuid, text: dashed(hex) };
  return { kind: kinds.binary, text: `\\x${hex}` };
}

const uuidForm = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** `$uuid`. */
export function uuidScalar(text: ByteText): Scalar | undefined {
  return uuidForm.test(text) ? { kind: kinds.uuid, text: dashed(text.replaceAll("-", "").toLowerCase()) } : undefined;
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const bare = kinds.integer | kinds.bigInteger | kinds.fraction | kinds.decimal | kinds.boolean;

/** The scalar as JSON: numbers, booleans and null (kind 0) bare, everything else a string. */
export function scalarJson(kind: number, text: ByteText): ByteText {
  if (kind === 0) return text;
  return (kind & bare) !== 0 && (kind & kinds.doubleSpecial) === 0 ? text : quoteJson(text);
}

/** Control characters are what is left below the space: byte text ends at 255. */
const special = /["\\]|[^ -\xff]/;
const specialsIn = /["\\]|[^ -\xff]/g;

export function quoteJson(text: ByteText): ByteText {
  return special.test(text) ? `"${text.replaceAll(specialsIn, escapeOf)}"` : `"${text}"`;
}

export function escapeOf(character: string): string {
  if (character === '"' || character === "\\") return `\\${character}`;
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
