/** A table whose objects come at times that a test says: full loads that are written again, changes before and after them. */
import { statSync, unlinkSync, utimesSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { LoadedHere, LoadHereOptions } from "./load-here.ts";
import { type OneTable, oneTable } from "./one-table.ts";
import type { Workplace } from "./workplace.ts";

export interface ReloadedTable extends OneTable {
  /** `LOAD0000000n.csv`, last modified at a time of the day: `12:00`. */
  fullAt(clock: string, n: number, body: string): void;
  /** A change object that is closed then, and last modified then or at another time. */
  changeAt(clock: string, body: string, modified?: string): string;
  remove(path: string): void;
  /** The table as it is loaded at a time of the day. */
  loadAt(clock: string, options?: LoadHereOptions): Promise<LoadedHere>;
  /** One line an entry, in the order of times and keys: `LOAD00000001 loaded 1`, with further columns. */
  history(...columns: string[]): Promise<string[]>;
  /** Which rows were written since: ctid and xmin, by the first column. */
  places(column: string): Promise<string[]>;
  generation(): Promise<number>;
}

/** A day on which nothing else happens. `1 03:00` is the next one at three. */
export function timeOf(clock: string): Date {
  const [time = "", days = "0"] = clock.split(" ").reverse();
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  return new Date(Date.UTC(2026, 2, 10 + Number(days), hours, minutes, seconds));
}

export async function reloadedTable(place: Workplace, entry: object = {}, create?: string): Promise<ReloadedTable> {
  const table = await oneTable(place, { primary_key: ["id"], columns: { id: "bigint" }, ...entry }, create);
  const fileOf = (path: string) => fileURLToPath(`${place.source}/${path}`);
  const touch = (path: string, clock: string) => utimesSync(fileOf(path), timeOf(clock), timeOf(clock));
  return {
    ...table,
    fullAt(clock, n, body) {
      table.full(n, body);
      touch(`${table.name}/LOAD0000000${n}.csv`, clock);
    },
    changeAt(clock, body, modified = clock) {
      const digits = timeOf(clock)
        .toISOString()
        .replaceAll(/[^0-9]/g, "");
      const path = `${table.name}/${digits.slice(0, 8)}-${digits.slice(8, 17)}.csv`;
      place.put(path, body);
      touch(path, modified);
      if (statSync(fileOf(path)).mtime.getTime() !== timeOf(modified).getTime()) throw new Error("no such time");
      return path;
    },
    remove: (path) => unlinkSync(fileOf(path)),
    loadAt: (clock, options) => table.load({ ...options, now: timeOf(clock) }),
    async history(...columns) {
      const { rows } = await place.client.query<{ line: string }>(
        `select concat_ws(' ', regexp_replace(key, '^.*/|[.]csv$', '', 'g'), status, generation${columns.map((column) => `, ${column}`).join("")}) as line
         from drayage.load_history where table_name = $1 order by last_modified, key`,
        [table.name],
      );
      return rows.map((row) => row.line);
    },
    places: (column) => table.rows(column, "ctid", "xmin"),
    async generation() {
      const { rows } = await place.client.query<{ generation: number }>(
        "select generation from drayage.tables where table_name = $1",
        [table.name],
      );
      return rows[0]?.generation ?? 0;
    },
  };
}
