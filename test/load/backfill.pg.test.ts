/** A range is loaded again: with today's columns, newer rows and deletions untouched, and nothing that `load` finds new is changed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DrayageError } from "../../src/errors.ts";
import type { Attention } from "../../src/observe/attention.ts";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { type BackfilledHere, backfillHere } from "../support/backfill-here.ts";
import { csv, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const all = { kind: "all" } as const;
const head = "Op,id,a,b";

async function history(table: string, columns: string): Promise<string[]> {
  const { rows } = await place.client.query<{ line: string }>(
    `select concat_ws(' ', ${columns}) as line from drayage.load_history where table_name = $1 order by coalesce(file_time, '-infinity'), key`,
    [table],
  );
  return rows.map((row) => row.line);
}

/** Row 1 from the full load, 2 updated and 3 deleted by a change, 4 by a change; `b` ignored. */
async function ignoring(entry: object = {}) {
  const table = await oneTable(place, { primary_key: ["id"], columns: { b: "ignore" }, ...entry });
  table.full(1, csv("id,a,b", "1,one,x", "2,two,x", "3,three,x"));
  table.change(1, csv(head, "U,2,zwei,y", "D,3,,"));
  table.change(2, csv(head, "I,4,vier,z"));
  expect((await table.load()).exit).toBe(0);
  table.configure({ primary_key: ["id"], ...entry });
  await table.load();
  return table;
}

describe("a column that was ignored and is no longer", () => {
  test("gets its values by a backfill of all; a second one changes nothing", async () => {
    const table = await ignoring();
    const ran = await backfillHere(place, table.name, all);
    expect(ran.exit).toBe(0);
    expect(ran.forms).not.toContain("fresh");
    expect(await table.rows("id", "a", "b")).toEqual(["1 one x", "2 zwei y", "4 vier z"]);
    // Row 1, 2 and 4 from their own records; record 2 and 3 of the full load stand behind a newer one and a deletion.
    expect(ran.counts).toEqual({ read: 6, updated: 3, stale: 2, unchanged: 1 });
    const again = await backfillHere(place, table.name, all);
    expect(again.counts).toEqual({ read: 6, unchanged: 4, stale: 2 });
    expect(await table.rows("id", "a", "b")).toEqual(["1 one x", "2 zwei y", "4 vier z"]);
  });

  test("soft deletes keep their last values and stay deleted", async () => {
    const table = await ignoring({ deletes: "soft" });
    expect((await backfillHere(place, table.name, all)).exit).toBe(0);
    expect(await table.rows("id", "a", "_deleted_at is not null")).toEqual([
      "1 one false",
      "2 zwei false",
      "3 three true",
      "4 vier false",
    ]);
  });

  test("a document path", async () => {
    const entry = { document: "_doc" };
    const table = await oneTable(place, { ...entry, columns: { "address.city": "ignore" } });
    const doc = (id: number, city: string) => `{""_id"":${id},""n"":${id},""address"":{""city"":""${city}""}}`;
    table.full(1, csv("_id,_doc", `1,"${doc(1, "Pune")}"`, `2,"${doc(2, "Goa")}"`));
    table.change(1, csv("Op,_id,_doc", `U,2,"${doc(2, "Delhi")}"`));
    await table.load();
    table.configure(entry);
    await table.load();
    const ran = await backfillHere(place, table.name, all);
    expect(ran.failures).toEqual([]);
    expect(await table.rows("_id", "address__city")).toEqual(["1 Pune", "2 Delhi"]);
  });

  test("of a part of the objects, only their rows", async () => {
    const table = await ignoring();
    const [first, second] = await history(table.name, "file_time").then((times) =>
      times.filter((time) => time !== "").map((time) => new Date(time)),
    );
    const range = await backfillHere(place, table.name, { kind: "range", from: first, to: second });
    expect(range.survey.objects.map((object) => object.key)).toEqual([`${table.name}/20260301-100100000.csv`]);
    expect(await table.rows("id", "b")).toEqual(["1 -", "2 y", "4 -"]);
    await backfillHere(place, table.name, { kind: "full_load" });
    expect(await table.rows("id", "b")).toEqual(["1 x", "2 y", "4 -"]);
    await backfillHere(place, table.name, { kind: "objects", names: [`${table.name}/20260301-100200000.csv`] });
    expect(await table.rows("id", "b")).toEqual(["1 x", "2 y", "4 z"]);
  });
});

