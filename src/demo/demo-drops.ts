/** The objects of the demo: a full load, two hours of changes with one bad record, and an object that comes an hour late. */
import { customers } from "./customers.ts";
import {
  type Cell,
  changePath,
  type DropObject,
  defaultFormat,
  dropObject,
  fullLoadPath,
  type SourceRecord,
} from "./drop-writer.ts";
import { flatDocument } from "./flat-document.ts";
import { orderColumns, orders } from "./orders.ts";
import { hardTexts } from "./source-table.ts";
import { timestampText } from "./source-times.ts";

export interface DemoHour {
  /** `09:00`. */
  readonly name: string;
  /** One sentence for the person who watches. */
  readonly title: string;
  /** In the order of delivery. */
  readonly objects: readonly DropObject[];
}

export interface DemoDrops {
  /** To be delivered and loaded one after the other. */
  readonly hours: readonly DemoHour[];
  readonly expected: {
    /** By id, in the order of its columns. */
    readonly orders: { readonly columns: readonly string[]; readonly rows: ReadonlyMap<string, readonly Cell[]> };
    /** By _id: text by column, see flatDocument; `consents` is jsonb. */
    readonly customers: { readonly rows: ReadonlyMap<string, ReadonlyMap<string, string>> };
    readonly rejects: readonly { readonly path: string; readonly record: number; readonly column: string }[];
  };
}

/** An op on a row and the revision it gets; "bad" is an insert whose amount is no number. */
type Change = readonly [op: "I" | "U" | "D" | "bad", row: number, revision: number];

const day = Date.UTC(2026, 2, 2);
const seed = 2026;
const orderRows = 24;
const customerRows = 12;
const badAmount = "12,5x";

const at = (hour: number, minute: number): number => day + (hour * 60 + minute) * 60_000;

/** What happened in the source, by the time at which DMS closed the object. */
const orderChanges: ReadonlyMap<number, readonly Change[]> = new Map([
  [
    at(9, 0),
    [
      ["I", 25, 0],
      ["U", 3, 1],
      ["bad", 26, 0],
      ["U", 3, 2],
      ["D", 4, 0],
      ["I", 27, 0],
    ],
  ],
  // Comes late. Orders 5 and 7 have moved on by then, 6, 8 and 28 have not.
  [
    at(9, 30),
    [
      ["U", 5, 1],
      ["U", 6, 1],
      ["D", 7, 0],
      ["D", 8, 0],
      ["I", 28, 0],
    ],
  ],
  [
    at(10, 0),
    [
      ["U", 5, 2],
      ["I", 7, 1],
      ["D", 27, 0],
      ["I", 29, 0],
      ["D", 29, 0],
      ["U", 1, 1],
    ],
  ],
]);
const customerChanges: ReadonlyMap<number, readonly Change[]> = new Map([
  [
    at(9, 0),
    [
      ["U", 2, 1],
      ["I", 13, 0],
      ["D", 5, 0],
    ],
  ],
  [
    at(10, 0),
    [
      ["U", 2, 2],
      ["I", 14, 0],
      ["U", 13, 1],
      ["D", 9, 0],
    ],
  ],
]);

/** The same at every call. */
export function demoDrops(): DemoDrops {
  const order = orderCells();
  const customer = customers(seed);
  const ordersAt = (closedAt: number) =>
    changeObject("shop/orders", orderColumns, closedAt, orderChanges.get(closedAt) ?? [], order);
  const customersAt = (closedAt: number) =>
    changeObject(
      customer.folder,
      customer.columns,
      closedAt,
      customerChanges.get(closedAt) ?? [],
      deletedByKey(customer.cells),
    );
  return {
    hours: [
      {
        name: "08:00",
        title: "The full load of both tables",
        objects: [
          fullLoadObject("shop/orders", orderColumns, orderRows, order),
          fullLoadObject(customer.folder, customer.columns, customerRows, customer.cells),
        ],
      },
      {
        name: "09:00",
        title: "Changes, and one record whose amount is not a number",
        objects: [ordersAt(at(9, 0)), customersAt(at(9, 0))],
      },
      { name: "10:00", title: "More changes", objects: [ordersAt(at(10, 0)), customersAt(at(10, 0))] },
      {
        name: "09:30, late",
        title: "An older object that arrives last: what has moved on since must stay as it is",
        objects: [ordersAt(at(9, 30))],
      },
    ],
    expected: {
      orders: {
        columns: orderColumns,
        rows: new Map(
          [...remaining(orderRows, orderChanges)].map(([row, revision]) => [String(row), order(row, revision, "I")]),
        ),
      },
      customers: {
        rows: new Map(
          [...remaining(customerRows, customerChanges)].map(([row, revision]) => [
            customer.key(row),
            flatDocument(customer.document(row, revision), ["consents"]),
          ]),
        ),
      },
      rejects: [{ path: changePath("shop/orders", at(9, 0), defaultFormat), record: 3, column: "amount" }],
    },
  };
}

type CellsOf = (row: number, revision: number, op: Change[0]) => readonly Cell[];

/** Of the orders; every text that has broken loaders is the note of one, from the first on. */
function orderCells(): CellsOf {
  const table = orders(seed);
  const amount = orderColumns.indexOf("amount");
  const note = orderColumns.indexOf("note");
  return (row, revision, op) => {
    const cells = [...table.cells(row, revision)];
    const text = hardTexts[row - 1];
    if (text !== undefined) cells[note] = text;
    if (op === "bad") cells[amount] = badAmount;
    return cells;
  };
}

function deletedByKey(cells: CellsOf): CellsOf {
  return (row, revision, op) => (op === "D" ? [cells(row, revision, op)[0] ?? null, null] : cells(row, revision, op));
}

function fullLoadObject(folder: string, columns: readonly string[], rows: number, cells: CellsOf): DropObject {
  const records = Array.from(
    { length: rows },
    (_, n): SourceRecord => ({ op: "I", at: timestampText(at(8, 0), n * 7), cells: cells(n + 1, 0, "I") }),
  );
  return dropObject(fullLoadPath(folder, 1, defaultFormat), { kind: "full_load", columns, records }, defaultFormat);
}

function changeObject(
  folder: string,
  columns: readonly string[],
  closedAt: number,
  changes: readonly Change[],
  cells: CellsOf,
): DropObject {
  const records = changes.map(
    ([op, row, revision], n): SourceRecord => ({
      op: op === "bad" ? "I" : op,
      // Whole seconds, as MySQL has them, and in pairs of the same second.
      at: timestampText(closedAt - 60_000 + Math.floor(n / 2) * 1000),
      cells: cells(row, revision, op),
    }),
  );
  return dropObject(changePath(folder, closedAt, defaultFormat), { kind: "change", columns, records }, defaultFormat);
}

/** Rows and revisions that are left when the changes are applied in the order of the source. */
function remaining(rows: number, changes: ReadonlyMap<number, readonly Change[]>): ReadonlyMap<number, number> {
  const left = new Map(Array.from({ length: rows }, (_, n) => [n + 1, 0]));
  for (const [, inObject] of [...changes].sort(([a], [b]) => a - b)) {
    for (const [op, row, revision] of inObject) {
      if (op === "D") left.delete(row);
      else if (op !== "bad") left.set(row, revision);
    }
  }
  return left;
}
