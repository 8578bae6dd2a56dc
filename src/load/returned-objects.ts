/** Full-load keys that came again: a re-encrypted or copied bucket brings equal bytes, a reload brings others. */
import { createHash } from "node:crypto";
import type { ObjectSource } from "../source/object-source.ts";
import type { LoadHistory, RetryPolicy } from "../warehouse/load-history.ts";
import type { SourceObject } from "./discover.ts";

export interface Returned {
  readonly skipped: readonly SourceObject[];
  readonly newer: readonly SourceObject[];
}

export async function skipReturned(
  history: LoadHistory,
  settings: { readonly source: ObjectSource; readonly runId: bigint },
  policy: RetryPolicy,
  objects: readonly SourceObject[],
): Promise<Returned> {
  const skipped: SourceObject[] = [];
  const newer: SourceObject[] = [];
  for (const object of objects) {
    const hash = createHash("sha256");
    for await (const chunk of settings.source.open(object) as AsyncIterable<Buffer>) hash.update(chunk);
    const sha256 = hash.digest();
    const known = await history.knownHashes(object);
    if (!known.some((one) => one.equals(sha256))) {
      newer.push(object);
      continue;
    }
    const [claim] = await history.claim(settings.runId, [object], policy);
    if (claim !== undefined) await history.skipEqual(claim, sha256);
    skipped.push(object);
  }
  return { skipped, newer };
}
