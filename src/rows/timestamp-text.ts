/** Times of Extended JSON as UTC text that PostgreSQL's timestamptz reads without a change, over its whole range. */

const dayMs = 86_400_000;
/** timestamptz begins on the first Julian day and ends before the year 294277. */
const firstDay = -2_440_588;
const lastDay = 106_762_939;

/** "00" to "99". */
const two = Array.from({ length: 100 }, (_, value) => pad(value, 2));

export interface TimestampText {
  readonly text: string;
  /** False: beyond timestamptz, so only text can keep it. */
  readonly fits: boolean;
}

/** Milliseconds since 1970 as decimal digits, any int64. */
export function timestampOfMillis(digits: string): TimestampText {
  if (digits.length <= 15) {
    const millis = Number(digits);
    const day = Math.floor(millis / dayMs);
    return timestampOf(day, millis - day * dayMs, 0);
  }
  const millis = BigInt(digits);
  const perDay = BigInt(dayMs);
  const rest = ((millis % perDay) + perDay) % perDay;
  return timestampOf(Number((millis - rest) / perDay), Number(rest), 0);
}

const isoTime =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6})0*)?)?(?:Z|([+-])(\d\d):?(\d\d)?)?)?$/;

/** ISO 8601 with an offset, with Z or without (then UTC); undefined: no such time, or finer than a microsecond. */
export function timestampOfIso(text: string): TimestampText | undefined {
  if (isUtcText(text)) return { text: text.endsWith(".000Z") ? `${text.slice(0, 19)}Z` : text, fits: true };
  const match = isoTime.exec(text);
  if (match === null) return undefined;
  const [
    ,
    years,
    months,
    days,
    hours = "0",
    minutes = "0",
    seconds = "0",
    digits = "",
    sign,
    offsetHours = "0",
    offsetMinutes = "0",
  ] = match;
  const year = Number(years);
  const month = Number(months);
  const day = Number(days);
  const [h, m, s] = [Number(hours), Number(minutes), Number(seconds)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || h > 23 || m > 59 || s > 59) return undefined;
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined;
  const micros = Number(digits.padEnd(6, "0"));
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 * (sign === "-" ? -1 : 1);
  const inDay = (h * 3600 + m * 60 + s) * 1000 + Math.floor(micros / 1000) - offset;
  const shift = Math.floor(inDay / dayMs);
  return timestampOf(dayNumber(year, month, day) + shift, inDay - shift * dayMs, micros % 1000);
}

/** Whether it is UTC to the second or millisecond, on a day that every month has: most times need no work. */
function isUtcText(text: string): boolean {
  if (text.length !== 20 && text.length !== 24) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (utcForm.charCodeAt(i === text.length - 1 ? utcForm.length - 1 : i) !== (c >= 0x30 && c <= 0x39 ? 0x64 : c))
      return false;
  }
  const month = text.slice(5, 7);
  const day = text.slice(8, 10);
  return (
    text >= "0001" &&
    month >= "01" &&
    month <= "12" &&
    day >= "01" &&
    day <= "28" &&
    text.slice(11, 13) <= "23" &&
    text.charCodeAt(14) < 0x36 &&
    text.charCodeAt(17) < 0x36
  );
}

const utcForm = "dddd-dd-ddTdd:dd:dd.dddZ";

/** `micros`: of the millisecond. */
function timestampOf(day: number, millis: number, micros: number): TimestampText {
  const fits = day >= firstDay && day <= lastDay;
  const seconds = Math.floor(millis / 1000);
  const rest = millis - seconds * 1000;
  const digits = micros !== 0 ? `.${pad(rest * 1000 + micros, 6)}` : rest === 0 ? "" : `.${pad(rest, 3)}`;
  const { year, month, dayOfMonth } = civilDate(day);
  const time = `${two[Math.floor(seconds / 3600)]}:${two[Math.floor(seconds / 60) % 60]}:${two[seconds % 60]}${digits}Z`;
  const date = `${two[month]}-${two[dayOfMonth]}`;
  // PostgreSQL has no year 0: the year before 1 AD is 1 BC.
  return { text: year > 0 ? `${pad(year, 4)}-${date}T${time}` : `${pad(1 - year, 4)}-${date}T${time} BC`, fits };
}

/** Proleptic Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin on 1 March. */
function civilDate(day: number): { year: number; month: number; dayOfMonth: number } {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    dayOfMonth: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1,
  };
}

/** The inverse of civilDate, for years from 0. */
function dayNumber(year: number, month: number, dayOfMonth: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + dayOfMonth - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + ofYear - 719_468;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
