/** A table of a full load and of change objects with random changes, each with its op time; and what it must hold, of any of its objects. */
import { type ReloadedTable, reloadedTable, timeOf } from "./reloaded-table.ts";
import type { Workplace } from "./workplace.ts";

interface Change {
  readonly op: "I" | "U" | "D";
  readonly at: Date;
  readonly id: number;
  readonly value: string;
}

interface ChangeObject {
  /** Below the source. */
  readonly path: string;
  readonly closed: Date;
  readonly changes: readonly Change[];
}

export interface ChangingTable extends ReloadedTable {
  readonly objects: readonly ChangeObject[];
  /** One more change object, closed later than all. */
  more(): ChangeObject;
  /** As `holds` reads it: records up to the first that `ends` says true of, without those of some objects. */
  expected(options?: { without?: readonly string[]; until?: Date }): string[];
  /** `id value object record`, and `id D` of tombstones. */
  holds(): Promise<string[]>;
}

const first = 20;

/** `random`: whole numbers below its argument. */
export async function changingTable(
  place: Workplace,
  random: (below: number) => number,
  { objects: count = 8, entry = {} }: { objects?: number; entry?: object } = {},
): Promise<ChangingTable> {
  const timed = { columns: { id: "bigint", v: "text" }, dialect: { timestamp_column: "ts" } };
  const table = await reloadedTable(place, { ...timed, ...entry });
  const began = timeOf("09:00");
  const rows = Array.from({ length: first }, (_, i) => `${began.toISOString().slice(0, 19)},${i + 1},full`);
  table.fullAt("09:00", 1, ["ts,id,v", ...rows, ""].join("\n"));
  const objects: ChangeObject[] = [];
  const live = new Set(Array.from({ length: first }, (_, i) => i + 1));
  const more = (): ChangeObject => {
    const minute = objects.length + 1;
    const clock = `10:${String(minute).padStart(2, "0")}`;
    const closed = timeOf(clock);
    const seconds = Array.from({ length: 1 + random(6) }, () => random(59)).sort((a, b) => a - b);
    const changes = seconds.map((second, i): Change => {
      const id = 1 + random(first + 6);
      const op = !live.has(id) ? "I" : random(3) === 0 ? "D" : "U";
      if (op === "D") live.delete(id);
      else live.add(id);
      return { op, at: new Date(closed.getTime() - 60_000 + second * 1000), id, value: `o${minute}r${i + 1}` };
    });
    const lines = changes.map(({ op, at, id, value }) => `${op},${at.toISOString().slice(0, 19)},${id},${value}`);
    const path = table.changeAt(clock, ["Op,ts,id,v", ...lines, ""].join("\n"));
    const object = { path, closed, changes };
    objects.push(object);
    return object;
  };
  for (let i = 0; i < count; i++) more();
  return {
    ...table,
    objects,
    more,
    expected({ without = [], until } = {}) {
      const held = new Map<number, string>();
      for (let id = 1; id <= first; id++) held.set(id, `${id} full LOAD00000001 ${id}`);
      for (const { path, changes } of objects) {
        if (without.includes(path)) continue;
        const end = until === undefined ? -1 : changes.findIndex(({ at }) => at > until);
        const name = path.replace(/^.*\/|\.csv$/g, "");
        for (const [i, { op, id, value }] of changes.slice(0, end < 0 ? undefined : end).entries())
          held.set(id, op === "D" ? `${id} D ${name} ${i + 1}` : `${id} ${value} ${name} ${i + 1}`);
        if (end >= 0) break;
      }
      return [...held.values()].sort();
    },
    async holds() {
      const { rows: id } = await place.client.query<{ table_id: number }>(
        "select table_id from drayage.tables where table_name = $1",
        [table.name],
      );
      const name = "regexp_replace(h.key, '^.*/|[.]csv$', '', 'g')";
      const { rows } = await place.client.query<{ line: string }>(
        `select concat_ws(' ', m.id, m.v, ${name}, m._record) as line from public.${table.name} m
           join drayage.load_history h on h.id = m._object
         where to_jsonb(m) ->> '_deleted_at' is null
         union all
         select concat_ws(' ', t.id, 'D', (
           select ${name} from drayage.load_history h where h.table_name = $1 and h.kind = 'change'
             and t._version between 4611686018427387904 + (extract(epoch from h.file_time) * 10000)::bigint * 65536
               and 4611686018427387904 + (extract(epoch from h.file_time) * 10000)::bigint * 65536 + 65535
         ), t._record) from drayage.tombstones_${id[0]?.table_id} t`,
        [table.name],
      );
      return rows.map(({ line }) => line).sort();
    },
  };
}
