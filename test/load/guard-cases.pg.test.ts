/** Which record of a key wins, whatever the order of delivery: objects, how they come, what is in the table then, and the bucket of each record. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lane } from "../../src/load/staged-unit.ts";
import { type LoadedTogether, loadTogether, openTables, planTogether, putAt } from "../support/lockstep.ts";
import { csv } from "../support/one-table.ts";
import { versionOf } from "../support/scene-bytes.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

interface Case {
  readonly name: string;
  /**
   * Records by object. `L1`: LOAD00000001, written at 09:00; `10:05`: a change object that was closed then; `L1@11:00`: the same key, with
   * these bytes from then on; `a/10:05`: below another folder. A first record that begins with a word is the header, else it is `id,v`.
   */
  readonly objects: Readonly<Record<string, readonly string[]>>;
  /** Objects of each load. `forget`: by then tombstones are so old that they are dropped, and the floor is raised. */
  readonly delivery: string;
  /** In the end; `{L1,L2}` is the one of them whose version is the greater one. */
  readonly rows: readonly string[];
  /** Of each load; left out where they differ by the versions. */
  readonly buckets?: string;
  readonly entry?: object;
  readonly create?: string;
  /** What `rows` shows; else `id`, `v`. */
  readonly columns?: readonly string[];
}

const L1 = ["1,a", "2,b"];
const strict =
  "create table TABLE (id integer primary key, v text not null, n integer not null, at timestamp not null, _deleted_at timestamptz)";
const soft = { deletes: "soft" };
const images = { dialect: { before_image: { prefix: "b_" } } };
const imageHead = "Op,id,v,n,b_id";
const imageCreate =
  "create table TABLE (id bigint primary key, v text, n integer check (n < 100), _deleted_at timestamptz)";
const seen = ["id", "v", "case when _deleted_at is not null then 'deleted' end"];
const refuse = `create function public.refuse_no() returns trigger language plpgsql as
    $$ begin return case when new.v = 'no' then null else new end; end $$`;

