/** What a document path held, as a set, and the PostgreSQL type that takes all of it. */

/** One bit per kind of value. A set of kinds is their sum; the order in which they came is not in it. */
export const kinds = {
  /** Fits int8. */
  integer: 1 << 0,
  /** Beyond int8. */
  bigInteger: 1 << 1,
  /** Comes with one of the two above: beyond 2^53, so a double would change it. */
  wideInteger: 1 << 2,
  fraction: 1 << 3,
  /** Exact decimal, and numbers that a double cannot hold. */
  decimal: 1 << 4,
  /** NaN and the infinities. */
  doubleSpecial: 1 << 5,
  boolean: 1 << 6,
  string: 1 << 7,
  timestamp: 1 << 8,
  uuid: 1 << 9,
  binary: 1 << 10,
  /** An array, or an object that is not flattened. */
  json: 1 << 11,
} as const;

const {
  integer,
  bigInteger,
  wideInteger,
  fraction,
  decimal,
  doubleSpecial,
  boolean,
  string,
  timestamp,
  uuid,
  binary,
  json,
} = kinds;

const numbers = integer | bigInteger | wideInteger | fraction | decimal | doubleSpecial;

/** Kinds whose cells mean the same in one plain text column: any numbers, or else one kind. */
export function classOf(kind: number): number {
  return (kind & numbers) !== 0 ? numbers : kind;
}

/**
 * The smallest type that takes every kind of the set, spelled as `format_type` does; undefined when nothing but nulls came.
 * A function of the set alone, so that objects may be read in any order.
 */
export function typeOfKinds(set: number): string | undefined {
  if (set === 0) return undefined;
  if ((set & json) !== 0) return "jsonb";
  if ((set & ~numbers) === 0) return numberType(set);
  return scalarTypes.get(set) ?? "text";
}

function numberType(set: number): string {
  if ((set & (decimal | bigInteger)) !== 0) return "numeric";
  if ((set & (fraction | doubleSpecial)) === 0) return "bigint";
  return (set & wideInteger) !== 0 ? "numeric" : "double precision";
}

const scalarTypes: ReadonlyMap<number, string> = new Map([
  [boolean, "boolean"],
  [string, "text"],
  [timestamp, "timestamp with time zone"],
  [uuid, "uuid"],
  [binary, "bytea"],
]);

const typeKinds: ReadonlyMap<string, number> = new Map([
  ["smallint", integer],
  ["integer", integer],
  ["bigint", integer],
  ["numeric", decimal],
  ["real", fraction],
  ["double precision", fraction],
  ["boolean", boolean],
  ["text", string],
  ["character varying", string],
  ["character", string],
  ["date", timestamp],
  ["timestamp without time zone", timestamp],
  ["timestamp with time zone", timestamp],
  ["timestamptz", timestamp],
  ["uuid", uuid],
  ["bytea", binary],
  ["json", json],
  ["jsonb", json],
]);

/**
 * What a column of that type may hold; 0 for a type outside the lattice. A `bigint` does not say whether it holds integers beyond 2^53:
 * who knows that it does adds `kinds.wideInteger`.
 */
export function kindsOfType(type: string): number {
  return typeKinds.get(type) ?? typeKinds.get(type.replace(/\(.*\)/, "")) ?? 0;
}

const kindWords: readonly (readonly [kind: number, word: string])[] = [
  [integer, "integers"],
  [wideInteger, "integers beyond 2^53"],
  [bigInteger, "integers beyond 64 bits"],
  [fraction, "fractions"],
  [decimal, "decimals"],
  [doubleSpecial, "NaN or infinities"],
  [boolean, "booleans"],
  [string, "texts"],
  [timestamp, "times"],
  [uuid, "uuids"],
  [binary, "bytes"],
  [json, "arrays or objects"],
];

/** The set in words, for people. */
export function kindNames(set: number): string[] {
  return kindWords.filter(([kind]) => (set & kind) !== 0).map(([, word]) => word);
}

/** The kinds whose values a column of that type takes as it is; undefined for a type outside the lattice: the cast decides. */
export function takenKinds(type: string): number | undefined {
  if (kindsOfType(type) === 0) return undefined;
  let taken = 0;
  for (const kind of Object.values(kinds)) if (joinTypes(type, kind) === type) taken |= kind;
  return taken;
}

/** The type that a column of `type` needs to take `set` too; undefined when `type` is outside the lattice. */
export function joinTypes(type: string, set: number): string | undefined {
  const stored = kindsOfType(type);
  if (stored === 0) return undefined;
  const joined = typeOfKinds(stored | set);
  // The same class as before: varchar(20) stays what it is while only strings come.
  return joined === typeOfKinds(stored) ? type : joined;
}
