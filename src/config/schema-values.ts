/** The kinds of values that config keys take, each with the sentence that says what is wrong with another one. */
import { z } from "zod";
import { alertCauses } from "./alert-causes.ts";
import { isColumnType, tidyType } from "./column-type.ts";
import { cronFault } from "./cron-text.ts";
import { prefixFault, templateFault, trimSlashes } from "./folder-names.ts";
import { didYouMean, nearest } from "./suggest.ts";
import { isEncoding, isTimeZone, parseDuration, parseSize, parseTime } from "./units.ts";

// PostgreSQL and Node both keep time-outs in 32 bits.
const maxTimeout = 2 ** 31 - 1;

export const text = z.string("must be text; put it in quotes").min(1, "must not be empty");

/**
 * A map with exactly these keys. Its message for unknown ones has a line for each, in zod's order. `hints` says more about keys
 * that somebody may well look for here.
 */
export function section<S extends z.core.$ZodLooseShape>(
  shape: S,
  hints: Readonly<Record<string, string>> = {},
): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== "unrecognized_keys") return "must be a map of settings";
      return issue.keys
        .map((key) => `unknown key${Object.hasOwn(hints, key) ? `; ${hints[key]}` : didYouMean(key, known)}`)
        .join("\n");
    },
  });
}

export function choice<const V extends readonly string[]>(...values: V): z.ZodEnum<{ [K in V[number]]: K }> {
  return z.enum(values, `must be ${alternatives(values)}`);
}

/** `true`, `false`, or the same as text, which is what an expanded variable is. */
export function flag() {
  return z
    .union([z.boolean(), z.enum(["true", "false"])], "must be true or false")
    .transform((value) => value === true || value === "true");
}

export function flagOrAuto() {
  return z
    .union([z.boolean(), z.enum(["true", "false", "auto"])], "must be true, false or auto")
    .transform((value): boolean | "auto" => (value === "auto" ? value : value === true || value === "true"));
}