test("append: the object's rows go before they come again", async () => {
  const table = await oneTable(place, { write_mode: "append", columns: { b: "ignore" } });
  table.full(1, csv("id,a,b", "1,one,x", "1,one,x"));
  table.change(1, csv(head, "I,2,two,y"));
  await table.load();
  table.configure({ write_mode: "append" });
  await table.load();
  expect((await backfillHere(place, table.name, all)).counts).toEqual({ read: 3, inserted: 3 });
  expect(await table.rows("id", "a", "b")).toEqual(["1 one x", "1 one x", "2 two y"]);
});

test("append: a copy of the bucket brought the full load under a new time; its rows are there once", async () => {
  const table = await oneTable(place, { write_mode: "append", dialect: { header: true } });
  table.full(1, csv("id,a", "1,one"));
  await table.load();
  await place.client.query("select pg_sleep(0.02)");
  table.full(1, csv("id,a", "1,one"));
  expect((await table.load()).report.tables[0]?.notes).toEqual([expect.stringContaining("equal bytes: skipped")]);
  expect((await backfillHere(place, table.name, all)).exit).toBe(0);
  expect(await table.rows("id", "a")).toEqual(["1 one"]);
});

test("append without _object is refused, and its rows stay", async () => {
  const table = await oneTable(place, {
    write_mode: "append",
    system_columns: "minimal",
    dialect: { header: true },
  });
  table.full(1, csv("id,a", "1,one"));
  await table.load();
  const ran = await backfillHere(place, table.name, all);
  expect(ran.failures).toEqual([expect.stringMatching(/^CONTRACT: /)]);
  expect(ran.exit).toBe(6);
  expect(await table.rows("id", "a")).toEqual(["1 one"]);
  expect(await history(table.name, "status")).toEqual(["loaded"]);
});

test("what no run has seen is left to load, unless it is named", async () => {
  const table = await ignoring();
  table.change(3, csv(head, "I,5,fünf,n"));
  const ran = await backfillHere(place, table.name, all);
  expect([ran.survey.unseen, ran.report.tables[0]?.objects.length]).toEqual([1, 3]);
  expect(await history(table.name, "status")).toHaveLength(3);
  expect((await table.load()).counts).toEqual({ read: 1, inserted: 1 });
  table.change(4, csv(head, "I,6,sechs,n"));
  const named = { kind: "objects", names: [`${table.name}/20260301-100400000.csv`] } as const;
  expect((await backfillHere(place, table.name, named)).counts).toEqual({ read: 1, inserted: 1 });
});

test("a full load that came again with other bytes is refused, the others are loaded", async () => {
  const table = await ignoring();
  table.full(1, csv("id,a,b", "9,neun,n"));
  const ran = await backfillHere(place, table.name, { kind: "objects", names: [`${table.name}/LOAD00000001.csv`] });
  expect(ran.failures).toEqual([expect.stringMatching(/^NEW_GENERATION: /)]);
  expect(await table.rows("id")).toEqual(["1", "2", "4"]);
  // Marked as skipped it is no more one that was loaded.
  await place.client.query(
    `insert into drayage.load_history (table_name, bucket, key, etag, size, last_modified, kind, status)
     select $1, bucket, key, $2, $3, $4, 'full_load', 'skipped' from drayage.load_history where table_name = $1 and kind = 'full_load'`,
    [
      table.name,
      ...(({ etag, size, lastModified }) => [etag, size, lastModified])(
        ran.survey.objects[0] ?? { etag: "", size: 0, lastModified: new Date(0) },
      ),
    ],
  );
  const marked = await backfillHere(place, table.name, all);
  expect(marked.failures).toEqual([expect.stringMatching(/^NEW_GENERATION: /)]);
  expect(await table.rows("id", "b")).toEqual(["1 -", "2 y", "4 z"]);
});

test.each(["loading", "failed"])(
  "a newer full load that comes while the older one is %s is not taken for the first",
  async (status) => {
    const table = await ignoring();
    await place.client.query(
      `update drayage.load_history set status = $2, error_code = case $2 when 'failed' then 'S3_FAILED' end, retry = case $2 when 'failed' then 'auto' end
     where table_name = $1 and kind = 'full_load'`,
      [table.name, status],
    );
    table.full(1, csv("id,a,b", "9,neun,n"));
    expect((await table.load()).failures).toEqual([expect.stringMatching(/^NEW_GENERATION: /)]);
    expect(await table.rows("id")).toEqual(["1", "2", "4"]);
  },
);

