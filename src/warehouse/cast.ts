/**
 * From the text of a cell to the type of its column, without a silent change. Per type: the *strict* form, the type's own
 * input; the *suspect* test, which finds cells that the strict form could change without an error; the *lenient* form,
 * used only once something was suspect or failed, which takes lossless spellings and rejects the rest as `lossy`.
 */
import { literal } from "./identifier.ts";

export interface CastTarget {
  readonly baseType: string;
  readonly modifier: number | undefined;
  /** Zone of zone-less times in a timestamptz column; undefined: the session's. */
  readonly timezone: string | undefined;
}

export interface CastForms {
  readonly strict: string;
  /** A boolean expression, never an error, not true of an empty cell; undefined when the strict form cannot change a cell. */
  readonly suspect: string | undefined;
  readonly lenient: string;
}

/** Raises SQLSTATE DR001; made on the way of a failure (find-bad-records.ts). */
export const lossyFunction = "pg_temp.drayage_lossy";
/** Raises 22001 where the column is known: INSERT's own error names none. */
export const tooLongFunction = "pg_temp.drayage_too_long";

export function isTextType(baseType: string): boolean {
  return (
    ["text", "character varying", "character", "bpchar", "name", '"char"'].includes(baseType) ||
    /(^|\.)citext$/.test(baseType)
  );
}

/** `cell` is SQL that yields text. Every form yields the base type: INSERT's assignment applies the modifier and raises. */
export function castForms(target: CastTarget, cell: string): CastForms {
  const forms = byType[target.baseType];
  if (forms !== undefined) return forms(cell, target);
  const strict = `(${cell})::${target.baseType}`;
  return { strict, suspect: undefined, lenient: strict };
}

type Forms = (cell: string, target: CastTarget) => CastForms;

/** `lossy` when `test` is not true, else `value`. */
function unless(cell: string, test: string, type: string, value: string): string {
  return `case when ${test} then ${value} else ${lossyFunction}(${cell})::${type} end`;
}

/** Assignment cuts spaces past n without a word; anything else that is too long raises. */
function text(type: string): Forms {
  return (cell, { modifier }) => {
    const strict = type === "text" ? cell : `(${cell})::${type}`;
    if (modifier === undefined) return { strict, suspect: undefined, lenient: strict };
    const suspect = `length(${cell}) > ${modifier}`;
    const lenient =
      `case when ${cell} is null or length(${cell}) <= ${modifier} then ${cell}` +
      ` when length(rtrim(${cell}, ' ')) <= ${modifier} then ${lossyFunction}(${cell}) else ${tooLongFunction}(${cell}) end`;
    return { strict, suspect, lenient };
  };
}

/** Blanks at its end are no part of a char(n); a key must compare without them. */
const character: Forms = (cell, { modifier }) => {
  const strict = `(${cell})::bpchar`;
  if (modifier === undefined) return { strict, suspect: undefined, lenient: strict };
  const fits = `length(rtrim(${cell}, ' ')) <= ${modifier}`;
  return {
    strict,
    suspect: `length(${cell}) > ${modifier} and not ${fits}`,
    lenient: `case when ${cell} is null or ${fits} then ${strict} else ${tooLongFunction}(${cell})::bpchar end`,
  };
};

/** A longer text would be cut to 63 bytes without a word. */
const name: Forms = (cell) => ({
  strict: `(${cell})::name`,
  suspect: `octet_length(${cell}) > 63`,
  lenient: `case when octet_length(${cell}) > 63 then ${tooLongFunction}(${cell})::name else (${cell})::name end`,
});

const decimalText = "^\\s*[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?\\s*$";

