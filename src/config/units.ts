/** Reads the small notations of config values: durations, sizes, times, time zones. */

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const bytes: Readonly<Record<string, number>> = { b: 1, kb: 2 ** 10, mb: 2 ** 20, gb: 2 ** 30 };

/** `5s`, `10m`, `2h`, `30d`, `500ms` or a bare 0, in milliseconds. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  return withUnit(text, milliseconds);
}

/** `64MB` (1024 bytes a KB, as in PostgreSQL) or a bare number of bytes. */
export function parseSize(text: string): number | undefined {
  return /^\d+$/.test(text) ? withUnit(`${text}b`, bytes) : withUnit(text.toLowerCase(), bytes);
}

function withUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+) ?([a-z]+)$/.exec(text);
  const unit = match?.[2] === undefined || !Object.hasOwn(units, match[2]) ? undefined : units[match[2]];
  if (unit === undefined) return undefined;
  const value = Number(match![1]) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `2026-03-01`, `2026-03-01T10:00`, `2026-03-01 10:00:00+05:30`: UTC unless an offset is given. */
export function parseTime(text: string): Date | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:?\d{2})?)?$/i.exec(text);
  if (match === null) return undefined;
  const [, day, clock = "00:00", zone = "Z"] = match;
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase();
  const time = new Date(`${day}T${clock}${offset}`);
  // JavaScript turns 31 February into March.
  const isDay = !Number.isNaN(time.getTime()) && new Date(`${day}T00:00Z`).toISOString().startsWith(day ?? "");
  return isDay ? time : undefined;
}

/** A name like Asia/Kolkata or UTC. An offset is none: PostgreSQL reads `+05:30` with the sign turned round. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][\w+/-]*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A name that the WHATWG encoding table knows. */
export function isEncoding(name: string): boolean {
  try {
    new TextDecoder(name);
    return true;
  } catch {
    return false;
  }
}
