/** What DMS writes while a soak lasts: objects of several tables, nearly in the order of their times, and the rows they end in. */
import { type Cell, readBody } from "../../src/demo/drop-writer.ts";
import { makeDrops } from "../../src/demo/drops.ts";
import { Random } from "../../src/demo/random.ts";

export interface SoakObject {
  /** Below the source. */
  readonly path: string;
  readonly body: Buffer;
}

export interface SoakTable {
  readonly name: string;
  readonly columns: readonly string[];
  /** As text, sorted; undefined where every record becomes a row. */
  readonly rows: readonly string[] | undefined;
  readonly records: number;
  readonly rejects: number;
}

export interface SoakSource {
  readonly objects: readonly SoakObject[];
  readonly tables: readonly SoakTable[];
}

/** `hours`: change objects of each table. */
export async function soakSource(seed: number, hours: number): Promise<SoakSource> {
  const made = [
    await relational("orders", { seed, hours, rows: 400, changes: 40 }),
    await relational("clicks", { seed: seed + 1, hours, rows: 100, changes: 20 }),
    await relational("returns", { seed: seed + 2, hours: hours >> 1, rows: 200, changes: 20 }),
    refunds(hours),
  ];
  const longest = Math.max(...made.map(({ objects }) => objects.length));
  const inTurn = Array.from({ length: longest }, (_, n) => made.flatMap(({ objects }) => objects[n] ?? [])).flat();
  return { objects: jostled(inTurn, seed), tables: made.map(({ table }) => table) };
}

interface Made {
  readonly objects: readonly SoakObject[];
  readonly table: SoakTable;
}

interface Size {
  readonly seed: number;
  readonly hours: number;
  readonly rows: number;
  readonly changes: number;
}

async function relational(name: string, { seed, hours, rows, changes }: Size): Promise<Made> {
  const drops = makeDrops({
    kind: "relational",
    seed,
    rows,
    hours,
    objects: 2,
    changesPerObject: changes,
    keyChanges: "pair",
    folder: `shop/${name}`,
    format: { gzip: name === "clicks" },
  });
  const objects: SoakObject[] = [];
  for (const object of drops.objects()) objects.push({ path: object.path, body: Buffer.from(await readBody(object)) });
  const state = name === "clicks" ? undefined : [...drops.state()].map(rowText).sort();
  return {
    objects,
    table: { name, columns: drops.columns, rows: state, records: rows + hours * changes, rejects: 0 },
  };
}

/** Every fifth object has a record that no integer column takes. */
function refunds(hours: number): Made {
  const rows: string[] = [];
  const objects: SoakObject[] = [];
  for (let n = 0; n < hours; n += 1) {
    const time = new Date(Date.UTC(2026, 0, 1, n, 30))
      .toISOString()
      .replaceAll(/[-:.Z]/g, "")
      .replace("T", "-");
    const bad = n % 5 === 0 ? `I,${n * 10 + 9},ten\n` : "";
    objects.push({
      path: `shop/refunds/${time}.csv`,
      body: Buffer.from(`Op,id,cents\nI,${n * 10},${n}\nI,${n * 10 + 1},-${n}\n${bad}`),
    });
    rows.push(rowText([String(n * 10), String(n)]), rowText([String(n * 10 + 1), String(-n)]));
  }
  const rejects = Math.ceil(hours / 5);
  const table = { name: "refunds", columns: ["id", "cents"], rows: rows.sort(), records: 2 * hours + rejects, rejects };
  return { objects, table };
}

export function rowText(cells: readonly Cell[]): string {
  return JSON.stringify(cells);
}

/** An object may come a few places late, as a slow upload does. */
function jostled(objects: readonly SoakObject[], seed: number): SoakObject[] {
  const random = new Random().reset(seed, 0, 0, 9);
  return objects
    .map((object, n) => ({ object, at: n + random.below(6) }))
    .sort((a, b) => a.at - b.at)
    .map(({ object }) => object);
}