/** 16 and later read 0x1A and 1_000 as integers, as numeric too, 14 does not: neither is what a database wrote. */
function integer(type: string): Forms {
  return (cell) => ({
    strict: `(${cell})::${type}`,
    suspect: `position('_' in ${cell}) > 0 or (${firstNot(cell, "1")} and ${cell} ~ '^\\s*[-+]?0[xXoObB]')`,
    lenient:
      `case when ${cell} ~ '^[-+]?[0-9]+$' then (${cell})::${type}` +
      ` when ${cell} ~ ${literal(decimalText)} then case when (${cell})::numeric = trunc((${cell})::numeric)` +
      ` then (${cell})::numeric::${type} else ${lossyFunction}(${cell})::${type} end` +
      ` when ${cell} ~ '^\\s*[-+]?0[xXoObB]|_' then ${lossyFunction}(${cell})::${type} else (${cell})::${type} end`,
  });
}

const numeric: Forms = (cell, { modifier: scale }) => {
  const strict = `(${cell})::numeric`;
  if (scale === undefined) return { strict, suspect: undefined, lenient: strict };
  const point = `position('.' in ${cell})`;
  const mayRound = `(${point} > 0 and length(${cell}) - ${point} > ${Math.max(scale, 0)}) or position('e' in ${cell}) > 0 or position('E' in ${cell}) > 0`;
  // Most cells have just the column's digits after the point, and no room there for an exponent that takes more.
  const isShort = scale > 0 && scale < 4;
  return {
    strict,
    suspect: isShort ? `${cell} not like ${literal(`%.${"_".repeat(scale)}`)} and (${mayRound})` : mayRound,
    lenient: unless(
      cell,
      `${cell} is null or round(${strict}, ${scale}) is not distinct from ${strict}`,
      "numeric",
      strict,
    ),
  };
};

const real: Forms = (cell) => ({
  strict: `(${cell})::real`,
  suspect: `length(translate(${cell}, '-+.', '')) > 6`,
  lenient: unless(
    cell,
    `${cell} is null or (${cell})::real::float8 = (${cell})::float8 or (${cell})::real::text::numeric = (${cell})::numeric`,
    "real",
    `(${cell})::real`,
  ),
});

/** PostgreSQL takes any prefix ('of' is false): what DMS and its sources write is listed instead. */
const boolean: Forms = (cell) => {
  const yes = "('t', 'true', '1', 'y', 'yes', 'on')";
  const no = "('f', 'false', '0', 'n', 'no', 'off')";
  return {
    strict: `(${cell})::boolean`,
    suspect: `${cell} not in ('true', 'false', '1', '0', 't', 'f', 'True', 'False', 'TRUE', 'FALSE', 'T', 'F', 'y', 'n', 'Y', 'N', 'yes', 'no', 'on', 'off', '')`,
    lenient: `case when lower(${cell}) in ${yes} then true when lower(${cell}) in ${no} then false when ${cell} is null then null else ${lossyFunction}(${cell})::boolean end`,
  };
};

/** Under "C" a comparison is one of bytes: a tenth of what translate() or a pattern costs on every cell of a column. */
function notDigit(character: string): string {
  return `${character} collate "C" not between '0' and '9'`;
}

/** The cell does not begin with one of the digits from `first` on. */
function firstNot(cell: string, first: "0" | "1"): string {
  return `(${cell} collate "C" < ${literal(first)} or ${cell} collate "C" >= ':')`;
}

const zeroDate = (cell: string) => `${cell} like '0000-00-00%'`;

/**
 * `now`, `today` and `infinity` are dates to PostgreSQL: load time would become data. So are plain numbers: 17123, days since
 * 1970, is the 123rd day of 2017. A time of day would be dropped.
 */
const date: Forms = (cell) => ({
  strict: `(${cell})::date`,
  suspect: `${cell} <> '' and (${cell} not like '____-__-__' or translate(${cell}, '0123456789-', '') <> '')`,
  lenient:
    `case when ${zeroDate(cell)} then null` +
    ` when ${cell} ~ '^[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}([ T]00:00(:00(\\.0+)?)?)?( BC)?$' then (${cell})::date` +
    ` when ${cell} is null then null else ${lossyFunction}(${cell})::date end`,
});

