/** MongoDB Extended JSON, canonical, relaxed and legacy: tells the objects that stand for one value from ordinary ones. */
import type { ByteText } from "./byte-text.ts";
import { code, type DocumentReader } from "./document-reader.ts";
import { kinds } from "./kinds.ts";
import { binaryScalar, decimalScalar, doubleScalar, integerScalar, type Scalar, uuidScalar } from "./scalar-text.ts";
import { type TimestampText, timestampOfIso, timestampOfMillis } from "./timestamp-text.ts";

type Read = (reader: DocumentReader, first: number, key: ByteText) => Scalar | undefined;

/** `$undefined`: kind 0, as for a null. */
const nothing: Scalar = { kind: 0, text: "null" };
const string = (text: ByteText): Scalar => ({ kind: kinds.string, text });

/** By first key: reads from the value's first character to the last value of the object. */
const scalars: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["$oid", ofString(string)],
  ["$symbol", ofString(string)],
  ["$numberInt", ofString(integerScalar)],
  ["$numberLong", ofString(integerScalar)],
  ["$numberDouble", ofString(doubleScalar)],
  ["$numberDecimal", ofString(decimalScalar)],
  ["$uuid", ofString(uuidScalar)],
  ["$date", readDate],
  ["$binary", readBinary],
  ["$type", readBinary],
  ["$undefined", readUndefined],
]);

/**
 * At the first key of an object, which begins with `$`: past the object and its value, when it stands for a scalar. Otherwise the
 * reader stays and the object is an ordinary one: a wrapper is a wrapper only if all its keys fit.
 */
export function readScalar(reader: DocumentReader): Scalar | undefined {
  const mark = reader.mark();
  const key = commonKey(reader) ?? reader.string();
  const read = scalars.get(key);
  if (read !== undefined) {
    const scalar = read(reader, reader.colon(), key);
    if (scalar !== undefined && reader.space() === code.closeObject) {
      reader.at++;
      return scalar;
    }
  }
  reader.back(mark);
  return undefined;
}

/** Past the keys that fill canonical documents, without a new string for each: undefined for any other, and the reader stays. */
function commonKey(reader: DocumentReader): string | undefined {
  const initial = reader.text.charCodeAt(reader.at + 2);
  if (initial === 0x6f) return reader.take('"$oid"') ? "$oid" : undefined;
  if (initial === 0x64) return reader.take('"$date"') ? "$date" : undefined;
  if (initial !== 0x6e) return undefined;
  if (reader.take('"$numberInt"')) return "$numberInt";
  if (reader.take('"$numberLong"')) return "$numberLong";
  return reader.take('"$numberDouble"') ? "$numberDouble" : undefined;
}

function ofString(convert: (text: ByteText) => Scalar | undefined): Read {
  return (reader, first) => (first === code.quote ? convert(reader.string()) : undefined);
}

/** Milliseconds (bare or as $numberLong) or ISO text. A text that is no time stays text. */
function readDate(reader: DocumentReader, first: number): Scalar | undefined {
  if (first === code.quote) {
    const text = reader.string();
    return timestampScalar(timestampOfIso(text) ?? { text, fits: false });
  }
  if (first === code.openObject) {
    reader.at++;
    reader.space();
    if (!reader.isAt('"$numberLong"')) return undefined;
    const millis = readScalar(reader);
    return millis === undefined ? undefined : millisScalar(millis.kind, millis.text);
  }
  if (first !== code.minus && !(first >= code.zero && first <= code.nine)) return undefined;
  return millisScalar(reader.number(), reader.scalar);
}

function millisScalar(kind: number, text: ByteText): Scalar | undefined {
  return (kind & kinds.integer) === 0 ? undefined : timestampScalar(timestampOfMillis(text));
}

function timestampScalar({ text, fits }: TimestampText): Scalar {
  return { kind: fits ? kinds.timestamp : kinds.string, text };
}

/** Canonical `{"$binary": {"base64", "subType"}}`, legacy `{"$binary", "$type"}`; both in any order. */
function readBinary(reader: DocumentReader, first: number, key: ByteText): Scalar | undefined {
  if (first === code.quote) {
    const pair = readStringPair(reader, key);
    return pairScalar(pair?.get("$binary"), pair?.get("$type"));
  }
  if (first !== code.openObject || key !== "$binary") return undefined;
  reader.at++;
  if (reader.space() !== code.quote) return undefined;
  const inner = reader.string();
  if (reader.colon() !== code.quote) return undefined;
  const pair = readStringPair(reader, inner);
  if (pair === undefined || reader.space() !== code.closeObject) return undefined;
  reader.at++;
  return pairScalar(pair.get("base64"), pair.get("subType"));
}

function pairScalar(encoded: ByteText | undefined, type: ByteText | undefined): Scalar | undefined {
  return encoded === undefined || type === undefined ? undefined : binaryScalar(encoded, type);
}

/** At the first of two text values, whose key was read. */
function readStringPair(reader: DocumentReader, key: ByteText): Map<ByteText, ByteText> | undefined {
  const pair = new Map([[key, reader.string()]]);
  if (reader.space() !== code.comma) return undefined;
  reader.at++;
  if (reader.space() !== code.quote) return undefined;
  const other = reader.string();
  return reader.colon() === code.quote ? pair.set(other, reader.string()) : undefined;
}

function readUndefined(reader: DocumentReader, first: number): Scalar | undefined {
  if (first !== code.t) return undefined;
  reader.literal("true");
  return nothing;
}

/** Wrappers that are kept as JSON objects: their keys, sorted, and what each value begins with (* for anything). */
const kept: ReadonlyMap<string, string> = new Map([
  ["$regex", '"'],
  ["$options $regex", '""'],
  ["$regularExpression", "{"],
  ["$timestamp", "{"],
  ["$code", '"'],
  ["$code $scope", '"{'],
  ["$dbPointer", "{"],
  ["$id $ref", '*"'],
  ["$db $id $ref", '"*"'],
  ["$minKey", "*"],
  ["$maxKey", "*"],
]);
const keptKeys: ReadonlySet<string> = new Set([...kept.keys()].flatMap((keys) => keys.split(" ")));

/**
 * At the first key of an object, which begins with `$`: whether the object is a value that SQL has no type for (a regex, a reference),
 * so that it is not flattened. The reader stays. `skip` moves past any value.
 */
export function isKeptWrapper(reader: DocumentReader, skip: () => void): boolean {
  const mark = reader.mark();
  const members = new Map<string, string>();
  for (;;) {
    if (reader.space() !== code.quote) break;
    const key = reader.string();
    if (!keptKeys.has(key) || members.has(key)) break;
    members.set(key, String.fromCharCode(reader.colon()));
    skip();
    if (reader.space() !== code.comma) break;
    reader.at++;
  }
  const whole = reader.space() === code.closeObject;
  reader.back(mark);
  if (!whole) return false;
  const keys = [...members.keys()].sort();
  const begins = kept.get(keys.join(" "));
  return begins !== undefined && keys.every((key, i) => begins[i] === "*" || begins[i] === members.get(key));
}
