/** What a replay says of a table at its end. */
import { noCounts, type RecordCounts } from "../warehouse/record-counts.ts";
import type { ObjectFailure } from "./report.ts";
import type { TableSpec } from "./table-spec.ts";

export interface TableReplay {
  readonly table: string;
  readonly target: string;
  /** What became of the records; `rejected`: again. */
  readonly counts: RecordCounts;
  readonly reasons: Map<string, number>;
  readonly failures: ObjectFailure[];
  readonly ddl: string[];
  readonly notes: string[];
  /** Rejects that nothing could be done about: their object cannot be read, or their place in it is not known. */
  left: number;
}

export function newReplay({ name, target }: TableSpec): TableReplay {
  const report = { table: name, target: `${target.schema}.${target.table}`, counts: noCounts(), left: 0 };
  return { ...report, reasons: new Map(), failures: [], ddl: [], notes: [] };
}
