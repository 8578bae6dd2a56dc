/** Memory is flat in the size of an object: measured on the built program, whole process, in `npm run test:long` alone. */
import { createWriteStream, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect, test } from "vitest";
import { makeDrops } from "../../src/demo/drops.ts";
import { openWorkplace } from "../support/workplace.ts";

const rows = 500_000;
const mostBytes = 256e6;

const tables = {
  relational: `  orders:
    prefix: shop/orders
    primary_key: [id]
    columns: {id: bigint, customer_id: bigint, amount: "numeric(12,2)", created_at: timestamptz, paid: boolean, card_token: ignore}`,
  documents: `  customers:
    prefix: crm/customers
    document: _doc
    columns: {consents: jsonb}`,
} as const;

test.skipIf(process.env.LONG === undefined).each(["relational", "documents"] as const)(
  "500,000 %s records load under 256 MB",
  async (kind) => {
    const place = await openWorkplace();
    try {
      for (const object of makeDrops({ kind, seed: 1, rows }).objects()) {
        const path = join(place.dir, "drops", object.path);
        mkdirSync(dirname(path), { recursive: true });
        await pipeline(Readable.from(object.body), createWriteStream(path));
      }
      place.config(`source:
  url: ${place.source}
  dialect: {timestamp_column: dms_ts}
warehouse: {url: "\${DATABASE_URL}", schema: shop}
tables:
${tables[kind]}
`);
      const { exit, stdout } = await place.runApart(["load", "--json", "--quiet"]);
      const report = JSON.parse(stdout) as { peak_rss_bytes: number; counts: { read: number; inserted: number } };
      expect({ exit, ...report.counts }).toMatchObject({ exit: 0, read: rows, inserted: rows });
      expect(report.peak_rss_bytes).toBeLessThan(mostBytes);
    } finally {
      await place.end();
    }
  },
  600_000,
);
