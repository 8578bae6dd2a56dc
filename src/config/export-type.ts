/** The PostgreSQL type that takes every value of a source column, by what MySQL, PostgreSQL, SQL Server or Oracle call its type. */

export interface SourceType {
  /** `data_type` or `column_type`: `int`, `int(10) unsigned`, `NUMBER`, `timestamp with time zone`. */
  readonly name: string;
  readonly precision: number | undefined;
  readonly scale: number | undefined;
}

const types: Readonly<Record<string, string>> = {
  // Whole numbers; an unsigned one of MySQL needs the next wider type.
  tinyint: "smallint",
  smallint: "smallint",
  int2: "smallint",
  year: "smallint",
  mediumint: "integer",
  int: "integer",
  integer: "integer",
  int4: "integer",
  serial: "integer",
  bigint: "bigint",
  int8: "bigint",
  bigserial: "bigint",
  oid: "bigint",
  float: "double precision",
  double: "double precision",
  "double precision": "double precision",
  binary_double: "double precision",
  real: "real",
  binary_float: "real",
  smallmoney: "numeric(10,4)",
  boolean: "boolean",
  bool: "boolean",
  // Times; more of them below.
  date: "date",
  datetime: "timestamp",
  datetime2: "timestamp",
  smalldatetime: "timestamp",
  "timestamp without time zone": "timestamp",
  datetimeoffset: "timestamptz",
  "timestamp with time zone": "timestamptz",
  "timestamp with local time zone": "timestamptz",
  timestamptz: "timestamptz",
  "time without time zone": "time",
  uniqueidentifier: "uuid",
  uuid: "uuid",
  json: "jsonb",
  jsonb: "jsonb",
  inet: "inet",
  cidr: "cidr",
  macaddr: "macaddr",
  interval: "interval",
  binary: "bytea",
  varbinary: "bytea",
  image: "bytea",
  rowversion: "bytea",
  tinyblob: "bytea",
  blob: "bytea",
  mediumblob: "bytea",
  longblob: "bytea",
  bytea: "bytea",
  raw: "bytea",
  "long raw": "bytea",
};

const unsigned: Readonly<Record<string, string>> = {
  tinyint: "smallint",
  smallint: "integer",
  mediumint: "integer",
  int: "bigint",
  integer: "bigint",
  bigint: "numeric(20,0)",
};

/** Anything that is not known as something else is text, which takes all. */
export function warehouseType(source: SourceType): string {
  const written = source.name.trim().toLowerCase().replaceAll(/\s+/g, " ");
  const inBrackets = /\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\)/.exec(written);
  const name = written.replace(/\s*\([^)]*\)/, "").replace(/ (?:unsigned|zerofill|signed)\b.*$/, "");
  const precision = inBrackets?.[1] === undefined ? source.precision : Number(inBrackets[1]);
  const scale = inBrackets?.[1] === undefined ? source.scale : Number(inBrackets[2] ?? 0);
  if (name === "number") return oracleNumber(precision, inBrackets?.[2] === undefined && inBrackets ? 0 : scale);
  if (name === "decimal" || name === "numeric" || name === "dec") return decimal(precision, scale);
  // One bit is a truth value; PostgreSQL's and MySQL's longer ones arrive as digits or bytes.
  if (name === "bit") return precision === undefined || precision === 1 ? "boolean" : "text";
  // SQL Server's alone; PostgreSQL's money is a text with its currency, and has no precision.
  if (name === "money") return precision === undefined ? "text" : "numeric(19,4)";
  // Oracle alone writes its names large: its DATE has a time of day, its TIMESTAMP(6) no zone, as MySQL's has (DMS writes it in UTC).
  if (/^(?:DATE|TIMESTAMP(?:\(\d\))?)$/.test(source.name.trim())) return "timestamp";
  if (name === "timestamp") return "timestamptz";
  // MySQL's may be negative or longer than a day; SQL Server's has digits behind the second.
  if (name === "time") return "interval";
  if (/ unsigned\b/.test(written)) return unsigned[name] ?? types[name] ?? "text";
  return types[name] ?? "text";
}

function decimal(precision: number | undefined, scale: number | undefined): string {
  if (precision === undefined || precision < 1 || precision > 1000) return "numeric";
  return scale === undefined || scale < 0 || scale > precision ? "numeric" : `numeric(${precision},${scale})`;
}

/** Without a precision it holds anything. */
function oracleNumber(precision: number | undefined, scale: number | undefined): string {
  if (precision === undefined || scale === undefined) return "numeric";
  if (scale !== 0) return decimal(precision, scale);
  return precision <= 4 ? "smallint" : precision <= 9 ? "integer" : precision <= 18 ? "bigint" : decimal(precision, 0);
}
