/** Reads the small notations of config values: durations, sizes, time zones. */

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