const cases: readonly Case[] = [
  // Ops.
  {
    name: "I, U and D",
    objects: { L1, "10:01": ["I,3,c", "U,1,A", "D,2,b"] },
    delivery: "L1 | 10:01",
    rows: ["1 A", "3 c"],
    buckets: "2 inserted | 1 inserted, 1 updated, 1 deleted",
  },
  {
    name: "an I of a key that is there updates, a U of one that is not inserts",
    objects: { L1, "10:01": ["I,1,A", "U,9,z"] },
    delivery: "L1 | 10:01",
    rows: ["1 A", "2 b", "9 z"],
    buckets: "2 inserted | 1 inserted, 1 updated",
  },
  {
    name: "a D that holds its key alone, NULL or empty in columns that are NOT NULL",
    create: strict,
    entry: { dialect: { nulls: ["NULL"] } },
    objects: {
      L1: ["id,v,n,at", ...["1", "2", "3"].map((id) => `${id},a,1,2026-01-01 10:00:00`)],
      "10:01": ["Op,id,v,n,at", "D,1,,,", "D,2,NULL,NULL,NULL", "D,9,NULL,,"],
    },
    delivery: "L1 | 10:01",
    rows: ["3 a"],
    buckets: "3 inserted | 1 unchanged, 2 deleted",
  },
  {
    name: "the same with soft deletes: the last values stay",
    create: strict,
    entry: { ...soft, dialect: { nulls: ["NULL"] } },
    objects: {
      L1: ["id,v,n,at", ...["1", "2", "3"].map((id) => `${id},a,1,2026-01-01 10:00:00`)],
      "10:01": ["Op,id,v,n,at", "D,1,,,", "D,2,NULL,NULL,NULL", "D,9,NULL,,"],
    },
    delivery: "L1 | 10:01",
    columns: ["id", "v", "n", "_deleted_at is null"],
    rows: ["1 a 1 false", "2 a 1 false", "3 a 1 true"],
    buckets: "3 inserted | 1 unchanged, 2 deleted",
  },
  {
    name: "a D of an unknown key is unchanged, and is remembered: a late older I does not bring the key up, a newer one does",
    objects: { L1, "10:05": ["D,7,x"], "10:03": ["I,7,x"], "10:06": ["I,7,y"], "10:04": ["D,7,x"] },
    delivery: "L1 | 10:05 | 10:03 | 10:06 | 10:04",
    rows: ["1 a", "2 b", "7 y"],
    buckets: "2 inserted | 1 unchanged | 1 stale | 1 inserted | 1 stale",
  },
  {
    name: "soft deletes: a dead row keeps its values until a newer record comes, and the same delete again is unchanged",
    entry: soft,
    objects: {
      L1: ["1,a", "2,b", "3,c"],
      "10:05": ["D,1,", "D,2,", "D,9,"],
      "10:05@10:30": ["D,1,", "D,2,", "D,9,x"],
      "10:03": ["U,1,old", "I,9,old"],
      "10:06": ["I,1,new"],
    },
    delivery: "L1 | 10:05 | 10:05@10:30 | 10:03 | 10:06",
    columns: ["id", "v", "_deleted_at is null"],
    rows: ["1 new true", "2 b false", "3 c true"],
    buckets: "3 inserted | 1 unchanged, 2 deleted | 3 unchanged | 2 stale | 1 updated",
  },
  // Versions.
  {
    name: "an older object that comes late, after a change and after a delete",
    objects: { L1, "10:05": ["U,1,new", "D,2,b"], "10:02": ["U,1,old", "U,2,old"] },
    delivery: "L1 | 10:05 | 10:02",
    rows: ["1 new"],
    buckets: "2 inserted | 1 updated, 1 deleted | 2 stale",
  },
  {
    name: "older, with equal cells: the version decides, stale",
    objects: { L1, "10:05": ["U,1,A"], "10:03": ["U,1,A"] },
    delivery: "L1 | 10:05 | 10:03",
    rows: ["1 A", "2 b"],
    buckets: "2 inserted | 1 updated | 1 stale",
  },
  {
    name: "A-B-A of one key with the middle object delivered last ends in A",
    objects: { "10:01": ["I,1,A"], "10:03": ["U,1,B"], "10:05": ["U,1,A"] },
    delivery: "10:01 | 10:05 | 10:03",
    rows: ["1 A"],
    buckets: "1 inserted | 1 updated | 1 stale",
  },
  {
    name: "the same where the first A is the full load's",
    objects: { L1, "10:03": ["U,1,B"], "10:05": ["U,1,a"] },
    delivery: "L1 | 10:05 | 10:03",
    rows: ["1 a", "2 b"],
    buckets: "2 inserted | 1 updated | 1 stale",
  },
  {
    name: "an object that was put again with other cells in its records brings those",
    objects: { L1, "10:05": ["U,1,A", "I,3,c", "D,2,b"], "10:05@10:30": ["U,1,B", "I,3,c", "D,2,b"] },
    delivery: "L1 | 10:05 | 10:05@10:30",
    rows: ["1 B", "3 c"],
    buckets: "2 inserted | 1 inserted, 1 updated, 1 deleted | 1 updated, 2 unchanged",
  },
  {
    name: "objects written again under new names, in their own order, in one load",
    objects: { L1, "10:05": ["I,3,c", "U,1,A"], "10:06": ["U,1,B", "D,3,c"], "10:15": ["I,3,c", "U,1,A"], "10:16": ["U,1,B", "D,3,c"] }, // biome-ignore format: a row
    delivery: "L1 | 10:05, 10:06 | 10:15, 10:16",
    rows: ["1 B", "2 b"],
    buckets: "2 inserted | 1 updated, 1 unchanged, 2 superseded | 1 updated, 1 unchanged, 2 superseded",
  },
  {
    name: "the same in two loads: back for a moment, then as before",
    objects: { L1, "10:05": ["I,3,c", "U,1,A"], "10:06": ["U,1,B", "D,3,c"], "10:15": ["I,3,c", "U,1,A"], "10:16": ["U,1,B", "D,3,c"] }, // biome-ignore format: a row
    delivery: "L1 | 10:05, 10:06 | 10:15 | 10:16",
    rows: ["1 B", "2 b"],
    buckets: "2 inserted | 1 updated, 1 unchanged, 2 superseded | 1 inserted, 1 updated | 1 updated, 1 deleted",
  },
  {
    name: "rows from before drayage have no version: they are updated and deleted, the others and other columns stay",
    create: `create table TABLE (id integer primary key, v text, ours text default 'ours');
      insert into TABLE values (1, 'old', 'mine'), (2, 'old', 'mine'), (3, 'old', 'mine')`,
    objects: { "10:01": ["U,1,new", "D,2,old", "I,4,new"], "10:00": ["U,1,older", "I,2,older", "U,3,older"] },
    delivery: "10:01 | 10:00",
    columns: ["id", "v", "ours"],
    rows: ["1 new mine", "3 older mine", "4 new ours"],
    buckets: "1 inserted, 1 updated, 1 deleted | 1 updated, 2 stale",
  },
  {
    name: "a full-load object that comes after changes",
    objects: { L1, "10:05": ["U,1,A", "D,2,b", "D,4,d"], L2: ["1,late", "2,late", "3,c", "4,late"] },
    delivery: "L1 | 10:05 | L2",
    rows: ["1 A", "3 c"],
    buckets: "2 inserted | 1 updated, 1 unchanged, 1 deleted | 1 inserted, 3 stale",
  },
  ...["L1 | L2", "L2 | L1", "L1, L2"].map((delivery) => ({
    name: `one key in two full-load objects: ${delivery}`,
    objects: { L1: ["1,from L1", "21,x"], L2: ["1,from L2", "22,x"] },
    delivery,
    rows: ["1 from {L1,L2}", "21 x", "22 x"],
  })),
  ...["a/10:05 | b/10:05", "b/10:05 | a/10:05", "a/10:05, b/10:05"].map((delivery) => ({
    name: `two change objects of one time in two folders: ${delivery}`,
    objects: { "a/10:05": ["I,1,from a/10:05", "I,2,a"], "b/10:05": ["I,1,from b/10:05"] },
    delivery,
    rows: ["1 from {a/10:05,b/10:05}", "2 a"],
  })),
  // The collapse of a unit.
  {
    name: "one key many times in one object: the last record wins, the others are superseded",
    objects: { "10:01": ["I,1,a", "U,1,b", "D,1,b", "I,1,c", "U,1,d", "I,2,x", "D,2,x"] },
    delivery: "10:01",
    rows: ["1 d"],
    buckets: "1 inserted, 1 unchanged, 5 superseded",
  },
  {
    name: "one key in several objects of a unit",
    objects: { L1, "10:01": ["U,1,b"], "10:02": ["U,1,c", "I,3,x"], "10:03": ["U,1,d", "D,3,x"] },
    delivery: "L1 | 10:01, 10:02, 10:03",
    rows: ["1 d", "2 b"],
    buckets: "2 inserted | 1 updated, 1 unchanged, 3 superseded",
  },
  {
    name: "what loses to a stale record is stale too",
    objects: { L1, "10:09": ["U,1,z"], "10:03": ["U,1,c", "U,1,d"] },
    delivery: "L1 | 10:09 | 10:03",
    rows: ["1 z", "2 b"],
    buckets: "2 inserted | 1 updated | 2 stale",
  },
  {
    name: "a record that cannot be cast supersedes nothing",
    entry: { columns: { id: "integer", n: "integer" } },
    objects: { "10:01": ["Op,id,v,n", "I,1,a,1", "U,1,b,x"] },
    delivery: "10:01",
    rows: ["1 a"],
    buckets: "1 inserted, 1 rejected",
  },
  {
    name: "nor does one that a constraint refuses, in the same object or the next",
    entry: { dialect: { nulls: [""] } },
    create: "create table TABLE (id integer primary key, v text, n integer check (n < 100))",
    objects: {
      L1: ["id,v,n", "9,z,1"],
      "10:01": ["Op,id,v,n", "I,1,a,1", "U,1,b,100"],
      "10:02": ["Op,id,v,n", "U,1,c,2", "D,2,,"],
      "10:03": ["Op,id,v,n", "U,1,d,101"],
    },
    delivery: "L1 | 10:01, 10:02, 10:03",
    rows: ["1 c", "9 z"],
    buckets: "1 inserted | 1 inserted, 1 unchanged, 2 superseded, 1 rejected",
  },
  {
    name: "deletes: ignore, before the collapse",
    entry: { deletes: "ignore" },
    objects: { L1, "10:01": ["U,1,A", "D,1,A", "D,2,b", "D,9,x"] },
    delivery: "L1 | 10:01",
    rows: ["1 A", "2 b"],
    buckets: "2 inserted | 1 updated, 3 ignored",
  },
  {
    name: "a trigger that refuses rows: they are ignored",
    create: `create table TABLE (id integer primary key, v text);
      create trigger quiet before insert or update on TABLE for each row execute function public.refuse_no()`,
    objects: { L1: ["1,a", "2,no"], "10:01": ["U,1,no", "I,3,c", "I,4,no"] },
    delivery: "L1 | 10:01",
    rows: ["1 a", "3 c"],
    buckets: "1 inserted, 1 ignored | 1 inserted, 2 ignored",
  },
  {
    name: "a column that the newer record's object lacks is NULL, whatever the unit",
    objects: { L1: ["id,v,w", "1,a,x", "2,a,x"], "10:01": ["Op,id,v,w", "U,1,b,y", "U,2,b,y"], "10:02": ["U,1,c"] },
    delivery: "L1 | 10:02 | 10:01",
    columns: ["id", "v", "w"],
    rows: ["1 c -", "2 b y"],
    buckets: "2 inserted | 1 updated | 1 updated, 1 stale",
  },
  // Keys that change.
  {
    name: "D and I of two keys in one object: the row moves",
    objects: { L1, "10:01": ["D,1,a", "I,9,a"] },
    delivery: "L1 | 10:01",
    rows: ["2 b", "9 a"],
    buckets: "2 inserted | 1 inserted, 1 deleted",
  },
  {
    name: "D and I in two objects that come the wrong way round, and what came in between comes last",
    objects: { L1, "10:05": ["D,1,a"], "10:06": ["I,9,a"], "10:04": ["U,1,A"] },
    delivery: "L1 | 10:06 | 10:05 | 10:04",
    rows: ["2 b", "9 a"],
    buckets: "2 inserted | 1 inserted | 1 deleted | 1 stale",
  },
  {
    name: "D and I of one key: the row is there, with the I's cells; I and D: it is gone",
    objects: { L1, "10:01": ["D,1,a", "I,1,again", "I,9,a", "D,9,a"] },
    delivery: "L1 | 10:01",
    rows: ["1 again", "2 b"],
    buckets: "2 inserted | 1 updated, 1 unchanged, 2 superseded",
  },
  {
    name: "a before image: the row moves to its new key, and the record counts once",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: { L1: ["id,v,n", "1,a,1", "2,b,1"], "10:05": [imageHead, "U,9,a,1,1", "U,2,B,1,2"] },
    delivery: "L1 | 10:05",
    rows: ["2 B -", "9 a -"],
    buckets: "2 inserted | 1 inserted, 1 updated",
  },
  {
    name: "an empty before image, one of an I, one that is spelled otherwise: no other key",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: { L1: ["id,v,n", "1,a,1", "2,b,1"], "10:05": [imageHead, "U,1,A,1,", "I,3,c,1,2", "U,2,B,1,02"] },
    delivery: "L1 | 10:05",
    rows: ["1 A -", "2 B -", "3 c -"],
    buckets: "2 inserted | 1 inserted, 2 updated",
  },
  {
    name: "before images: away and back, and a chain of keys that move up by one",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: {
      L1: ["id,v,n", "1,a,1", "2,b,1"],
      "10:05": [imageHead, "U,9,a,1,1", "U,1,a2,1,9", "U,3,b,1,2", "U,2,a3,1,1"],
    },
    delivery: "L1 | 10:05",
    rows: ["2 a3 -", "3 b -"],
    buckets: "2 inserted | 1 inserted, 1 updated, 2 superseded",
  },
  {
    name: "before images: an unknown old key is gone in any case",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: { L1: ["id,v,n", "1,a,1", "2,b,1"], "10:05": [imageHead, "U,9,z,1,8"], "10:03": [imageHead, "I,8,z,1,"] },
    delivery: "L1 | 10:05 | 10:03",
    rows: ["1 a -", "2 b -", "9 z -"],
    buckets: "2 inserted | 1 inserted | 1 stale",
  },
  {
    name: "before images: a bad record moves nothing, by a cast, by its before image, by a constraint",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: {
      L1: ["id,v,n", "1,a,1", "2,b,1"],
      "10:05": [imageHead, "U,8,a,x,1", "U,9,b,1,y", "U,7,b,100,2", "I,3,c,1,"],
    },
    delivery: "L1 | 10:05",
    rows: ["1 a -", "2 b -", "3 c -"],
    buckets: "2 inserted | 1 inserted, 3 rejected",
  },
  {
    name: "before images with deletes: soft keep the old row as a deleted one",
    ...{ entry: { ...images, ...soft }, create: imageCreate, columns: seen },
    objects: { L1: ["id,v,n", "1,a,1", "2,b,1"], "10:05": [imageHead, "U,9,a,1,1"] },
    delivery: "L1 | 10:05",
    rows: ["1 a deleted", "2 b -", "9 a -"],
    buckets: "2 inserted | 1 inserted",
  },
  {
    name: "before images: deletes: ignore is about rows that the source deleted, not about keys",
    ...{ entry: { ...images, deletes: "ignore" }, create: imageCreate, columns: seen },
    objects: { L1: ["id,v,n", "1,a,1", "2,b,1"], "10:05": [imageHead, "U,9,a,1,1", "D,2,b,1,"] },
    delivery: "L1 | 10:05",
    rows: ["2 b -", "9 a -"],
    buckets: "2 inserted | 1 inserted, 1 ignored",
  },
  {
    name: "before images: the old key has a tombstone, which a newer record alone passes",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: {
      "10:05": [imageHead, "U,9,a,1,1"],
      "10:03": [imageHead, "I,1,late,1,", "U,9,late,1,1"],
      "10:07": [imageHead, "I,1,new,1,"],
    },
    delivery: "10:05 | 10:03 | 10:07",
    rows: ["1 new -", "9 a -"],
    buckets: "1 inserted | 2 stale | 1 inserted",
  },
  {
    name: "before images: one that comes late moves the row, and leaves the newer row of its old key alone",
    ...{ entry: images, create: imageCreate, columns: seen },
    objects: {
      L1: ["id,v,n", "1,a,1", "2,b,1"],
      "10:07": [imageHead, "I,1,new,1,"],
      "10:05": [imageHead, "U,9,a,1,1"],
    },
    delivery: "L1 | 10:07 | 10:05",
    rows: ["1 new -", "2 b -", "9 a -"],
    buckets: "2 inserted | 1 updated | 1 inserted",
  },
  // A newer full load.
  {
    name: "a change object older than a generation that arrives with it changes nothing, a newer one does",
    objects: {
      L1,
      "11:00": ["U,1,late", "I,8,late", "D,3,"],
      "L1@12:00": ["1,uno", "3,tres"],
      "12:30": ["I,4,vier"],
    },
    delivery: "L1 | 11:00, L1@12:00, 12:30",
    rows: ["1 uno", "3 tres", "4 vier"],
    buckets: "2 inserted | 2 inserted, 1 updated",
  },
  {
    name: "a change object older than a generation that arrives after it changes nothing",
    objects: { L1, "L1@12:00": ["1,uno", "3,tres"], "11:00": ["U,1,late", "I,8,late", "D,1,"], "12:30": ["U,3,drei"] },
    delivery: "L1 | L1@12:00 | 11:00 | 12:30",
    rows: ["1 uno", "3 drei"],
    buckets: "2 inserted | 1 inserted, 1 updated |  | 1 updated",
  },
  {
    name: "what was deleted before a newer full load is there again by it, and changes after it count on",
    objects: {
      L1,
      "10:30": ["D,2,b", "U,1,A"],
      "L1@12:00": ["1,A", "2,b"],
      "12:30": ["U,2,B", "D,1,"],
      "10:20": ["I,9,x"],
    },
    delivery: "L1 | 10:30 | L1@12:00, 12:30 | 10:20",
    rows: ["2 B"],
    buckets: "2 inserted | 1 updated, 1 deleted | 1 inserted, 1 updated, 1 unchanged, 1 deleted |  ",
  },
  // The floor.
  {
    name: "at or below the floor a record updates a row and makes none; above it all is as ever",
    objects: {
      L1,
      "10:05": ["D,2,b"],
      "10:03": ["I,2,late", "U,1,A", "I,7,late", "U,8,late", "D,9,"],
      "10:06": ["I,2,new", "U,7,new", "D,9,"],
      "10:04": ["I,9,late", "D,1,"],
    },
    delivery: "L1 | 10:05 | forget | 10:03 | 10:06 | 10:04",
    rows: ["2 new", "7 new"],
    buckets:
      "2 inserted | 1 deleted |  | 1 updated, 1 unchanged, 3 stale | 2 inserted, 1 unchanged | 1 deleted, 1 stale",
  },
  {
    name: "soft deletes: the dead row is there, so its version decides below the floor, too",
    entry: soft,
    objects: { L1, "10:05": ["D,2,b"], "10:03": ["U,2,late", "I,7,late"] },
    delivery: "L1 | 10:05 | forget | 10:03",
    columns: ["id", "v", "_deleted_at is null"],
    rows: ["1 a true", "2 b false"],
    buckets: "2 inserted | 1 deleted |  | 2 stale",
  },
  {
    name: "a full-load object that comes late is below every floor",
    objects: { L1, "10:05": ["D,2,b"], L2: ["2,b", "3,c"] },
    delivery: "L1 | 10:05 | forget | L2",
    rows: ["1 a"],
    buckets: "2 inserted | 1 deleted |  | 2 stale",
  },
];

