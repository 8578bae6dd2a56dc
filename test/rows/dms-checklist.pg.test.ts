/** Every line of the checklist of what DMS writes that is about keys, order, dialect and bytes: all of them loaded by two runs, with the least config. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type LoadedHere, loadHere } from "../support/load-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";
import { byteLines } from "./dms-checklist-bytes.ts";
import { dialectLines } from "./dms-checklist-dialects.ts";
import { keyLines } from "./dms-checklist-keys.ts";
import type { Line } from "./dms-checklist-line.ts";

const groups = { ...keyLines, ...dialectLines, ...byteLines };
const lines = Object.entries(groups).flatMap(([group, tests]) =>
  Object.entries(tests).map(([name, line]) => ({ group, name, line })),
);
const tables = new Map(lines.map(({ line }, i): [Line, string] => [line, `t${i}`]));

let place: Workplace;
const loads: LoadedHere[] = [];

beforeAll(async () => {
  place = await openWorkplace();
  place.config(
    JSON.stringify({
      source: { url: place.source },
      warehouse: { url: place.url, schema: "public" },
      tables: Object.fromEntries(
        [...tables].map(([line, name]) => [name, { prefix: `shop/${name}`, primary_key: ["id"], ...line.entry }]),
      ),
    }),
  );
  for (const step of ["first", "second"] as const) {
    for (const [line, name] of tables)
      for (const [key, body] of Object.entries(line[step] ?? {})) place.put(`shop/${name}/${key}`, body);
    loads.push(await loadHere(place, { concurrency: 2 }));
  }
});
afterAll(() => place.end());

describe.each(Object.keys(groups))("%s", (group) => {
  test.each(lines.filter((one) => one.group === group))("$name", async ({ line }) => {
    const name = tables.get(line) ?? "";
    const failures = loads.flatMap(({ report }) =>
      report.tables
        .filter(({ table }) => table === name)
        .flatMap((table) => table.failures.map(({ error }) => `${error.code} ${error.message}`)),
    );
    expect(failures).toEqual(line.failures ?? []);
    const table = await place.client.query({
      text: `select ${line.select.map((column) => `(${column})::text`).join(", ")} from public.${name} m order by ${line.order ?? "m.id"}`,
      rowMode: "array",
    });
    expect(table.rows).toEqual(line.rows);
    const { rows } = await place.client.query<{ line: string }>(
      `select concat_ws(' ', record_no, reason, column_name) as line
       from drayage.rejects r join drayage.load_history h on h.id = r.history_id where r.table_name = $1 order by h.key, record_no`,
      [name],
    );
    expect(rows.map((row) => row.line)).toEqual(line.rejects ?? []);
    const [balance] = (
      await place.client.query<{ read: number; repairs: number }>(
        `select coalesce(sum(rows_read), 0)::int as read,
                coalesce(sum((select sum(value::int) from jsonb_each_text(repairs))), 0)::int as repairs
         from drayage.load_history where table_name = $1`,
        [name],
      )
    ).rows;
    expect(balance).toEqual({ read: line.read, repairs: line.repairs ?? 0 });
  });
});

test("12 keys to ignore: DMS's own folders are no unclaimed ones", () => {
  expect(loads.map(({ report }) => [...report.unclaimed.keys()])).toEqual([[], []]);
});
