/** Tells cells that DMS cut (LobMaxSize): it says so nowhere but in its own log, so their length and their end must. */
import type { ByteText } from "./byte-text.ts";
import { openCharacter } from "./text-check.ts";

/** DMS counts LobMaxSize in these. */
const kilobyte = 1024;
/** A cut inside a character leaves up to so many bytes of it, or takes them away. */
const cutCharacter = 3;

/**
 * Whether a document that breaks off at its end was cut by DMS. Unless the size is known, any whole number of kilobytes may be
 * it (32 unless somebody set another): no document breaks off there by itself but by one chance in 256.
 */
export function isCutDocument(bytes: number, lobMaxSize: number | undefined): boolean {
  if (lobMaxSize !== undefined) return bytes <= lobMaxSize && bytes >= lobMaxSize - cutCharacter;
  return bytes >= kilobyte - cutCharacter && (bytes + cutCharacter) % kilobyte <= cutCharacter;
}

/** Whether a text was cut: it is as long as can be, or just under that and ends inside a character. */
export function isCutText(cell: ByteText, lobMaxSize: number): boolean {
  if (cell.length === lobMaxSize) return true;
  return cell.length < lobMaxSize && cell.length >= lobMaxSize - cutCharacter && endsInsideCharacter(cell);
}

/** A shorter record holds no cell that was cut. */
export function mayHoldCut(recordBytes: number, lobMaxSize: number): boolean {
  return recordBytes >= lobMaxSize - cutCharacter;
}

export function endsInsideCharacter(cell: ByteText): boolean {
  const end = Buffer.from(cell.slice(-cutCharacter), "latin1");
  return openCharacter(end, 0) < end.length;
}
