/** What became of the records of an object: every one in exactly one outcome. */

export interface RecordCounts {
  read: number;
  inserted: number;
  updated: number;
  unchanged: number;
  deleted: number;
  superseded: number;
  stale: number;
  ignored: number;
  rejected: number;
}

export const outcomes = [
  "inserted",
  "updated",
  "unchanged",
  "deleted",
  "superseded",
  "stale",
  "ignored",
  "rejected",
] as const;

export function noCounts(): RecordCounts {
  return {
    read: 0,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    deleted: 0,
    superseded: 0,
    stale: 0,
    ignored: 0,
    rejected: 0,
  };
}
