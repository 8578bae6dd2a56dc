/** What a table is made of: the listed objects whose rows are in it, and those that do not count, each with its reason. Pure. */
import type { Claim } from "../warehouse/load-history.ts";
import type { TableEntry } from "../warehouse/table-entries.ts";
import type { SourceObject } from "./discover.ts";

export interface MadeOf {
  /** In the order of loading. */
  readonly claims: readonly Claim<SourceObject>[];
  /** Their rows are in the table, and their bytes are no longer there: nobody can say what they held. */
  readonly gone: readonly TableEntry[];
  /** Listed, and not loaded yet. */
  readonly waiting: readonly SourceObject[];
  /** Listed, and final because somebody said so: as if they did not exist. */
  readonly skipped: readonly SourceObject[];
  /** Listed; a newer full load stands for them. */
  readonly older: number;
  /** Entries that are open and whose records were never counted, or were taken back: what is there of them is no part of the state. */
  readonly taken: readonly bigint[];
  /** Loaded ones that are left out on purpose. */
  readonly takenBack: readonly { readonly id: bigint; readonly path: string }[];
}

/** S3 keeps milliseconds at the most, the history microseconds. */
function identityOf({ key, etag, size, lastModified }: Pick<TableEntry, "key" | "etag" | "size" | "lastModified">) {
  return `${key}\0${etag}\0${size}\0${lastModified.getTime()}`;
}

export function madeOf(listed: readonly SourceObject[], entries: readonly TableEntry[]): MadeOf {
  const byIdentity = new Map(entries.map((entry) => [identityOf(entry), entry]));
  const merged = entries.filter((entry) => entry.merged);
  const claims = new Map<bigint, Claim<SourceObject>>();
  const waiting: SourceObject[] = [];
  const skipped: SourceObject[] = [];
  const replaced = new Set<string>();
  let older = 0;
  for (const object of listed) {
    const entry = byIdentity.get(identityOf(object));
    const own = entry === undefined || entry.merged ? entry : sameBytes(entry, merged);
    if (own?.merged === true) {
      claims.set(own.id, { id: own.id, object, attempt: 0, again: true, was: undefined });
      replaced.add(object.key);
    } else if (entry?.status === "superseded") older++;
    else if (entry?.status === "skipped") skipped.push(object);
    else waiting.push(object);
  }
  const gone = merged.filter((entry) => !claims.has(entry.id) && !replaced.has(entry.key));
  const taken = entries.filter(({ merged, status }) => !merged && status === "pending").map(({ id }) => id);
  return { claims: [...claims.values()].sort(inOrder), gone, waiting, skipped, older, taken, takenBack: [] };
}

/** A full load that came again with equal bytes is noted as skipped: what was loaded is its first version. */
function sameBytes({ key, kind, status, sha256 }: TableEntry, merged: readonly TableEntry[]): TableEntry | undefined {
  if (kind !== "full_load" || status !== "skipped" || sha256 === undefined) return undefined;
  return merged.findLast((entry) => entry.key === key && entry.sha256?.equals(sha256) === true);
}

/** As `load` takes them. */
export function inOrder({ object: a }: Claim<SourceObject>, { object: b }: Claim<SourceObject>): number {
  return a.sequence < b.sequence ? -1 : a.sequence > b.sequence ? 1 : a.path < b.path ? -1 : 1;
}
