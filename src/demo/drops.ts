/** Makes what DMS would write for one source table: a full load, then hours of changes, the same bytes for the same seed. */

import { DrayageError } from "../errors.ts";
import { customers } from "./customers.ts";
import {
  type Cell,
  changePath,
  type DropFormat,
  type DropObject,
  defaultFormat,
  dropObject,
  fullLoadPath,
  type SourceRecord,
} from "./drop-writer.ts";
import type { JsonDialect } from "./extended-json.ts";
import { orders } from "./orders.ts";
import { SourceChanges } from "./source-changes.ts";
import type { SourceTable } from "./source-table.ts";
import { timestampText } from "./source-times.ts";

export interface DropOptions {
  readonly kind: "relational" | "documents";
  readonly seed: number;
  /** Rows of the full load. */
  readonly rows: number;
  /** LOAD objects that share them. Default 1. */
  readonly objects?: number | undefined;
  /** Hours of changes after it. Default 0. */
  readonly hours?: number | undefined;
  /** Default 1. */
  readonly objectsPerHour?: number | undefined;
  /** Default 100. */
  readonly changesPerObject?: number | undefined;
  /**
   * How a changed key is written: as a D and an I, or as a U with the old key in a column `before_<key>`. Default `none`: no key
   * changes.
   */
  readonly keyChanges?: "none" | "pair" | "before-image" | undefined;
  /** Cells of a D: the whole row (MySQL), or only its key (PostgreSQL). Documents always have only the key. Default `row`. */
  readonly deleted?: "row" | "key" | undefined;
  /** Default `canonical`. */
  readonly dialect?: JsonDialect | undefined;
  /** Default `shop/orders` or `crm/customers`. */
  readonly folder?: string | undefined;
  /** When the full load begins, in milliseconds since 1970. Default 2026-01-01 00:00 UTC. */
  readonly start?: number | undefined;
  readonly format?: Partial<DropFormat> | undefined;
}

export interface Drops {
  /** Without op and timestamp; the key first. */
  readonly columns: readonly string[];
  /** In the order in which DMS would write them. Read each body before the next object is asked for. */
  objects(): Iterable<DropObject>;
  /** The source's rows after every change read so far: what a right load ends with. Each in the order of `columns`. */
  state(): Iterable<readonly Cell[]>;
}

const hourMs = 3_600_000;
const defaultStart = Date.UTC(2026, 0, 1);

/** Needs memory for the changed keys, not for the rows. Throws USAGE where the format cannot hold the cells. */
export function makeDrops(options: DropOptions): Drops {
  const { kind, seed, rows, keyChanges = "none", start = defaultStart } = options;
  const format = { ...defaultFormat, ...options.format };
  refuseUnwritable(kind, format);
  const table =
    kind === "relational" ? orders(seed, format, options.folder) : customers(seed, options.dialect, options.folder);
  const columns = keyChanges === "before-image" ? [...table.columns, `before_${table.columns[0]}`] : table.columns;
  const deleted = kind === "documents" ? "key" : (options.deleted ?? "row");
  const changes = new SourceChanges(table, { seed, rows, keyChanges, deleted });
  return {
    columns,
    *objects() {
      const count = options.objects ?? 1;
      for (let n = 0; n < count; n += 1) {
        const records = fullLoad(
          table,
          start,
          Math.floor((rows * n) / count) + 1,
          Math.floor((rows * (n + 1)) / count),
          keyChanges === "before-image",
        );
        yield dropObject(fullLoadPath(table.folder, n + 1, format), { kind: "full_load", columns, records }, format);
      }
      const perHour = options.objectsPerHour ?? 1;
      const length = Math.floor(hourMs / perHour);
      for (let n = 0; n < (options.hours ?? 0) * perHour; n += 1) {
        const from = start + hourMs + n * length;
        const records = changes.during(from, length, options.changesPerObject ?? 100);
        // DMS closes the object a moment after the last commit in it.
        const path = changePath(table.folder, from + length + 117, format);
        yield dropObject(path, { kind: "change", columns, records }, format);
      }
    },
    state: () => changes.state(),
  };
}

function* fullLoad(
  table: SourceTable,
  start: number,
  first: number,
  last: number,
  beforeImage: boolean,
): Generator<SourceRecord> {
  for (let row = first; row <= last; row += 1) {
    const cells = table.cells(row, 0);
    const micros = row * 7;
    const at = timestampText(start + Math.floor(micros / 1000), micros % 1000);
    yield { op: "I", at, cells: beforeImage ? [...cells, null] : cells };
  }
}

function refuseUnwritable(kind: DropOptions["kind"], { rfc4180, delimiter }: DropFormat): void {
  if (rfc4180 || kind === "relational" || delimiter === "\t") return;
  throw new DrayageError("USAGE", {
    message: "Documents cannot be written without quotes, except with a tab between the fields",
    next: "Leave rfc4180 on, or use a tab as the delimiter.",
  });
}