const nameOf = (index: number) => `t${String(index).padStart(2, "0")}`;
const stepsOf = ({ delivery }: Case) => delivery.split("|").map((load) => load.trim().split(/, */));
const bucketsOf = ({ buckets }: Case) => buckets?.split("|").map((load) => load.trim());
const timeOf = (clock: string) => new Date(`2026-03-01T${clock}:00Z`);

interface Written {
  readonly path: string;
  readonly kind: "full_load" | "change";
  readonly time: Date;
  readonly modified: Date;
}

function written(name: string): Written {
  const [key = "", again] = name.split("@");
  const modified = again === undefined ? undefined : timeOf(again);
  if (key.startsWith("L")) {
    const time = timeOf("09:00");
    return { path: `LOAD0000000${key.slice(1)}.csv`, kind: "full_load", time, modified: modified ?? time };
  }
  const [clock = "", folder] = key.split("/").toReversed();
  const path = `${folder === undefined ? "" : `${folder}/`}20260301-${clock.replace(":", "")}00000.csv`;
  const time = timeOf(clock);
  return { path, kind: "change", time, modified: modified ?? time };
}

function bodyOf(kind: Written["kind"], records: readonly string[]): string {
  const head = /^(Op|id),/.test(records[0] ?? "") ? [] : [kind === "change" ? "Op,id,v" : "id,v"];
  return csv(...head, ...records);
}

