/** What a test knows of a table before it reads an object: nothing, but for what it says. */
import type { DialectConfig } from "../../src/config/config.ts";
import type { KnownNames } from "../../src/rows/known-names.ts";

const dialect: DialectConfig = {
  header: "auto",
  op: "auto",
  timestampColumn: undefined,
  delimiter: "auto",
  rowDelimiter: "auto",
  rfc4180: "auto",
  nulls: "auto",
  encoding: "utf-8",
  fileTimezone: "UTC",
  beforeImage: undefined,
  unchangedToken: undefined,
  lobMaxSize: undefined,
};

export interface Knowing extends Partial<Omit<KnownNames, "dialect">> {
  readonly dialect?: Partial<DialectConfig>;
}

export function known(knowing: Knowing): KnownNames {
  return {
    columnList: undefined,
    keyNames: [],
    columnNames: [],
    documents: [],
    kind: "change",
    timeColumns: [],
    pinned: {},
    ...knowing,
    dialect: { ...dialect, ...knowing.dialect },
  };
}