/** Assignment to timestamp(0) rounds: digits beyond the column's would be lost. */
function rounded(type: string, forms: Forms): Forms {
  return (cell, target) => {
    const made = forms(cell, target);
    if (target.modifier === undefined) return made;
    const cut = `${cell} ~ ${literal(`\\.[0-9]{${target.modifier}}[0-9]*[1-9]`)}`;
    const mayCut = `position('.' in ${cell}) > 0 and ${cut}`;
    return {
      strict: made.strict,
      suspect: made.suspect === undefined ? mayCut : `${made.suspect} or ${mayCut}`,
      lenient: `case when ${cut} then ${lossyFunction}(${cell})::${type} else ${made.lenient} end`,
    };
  };
}

const clock = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\\.[0-9]{1,6}0*)?)?";

/** A zone in the text would be dropped, nanoseconds rounded. */
const timestamp: Forms = (cell) => ({
  strict: `(${cell})::timestamp`,
  suspect: `${cell} <> '' and (octet_length(${cell}) > 26 or ${cell} not like '____-__-___%:%' or ${cell} !~ '^[-0-9 :.T]*$' or position('-' in substr(${cell}, 12)) > 0)`,
  lenient:
    `case when ${zeroDate(cell)} then null` +
    ` when ${cell} ~ '^[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}([ T]${clock})?( BC)?$' then (${cell})::timestamp` +
    ` when ${cell} is null then null else ${lossyFunction}(${cell})::timestamp end`,
});

/** Z, an offset, or a name such as UTC or Europe/Berlin; AM and PM are none. */
const zone = "(Z|[-+][0-9]{2}(:?[0-9]{2}){0,2}|[A-Za-z][A-Za-z0-9_/+-]{2,})";

const timestamptz: Forms = (cell, { timezone }) => {
  // As a timestamp, the text would lose its own zone and take the column's.
  const zoned = `${cell} ~ '[0-9] ?${zone}( BC)?$' and length(${cell}) > 10 and position(':' in ${cell}) > 0`;
  const value =
    timezone === undefined
      ? `(${cell})::timestamptz`
      : `case when ${zoned} then (${cell})::timestamptz else (${cell})::timestamp at time zone ${literal(timezone)} end`;
  return {
    strict: value,
    suspect: `${cell} <> '' and (${firstNot(cell, "0")} or ${cell} not like '____-__-__%' or (octet_length(${cell}) > 26 and not ${notDigit(`substr(${cell}, 27, 1)`)}))`,
    lenient:
      `case when ${zeroDate(cell)} then null` +
      ` when ${cell} ~ '^[0-9]{4,7}-[0-9]{1,2}-[0-9]{1,2}([ T]${clock}( ?${zone})?)?( BC)?$' then ${value}` +
      ` when ${cell} is null then null else ${lossyFunction}(${cell})::timestamptz end`,
  };
};

const time: Forms = (cell) => ({
  strict: `(${cell})::time`,
  suspect: `length(${cell}) > 15 or translate(${cell}, '0123456789:.', '') <> ''`,
  lenient: `case when ${cell} ~ '^${clock}$' then (${cell})::time when ${cell} is null then null else ${lossyFunction}(${cell})::time end`,
});

/** `'deadbeef'::bytea` stores the letters: hex goes through decode, whatever its prefix. */
const bytea: Forms = (cell) => {
  const value = `decode(case when left(${cell}, 2) in ('\\x', '0x', '0X') then substr(${cell}, 3) else ${cell} end, 'hex')`;
  return { strict: value, suspect: undefined, lenient: value };
};

const byType: Readonly<Record<string, Forms>> = {
  text: text("text"),
  "character varying": text("text"),
  character,
  bpchar: character,
  name,
  smallint: integer("smallint"),
  integer: integer("integer"),
  bigint: integer("bigint"),
  numeric,
  real,
  boolean,
  date,
  "timestamp without time zone": rounded("timestamp", timestamp),
  "timestamp with time zone": rounded("timestamptz", timestamptz),
  "time without time zone": rounded("time", time),
  bytea,
};

/** A cell of staging row `s`, as text. */
export function stagedCell(index: number): string {
  return `s.c${index + 1}`;
}
