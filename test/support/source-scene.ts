/** Makes a scene out of a simulated source table: its full load and its hours in one random dialect, delivered at random. */
import { Random } from "../../src/demo/random.ts";
import { CellWriter, type Column, types } from "./random-cells.ts";
import { fullLoadTime, type RandomScene, type SceneObject, type SceneRecord } from "./random-scene.ts";
import { SimulatedSource } from "./simulated-source.ts";

/** How DMS was set up for the table. */
interface Dialect {
  readonly header: boolean;
  readonly opInFullLoad: boolean;
  readonly timestamp: boolean;
  readonly delimiter: string;
  readonly nulls: readonly string[];
  readonly rfc4180: boolean;
  readonly crlf: boolean;
  readonly byteOrderMark: boolean;
  readonly finalLineEnd: boolean;
  readonly gzip: boolean;
  /** Change objects lie in folders of their day. */
  readonly partitions: boolean;
  /** File times have a digit for 100 µs. */
  readonly tenDigits: boolean;
}

const hourMs = 3_600_000;
const optional = ["name", "qty", "price", "at", "flag"] as const satisfies readonly Column[];
const later = ["no te", "_object", "no-te"] as const satisfies readonly Column[];

export function sourceScene(seed: number): RandomScene {
  const random = new Random().reset(seed, 0, 0, 1);
  const dialect = randomDialect(random);
  const { delimiter, nulls, rfc4180, header } = dialect;
  const key: readonly Column[] = random.chance(30) ? ["id", "tenant"] : ["id"];
  const columns: readonly Column[] = [...key, ...optional.filter(() => !header || random.chance(80))];
  const source = new SimulatedSource(random, new CellWriter(random, { delimiter, nulls, rfc4180 }), {
    key,
    columns,
    deleted: random.pick(["row", "key"]),
    keyChanges: random.chance(40),
  });
  const written = writeObjects(random, dialect, source);
  const loads = 2 + random.below(2);
  const kills = Array.from({ length: loads }, (_, n) =>
    n < loads - 1 && random.chance(30) ? random.below(6) : undefined,
  );
  const every = [...new Set([...columns, ...optional, ...later])];
  const created = random.chance(30);
  const deletes = random.pick(["hard", "hard", "soft"] as const);
  return {
    seed,
    documents: false,
    ignored: [],
    whole: [],
    deletes,
    delimiter,
    nulls,
    key,
    entry: {
      deletes,
      delete_limit_pct: 100,
      primary_key: key,
      ...(random.chance(20) ? { system_columns: "minimal" } : {}),
      dialect: {
        nulls,
        delimiter,
        ...(rfc4180 ? {} : { rfc4180 }),
        ...(dialect.timestamp ? { timestamp_column: "ts" } : {}),
      },
      columns: header
        ? Object.fromEntries(every.map((column) => [column, types[column]]))
        : columns.map((column) => `${column} ${types[column]}`),
    },
    create: created
      ? `create table TABLE (${columns.map((column) => `${column} ${types[column]}`).join(", ")}, primary key (${key.join(", ")}))`
      : undefined,
    maxUnitBytes: random.pick(["64MB", "64MB", "2KB"]),
    loads: Array.from({ length: loads }, () => random.pick([undefined, undefined, "decoded" as const, "raw" as const])),
    kills,
    objects: delivered(random, written, kills),
    source: { columns: source.columns, rows: new Map(source.rows) },
  };
}

function randomDialect(random: Random): Dialect {
  const rfc4180 = random.chance(80);
  return {
    header: random.chance(65),
    opInFullLoad: random.chance(50),
    timestamp: random.chance(50),
    delimiter: random.pick([",", ",", ";", "|", "\t"]),
    nulls: random.pick([["NULL"], [""], ["\\N"]]),
    rfc4180,
    crlf: random.chance(25),
    byteOrderMark: random.chance(8),
    finalLineEnd: random.chance(85),
    gzip: random.chance(30),
    partitions: random.chance(30),
    tenDigits: random.chance(30),
  };
}

