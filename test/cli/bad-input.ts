/** What the table of bad input is made of: planted values, a good config with good records, and the form of a case. */
import type { Workplace } from "../support/workplace.ts";

/** Planted where no output may show them. */
export const secrets = { password: "pw5e47neverPrint", awsSecret: "sk5e47neverPrint", awsToken: "tk5e47neverPrint" };
/** In every cell: as text, as a number. */
export const cells = { text: "cell5e47", number: "918273645" };

/** Endpoints that the test starts. */
export interface Servers {
  /** Answers 403 AccessDenied to everything. */
  readonly denying: string;
  /** S3 without the bucket `nowhere`. */
  readonly s3: string;
}

export interface BadInput {
  readonly name: string;
  readonly arrange: (place: Workplace, servers: Servers) => void | Promise<void>;
  /** Default `load`. */
  readonly args?: readonly string[];
  readonly env?: (place: Workplace) => Readonly<Record<string, string | undefined>>;
  readonly exit: number;
  readonly code: string;
  readonly says: RegExp;
  readonly where?: RegExp;
  readonly next: RegExp;
  /** Of shop.orders afterwards; default: there is no such table. */
  readonly rows?: number;
  /** Statuses in the load history; default: none. */
  readonly history?: readonly string[];
  /** Needs the S3 server, an optional package. */
  readonly needsS3?: boolean;
}

export const full = "shop/orders/LOAD00000001.csv";
/** The object as errors place it. */
export const objectPlace = /table orders, object shop\/orders\/LOAD00000001\.csv/;

interface ConfigParts {
  readonly source?: string;
  readonly warehouse?: string;
  readonly orders?: string;
}

/** Flow style, so that a part is one line. */
export function writeConfig(place: Workplace, parts: ConfigParts = {}): void {
  place.config(`source: { ${parts.source ?? `url: "${place.source}"`} }
warehouse: { ${parts.warehouse ?? `url: "\${DATABASE_URL}"`}, schema: shop }
tables:
  orders: { prefix: shop/orders, ${parts.orders ?? "primary_key: [id]"} }
`);
}

/** A header and `count` records of a number, a text and a document. */
export function records(count: number, third: (n: number) => string = (n) => `${cells.text} note ${n}`): string {
  const lines = Array.from({ length: count }, (_, n) => `${cells.number}${n},${cells.text} ${n},"${third(n)}"`);
  return `id,name,note\n${lines.join("\n")}\n`;
}

/** Nothing wrong yet. */
export function good(place: Workplace): void {
  writeConfig(place);
  place.put(full, records(20));
}
