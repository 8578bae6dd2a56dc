/** The relational source table of the demo and the tests: orders of a shop, from MySQL. */
import { type Cell, type DropFormat, defaultFormat } from "./drop-writer.ts";
import { hexText, Random } from "./random.ts";
import { hardTexts, plainTexts, type SourceTable } from "./source-table.ts";
import { timestampText } from "./source-times.ts";

export const orderColumns = [
  "id",
  "customer_id",
  "status",
  "amount",
  "note",
  "created_at",
  "paid",
  "card_token",
] as const;

const statuses = ["new", "packed", "shipped", "delivered", "returned"] as const;
const words = [
  "gift",
  "call first",
  "leave at door",
  "fragile",
  "rush",
  "second floor",
  "no invoice",
  "ring twice",
] as const;
const firstOrderMs = Date.UTC(2023, 0, 1);
const threeYearsSeconds = 3 * 365 * 86_400;

/** About 128 bytes a record with op and timestamp. Notes: mostly words, some NULL, some empty, some hard. */
export function orders(seed: number, format: DropFormat = defaultFormat, folder = "shop/orders"): SourceTable {
  const random = new Random();
  const hard = format.rfc4180 ? hardTexts : plainTexts(format.delimiter);
  // With NULL written as the empty field nobody could tell the two apart.
  const empty = format.nulls === "" ? "none" : "";
  return {
    folder,
    columns: orderColumns,
    key: String,
    cells(row, revision) {
      random.reset(seed, row, revision, 0);
      const cents = random.below(100_000);
      return [
        String(row),
        String(1 + random.below(200_000)),
        random.pick(statuses),
        `${Math.floor(cents / 100)}.${cents % 100 < 10 ? "0" : ""}${cents % 100}`,
        note(random, hard, empty),
        timestampText(firstOrderMs + random.below(threeYearsSeconds) * 1000),
        random.chance(70) ? "true" : "false",
        `tok_${hexText(random.word())}${hexText(random.word())}`,
      ];
    },
  };
}

function note(random: Random, hard: readonly string[], empty: string): Cell {
  const shape = random.below(100);
  if (shape < 8) return null;
  if (shape < 12) return empty;
  if (shape < 17) return random.pick(hard);
  return `${random.pick(words)} ${random.pick(words)}`;
}
