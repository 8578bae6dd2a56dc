/** Cuts a long listing into ranges of keys that are listed side by side. Every key is in exactly one, so nothing is left out. */

export interface KeyRange {
  /** Exclusive. */
  readonly after: string | undefined;
  /** Inclusive. */
  readonly upTo: string | undefined;
}

/** `splits`: keys, in any order, of which those below `prefix` end a range each. */
export function rangesOf(splits: readonly string[], prefix: string): KeyRange[] {
  const ends = [...new Set(splits)].filter((key) => key.startsWith(prefix)).sort(compareKeys);
  return [...ends, undefined].map((upTo, i) => ({ after: ends[i - 1], upTo }));
}

/** The order of S3: by the bytes of UTF-8, which is not that of strings beyond the basic plane. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What each yields as it comes; each waits for its last one to be taken. The first failure is the failure of all. */
export async function* sideBySide<T>(listings: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const step = async (listing: AsyncGenerator<T>) => ({ listing, ...(await listing.next()) });
  const waiting = new Map(listings.map((listing) => [listing, step(listing)]));
  // Raced below; a second one that fails meanwhile must not count as unhandled.
  for (const next of waiting.values()) next.catch(() => undefined);
  while (waiting.size > 0) {
    const { listing, done, value } = await Promise.race(waiting.values());
    if (done === true) {
      waiting.delete(listing);
      continue;
    }
    yield value as T;
    const next = step(listing);
    next.catch(() => undefined);
    waiting.set(listing, next);
  }
}
