/** Turns bytes of another encoding into UTF-8 as they arrive; what is no character there becomes no character of UTF-8 either. */

export interface Transcoder {
  write(chunk: Buffer): Buffer;
  /** The stream is over: what a begun character left. */
  end(): Buffer;
}

/** No byte of UTF-8: the repair of text finds and counts it, where U+FFFD would pass for text of the source. */
const noCharacter = Buffer.of(0xff);
const nothing = Buffer.alloc(0);

export function isUtf8Name(encoding: string): boolean {
  return /^utf-?8$/i.test(encoding);
}

/** `encoding`: as TextDecoder names it. UTF-8 is left as it is. */
export function openTranscoder(encoding: string): Transcoder {
  if (isUtf8Name(encoding)) return { write: (chunk) => chunk, end: () => nothing };
  const { encoding: name } = new TextDecoder(encoding);
  if (name === "utf-16le" || name === "utf-16be") return new Utf16(name === "utf-16be");
  if (name === "windows-1252") return { write: windows1252, end: () => nothing };
  const decoder = new TextDecoder(name);
  return {
    write: (chunk) => encodeParts(decoder.decode(chunk, { stream: true }).split("\ufffd")),
    end: () => encodeParts(decoder.decode().split("\ufffd")),
  };
}

/** Bytes of one code unit, and whether the higher one comes first. */
export function unitOf(encoding: string): { readonly bytes: 1 | 2; readonly bigEndian: boolean } {
  const { encoding: name } = new TextDecoder(encoding);
  return { bytes: name.startsWith("utf-16") ? 2 : 1, bigEndian: name === "utf-16be" };
}

/** 0x80 to 0x9f; the five that are no character there are the control characters of latin1, as the web has it. */
const windows1252Upper =
  "\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178";

/** Not by TextDecoder: some versions of Node read these bytes as latin1. */
function windows1252(chunk: Buffer): Buffer {
  const text = chunk.toString("latin1");
  const upper = (character: string) => windows1252Upper[character.charCodeAt(0) - 0x80] ?? character;
  return Buffer.from(text.replaceAll(/[\x80-\x9f]/g, upper), "utf8");
}

const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** TextDecoder makes U+FFFD of a lone surrogate, which UTF-16 can also hold by itself. */
class Utf16 implements Transcoder {
  readonly #bigEndian: boolean;
  /** An odd byte, half a pair, or both. */
  #held: Buffer = nothing;
  #begun = false;

  constructor(bigEndian: boolean) {
    this.#bigEndian = bigEndian;
  }

  write(chunk: Buffer): Buffer {
    const bytes = Buffer.concat([this.#held, chunk]);
    const whole = bytes.subarray(0, bytes.length & ~1);
    const text = (this.#bigEndian ? Buffer.from(whole).swap16() : whole).toString("utf16le");
    const last = text.charCodeAt(text.length - 1);
    const kept = last >= 0xd800 && last <= 0xdbff ? text.length - 1 : text.length;
    this.#held = Buffer.from(bytes.subarray(kept * 2));
    return this.#encode(text.slice(0, kept));
  }

  end(): Buffer {
    return this.#held.length === 0 ? nothing : noCharacter;
  }

  #encode(text: string): Buffer {
    if (text === "") return nothing;
    const from = !this.#begun && text.startsWith("\ufeff") ? 1 : 0;
    this.#begun = true;
    return encodeParts(text.slice(from).split(loneSurrogate));
  }
}

function encodeParts(parts: readonly string[]): Buffer {
  const [first = ""] = parts;
  if (parts.length < 2) return Buffer.from(first, "utf8");
  return Buffer.concat(parts.flatMap((part, i) => [...(i > 0 ? [noCharacter] : []), Buffer.from(part, "utf8")]));
}
