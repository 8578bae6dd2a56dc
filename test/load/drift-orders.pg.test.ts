/** A day of hourly objects whose documents drift, in several orders of arrival, under each contract mode: the end is the one that is documented. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { csv, type OneTable, oneTable } from "../support/one-table.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

let place: Workplace;
beforeAll(async () => {
  place = await openWorkplace();
});
afterAll(() => place.end());

const hours = Array.from({ length: 24 }, (_, hour) => hour);

/** New fields, 3 then 3.7, a string that becomes an object, a field of two kinds, one that vanishes. */
function documentOf(hour: number): Record<string, unknown> {
  return {
    n: hour < 8 ? 3 : 3.7,
    s: hour < 12 ? `x${hour}` : { k: `y${hour}` },
    w: hour % 2 === 0 ? 1 : true,
    ...(hour < 16 ? { gone: hour } : {}),
    [`f${Math.floor(hour / 4)}`]: { of: hour },
  };
}

/** Objects as columns. */
function flat(value: object, above = ""): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]): [string, unknown][] =>
      typeof inner === "object" && inner !== null
        ? Object.entries(flat(inner, `${above}${name}__`))
        : [[`${above}${name}`.replaceAll(".", "__"), inner]],
    ),
  );
}

/** What its row holds, as JSON. */
function rowOf(hour: number): Record<string, unknown> {
  const { n, s, w, gone, ...fields } = documentOf(hour);
  return {
    n,
    w: String(w),
    ...(typeof s === "string" ? { s } : { s__k: (s as { k: string }).k }),
    ...(gone === undefined ? {} : { gone }),
    ...flat(fields),
  };
}

const expected = new Map<string, Record<string, unknown>>(hours.map((hour) => [`h${hour}`, rowOf(hour)]));
// Every object changes it; the newest is the last hour's, whenever that came.
expected.set("all", rowOf(23));

/** All of them by `npm run test:long`. */
const orders: Readonly<Record<string, readonly number[]>> = {
  "the newest first": [...hours].reverse(),
  ...(process.env.LONG === undefined
    ? {}
    : {
        "in order": hours,
        "the afternoon first": [...hours.slice(12), ...hours.slice(0, 12)],
        "mixed once": hours.map((hour) => (hour * 7 + 5) % 24),
        "mixed twice": hours.map((hour) => (hour * 11 + 2) % 24),
      }),
};
const loads = 3;

/** What each load finds. */
function batches(order: readonly number[]): readonly (readonly number[])[] {
  const size = Math.ceil(order.length / loads);
  return Array.from({ length: loads }, (_, i) => order.slice(i * size, (i + 1) * size));
}

function put(table: OneTable, some: readonly number[]): void {
  for (const hour of some) {
    const document = `"${JSON.stringify(documentOf(hour)).replaceAll('"', '""')}"`;
    table.change(hour, csv("Op,_id,_doc", `I,h${hour},${document}`, `U,all,${document}`));
  }
}

/** By `_id`; what was rescued counts as what it would be in a column. */
async function rows(table: OneTable): Promise<Map<string, Record<string, unknown>>> {
  const { rows } = await place.client.query<{ id: string; cells: Record<string, unknown> }>(
    `select _id as id, jsonb_strip_nulls(to_jsonb(m) - array['_id', '_loaded_at', '_object', '_record', '_version']) as cells
     from public.${table.name} m`,
  );
  return new Map(rows.map(({ id, cells: { _rescued, ...cells } }) => [id, { ...cells, ...flat(_rescued ?? {}) }]));
}

async function types(table: OneTable): Promise<Record<string, string>> {
  const { rows } = await place.client.query<{ name: string; type: string }>(
    `select attname as name, format_type(atttypid, null) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and attname !~ '^_' order by attname`,
    [`public.${table.name}`],
  );
  return Object.fromEntries(rows.map(({ name, type }) => [name, type]));
}

const allTypes = {
  ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((n) => [`f${n}__of`, "bigint"])),
  gone: "bigint",
  n: "double precision",
  s: "text",
  s__k: "text",
  w: "text",
};

describe.each(Object.entries(orders))("%s", (_, order) => {
  const [first = [], ...later] = batches(order);

  test("evolve: every field has a column that takes all of it", async () => {
    const table = await oneTable(place);
    for (const some of [first, ...later]) {
      put(table, some);
      expect((await table.load()).failures).toEqual([]);
    }
    expect(await types(table)).toEqual(allTypes);
    expect(await rows(table)).toEqual(expected);
  });

  test("rescue: columns stay those of the first load, nothing is lost", async () => {
    const table = await oneTable(place, { contract: { columns: "rescue" } });
    put(table, first);
    expect((await table.load()).failures).toEqual([]);
    const made = Object.keys(await types(table));
    for (const some of later) {
      put(table, some);
      expect((await table.load()).exit).toBe(0);
    }
    expect(Object.keys(await types(table))).toEqual(made);
    expect(await rows(table)).toEqual(expected);
  });

  test("discard: what the first load had not is left out", async () => {
    const table = await oneTable(place, { contract: { columns: "discard" } });
    put(table, first);
    expect((await table.load()).failures).toEqual([]);
    const made = new Set(Object.keys(await types(table)));
    for (const some of later) {
      put(table, some);
      expect((await table.load()).exit).toBe(0);
    }
    const kept = [...expected].map(([id, row]): [string, object] => [
      id,
      Object.fromEntries(Object.entries(row).filter(([name]) => made.has(name))),
    ]);
    expect(await rows(table)).toEqual(new Map(kept));
  });

  test("freeze: each new field waits for the printed statement, and then ends as with evolve", async () => {
    const table = await oneTable(place, { contract: { columns: "freeze" } });
    put(table, first);
    expect((await table.load()).failures).toEqual([]);
    for (const some of later) {
      put(table, some);
      const refused = await table.load();
      const lines = refused.report.tables[0]?.failures[0]?.error.lines ?? [];
      if (refused.exit !== 0) {
        expect(refused.exit).toBe(6);
        expect(refused.counts).toEqual({});
        await place.client.query(lines[0] ?? "");
        expect((await table.load()).failures).toEqual([]);
      }
    }
    expect(await types(table)).toEqual(allTypes);
    expect(await rows(table)).toEqual(expected);
  });
});
