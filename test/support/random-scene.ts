/** Makes a random scene of one source table: objects in random dialects, some records bad, and when each object arrives. */
import { Random } from "../../src/demo/random.ts";
import { type Column, oddNames, type SceneCell, type SourceRows, types } from "./random-cells.ts";
import { brokenRecord, type Draft, fullLoadTime, sceneRecord } from "./random-records.ts";

export interface SceneRecord {
  readonly op: string;
  /** Undefined where the record has no readable key. */
  readonly key: string | undefined;
  readonly cells: Readonly<Record<string, SceneCell>>;
  /** The key that the row had before; its before image says so. */
  readonly moved?: string | undefined;
  /** Of documents. */
  readonly document: unknown;
  readonly at: string;
  /** Reason of the reject that the record is, unless a newer record of its key was applied. */
  readonly bad: string | undefined;
  /** Fields too many (1) or too few (-1). */
  readonly fields: number;
  /** Bytes in place of cells: a quote that is never closed. */
  readonly broken: string | undefined;
}

export interface SceneObject {
  readonly path: string;
  readonly kind: "full_load" | "change";
  /** `YYYYMMDD-HHMMSSmmm` as milliseconds; of full loads a fixed time before every change. */
  readonly time: number;
  readonly header: boolean;
  readonly op: boolean;
  readonly timestamp: boolean;
  readonly crlf: boolean;
  readonly finalLineEnd: boolean;
  readonly byteOrderMark: boolean;
  /** Number of records before a line without anything on it; no such line where there are fewer. */
  readonly blankAfter: number;
  /** Breaks off in the middle, where it is compressed: it must leave nothing. */
  readonly cut: boolean;
  /** Gzip members, where it is compressed. */
  readonly members: number;
  readonly columns: readonly string[];
  readonly records: readonly SceneRecord[];
  /** Number of the load before which it arrives. */
  readonly arrival: number;
  /** Load before which it comes again: equal bytes, a newer time of modification. */
  readonly again: number | undefined;
  /** Load before which it is taken away; it was loaded by then. */
  readonly removed?: number | undefined;
  /** When it was written, where that is not `time`. */
  readonly modified?: number | undefined;
  /** Of full loads that come more than once: which of them it is part of. */
  readonly set?: number | undefined;
}

/** How full loads come again, and when that is known to be over. */
export interface Reloads {
  readonly mode: "once" | "snapshot" | "changes";
  readonly settleMs: number;
  /** Of each load. */
  readonly clock: readonly number[];
}

export interface RandomScene {
  readonly seed: number;
  readonly documents: boolean;
  /** Paths of documents, or columns, that the config leaves out. */
  readonly ignored: readonly string[];
  /** Paths of documents that the config keeps as jsonb. */
  readonly whole: readonly string[];
  readonly deletes: "hard" | "soft" | "ignore";
  readonly delimiter: string;
  readonly nulls: readonly string[];
  /** Of the key, in the main table. */
  readonly key: readonly string[];
  /** Entry of the config. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Statements that make the main table, with TABLE for its name; undefined: drayage does. */
  readonly create: string | undefined;
  readonly maxUnitBytes: string;
  /** Lane that each load is held to. */
  readonly loads: readonly ("raw" | "decoded" | undefined)[];
  readonly objects: readonly SceneObject[];
  /** For each load: how many objects it has opened when it is killed; undefined: it comes to its end. */
  readonly kills?: readonly (number | undefined)[];
  readonly reloads?: Reloads | undefined;
  /** Of scenes that a source table made: what it holds in the end, by key. Cells that a row has not are NULL. */
  readonly source?: SourceRows | undefined;
}

export function randomScene(seed: number): RandomScene {
  const random = new Random().reset(seed, 0, 0, 0);
  const documents = random.chance(35);
  const nulls = random.pick([["NULL"], [""], ["NULL", ""], ["\\N"]]);
  const delimiter = documents ? "," : random.pick([",", ",", ";", "|", "\t"]);
  const composite = !documents && random.chance(30);
  const whole = documents && random.chance(20) ? [random.pick(["address", "drift", "plain"])] : [];
  const created = whole.length === 0 && random.chance(documents ? 25 : 50);
  const listed = !documents && random.chance(50);
  const timestamp = random.chance(50);
  const deletes = random.pick(["hard", "hard", "soft", "ignore"] as const);
  const key = documents ? ["oid__id"] : composite ? ["id", "tenant"] : ["id"];
  const columns: Column[] = ["id", ...(composite ? (["tenant"] as const) : []), "name", "qty", "price", "at", "flag"];
  if (created) columns.push("code", "label");
  else if (!listed && random.chance(30)) columns.push(...oddNames);
  const loads = Array.from({ length: 1 + random.below(4) }, () =>
    random.pick(documents ? [undefined] : [undefined, undefined, "decoded" as const, "raw" as const]),
  );
  const ignored =
    whole.length === 0 && !listed && random.chance(20)
      ? [documents ? random.pick(["plain", "address.city"]) : "name"]
      : [];
  const draft = { documents, nulls, delimiter, key, columns, created, listed, timestamp };
  return {
    seed,
    documents,
    ignored,
    whole,
    deletes,
    delimiter,
    nulls,
    key,
    entry: {
      deletes,
      reject_limit: 100_000,
      delete_limit_pct: 100,
      ...(created && random.chance(50) ? {} : { primary_key: key }),
      dialect: { nulls, delimiter, ...(timestamp ? { timestamp_column: "ts" } : {}) },
      ...(random.chance(20) ? { system_columns: "minimal" } : {}),
      columns: listed
        ? columns.map((column) => `${column} ${types[column]}`)
        : { ...(documents ? {} : pick(columns)), ...rules(whole, "jsonb"), ...rules(ignored, "ignore") },
    },
    create: created ? createStatements(documents, columns, key) : undefined,
    maxUnitBytes: random.pick(["64MB", "64MB", "1KB"]),
    loads,
    objects: sceneObjects(random, draft, loads.length),
  };
}

