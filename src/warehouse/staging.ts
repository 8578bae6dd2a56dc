/**
 * The staging tables of a session: temporary, all text, `_n, c1 ... cN`. No source name reaches them. They are kept from
 * unit to unit (making one writes a hundred catalog rows) and TRUNCATEd in the transaction that fills them. Never ON COMMIT:
 * three hundred of those cost every commit 55 ms.
 */

import { literal } from "./identifier.ts";
import type { CopyStream, Session } from "./session.ts";

/** `_n` = ordinal of the object in its unit x 2^40 + record number: nothing relies on the order of rows on disk. */
export const ordinalShift = 40;
export const ordinalFactor = 2 ** ordinalShift;

/** How many staging tables of different widths a session keeps. */
const kept = 8;

export interface StagingTable {
  /** As SQL. */
  readonly name: string;
  /** Columns c1 to c(width). */
  width: number;
}

export interface CsvBytes {
  readonly delimiter: string;
  /** False: COPY's quote becomes 0x01, so that no quote means anything. */
  readonly quoted: boolean;
  /** The unquoted text that is NULL. */
  readonly nullToken: string;
}

export class Staging {
  readonly #session: Session;
  /** Least recently used first. */
  #tables: StagingTable[] = [];
  #made = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** An empty staging table of that width. Call it inside the stage transaction. */
  async empty(width: number): Promise<StagingTable> {
    const table = this.#tables.find((candidate) => candidate.width === width);
    if (table !== undefined) {
      this.#tables = [...this.#tables.filter((other) => other !== table), table];
      await this.#session.query(`truncate ${table.name}`);
      return table;
    }
    // Each time: a stage transaction that rolls back takes its sequence with it.
    await this.#session.query("create temporary sequence if not exists drayage_n cache 1000");
    const made: StagingTable = { name: `pg_temp.staging_${++this.#made}`, width };
    await this.#session.query(
      `create temporary table staging_${this.#made} (_n bigint default nextval('pg_temp.drayage_n')${cells(0, width)
        .map((cell) => `, ${cell} text`)
        .join("")})`,
    );
    return this.#keep(made);
  }

  async #keep(table: StagingTable): Promise<StagingTable> {
    this.#tables.push(table);
    const oldest = this.#tables.length > kept ? this.#tables.shift() : undefined;
    if (oldest !== undefined) await this.#session.query(`drop table if exists ${oldest.name}`);
    return table;
  }

  /** After a rollback a table that was made, or widened, in the transaction is not what is noted here: forget them all. */
  async forget(): Promise<void> {
    const names = this.#tables.map((table) => table.name);
    this.#tables = [];
    if (names.length > 0) await this.#session.query(`drop table if exists ${names.join(", ")}`);
  }

  /** Adds columns: a path first seen in the middle of an object. Rows that are there have NULL in them. */
  async widen(table: StagingTable, width: number): Promise<void> {
    const added = cells(table.width, width).map((cell) => `add column ${cell} text`);
    if (added.length === 0) return;
    await this.#session.query(`alter table ${table.name} ${added.join(", ")}`);
    table.width = width;
  }

  /** Raw lane: the object's own bytes. The server numbers the records. */
  async copyCsv(table: StagingTable, ordinal: number, width: number, bytes: CsvBytes): Promise<CopyStream> {
    await this.#session.query("select setval('pg_temp.drayage_n', $1, false)", [String(ordinal * ordinalFactor + 1)]);
    return this.#session.copy(
      `copy ${table.name} (${cells(0, width).join(", ")}) from stdin (format csv, delimiter ${literal(bytes.delimiter)}, ` +
        `quote ${bytes.quoted ? `'"'` : "E'\\x01'"}, escape ${bytes.quoted ? `'"'` : "E'\\x01'"}, null ${literal(bytes.nullToken)}, encoding 'UTF8')`,
    );
  }

  /** Decoded lane: COPY text, `_n` first. */
  copyText(table: StagingTable): CopyStream {
    return this.#session.copy(
      `copy ${table.name} (${["_n", ...cells(0, table.width)].join(", ")}) from stdin (format text, encoding 'UTF8')`,
    );
  }
}

function cells(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `c${from + i + 1}`);
}
