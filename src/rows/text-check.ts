/** Finds the first NUL or invalid UTF-8 in bytes that arrive in pieces, wherever the pieces are cut. */
import { isUtf8 } from "node:buffer";

export interface TextFault {
  readonly reason: "nul" | "invalid_utf8";
  /** Index in the chunk that was checked; negative when the character began in an earlier chunk. */
  readonly at: number;
}

const nothing = Buffer.alloc(0);

export class TextCheck {
  /** The begun character at the end of the last chunk. */
  #open: Buffer = nothing;

  /** Bytes at the end of what was checked that begin a character and are not judged yet: 0 to 3. */
  get held(): number {
    return this.#open.length;
  }

  /** The first fault of the next chunk. After a fault the check is over. */
  check(chunk: Buffer): TextFault | undefined {
    let from = 0;
    if (this.#open.length > 0) {
      const began = this.#open.length;
      from = Math.min(characterLength(this.#open[0]!) - began, chunk.length);
      const joined = Buffer.concat([this.#open, chunk.subarray(0, from)]);
      const complete = joined.length === characterLength(joined[0]!);
      if (complete ? !isUtf8(joined) : !allContinue(joined)) return { reason: "invalid_utf8", at: -began };
      this.#open = complete ? nothing : joined;
      if (!complete) return undefined;
    }
    const to = openCharacter(chunk, from);
    if (to < chunk.length) this.#open = Buffer.from(chunk.subarray(to));
    const nul = chunk.indexOf(0, from);
    const judged = chunk.subarray(from, to);
    const invalid = isUtf8(judged) ? -1 : from + firstInvalid(judged);
    if (invalid >= 0 && (nul < 0 || invalid < nul)) return { reason: "invalid_utf8", at: invalid };
    return nul < 0 ? undefined : { reason: "nul", at: nul };
  }
}

/** Bytes of the character that a lead byte begins. */
function characterLength(lead: number): number {
  if (lead >= 0xf8 || lead < 0xc0) return 1;
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

function allContinue(bytes: Buffer): boolean {
  for (let i = 1; i < bytes.length; i++) if ((bytes[i]! & 0xc0) !== 0x80) return false;
  return true;
}

/** Where the character begins that the chunk's end cuts, or the chunk's length. */
export function openCharacter(chunk: Buffer, from: number): number {
  const end = chunk.length;
  for (let at = end - 1; at >= from && at >= end - 3; at--) {
    const byte = chunk[at]!;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return at + characterLength(byte) > end ? at : end;
  }
  return end;
}

/** Start of the first invalid character. Only called when there is one, so it may be slow. */
function firstInvalid(bytes: Buffer): number {
  let at = 0;
  while (at < bytes.length) {
    const length = bytes[at]! < 0x80 ? 1 : characterLength(bytes[at]!);
    if (!isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return at;
}
