/** A run that staged its records before another run changed the table's columns merges them as if it had come later. */
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

/** The source whose bodies wait: `opened` resolves when one is asked for, `open` lets them flow. */
function gated() {
  let sayOpened: () => void = () => undefined;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    sayOpened = resolve;
  });
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  async function* behind(body: Readable): AsyncGenerator<Buffer> {
    sayOpened();
    await gate;
    yield* body as AsyncIterable<Buffer>;
  }
  const through = (source: ObjectSource): ObjectSource => ({
    ...source,
    list: source.list.bind(source),
    open: (object, options = {}) => Readable.from(behind(source.open(object, options))),
  });
  return { through, opened, open };
}

test("a column that another run added is NULL in a newer record that lacks it", async () => {
  const table = await oneTable(place, { primary_key: ["id"] });
  table.full(1, csv("id,v", "1,a"));
  await table.load();
  table.change(3, csv("Op,id,v", "U,1,c"));
  const { through, opened, open } = gated();
  const slow = table.load({ through });
  await opened;
  table.change(2, csv("Op,id,v,w", "U,1,b,5"));
  const fast = table.load();
  await expect.poll(() => table.rows("id", "v"), { timeout: 20_000 }).toEqual(["1 b"]);
  open();
  expect((await slow).counts).toEqual({ read: 1, updated: 1 });
  expect((await fast).counts).toEqual({ read: 1, updated: 1 });
  expect(await table.rows("id", "v", "w")).toEqual(["1 c -"]);
});

test("a document column that another run widened", async () => {
  const change = (id: number, n: unknown) => `U,${id},"${JSON.stringify({ n }).replaceAll('"', '""')}"`;
  const table = await oneTable(place, { primary_key: ["id"], document: "doc" });
  table.change(1, csv("Op,id,doc", change(1, 1), change(2, 2)));
  await table.load();
  table.change(3, csv("Op,id,doc", change(2, 3)));
  const { through, opened, open } = gated();
  const slow = table.load({ through });
  await opened;
  table.change(2, csv("Op,id,doc", change(1, "text")));
  const fast = table.load();
  await expect.poll(() => table.rows("id", "n"), { timeout: 20_000 }).toEqual(["1 text", "2 2"]);
  open();
  expect((await slow).failures).toEqual([]);
  expect((await fast).failures).toEqual([]);
  expect(await table.rows("id", "n")).toEqual(["1 text", "2 3"]);
});
