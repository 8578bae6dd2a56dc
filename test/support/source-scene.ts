/** Makes a scene out of a simulated source table: its full loads and its hours in one random dialect, delivered at random. */
import { Random } from "../../src/demo/random.ts";
import { CellWriter, type Column, types } from "./random-cells.ts";
import type { RandomScene } from "./random-scene.ts";
import { reloadedPlot } from "./reloaded-plot.ts";
import { type Dialect, randomDialect } from "./scene-dialect.ts";
import { imagePrefix, SimulatedSource, type SourceHabits } from "./simulated-source.ts";
import { steadyPlot } from "./steady-plot.ts";

/** What is written and delivered, load by load. */
export type Plot = Pick<RandomScene, "objects" | "loads" | "kills" | "reloads">;

export interface Draft {
  readonly random: Random;
  readonly dialect: Dialect;
  readonly source: SimulatedSource;
  /** A UNIQUE column beside the key: it takes the source's steps in their order alone. */
  readonly uniqueCode: boolean;
}

export const optional = ["name", "qty", "price", "at", "flag"] as const satisfies readonly Column[];
export const later = ["no te", "_object", "no-te"] as const satisfies readonly Column[];

export function sourceScene(seed: number): RandomScene {
  const random = new Random().reset(seed, 0, 0, 1);
  const dialect = randomDialect(random);
  const { delimiter, nulls, rfc4180, header } = dialect;
  const reload = random.chance(40) ? random.pick(["once", "once", "snapshot", "changes"] as const) : undefined;
  // Changed rows alone have no steps that such a column would take.
  const uniqueCode = reload !== "changes" && random.chance(20);
  const key: readonly Column[] = random.chance(30) ? ["id", "tenant"] : ["id"];
  const images = random.chance(35) ? random.pick(["key", "all"] as const) : "none";
  // A before image of '' cannot be told from none.
  const emptyKeys = images === "none";
  const columns: readonly Column[] = [
    ...key,
    ...optional.filter(() => !header || random.chance(80)),
    ...(uniqueCode ? (["code"] as const) : []),
  ];
  const habits: SourceHabits = {
    key,
    columns,
    deleted: random.pick(["row", "key"]),
    keyChanges: random.chance(40),
    images,
    uniqueCode,
  };
  const source = new SimulatedSource(random, new CellWriter(random, { delimiter, nulls, rfc4180, emptyKeys }), habits);
  const draft: Draft = { random, dialect, source, uniqueCode };
  const written = source.written();
  const every = [...new Set([...columns, ...optional, ...later])];
  const plot = reload === undefined ? steadyPlot(draft) : reloadedPlot(draft, reload);
  const deletes = random.pick(["hard", "hard", "soft"] as const);
  return {
    seed,
    documents: false,
    ignored: every.map((column) => `${imagePrefix}${column}`),
    whole: [],
    deletes,
    delimiter,
    nulls,
    key,
    entry: {
      deletes,
      delete_limit_pct: 100,
      primary_key: key,
      ...(reload === undefined ? {} : { full_load: reload }),
      ...(random.chance(20) ? { system_columns: "minimal" } : {}),
      dialect: {
        nulls,
        delimiter,
        ...(rfc4180 ? {} : { rfc4180 }),
        ...(dialect.timestamp ? { timestamp_column: "ts" } : {}),
        ...(images === "none" ? {} : { before_image: { prefix: imagePrefix } }),
      },
      columns: header
        ? Object.fromEntries(every.map((column) => [column, types[column]]))
        : written.map((name) => `${name} ${types[name.replace(imagePrefix, "") as Column]}`),
    },
    create: uniqueCode || random.chance(30) ? createStatement(columns, key, deletes) : undefined,
    maxUnitBytes: random.pick(["64MB", "64MB", "2KB"]),
    ...plot,
    source: { columns: source.columns, rows: new Map(source.rows) },
  };
}

function createStatement(columns: readonly Column[], key: readonly Column[], deletes: string): string {
  const lines = columns.map((column) => `"${column}" ${types[column]}`);
  const make = `create table TABLE (${lines.join(", ")}, _deleted_at timestamptz, primary key (${key.join(", ")}))`;
  if (!columns.includes("code")) return make;
  // A deleted row keeps its values.
  return `${make}; create unique index on TABLE (code)${deletes === "soft" ? " where _deleted_at is null" : ""}`;
}

/** DMS begins a new object when the columns change. */
export function changeColumns({ random, source }: Draft): void {
  const added = later.find((column) => !source.columns.includes(column));
  const droppable = optional.filter((column) => source.columns.includes(column));
  // A column that was dropped never returns: the old cells of rows that nothing touched would return with it.
  if (random.chance(60) && added !== undefined) source.addColumn(added);
  else if (droppable.length > 1) source.dropColumn(random.pick(droppable));
}
