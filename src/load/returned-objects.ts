/** What each listed full-load object is beside what is loaded of its key; bytes are read only where nothing else tells. */
import { createHash } from "node:crypto";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import type { FullLoadEntry, FullLoads, KnownVersion } from "../warehouse/full-loads.ts";
import { isFinalStatus } from "../warehouse/life-conditions.ts";
import { isArchived } from "./archived-objects.ts";
import type { SourceObject } from "./discover.ts";
import type { FullLoadVersion } from "./generations.ts";

export interface ListedFullLoad extends FullLoadVersion {
  readonly object: SourceObject;
  readonly entry: FullLoadEntry;
  /** Of its bytes, when they were read to tell. */
  readonly seenSha256: Buffer | undefined;
}

/** In the order of the objects; without those that changed since they were listed: the next run sees what they are. */
export async function lookAtFullLoads(
  fullLoads: FullLoads,
  source: ObjectSource,
  objects: readonly SourceObject[],
  /** What somebody marked as skipped is looked at, too: it is about to be loaded. */
  isBackfill: boolean,
): Promise<ListedFullLoad[]> {
  const entries = await fullLoads.entries(objects);
  const found: ListedFullLoad[] = [];
  for (const [i, object] of objects.entries()) {
    const entry = entries[i];
    if (entry === undefined) continue;
    try {
      const { key, lastModified } = object;
      found.push({ ...(await lookAt(source, object, entry, isBackfill)), object, entry, key, lastModified });
    } catch (error) {
      if (!(error instanceof DrayageError && ["OBJECT_GONE", "OBJECT_CHANGED"].includes(error.code))) throw error;
    }
  }
  return found;
}

async function lookAt(
  source: ObjectSource,
  object: SourceObject,
  entry: FullLoadEntry,
  isBackfill: boolean,
): Promise<Pick<ListedFullLoad, "bytes" | "final" | "replaced" | "seenSha256">> {
  const { status, read, replaced, known } = entry;
  const base = { replaced, seenSha256: entry.seenSha256 };
  if (isFinalStatus(status) && !(isBackfill && entry.marked))
    return { ...base, final: true, bytes: status === "superseded" ? "old" : "own" };
  if (read) return { ...base, final: false, bytes: "own" };
  if (known === undefined) return { ...base, final: false, bytes: "first" };
  const compared = await isEqual(source, object, entry, known);
  // Of a key that the current full load lacks: its old bytes are the stale tail's, others a late part of it.
  const bytes = known.old ? (compared.equal ? "old" : "first") : compared.equal ? "equal" : "other";
  return { replaced, final: false, bytes, seenSha256: compared.sha256 };
}

async function isEqual(
  source: ObjectSource,
  object: SourceObject,
  { seenSha256 }: FullLoadEntry,
  known: KnownVersion,
): Promise<{ equal: boolean; sha256: Buffer | undefined }> {
  if (object.size !== known.size) return { equal: false, sha256: seenSha256 };
  if (object.etag === known.etag) return { equal: true, sha256: known.sha256 ?? seenSha256 };
  // What cannot be read may be other: it is tried with its full load, and says then why it cannot.
  if (known.sha256 === undefined || isArchived(object)) return { equal: false, sha256: seenSha256 };
  const sha256 = seenSha256 ?? (await hashOf(source, object));
  return { equal: sha256.equals(known.sha256), sha256 };
}

async function hashOf(source: ObjectSource, object: SourceObject): Promise<Buffer> {
  const hash = createHash("sha256");
  for await (const chunk of source.open(object) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest();
}