/** A plan costs more than the load: most that happens later happens in these, changes and the floor. */
const plannedSteps = [1, 3];

/** A newer full load is applied as a whole, and triggers are not tried: no plan tells of them. */
const canBePlanned = ({ delivery, create }: Case) => !delivery.includes("L1@") && create?.includes("trigger") !== true;

/** `{L1,L2}` by the versions that the design gives them. */
function withWinners(row: string, table: string): string {
  return row.replace(/\{(.+)\}/, (_, names: string) => {
    const version = (name: string) => {
      const { path, kind, time } = written(name);
      return versionOf({ path: `${table}/${path}`, kind, time: time.getTime() });
    };
    return names.split(",").reduce((best, name) => (version(name) > version(best) ? name : best));
  });
}

describe.each<Lane>(["raw", "decoded"])("%s lane", (lane) => {
  let place: Workplace;
  const loads: LoadedTogether[] = [];
  /** What `plan` says before a load; undefined where nobody asked. */
  const foretold: (ReadonlyMap<string, string> | undefined)[] = [];

  beforeAll(async () => {
    place = await openWorkplace();
    await place.client.query(refuse);
    const tables = cases.map(({ entry, create }, i) => ({
      name: nameOf(i),
      entry: { primary_key: ["id"], columns: { id: "integer" }, delete_limit_pct: 100, ...entry },
      create,
    }));
    await openTables(place, tables);
    const most = Math.max(...cases.map((one) => stepsOf(one).length));
    for (let step = 0; step < most; step++) {
      for (const [i, one] of cases.entries()) {
        for (const name of stepsOf(one)[step] ?? []) {
          if (name === "forget") await forget(nameOf(i));
          else {
            const { path, kind, modified } = written(name);
            putAt(place, `${nameOf(i)}/${path}`, bodyOf(kind, one.objects[name] ?? []), modified);
          }
        }
      }
      foretold.push(lane === "decoded" && plannedSteps.includes(step) ? await planTogether(place) : undefined);
      loads.push(await loadTogether(place, { lane, now: timeOf("20:00") }));
    }
  });
  afterAll(() => place.end());

  /** The load that follows drops them. */
  async function forget(table: string): Promise<void> {
    const { rows } = await place.client.query("select table_id from drayage.tables where table_name = $1", [table]);
    await place.client.query(
      `update drayage.tombstones_${rows[0].table_id} set deleted_at = now() - interval '100 days'`,
    );
  }

  test("every load ends well, in the lane", () => {
    expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
    expect(new Set(loads.flatMap(({ lanes }) => lanes))).toEqual(new Set([lane]));
  });

  test.each(cases.map((one, i) => ({ ...one, one, table: nameOf(i) })))("$name", async ({ one, table }) => {
    const columns = (one.columns ?? ["id", "v"]).map((column) => `coalesce((${column})::text, '-')`);
    const { rows } = await place.client.query<{ line: string }>(
      `select concat_ws(' ', ${columns.join(", ")}) as line from public.${table} order by id`,
    );
    expect(rows.map(({ line }) => line)).toEqual(one.rows.map((row) => withWinners(row, table)));
    const steps = stepsOf(one).map((_, step) => step);
    const buckets = steps.map((step) => loads[step]?.buckets.get(table) ?? "");
    expect(buckets).toEqual(bucketsOf(one) ?? buckets);
    for (const step of canBePlanned(one) ? steps : []) {
      const plan = foretold[step];
      if (plan !== undefined) expect(plan.get(table) ?? "", `plan of load ${step}`).toBe(buckets[step]);
    }
  });
});