/** Full load and changes, in the order of their time; a part of the full load is read while changes are made already. */
function writeObjects(random: Random, dialect: Dialect, source: SimulatedSource): SceneObject[] {
  const objects: SceneObject[] = [];
  const at = (time: number) => new Date(time).toISOString().replace("T", " ").replace("Z", "000");
  for (let n = random.below(80); n > 0; n -= 1) source.change(at(fullLoadTime));
  const parts = 1 + random.below(4);
  const segments = random.chance(30);
  const hours = 3 + random.below(8);
  let time = fullLoadTime;
  for (let hour = 0; hour < hours; hour += 1) {
    const begin = time;
    time += hourMs + random.below(hourMs);
    const records: SceneRecord[] = [];
    const count = random.below(random.chance(10) ? 250 : 40);
    for (let n = 0; n < count; n += 1) {
      // The full load goes on into the first hour, part by part.
      const part = hour === 0 ? objects.length : parts;
      if (part < parts && n * parts >= part * count) objects.push(fullLoad(dialect, source, part, parts, segments));
      records.push(...source.change(at(begin + Math.floor((n * hourMs) / count / 1000) * 1000)));
    }
    while (hour === 0 && objects.length < parts)
      objects.push(fullLoad(dialect, source, objects.length, parts, segments));
    objects.push(change(dialect, source.columns, records, time + random.below(10) / 10));
    if (dialect.header && random.chance(20)) changeColumns(random, source);
  }
  return random.chance(25) ? [...objects, ...replayed(random, dialect, objects, time)] : objects;
}

/** DMS begins a new object when the columns change. */
function changeColumns(random: Random, source: SimulatedSource): void {
  const added = later.find((column) => !source.columns.includes(column));
  const droppable = optional.filter((column) => source.columns.includes(column));
  // A column that was dropped never returns: the old cells of rows that nothing touched would return with it.
  if (random.chance(60) && added !== undefined) source.addColumn(added);
  else if (droppable.length > 1) source.dropColumn(random.pick(droppable));
}

/** A task that was started again from a moment before its end writes everything since, in order, under new names. */
function replayed(random: Random, dialect: Dialect, objects: readonly SceneObject[], end: number): SceneObject[] {
  const changes = objects.filter(({ kind }) => kind === "change");
  const tail = changes.slice(-1 - random.below(3));
  return tail.map((object, n) =>
    change(dialect, object.columns as readonly Column[], object.records, end + (n + 1) * 60_000),
  );
}

function fullLoad(
  dialect: Dialect,
  source: SimulatedSource,
  part: number,
  parts: number,
  segments: boolean,
): SceneObject {
  const name = segments ? `SEGMENT${part + 1}_LOAD00000001` : `LOAD0000000${part + 1}`;
  const records = source.fullLoad(part, parts, "2026-03-01 00:00:00.000000");
  const path = `t/${name}.csv${dialect.gzip ? ".gz" : ""}`;
  return object(dialect, { path, kind: "full_load", time: fullLoadTime, columns: source.columns, records });
}

/** `time` in milliseconds, with a tenth where the name has ten digits. */
function change(
  dialect: Dialect,
  columns: readonly Column[],
  records: readonly SceneRecord[],
  time: number,
): SceneObject {
  const whole = Math.floor(time);
  const stamp = new Date(whole).toISOString();
  const tenth = dialect.tenDigits ? Math.round((time - whole) * 10) % 10 : 0;
  const name = `${stamp.replaceAll(/[-:.Z]/g, "").replace("T", "-")}${dialect.tenDigits ? tenth : ""}`;
  const folder = dialect.partitions ? `t/${stamp.slice(0, 10).replaceAll("-", "/")}` : "t";
  const path = `${folder}/${name}.csv${dialect.gzip ? ".gz" : ""}`;
  return object(dialect, { path, kind: "change", time: whole + tenth / 10, columns, records });
}

function object(
  dialect: Dialect,
  own: Pick<SceneObject, "path" | "kind" | "time" | "columns" | "records">,
): SceneObject {
  const { header, timestamp, crlf, finalLineEnd, byteOrderMark } = dialect;
  return {
    ...own,
    header,
    op: own.kind === "change" || dialect.opInFullLoad,
    timestamp,
    crlf,
    finalLineEnd,
    byteOrderMark,
    blankAfter: Number.MAX_SAFE_INTEGER,
    cut: false,
    members: 1,
    arrival: 0,
    again: undefined,
  };
}

/** More or less in time; some late, some twice, some gone once they were loaded. */
function delivered(
  random: Random,
  objects: readonly SceneObject[],
  kills: readonly (number | undefined)[],
): SceneObject[] {
  const last = kills.length - 1;
  /** The first load from its coming on that nothing kills. */
  const loadedBy = (arrival: number) => kills.findIndex((kill, load) => load >= arrival && kill === undefined);
  return objects.map((one, n) => {
    const inTime = Math.floor((n * kills.length) / objects.length);
    const arrival = random.chance(25) ? random.below(kills.length) : Math.min(last, inTime);
    const loaded = loadedBy(arrival);
    const again = loaded < last && random.chance(12) ? loaded + 1 : undefined;
    const removable = again === undefined ? loaded : loadedBy(again);
    const removed = removable < last && random.chance(20) ? removable + 1 : undefined;
    return { ...one, arrival, again, removed };
  });
}