export function whole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .union([z.int(message).min(min, message).max(max, message), z.string().regex(/^\d{1,15}$/, message)], message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

export function percent() {
  const message = "must be a number from 0 to 100";
  return z
    .union(
      [z.number(message).min(0, message).max(100, message), z.string().regex(/^\d{1,3}(\.\d+)?$/, message)],
      message,
    )
    .transform(Number)
    .refine((value) => value <= 100, message);
}

/** Milliseconds, at least `min`. */
export function duration(min = 0) {
  return z.union([z.string(), z.int()], `must be a duration such as 5s, 10m, 2h or 30d`).transform((value, context) => {
    const parsed = parseDuration(String(value));
    if (parsed !== undefined && parsed >= min && parsed <= maxTimeout) return parsed;
    const message =
      parsed === undefined
        ? "must be a duration such as 5s, 10m, 2h or 30d"
        : parsed < min
          ? "must be more than 0"
          : "must not be over 24 days";
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

/** Milliseconds, at least `min`. A span of days may be longer than any time-out. */
export function span(min = 0) {
  const message = "must be a duration such as 10m, 2h or 30d";
  return z.string(message).transform((value, context) => {
    const parsed = parseDuration(value);
    if (parsed !== undefined && parsed >= min) return parsed;
    context.addIssue({ code: "custom", message: parsed === undefined ? message : "must be more than 0" });
    return z.NEVER;
  });
}

/** A moment, as milliseconds since the epoch. */
export function time() {
  const message = "must be a time such as 2026-03-01 or 2026-03-01T10:00 (UTC)";
  return z.string(message).transform((value, context) => {
    const parsed = parseTime(value);
    if (parsed !== undefined) return parsed.getTime();
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
}

/** Bytes, from 1 to `max`. */
export function size(max: number) {
  const message = "must be a size such as 64MB";
  return z.union([z.string(), z.int()], message).transform((value, context) => {
    const parsed = parseSize(String(value));
    if (parsed !== undefined && parsed > 0 && parsed <= max) return parsed;
    context.addIssue({
      code: "custom",
      message: parsed === undefined ? message : `must be from 1 byte to ${max / 2 ** 20}MB`,
    });
    return z.NEVER;
  });
}

/** One name or a list of them. */
export function names(entry: z.ZodType<string, string> = text) {
  return z
    .union([entry, z.array(entry)], "must be a name or a list of names")
    .transform((value) => (typeof value === "string" ? [value] : value))
    .refine((list) => new Set(list).size === list.length, "must not name anything twice");
}

export const timeZone = text.refine(isTimeZone, "must be a time zone such as UTC or Asia/Kolkata");

export const cron = text.superRefine((line, context) => {
  const fault = cronFault(line);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

export const webhookUrl = text.refine(
  (url) => /^https?:\/\/[^/]/.test(url) && URL.canParse(url),
  "must be an http:// or https:// URL",
);

/** A shell command or `{webhook: url}`, or a list of them. */
export function afterSteps() {
  const step = z.union([text, section({ webhook: webhookUrl })], "must be a shell command, or {webhook: url}");
  return z
    .union([step, z.array(step)], "must be a shell command, {webhook: url}, or a list of these")
    .transform((value) => (Array.isArray(value) ? value : [value]));
}

/** One cause of alerts or a list of them. */
export function causes() {
  const cause = choice(...alertCauses);
  return z
    .union([cause, z.array(cause)], `must be a list of causes: ${alternatives(alertCauses)}`)
    .transform((value) => (Array.isArray(value) ? value : [value]));
}

/** A time of day as minutes after midnight; `true` is 08:00, `false` none. */
export function timeOfDay() {
  const message = 'must be a time of day such as "08:00", or true';
  return z
    .union([flag(), z.string().regex(/^([01]?\d|2[0-3]):[0-5]\d$/, message)], message)
    .transform((value): number | undefined => {
      if (typeof value === "boolean") return value ? 8 * 60 : undefined;
      const [hours = 0, minutes = 0] = value.split(":").map(Number);
      return hours * 60 + minutes;
    });
}

/** What chooses among alerts sends none by itself. */
export function alertFaults(
  alerts: { webhook?: string | undefined; on?: unknown; daily?: number | undefined },
  context: z.RefinementCtx,
): void {
  if (alerts.webhook !== undefined) return;
  for (const key of ["on", "daily"] as const)
    if (alerts[key] !== undefined)
      context.addIssue({ code: "custom", path: [key], message: "does nothing without alerts.webhook" });
}

/** Others than this machine may listen only to who knows the token; an address without a port would do nothing. */
export function httpFaults(
  http: { port?: number | undefined; bind?: string | undefined; token?: string | undefined },
  context: z.RefinementCtx,
): void {
  const fault = (key: string, message: string) => context.addIssue({ code: "custom", path: [key], message });
  const key = http.bind === undefined ? "token" : "bind";
  if (http.port === undefined && http[key] !== undefined) fault(key, "does nothing without schedule.http.port");
  const own = http.bind === undefined || /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(http.bind);
  if (!own && http.token === undefined) fault("bind", "is open to other machines: it needs schedule.http.token too");
}

/** Two ways to sign in are one too many. */
export function signInFaults(
  warehouse: { auth?: string | undefined; secret?: string | undefined },
  context: z.RefinementCtx,
): void {
  if (warehouse.auth === "iam" && warehouse.secret !== undefined)
    context.addIssue({ code: "custom", path: ["secret"], message: "does nothing beside auth: iam" });
}

export const encoding = text
  .refine(isEncoding, "must be an encoding such as utf-8 or iso-8859-1")
  .transform((name) => (/^utf-?8$/i.test(name) ? "utf-8" : name.toLowerCase()));

/** Below source.url, without slashes at the ends. */
export const prefix = text.transform(trimSlashes).superRefine((folder, context) => {
  const fault = prefixFault(folder);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

export const targetTemplate = text.superRefine((template, context) => {
  const fault = templateFault(template);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

/** A name in the warehouse. PostgreSQL would cut a longer one without a word. */
export const identifier = text
  .refine((name) => Buffer.byteLength(name) <= 63, "must not be longer than 63 bytes")
  .refine((name) => !/\p{Cc}/u.test(name), "must not hold control characters");

/** People paste DMS's own notation: a backslash and a letter. */
export const delimiter = z
  .string("must be one character")
  .transform((value) => (value === "\\t" ? "\t" : value))
  .refine(
    (value) => value === "auto" || (/^[\t -~]$/.test(value) && value !== '"'),
    'must be auto, or one ASCII character other than "',
  );

export const rowDelimiter = z
  .string('must be auto, "\\n", "\\r\\n" or "\\r"')
  .transform((value) => value.replaceAll("\\r", "\r").replaceAll("\\n", "\n"))
  .pipe(z.enum(["auto", "\n", "\r\n", "\r"], 'must be auto, "\\n", "\\r\\n" or "\\r"'));

const nullToken = z
  .string('must be text; write "NULL" in quotes, without them YAML reads no value')
  .refine((token) => !/["\r\n]/.test(token), "must not hold quotes or line ends");

export const nullTokens = z.union(
  [z.literal("auto"), z.array(nullToken)],
  'must be auto, or a list such as ["NULL", ""]',
);

/** A type, or one of the words that stand for a rule. */
export const columnRuleText = z.string().transform((value, context) => {
  const type = tidyType(value);
  const fault = typeFault(type);
  if (fault === undefined) return type;
  context.addIssue({ code: "custom", message: fault });
  return z.NEVER;
});

export const columnType = z
  .string("must be a type")
  .transform(tidyType)
  .superRefine((type, context) => {
    const word = ["ignore", "hash", "child"].includes(type);
    const fault = word ? "is no type; write the word itself instead of the map" : typeFault(type);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

/** One SQL expression: what would end the statement around it cannot be in it. The config's owner may write it, nobody else. */
export const expression = text.refine(
  (sql) => isOneExpression(sql),
  "must be one SQL expression: no ; and no comment, every quote and bracket closed",
);

function isOneExpression(sql: string): boolean {
  const bare = sql.replaceAll(/'(?:[^'\\]|'')*'|"(?:[^"]|"")*"/g, "x");
  if (/[;'"\\]|--|\/\*|\*\/|\$[\w$]*\$/.test(bare)) return false;
  let open = 0;
  for (const character of bare) {
    if (character === "(" || character === "[") open++;
    if (character === ")" || character === "]") open--;
    if (open < 0) return false;
  }
  return open === 0 && bare.trim() !== "";
}

function typeFault(type: string): string | undefined {
  if (/^[^()]*\([^()]*$/.test(type)) return "is cut short: inside { } a comma ends a text, so put the type in quotes";
  if (!isColumnType(type)) return "is not a PostgreSQL type, such as bigint, numeric(12,2) or text[]";
  // A misspelt `ignore` would pass for a type of the user's own, and bring in what must stay out.
  return type !== "ignore" && nearest(type, ["ignore"]) === "ignore"
    ? "is not a type; did you mean ignore?"
    : undefined;
}

function alternatives(values: readonly string[]): string {
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}