test("an object that fails in a backfill says so, keeps what was loaded, and is retried by load", async () => {
  const table = await ignoring();
  const broken = (source: ObjectSource): ObjectSource => ({
    ...source,
    open: (object, options) => {
      const body = source.open(object, options);
      if (object.key.endsWith("100200000.csv")) body.destroy(new DrayageError("S3_FAILED"));
      return body;
    },
  });
  const ran: BackfilledHere = await backfillHere(place, table.name, all, { through: broken });
  expect(ran.exit).toBe(1);
  expect(await history(table.name, "status, error_code is not null")).toEqual(["loaded f", "loaded f", "failed t"]);
  expect(await table.rows("id", "b")).toEqual(["1 x", "2 y", "4 -"]);
  const load = await table.load();
  expect(load.exit).toBe(0);
  expect(load.counts).toEqual({ read: 1, updated: 1 });
  expect(await table.rows("id", "b")).toEqual(["1 x", "2 y", "4 z"]);
});

test("archived objects are said and left as they are", async () => {
  const table = await ignoring();
  const archived = (source: ObjectSource): ObjectSource => ({
    ...source,
    async *list(folder) {
      for await (const page of source.list(folder))
        yield page.map((one) => ({ ...one, storageClass: one.key.includes("LOAD") ? "DEEP_ARCHIVE" : "STANDARD" }));
    },
  });
  const ran = await backfillHere(place, table.name, all, { through: archived });
  expect(ran.survey.archived.map((object) => object.key)).toEqual([`${table.name}/LOAD00000001.csv`]);
  expect(await history(table.name, "status")).toEqual(["loaded", "loaded", "loaded"]);
  expect(await table.rows("id", "b")).toEqual(["1 -", "2 y", "4 z"]);
});

test("broken off by a signal it gives its objects back as they were, and goes on where it was", async () => {
  const table = await ignoring();
  const controller = new AbortController();
  const stopped = backfillHere(place, table.name, all, {
    signal: controller.signal,
    onUnit: () => controller.abort(new Error("stop")),
  });
  await expect(stopped).rejects.toThrow("stop");
  expect(await history(table.name, "status")).toEqual(["loaded", "loaded", "loaded"]);
  // Nobody goes on with it: each run says so, and with what.
  const unfinished = (ran: { readonly report: { readonly attention: readonly Attention[] } }) =>
    ran.report.attention.filter((one) => one.cause === "backfill" && one.table === table.name);
  const loaded = await table.load();
  expect(loaded.counts).toEqual({});
  expect(unfinished(loaded)).toMatchObject([{ command: `drayage backfill ${table.name} all` }]);
  const rest = await backfillHere(place, table.name, all);
  expect([rest.survey.done, rest.survey.objects.length, rest.report.tables[0]?.objects.length]).toEqual([1, 2, 2]);
  expect(await table.rows("id", "b")).toEqual(["1 x", "2 y", "4 z"]);
  // While its run lives it is in good hands, and then it is over.
  expect([unfinished(rest), unfinished(await table.load())]).toEqual([[], []]);
  // It came to its end: the same words begin anew.
  expect((await backfillHere(place, table.name, all)).survey).toMatchObject({ done: 0, resumes: undefined });
});

test("under another config, or with --restart, nothing of it is done", async () => {
  const table = await ignoring();
  const stop = async () => {
    const controller = new AbortController();
    const onUnit = () => controller.abort(new Error("stop"));
    await expect(backfillHere(place, table.name, all, { signal: controller.signal, onUnit })).rejects.toThrow("stop");
  };
  await stop();
  const restarted = await backfillHere(place, table.name, all, { restart: true });
  expect(restarted.survey.done).toBe(0);
  await stop();
  table.configure({ primary_key: ["id"], columns: { a: "ignore" } });
  await table.load();
  expect((await backfillHere(place, table.name, all)).survey.done).toBe(0);
});

test("a paused table, a table that never was loaded and several tables are refused", async () => {
  const table = await ignoring();
  await place.client.query("update drayage.tables set paused_at = now() where table_name = $1", [table.name]);
  await expect(backfillHere(place, table.name, all)).rejects.toMatchObject({ code: "USAGE", exit: 2 });
  await place.client.query("update drayage.tables set paused_at = null where table_name = $1", [table.name]);
  const unknown = { kind: "objects", names: ["t/nosuch.csv"] } as const;
  await expect(backfillHere(place, table.name, unknown)).rejects.toMatchObject({ code: "OBJECT_UNKNOWN" });
});
