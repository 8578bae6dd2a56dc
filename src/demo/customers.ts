/** The document source table of the demo and the tests: customers of a CRM, from MongoDB in document mode. */
import { type BsonDocument, type BsonField, type BsonValue, extendedJson, type JsonDialect } from "./extended-json.ts";
import { hexText, Random } from "./random.ts";
import { hardTexts, type SourceTable } from "./source-table.ts";

const firstNames = ["Ada", "Björk", "Chidi", "Dimitra", "Emeka", "Fatima", "Gustav", "Hana", "Ishaan", "José"] as const;
const lastNames = [
  "Ito",
  "Johansson",
  "Kaya",
  "Lovelace",
  "Müller",
  "Nguyen",
  "O'Brien",
  "Park",
  "Quispe",
  "Rossi",
] as const;
const mailboxes = [
  "ito",
  "johansson",
  "kaya",
  "lovelace",
  "mueller",
  "nguyen",
  "obrien",
  "park",
  "quispe",
  "rossi",
] as const;
const cities = ["Lagos", "München", "Osaka", "São Paulo", "Tromsø", "Wien"] as const;
const labels = ["vip", "newsletter", "wholesale", "churn risk", "beta", "b2b"] as const;
const firstCustomerMs = Date.UTC(2019, 0, 1);
const sevenYearsSeconds = 7 * 365 * 86_400;

export interface CustomerTable extends SourceTable {
  /** What `_doc` says. */
  document(row: number, revision: number): BsonDocument;
}

/** About 532 bytes a record in the canonical dialect, with op and timestamp. */
export function customers(seed: number, dialect: JsonDialect = "canonical", folder = "crm/customers"): CustomerTable {
  const random = new Random();
  const document = (row: number, revision: number, id: string) =>
    customerDocument(random.reset(seed, row, revision, 1), id, row);
  return {
    folder,
    columns: ["_id", "_doc"],
    key: (row) => objectId(random, seed, row),
    cells(row, revision) {
      const id = objectId(random, seed, row);
      return [id, extendedJson(document(row, revision, id), dialect)];
    },
    document: (row, revision) => document(row, revision, objectId(random, seed, row)),
  };
}

/** One customer: nested address, array, map with open-ended keys, optional fields, numbers beyond 2^53. */
function customerDocument(random: Random, id: string, row: number): BsonDocument {
  const last = random.below(lastNames.length);
  const created = firstCustomerMs + random.below(sevenYearsSeconds) * 1000 + random.below(1000);
  const fields: BsonField[] = [
    ["_id", { kind: "objectId", value: id }],
    ["name", `${random.pick(firstNames)} ${lastNames[last]}`],
    ["email", `${mailboxes[last]}.${row}@example.com`],
    ["created", { kind: "date", value: created }],
    // Beyond 2^53, where a float would lose the last digits.
    ["loyalty", { kind: "int64", value: `9007199254${100_000_000 + random.below(900_000_000)}` }],
    ["balance", { kind: "decimal", value: decimalText(random.below(2_000_000) - 500_000) }],
    ["visits", { kind: "int32", value: random.below(500) }],
    ["address", address(random)],
    ["tags", tags(random)],
  ];
  if (random.chance(80)) fields.push(["active", random.chance(90)]);
  if (random.chance(30))
    fields.push(["phone", random.chance(10) ? null : `+49 30 ${1_000_000 + random.below(8_999_999)}`]);
  if (random.chance(8)) fields.push(["remark", random.pick(hardTexts)]);
  if (random.chance(25)) fields.push(["consents", consents(random)]);
  return { kind: "document", fields };
}

function address(random: Random): BsonDocument {
  const fields: BsonField[] = [
    ["street", `${random.pick(lastNames)} Street ${1 + random.below(200)}`],
    ["city", random.pick(cities)],
  ];
  if (random.chance(38)) {
    const lat: BsonField = ["lat", { kind: "double", value: (random.below(1_800_000) - 900_000) / 10_000 }];
    const lon: BsonField = ["lon", { kind: "double", value: (random.below(3_600_000) - 1_800_000) / 10_000 }];
    fields.push(["geo", { kind: "document", fields: [lat, lon] }]);
  }
  return { kind: "document", fields };
}

function tags(random: Random): BsonValue {
  const elements: BsonValue[] = [];
  for (let n = random.below(4); n > 0; n -= 1) elements.push(random.pick(labels));
  return { kind: "array", elements };
}

/** A map keyed by an id: flattened blindly, it would make a column per key. */
function consents(random: Random): BsonDocument {
  const consent: BsonDocument = { kind: "document", fields: [["granted", random.chance(60)]] };
  return { kind: "document", fields: [[`c${hexText(random.word())}`, consent]] };
}

/** Unique by its last eight digits up to 2^32 rows. */
function objectId(random: Random, seed: number, row: number): string {
  random.reset(seed, row, 0, 2);
  return hexText(random.word()) + hexText(random.word()) + hexText(row % 2 ** 32);
}

function decimalText(cents: number): string {
  const whole = Math.floor(Math.abs(cents) / 100);
  return `${cents < 0 ? "-" : ""}${whole}.${String(Math.abs(cents) % 100).padStart(2, "0")}`;
}
