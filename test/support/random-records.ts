/** The records of a random scene, some of them bad, each with what a load must make of it. */
import type { Random } from "../../src/demo/random.ts";
import { CellWriter, type Column, type SceneCell } from "./random-cells.ts";
import { badDocument, hasFraction, randomDocument, spellDocument } from "./random-document.ts";
import type { SceneObject, SceneRecord } from "./random-scene.ts";

export const fullLoadTime = Date.UTC(2026, 2, 1);

/** What holds for all records of a scene. */
export interface Draft {
  readonly documents: boolean;
  readonly nulls: readonly string[];
  readonly delimiter: string;
  readonly key: readonly string[];
  readonly columns: readonly Column[];
  readonly created: boolean;
  readonly listed: boolean;
  readonly timestamp: boolean;
}

/** Everything after the quote belongs to it, so it is the last record. */
export function brokenRecord({ op }: Shape, delimiter: string): SceneRecord {
  const broken = [...(op ? ["I"] : []), "1", '"never closed'].join(delimiter);
  return { op: "I", key: undefined, cells: {}, document: undefined, at: "", bad: "unclosed_quote", fields: 0, broken };
}

type Shape = Pick<SceneObject, "header" | "op" | "columns" | "timestamp">;

export function sceneRecord(random: Random, draft: Draft, shape: Shape, era: number, n: number): SceneRecord {
  const op = shape.op ? random.pick(["I", "I", "U", "U", "D"]) : "I";
  const seconds = random.below(86_400);
  const at = new Date(fullLoadTime + seconds * 1000).toISOString().replace("T", " ").replace("Z", "000");
  const writer = new CellWriter(random, draft);
  const id = 1 + random.below(random.chance(50) ? 6 : 40);
  const base = { op, at, fields: 0, bad: undefined, document: undefined, broken: undefined };
  // The first two show the shape.
  const isBad = n > 1 && op !== "D" && random.chance(9);
  if (draft.documents) return documentRecord(random, draft, base, { id, era, isBad });
  const cells: Record<string, SceneCell> = {};
  const keyOnly = op === "D" && random.chance(50);
  for (const column of shape.columns as readonly Column[]) {
    cells[column] = keyOnly && !draft.key.includes(column) ? writer.nothing() : writer.cell(column, id);
  }
  const key = draft.key.map((column) => cells[column]?.value ?? "").join("|");
  const bad = cells.label?.value === null && op !== "D" ? "not_null" : undefined;
  if (!isBad || bad !== undefined) return { ...base, key, cells, bad };
  return badRecord(random, { ...base, key, cells }, draft, shape);
}

type GoodRecord = Omit<SceneRecord, "bad"> & { readonly cells: Record<string, SceneCell> };

function badRecord(random: Random, record: GoodRecord, draft: Draft, shape: Shape): SceneRecord {
  const has = (column: string) => shape.columns.includes(column);
  const faults: (() => SceneRecord)[] = [
    () => ({ ...record, key: undefined, bad: "field_count", fields: random.pick([1, -1]) }),
    () => ({ ...put("id", ""), key: undefined, bad: "null_key" }),
  ];
  const put = (column: string, written: string): GoodRecord => ({
    ...record,
    cells: { ...record.cells, [column]: { written, value: null } },
  });
  const cell = (column: string, written: string, bad: string) => {
    if (has(column)) faults.push(() => ({ ...put(column, written), bad }));
  };
  cell("qty", "abc", "cast");
  cell("qty", "99999999999", "out_of_range");
  cell("qty", "1.5", "lossy");
  cell("price", "1.234", "lossy");
  cell("flag", "maybe", "lossy");
  cell("at", "now", "lossy");
  if (draft.created) {
    cell("code", "taken", "unique");
    cell("code", "far too long for it", "too_long");
    cell("qty", "13", "check");
  }
  if (shape.timestamp) faults.push(() => ({ ...record, at: "yesterday at noon", bad: "cast" }));
  if (shape.op) faults.push(() => ({ ...record, op: "X", key: undefined, bad: "bad_op" }));
  return random.pick(faults)();
}

function documentRecord(
  random: Random,
  draft: Draft,
  base: Pick<SceneRecord, "op" | "at" | "fields" | "bad" | "document" | "broken">,
  { id, era, isBad }: { id: number; era: number; isBad: boolean },
): SceneRecord {
  const writer = new CellWriter(random, draft);
  const key = `k${id}`;
  const own = { oid__id: { written: writer.spell(key), value: key } };
  if (base.op === "D") return { ...base, key, cells: { ...own, _doc: writer.nothing() } };
  if (isBad) {
    const { text, bad } = badDocument(random);
    return { ...base, key, bad, cells: { ...own, _doc: { written: writer.spell(text), value: null } } };
  }
  const document = randomDocument(random, era);
  const _doc = { written: writer.spell(spellDocument(random, document)), value: null };
  const bad = draft.created && hasFraction(document) ? "lossy" : undefined;
  return { ...base, key, document, bad, cells: { ...own, _doc } };
}
