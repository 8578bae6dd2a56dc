/** Which change objects a full load covers: closed so long before it that what they say is in it. */
import type { SourceObject } from "./discover.ts";
import type { TableListing } from "./table-listing.ts";

/** The first full load was read for hours before its first object was written. */
const marginMs = 86_400_000;

export interface CoveredBy {
  /** tables.generation. */
  readonly generation: number;
  /** When the first object of the current full load came into the source. */
  readonly began: Date | undefined;
  /** The config's changes_from. */
  readonly changesFrom: number | undefined;
}

export interface Covered {
  readonly covered: readonly SourceObject[];
  /** Seem to be, but the source was copied: its times say nothing. */
  readonly doubtful: readonly SourceObject[];
}

/**
 * `changes_from` decides where it is set. Else a first full load covers what was closed more than a day before it, a newer one, which
 * was seen to come, all that was closed before it.
 */
export function coveredChanges(
  changes: readonly SourceObject[],
  { generation, began, changesFrom }: CoveredBy,
  listing: TableListing,
): Covered {
  const closedBefore = (time: number) =>
    changes.filter(({ kind, fileTime }) => kind === "change" && fileTime !== undefined && fileTime.getTime() < time);
  if (changesFrom !== undefined) return { covered: closedBefore(changesFrom), doubtful: [] };
  if (began === undefined) return { covered: [], doubtful: [] };
  const isFirst = generation <= 1;
  const before = closedBefore(began.getTime() - (isFirst ? marginMs : 0));
  if (before.length === 0) return { covered: [], doubtful: [] };
  const native = listing.isNative(isFirst ? [] : before) ?? !isFirst;
  return native ? { covered: before, doubtful: [] } : { covered: [], doubtful: before };
}
