/** The dialect in which DMS writes all objects of a simulated source table, and the objects in it. */
import type { Random } from "../../src/demo/random.ts";
import { fullLoadTime } from "./random-records.ts";
import type { SceneObject, SceneRecord } from "./random-scene.ts";

/** How DMS was set up for the table. */
export interface Dialect {
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

export function randomDialect(random: Random): Dialect {
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

/** As it stands in the timestamp column. */
export function stamp(time: number): string {
  return new Date(time).toISOString().replace("T", " ").replace("Z", "000");
}

export interface Contents {
  readonly columns: readonly string[];
  readonly records: readonly SceneRecord[];
}

/** `part` from 0. */
export function fullLoad(dialect: Dialect, part: number, segments: boolean, contents: Contents): SceneObject {
  const name = segments ? `SEGMENT${part + 1}_LOAD00000001` : `LOAD0000000${part + 1}`;
  const path = `t/${name}.csv${dialect.gzip ? ".gz" : ""}`;
  return object(dialect, { ...contents, path, kind: "full_load", time: fullLoadTime });
}

/** `time` in milliseconds, with a tenth where the name has ten digits. */
export function change(dialect: Dialect, time: number, { columns, records }: Contents): SceneObject {
  const whole = Math.floor(time);
  const closed = new Date(whole).toISOString();
  const tenth = dialect.tenDigits ? Math.round((time - whole) * 10) % 10 : 0;
  const name = `${closed.replaceAll(/[-:.Z]/g, "").replace("T", "-")}${dialect.tenDigits ? tenth : ""}`;
  const folder = dialect.partitions ? `t/${closed.slice(0, 10).replaceAll("-", "/")}` : "t";
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
