/** The known name that a mistyped one probably meant. */

/** `"; did you mean primary_key?"`, or nothing when no name is near. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = nearest(name, known);
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** The nearest of `known`, of equally near ones the first. Case, `-`, `_` and spaces count for nothing: `primaryKey` is `primary_key`. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  const wanted = bare(name);
  // A third of the letters may be wrong: with more, every short name would be "near" to every other.
  let limit = Math.min(3, Math.max(1, Math.floor(wanted.length / 3)));
  let found: string | undefined;
  if (wanted === "" || wanted.length > 100) return undefined;
  for (const candidate of known) {
    const other = bare(candidate);
    if (Math.abs(other.length - wanted.length) > limit) continue;
    const steps = distance(wanted, other);
    // At a distance of the whole name nothing is alike.
    if (steps > limit || steps >= Math.max(wanted.length, other.length)) continue;
    found = candidate;
    limit = steps - 1;
    if (steps === 0) break;
  }
  return found;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
export function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let steps = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) steps = Math.min(steps, beforeLast[j - 2]! + 1);
      row.push(steps);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[-_ ]/g, "");
}
