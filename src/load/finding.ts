/** What `doctor` says of one thing: it is good, worth a word, or would stop a load; with what mends it. */
import { DrayageError } from "../errors.ts";

export interface Finding {
  /** What was looked at, in a word or two. */
  readonly check: string;
  /** `note`: it works, and somebody may want to know. */
  readonly level: "good" | "note" | "bad";
  /** One sentence. Never a secret. */
  readonly text: string;
  /** What mends it; of findings that are not good. */
  readonly fix?: string | undefined;
}

export function note(check: string, text: string, fix: string): Finding {
  return { check, level: "note", text, fix };
}

export function good(check: string, text: string): Finding {
  return { check, level: "good", text };
}

export function bad(check: string, text: string, fix: string): Finding {
  return { check, level: "bad", text, fix };
}

export function failed(check: string, error: unknown): Finding {
  const known = error instanceof DrayageError ? error : new DrayageError("INTERNAL", { cause: error });
  return bad(check, `${known.code}: ${known.message}`, known.next);
}