function pick(columns: readonly Column[]): Record<string, string> {
  const named = columns.filter((column) => !(oddNames as readonly string[]).includes(column));
  return Object.fromEntries(named.map((column) => [column, types[column]]));
}

function rules(paths: readonly string[], rule: string): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, rule]));
}

/** Row 0 is nobody's: a record that takes its code is refused whenever it comes. */
function createStatements(documents: boolean, columns: readonly Column[], key: readonly string[]): string {
  if (documents) return "create table TABLE (oid__id text primary key, number bigint, drift text, plain varchar(20))";
  const lines = columns.map((column) => `${column} ${types[column]}${column === "label" ? " not null" : ""}`);
  const tenant = key.length > 1 ? { name: ", tenant", value: ", 'nobody'" } : { name: "", value: "" };
  return `create table TABLE (${lines.join(", ")}, primary key (${key.join(", ")}), unique (code), check (qty <> 13));
insert into TABLE (id, code, label${tenant.name}) values (0, 'taken', 'x'${tenant.value})`;
}

function sceneObjects(random: Random, draft: Draft, loads: number): SceneObject[] {
  const count = 1 + random.below(7);
  const objects: SceneObject[] = [];
  const names = new Set<string>();
  for (let n = 0; n < count; n++) {
    const before = objects.length > 0 && random.chance(12) ? random.pick(objects) : undefined;
    const made = before ?? sceneObject(random, draft);
    const time = made.kind === "full_load" ? fullLoadTime : fullLoadTime + 3_600_000 + random.below(86_400) * 1_000;
    const path = `t/${objectName(random, made.kind, time)}`;
    if (names.has(path)) continue;
    names.add(path);
    const arrival = random.below(loads);
    const again = arrival + 1 < loads && random.chance(15) ? arrival + 1 : undefined;
    objects.push({ ...made, path, time, arrival, again });
  }
  return objects;
}

function objectName(random: Random, kind: SceneObject["kind"], time: number): string {
  const gz = random.chance(30) ? ".gz" : "";
  if (kind === "full_load") {
    const segment = random.chance(20) ? `SEGMENT${1 + random.below(12)}_` : "";
    return `${segment}LOAD0000000${random.below(16).toString(16).toUpperCase()}.csv${gz}`;
  }
  return `${new Date(time)
    .toISOString()
    .replaceAll(/[-:.Z]/g, "")
    .replace("T", "-")}.csv${gz}`;
}

function sceneObject(random: Random, draft: Draft): SceneObject {
  const kind = random.chance(40) ? "full_load" : "change";
  const header = !draft.listed || random.chance(50);
  const op = kind === "change" ? random.chance(90) : random.chance(40);
  const optional = draft.columns.filter((column) => !draft.key.includes(column) && column !== "label");
  // Without a header the list says which columns there are.
  const some = header && random.chance(30) ? optional.filter(() => random.chance(70)) : optional;
  const kept = draft.columns.filter((column) => !optional.includes(column) || some.includes(column));
  const columns = draft.documents ? ["oid__id", "_doc"] : header && random.chance(30) ? shuffled(random, kept) : kept;
  const shape = { header, op, columns, timestamp: draft.timestamp && random.chance(80) };
  const records: SceneRecord[] = [];
  const count = random.chance(8) ? 0 : 1 + random.below(random.chance(10) ? 150 : 12);
  const era = random.below(4);
  for (let n = 0; n < count; n++) records.push(sceneRecord(random, draft, shape, era, n));
  if (count > 1 && random.chance(6)) records.push(brokenRecord(shape, draft.delimiter));
  return {
    ...shape,
    kind,
    path: "",
    time: 0,
    crlf: random.chance(25),
    finalLineEnd: random.chance(80),
    byteOrderMark: random.chance(10),
    blankAfter: random.chance(10) ? 1 + random.below(4) : Number.MAX_SAFE_INTEGER,
    members: random.pick([1, 1, 2]),
    cut: random.chance(8),
    records,
    arrival: 0,
    again: undefined,
  };
}

function shuffled<T>(random: Random, values: readonly T[]): T[] {
  return values.map((value) => ({ value, at: random.word() })).sort((a, b) => a.at - b.at).map(({ value }) => value); // biome-ignore format: one thought
}
