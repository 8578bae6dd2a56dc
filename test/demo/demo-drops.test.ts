import { expect, test } from "vitest";
import { demoDrops } from "../../src/demo/demo-drops.ts";
import { defaultFormat } from "../../src/demo/drop-writer.ts";
import type { BsonDocument } from "../../src/demo/extended-json.ts";
import { flatDocument } from "../../src/demo/flat-document.ts";
import { hardTexts } from "../../src/demo/source-table.ts";
import { type ReadObject, readObject, replay } from "./replay.ts";

async function readDemo() {
  const { hours, expected } = demoDrops();
  const read: { hour: string; object: ReadObject }[] = [];
  for (const { name, objects } of hours) {
    for (const object of objects) read.push({ hour: name, object: await readObject(object, defaultFormat) });
  }
  return { read, expected };
}

/** Of one folder in the order of the source: full load first, then by the time in the name. */
function inSourceOrder(read: { object: ReadObject }[], folder: string): ReadObject[] {
  const rank = ({ path }: ReadObject) => (path.includes("LOAD") ? "" : path);
  const objects = read.map(({ object }) => object).filter(({ path }) => path.startsWith(`${folder}/`));
  return objects.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

test("orders: the records in the order of the source, without the bad one, end in the expected rows", async () => {
  const { read, expected } = await readDemo();
  const [reject] = expected.rejects;
  const good = inSourceOrder(read, "shop/orders").map((object) => ({
    ...object,
    records: object.records.filter((_, n) => object.path !== reject?.path || n + 1 !== reject.record),
  }));
  expect([...replay(good)].sort()).toEqual([...expected.orders.rows].sort());
});

test("customers: the keys that are left are the expected ones, with their last names and addresses", async () => {
  const { read, expected } = await readDemo();
  const rows = replay(inSourceOrder(read, "crm/customers"));
  expect([...rows.keys()].sort()).toEqual([...expected.customers.rows.keys()].sort());
  for (const [id, [, text]] of rows) {
    const document = JSON.parse(text ?? "") as {
      name: string;
      address: { city: string };
      balance: { $numberDecimal: string };
    };
    const cells = expected.customers.rows.get(id);
    expect(cells?.get("name")).toBe(document.name);
    expect(cells?.get("address__city")).toBe(document.address.city);
    expect(cells?.get("balance")).toBe(document.balance.$numberDecimal);
  }
});

test("exactly one record is bad, where it is said to be", async () => {
  const { read, expected } = await readDemo();
  const amount = expected.orders.columns.indexOf("amount");
  const bad = read.flatMap(({ object }) =>
    object.path.startsWith("shop/")
      ? object.records.flatMap(({ cells }, n) =>
          /^\d+\.\d\d$/.test(cells[amount] ?? "") ? [] : [{ path: object.path, record: n + 1, cell: cells[amount] }],
        )
      : [],
  );
  expect(bad).toEqual([{ path: expected.rejects[0]?.path, record: expected.rejects[0]?.record, cell: "12,5x" }]);
});

test("the last delivery is older than the one before it and would undo it if it were believed", async () => {
  const { read, expected } = await readDemo();
  const orders = read.map(({ object }) => object).filter(({ path }) => path.startsWith("shop/"));
  const [before, late] = orders.slice(-2);
  expect(late && before && late.path < before.path).toBe(true);
  expect([...replay(orders)].sort()).not.toEqual([...expected.orders.rows].sort());
  expect([...replay(orders.slice(0, -1))].sort()).not.toEqual([...expected.orders.rows].sort());
});

test("every hard text is the note of an order in the full load", async () => {
  const { read, expected } = await readDemo();
  const note = expected.orders.columns.indexOf("note");
  const notes = new Set(read[0]?.object.records.map(({ cells }) => cells[note]));
  expect(hardTexts.filter((text) => !notes.has(text))).toEqual([]);
});

test("the answer sheet flattens as the design says", () => {
  const document: BsonDocument = {
    kind: "document",
    fields: [
      ["_id", { kind: "objectId", value: "5a94815f40bd44d1b02bdfe0" }],
      [
        "a",
        {
          kind: "document",
          fields: [
            ["b", { kind: "int64", value: "9007199254740993" }],
            ["gone", null],
          ],
        },
      ],
      ["at", { kind: "date", value: 1556064000000 }],
      ["paid", true],
      ["tags", { kind: "array", elements: ["x", { kind: "int32", value: 2 }, { kind: "date", value: 0 }] }],
      ["map", { kind: "document", fields: [["k", { kind: "decimal", value: "1.50" }]] }],
    ],
  };
  expect(Object.fromEntries(flatDocument(document, ["map"]))).toEqual({
    _id: "5a94815f40bd44d1b02bdfe0",
    a__b: "9007199254740993",
    at: "2019-04-24T00:00:00.000Z",
    paid: "true",
    tags: '["x",2,"1970-01-01T00:00:00.000Z"]',
    map: '{"k":1.50}',
  });
});
