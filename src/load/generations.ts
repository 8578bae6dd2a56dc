/** Which full-load objects are the table as it is, and which are a newer full load of it. Pure: the listing and the history are told. */

/** A full-load object as it is listed now, beside what the history knows of its key. */
export interface FullLoadVersion {
  readonly key: string;
  readonly lastModified: Date;
  /**
   * own: it was read itself · first: no version of its key is part of the table · equal, other: than the version that is · old:
   * part of an older full load, or with its bytes.
   */
  readonly bytes: "own" | "first" | "equal" | "other" | "old";
  /** An earlier version of the key was seen, whatever became of it. */
  readonly replaced: boolean;
  /** Loaded, skipped or superseded: nothing is to be done about it by itself. */
  readonly final: boolean;
}

export interface Arrival {
  readonly now: Date;
  /** How long a full load must be quiet before it counts as complete. */
  readonly settleMs: number;
  /** When the newest change object came into the source: DMS writes changes once the full load is written. */
  readonly newestChange: Date | undefined;
  /** The first full load is taken for a newer one of what was in the table before. */
  readonly replacesFirst: boolean;
}

/** A newer full load of the table. */
export interface NextGeneration<V> {
  /** All of it that there is, in the order in which it was written. */
  readonly members: readonly V[];
  readonly began: Date;
  readonly settlesAt: Date;
  readonly settled: boolean;
}

export interface Judged<V> {
  /** Open objects of the full load that the table is made of: merged like anything else. */
  readonly merge: readonly V[];
  /** Open, with the bytes that are in the table: re-encrypted, or copied onto themselves. */
  readonly equal: readonly V[];
  /** Open, with bytes of an older full load. */
  readonly old: readonly V[];
  readonly next: NextGeneration<V> | undefined;
}

/**
 * A key that comes again with other bytes opens the next generation. To it belongs what was written since; and, of what was not there
 * before or came again, what was written shortly before: segments are written side by side, and an object of a new full load may
 * have the bytes that it had in the old one. What was not written again is the stale tail.
 */
export function judgeFullLoads<V extends FullLoadVersion>(versions: readonly V[], arrival: Arrival): Judged<V> {
  const inTime = versions
    .filter((version) => version.bytes !== "old")
    .sort((a, b) => a.lastModified.getTime() - b.lastModified.getTime() || (a.key < b.key ? -1 : 1));
  const first = inTime.findIndex(
    ({ bytes, final }) => !final && (bytes === "other" || (arrival.replacesFirst && bytes === "first")),
  );
  const members = first < 0 ? [] : [...shortlyBefore(inTime, first, arrival.settleMs), ...inTime.slice(first)];
  const isMember = new Set<V>(members);
  const open = versions.filter((version) => !version.final && !isMember.has(version));
  return {
    merge: open.filter(({ bytes }) => bytes === "own" || bytes === "first"),
    equal: open.filter(({ bytes }) => bytes === "equal"),
    old: open.filter(({ bytes }) => bytes === "old"),
    next: nextOf(members, arrival),
  };
}

/** Goes back from the opening one as long as no pause is longer than a full load makes. */
function shortlyBefore<V extends FullLoadVersion>(inTime: readonly V[], first: number, settleMs: number): V[] {
  const found: V[] = [];
  let later = inTime[first];
  for (let i = first - 1; i >= 0; i--) {
    const version = inTime[i];
    if (version === undefined || later === undefined) break;
    if (later.lastModified.getTime() - version.lastModified.getTime() > settleMs) break;
    // Neither open nor written again: it is of the full load that the table is made of.
    if (version.final && !version.replaced) continue;
    found.unshift(version);
    later = version;
  }
  return found;
}

function nextOf<V extends FullLoadVersion>(members: readonly V[], arrival: Arrival): NextGeneration<V> | undefined {
  const [opens] = members;
  const last = members.at(-1);
  if (opens === undefined || last === undefined) return undefined;
  const settlesAt = new Date(last.lastModified.getTime() + arrival.settleMs);
  const { newestChange, now } = arrival;
  return {
    members,
    began: opens.lastModified,
    settlesAt,
    settled: now >= settlesAt || (newestChange !== undefined && newestChange > last.lastModified),
  };
}
