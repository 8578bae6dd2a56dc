/** Objects that are not what the config says, or not CSV at all. */
import { gzipSync } from "node:zlib";
import { type BadInput, cells, full, good, objectPlace, records, writeConfig } from "./bad-input.ts";

const document = (ok: boolean): string => (ok ? `{""city"": ""${cells.text}""}` : `${cells.text} is no JSON`);

export const badObjects: readonly BadInput[] = [
  {
    name: "no key for upsert",
    arrange: (place) => {
      good(place);
      writeConfig(place, { orders: "dialect: {header: true}" });
    },
    exit: 6,
    code: "KEY_MISSING",
    says: /primary_key: \[id\] {3}# of: id, name, note/,
    where: objectPlace,
    next: /write_mode: append/,
    history: ["pending"],
  },
  {
    name: "key column not in the object",
    arrange: (place) => {
      good(place);
      writeConfig(place, { orders: "primary_key: [order_no], dialect: {header: true}" });
    },
    exit: 6,
    code: "KEY_COLUMN_ABSENT",
    says: /order_no is not among the object's columns: id, name, note/,
    where: /object shop\/orders\/LOAD00000001\.csv, column order_no/,
    next: /primary_key/,
    history: ["pending"],
  },
  {
    name: "document column that is not JSON",
    arrange: (place) => {
      writeConfig(place, { orders: "primary_key: [id], document: note" });
      place.put(
        full,
        records(10, () => document(false)),
      );
    },
    exit: 6,
    code: "SHAPE_UNREADABLE",
    says: /All 10 records .* bad_json/,
    where: /object shop\/orders\/LOAD00000001\.csv, column note/,
    next: /Check `document`/,
    history: ["pending"],
  },
  {
    name: "3 of 100 documents are not JSON",
    arrange: (place) => {
      writeConfig(place, { orders: "primary_key: [id], document: note" });
      place.put(
        full,
        records(100, (n) => document(n % 40 !== 7)),
      );
    },
    exit: 3,
    code: "rejected",
    says: /shop\.orders: 3 bad_json/,
    next: /drayage rejects list orders/,
    rows: 97,
    history: ["loaded_with_rejects"],
  },
  {
    name: "too many records are bad",
    arrange: (place) => {
      writeConfig(place, { orders: "primary_key: [id], document: note, reject_limit: 2" });
      place.put(
        full,
        records(40, (n) => document(n % 10 !== 7)),
      );
    },
    exit: 5,
    code: "REJECT_LIMIT",
    says: /4 of 40 records were rejected \(bad_json\); the limits are 2 and 5 %/,
    where: /object shop\/orders\/LOAD00000001\.csv, record 8, column note/,
    next: /raise both limits/,
    rows: 0,
    history: ["failed"],
  },
  {
    name: "PNG named .csv",
    arrange: (place) => {
      writeConfig(place);
      const signature = Buffer.from("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0", "latin1");
      place.put(full, Buffer.concat([signature, Buffer.from(cells.text)]));
    },
    exit: 1,
    code: "NOT_CSV",
    says: /binary, not CSV/,
    where: objectPlace,
    next: /DataFormat/,
    history: ["failed"],
  },
  {
    name: "Parquet named .csv",
    arrange: (place) => {
      writeConfig(place);
      place.put(full, Buffer.from(`PAR1\x15\x04\x15\x10${cells.text}PAR1`, "latin1"));
    },
    exit: 1,
    code: "NOT_CSV",
    says: /Parquet, not CSV/,
    where: objectPlace,
    next: /DataFormat/,
    history: ["failed"],
  },
  {
    name: "gzip that breaks off",
    arrange: (place) => {
      writeConfig(place);
      const whole = gzipSync(records(5000, (n) => `${cells.text} ${(n * 7919) % 10007}`));
      place.put(`${full}.gz`, whole.subarray(0, Math.floor(whole.length * 0.7)));
    },
    exit: 1,
    code: "GZIP_BROKEN",
    says: /not a complete gzip/,
    where: /table orders, object shop\/orders\/LOAD00000001\.csv\.gz/,
    next: /Deliver the object again/,
    history: ["failed"],
  },
  {
    name: "header that cannot be told",
    arrange: (place) => {
      // Words above words: nothing says which of them are names.
      place.put("shop/orders/LOAD00000001.csv", "name,note\nann,tall\nbob,short\n");
      writeConfig(place, { orders: "primary_key: [order_no]" });
    },
    exit: 6,
    code: "HEADER_UNKNOWN",
    says: /dialect: \{header: true\}/,
    where: objectPlace,
    next: /dialect\.header/,
    history: ["pending"],
  },
  {
    name: "column list of another length",
    arrange: (place) => {
      writeConfig(place, {
        orders: "primary_key: [id], columns: [id bigint, name, note, price numeric, paid boolean]",
      });
      place.put(full, records(20).replace(/^.*\n/, ""));
    },
    exit: 6,
    code: "FIELD_COUNT",
    says: /Records have 3 fields, `columns:` lists 5 names/,
    where: objectPlace,
    next: /columns:/,
    history: ["pending"],
  },
];
