/** validate of 500,000 clean rows: nothing differs, in at most 1.5 times the time of loading them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { readBody } from "../../src/demo/drop-writer.ts";
import { makeDrops } from "../../src/demo/drops.ts";
import { loadHere } from "../support/load-here.ts";
import { validateHere } from "../support/validate-here.ts";
import { openWorkplace, type Workplace } from "../support/workplace.ts";

const rows = Number(process.env.VALIDATE_ROWS ?? 500_000);
let place: Workplace;

beforeAll(async () => {
  place = await openWorkplace();
});

afterAll(() => place.end());

test("at most 1.5 times the load", async () => {
  const drops = makeDrops({
    kind: "relational",
    folder: "shop/orders",
    rows,
    seed: 1,
    objects: 4,
    hours: 2,
    objectsPerHour: 1,
  });
  for (const object of drops.objects()) place.put(object.path, await readBody(object));
  place.config(`
source: { url: "${place.source}" }
warehouse: { url: "\${DATABASE_URL}", schema: shop }
tables:
  orders:
    prefix: shop/orders
    primary_key: [id]
    columns: { id: bigint, customer_id: bigint, amount: "numeric(12,2)", created_at: timestamptz, paid: boolean }
    dialect: { nulls: ["NULL"] }
`);
  const time = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
    const began = performance.now();
    const done = await work();
    return [done, performance.now() - began];
  };
  const ratios: number[] = [];
  for (let n = 0; n < 3; n++) {
    await place.client.query("drop schema if exists shop cascade; drop schema if exists drayage cascade");
    const [loaded, load] = await time(() => loadHere(place));
    expect(loaded.failures).toEqual([]);
    const [found, validate] = await time(() => validateHere(place));
    expect(found.counts).toEqual([]);
    expect(found.exit).toBe(0);
    expect(found.table.compared?.rows.table).toBeGreaterThan(rows * 0.9);
    ratios.push(validate / load);
    process.stdout.write(
      `${found.table.compared?.rows.table} rows: load ${(load / 1000).toFixed(2)} s, validate ${(validate / 1000).toFixed(2)} s, ${(validate / load).toFixed(2)}x\n`,
    );
  }
  // The best of three: another program on the machine slows one of the two down.
  expect(Math.min(...ratios)).toBeLessThan(1.5);
}, 600_000);
