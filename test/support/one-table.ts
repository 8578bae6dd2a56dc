/** One configured table of a workplace: its objects, what loading them did, and what is in the database then. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TablePlan } from "../../src/load/table-plan.ts";
import { type LoadedHere, type LoadHereOptions, loadHere, planHere } from "./load-here.ts";
import { type ReplayedHere, type ReplayHereOptions, replayHere } from "./replay-here.ts";
import type { Workplace } from "./workplace.ts";

export interface OneTable {
  /** In the schema public. */
  readonly name: string;
  /** Changes the table's config entry for the loads to come, and settings of the warehouse. */
  configure(entry: object, warehouse?: object): void;
  /** Makes it the one table of the config again: a load does so by itself. */
  writeConfig(): void;
  /** Writes `LOAD0000000n.csv`. */
  full(n: number, body: string): void;
  /** Writes a change object that was closed n minutes after a fixed time. */
  change(n: number, body: string): void;
  load(options?: LoadHereOptions): Promise<LoadedHere>;
  replay(options?: ReplayHereOptions): Promise<ReplayedHere>;
  /** A line a row, cells joined by a blank. `$1` is the table's name, `TABLE` stands for the main table; as a superuser. */
  query(sql: string): Promise<string[]>;
  /** What `plan` says of it. */
  plan(options?: Parameters<typeof planHere>[1]): Promise<TablePlan>;
  /** One line a row, cells joined by a blank, NULL as `-`; in the order of the first column. */
  rows(...columns: string[]): Promise<string[]>;
  /** `record reason column constraint`, `-` for none, `TABLE` for the table's name, in the order of objects and records. */
  rejects(): Promise<string[]>;
  /** The object's bytes, by its place in `rejects`. */
  bytes(key: string, offset: number, length: number): string;
}

let made = 0;

/** `create`: statements that make the main table, with `TABLE` for its name; the role of the workplace then owns it. */
export async function oneTable(place: Workplace, entry: object = {}, create?: string): Promise<OneTable> {
  const name = `t${++made}`;
  let config = entry;
  let ofWarehouse = {};
  if (create !== undefined) {
    await place.client.query(create.replaceAll("TABLE", `public.${name}`));
    await place.client.query(`alter table public.${name} owner to ${place.role}`);
  }
  const writeConfig = () =>
    place.config(
      JSON.stringify({
        source: { url: place.source },
        warehouse: { url: place.url, schema: "public", ...ofWarehouse },
        tables: { [name]: { prefix: name, ...config } },
      }),
    );
  return {
    name,
    writeConfig,
    configure: (next, warehouse = {}) => {
      config = next;
      ofWarehouse = warehouse;
    },
    full: (n, body) => place.put(`${name}/LOAD0000000${n}.csv`, body),
    change: (n, body) => place.put(`${name}/20260301-10${String(n).padStart(2, "0")}00000.csv`, body),
    load: (options) => {
      writeConfig();
      return loadHere(place, options);
    },
    replay: (options) => {
      writeConfig();
      return replayHere(place, { tables: [name], ...options });
    },
    query: async (sql) => {
      const { rows } = await place.client.query<Record<string, unknown>>(sql.replaceAll("TABLE", `public.${name}`), [
        name,
      ]);
      return rows.map((row) => Object.values(row).join(" "));
    },
    plan: async (options) => {
      writeConfig();
      const [planned] = (await planHere(place, options)).tables;
      if (planned === undefined) throw new Error("there is nothing to plan");
      return planned;
    },
    rows: async (...columns) => {
      const { rows } = await place.client.query<{ line: string }>(
        `select concat_ws(' ', ${columns.map((column) => `coalesce((${column})::text, '-')`).join(", ")}) as line
         from public.${name} order by ${columns[0]}`,
      );
      return rows.map((row) => row.line);
    },
    rejects: async () => {
      const { rows } = await place.client.query<{ line: string }>(
        `select concat_ws(' ', record_no, reason, coalesce(column_name, '-'), coalesce(replace(constraint_name, r.table_name, 'TABLE'), '-')) as line
         from drayage.rejects r join drayage.load_history h on h.id = r.history_id
         where r.table_name = $1 order by h.key, record_no`,
        [name],
      );
      return rows.map((row) => row.line);
    },
    bytes: (key, offset, length) =>
      readFileSync(fileURLToPath(`${place.source}/${key}`))
        .subarray(offset, offset + length)
        .toString("utf8"),
  };
}

/** Lines with their ends: `csv("id,v", "1,a")`. */
export function csv(...lines: string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
