/** One line of the checklist: the objects of a table, and what is in the warehouse after they were loaded. */

export interface Line {
  /** Beside prefix and primary_key: [id]. */
  readonly entry?: object;
  /** Bodies by name below the table's folder: those of the first run, and those that come before the second. */
  readonly first: Readonly<Record<string, string | Buffer>>;
  readonly second?: Readonly<Record<string, string | Buffer>>;
  /** Expressions over the main table. */
  readonly select: readonly string[];
  /** In the order of `order`, by default the key; `m` is the main table. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly order?: string;
  /** Records read over all objects. */
  readonly read: number;
  /** `record reason column`. */
  readonly rejects?: readonly string[];
  /** `CODE message`, of both runs. */
  readonly failures?: readonly string[];
  readonly repairs?: number;
}

export type Lines = Readonly<Record<string, Line>>;

/** Lines with their ends. */
export function csv(...records: string[]): string {
  return records.map((record) => `${record}\n`).join("");
}

/** `20260301-1005000000.csv` is minute(5, 4). */
export function minute(n: number, digits: 3 | 4 = 3): string {
  return `20260301-10${String(n).padStart(2, "0")}00${"0".repeat(digits)}.csv`;
}
