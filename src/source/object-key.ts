/** What the name of a DMS object says: full load or change, its place in the order, and the version of its rows. */
import { hash } from "node:crypto";

export interface ObjectKey {
  readonly kind: "full_load" | "change";
  readonly gzip: boolean;
  /** Order among the full-load objects of a table: segment, then counter. Below 2^62; 0 for changes. */
  readonly sequence: bigint;
  /** When DMS wrote a change object, in units of 100 µs since the epoch, UTC; undefined for full loads. */
  readonly fileTime: bigint | undefined;
}

export interface KeyOptions {
  /** Zone of the times in names (DMS's DatePartitionTimezone), as Intl knows it; an unknown one is a RangeError. */
  readonly fileTimezone: string;
  /** Tells the two hours of one name apart when clocks are set back. */
  readonly lastModified: Date;
}

// On the basename only: a table called PAYLOAD or a folder called 20240101 must not look like an object of DMS.
// The limits of the digits keep `sequence` below 2^62.
const loadName = /^(?:SEGMENT(\d{1,6})_)?LOAD(?:_(\d{1,6})_)?([0-9A-Fa-f]{5,10})\.csv(\.gz)?$/;
const changeName = /^(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)(\d{3,4})\.csv(\.gz)?$/;

/** The key of an object from the last part of its path; undefined when DMS writes no table rows under such a name. */
export function parseObjectKey(path: string, options: KeyOptions): ObjectKey | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const change = changeName.exec(name);
  if (change !== null) {
    const fileTime = parseFileTime(change, options);
    return fileTime === undefined
      ? undefined
      : { kind: "change", gzip: change[8] !== undefined, sequence: 0n, fileTime: BigInt(fileTime) };
  }
  const load = loadName.exec(name);
  if (load === null) return undefined;
  const segment = BigInt(load[1] ?? load[2] ?? 0);
  const sequence = (segment << 40n) | BigInt(`0x${load[3]}`);
  return { kind: "full_load", gzip: load[4] !== undefined, sequence, fileTime: undefined };
}

export interface NamedObject {
  readonly path: string;
  readonly key: ObjectKey;
}

/** Order of loading: full loads by segment, counter and path, then changes by file time and path. */
export function compareObjects(a: NamedObject, b: NamedObject): number {
  if (a.key.kind !== b.key.kind) return a.key.kind === "full_load" ? -1 : 1;
  const [first, second] =
    a.key.kind === "full_load" ? [a.key.sequence, b.key.sequence] : [a.key.fileTime ?? 0n, b.key.fileTime ?? 0n];
  if (first !== second) return first < second ? -1 : 1;
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/**
 * `_version` of the rows of an object, not negative and within a signed 64-bit integer. It depends on the path alone, so it is
 * the same in whatever order objects arrive. Full load: 62 bits of the path's sha256. Change: above all of those, by file
 * time; 16 bits of the hash tell objects of one file time apart.
 */
export function objectVersion(path: string, key: ObjectKey): bigint {
  const digest = hash("sha256", path, "buffer");
  if (key.fileTime === undefined) return digest.readBigUInt64BE(0) >> 2n;
  return (1n << 62n) + (key.fileTime << 16n) + BigInt(digest.readUInt16BE(0));
}

/** Beyond it (the year 2192) a version would not fit 64 bits. */
const maxFileTime = 2 ** 46;

/** In units of 100 µs, UTC; undefined for what is no date or time of day. */
function parseFileTime(name: RegExpExecArray, options: KeyOptions): number | undefined {
  const year = Number(name[1]);
  const month = Number(name[2]);
  const day = Number(name[3]);
  const hour = Number(name[4]);
  const minute = Number(name[5]);
  const second = Number(name[6]);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  if (day > 28 && day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  const fraction = name[7] ?? "";
  const units = toUtc(local, options) * 10 + Number(fraction) * (fraction.length === 3 ? 10 : 1);
  return units >= 0 && units < maxFileTime ? units : undefined;
}

const dayMs = 86_400_000;
/** An upload ends after the name was given; clocks of DMS and S3 may differ by this much. */
const skewMs = 300_000;

/** Milliseconds since the epoch of a wall-clock time, itself given as if it were UTC. */
function toUtc(local: number, { fileTimezone, lastModified }: KeyOptions): number {
  if (fileTimezone === "UTC" || fileTimezone === "Etc/UTC") return local;
  const zone = zoneOf(fileTimezone);
  const { before, after } = zone.around(local);
  if (before === after) return local - before;
  // Clocks change somewhere near: an offset holds when the zone has it at the time that it leads to.
  const early = local - Math.max(before, after);
  const late = local - Math.min(before, after);
  const earlyHolds = zone.offsetAt(early) === local - early;
  const lateHolds = zone.offsetAt(late) === local - late;
  if (earlyHolds && lateHolds) return late <= lastModified.getTime() + skewMs ? late : early;
  if (earlyHolds) return early;
  if (lateHolds) return late;
  // The hour that is skipped in spring: no clock shows it, but losing an object over it would be worse.
  return local - before;
}

interface Zone {
  /** Offset from UTC in milliseconds at a time since the epoch. */
  offsetAt(time: number): number;
  /** Offsets on the day before and the day after a wall-clock time. */
  around(local: number): { readonly before: number; readonly after: number };
}

const zones = new Map<string, Zone>();

/** Milliseconds east of UTC. */
export function zoneOffset(name: string, time: Date): number {
  return zoneOf(name).offsetAt(time.getTime());
}

function zoneOf(name: string): Zone {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = openZone(name);
    zones.set(name, zone);
  }
  return zone;
}

/** Asking Intl costs microseconds, so it is asked twice a day of names, not for each name. */
function openZone(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  const days = new Map<number, { before: number; after: number }>();
  function offsetAt(time: number): number {
    const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
    for (const { type, value } of format.formatToParts(time)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(time / 1000) * 1000;
  }
  return {
    offsetAt,
    around(local) {
      const start = Math.floor(local / dayMs) * dayMs;
      let offsets = days.get(start);
      if (offsets === undefined) {
        offsets = { before: offsetAt(start - dayMs), after: offsetAt(start + 2 * dayMs) };
        days.set(start, offsets);
      }
      return offsets;
    },
  };
}
