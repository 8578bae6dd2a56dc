/** Replays rejects in this process, on a workplace's config. */
import { type ReplayReport, replayExit, runReplay } from "../../src/load/run-replay.ts";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { openSource } from "../../src/source/open-source.ts";
import { outcomes, type RecordCounts } from "../../src/warehouse/record-counts.ts";
import type { RejectSelection } from "../../src/warehouse/reject-selection.ts";
import { configHere } from "./load-here.ts";
import type { Workplace } from "./workplace.ts";

export interface ReplayHereOptions extends Partial<RejectSelection> {
  /** Puts something between the replay and its source. */
  readonly through?: ((source: ObjectSource) => ObjectSource) | undefined;
}

export interface ReplayedHere {
  readonly exit: number;
  readonly report: ReplayReport;
  /** Of all tables; outcomes that are zero are left out. */
  readonly counts: Partial<RecordCounts>;
  /** `CODE: message`. */
  readonly failures: readonly string[];
}

export async function replayHere(place: Workplace, options: ReplayHereOptions = {}): Promise<ReplayedHere> {
  const config = configHere(place);
  const source = await openSource(config.source, {});
  const { tables = [], reason, object, ids = [] } = options;
  const report = await runReplay({
    config,
    source: options.through?.(source) ?? source,
    version: "0.0.0",
    host: "test",
    pid: process.pid,
    selection: { tables, reason, object, ids },
    allowDeletes: false,
    signal: undefined,
  });
  const counts: Partial<RecordCounts> = {};
  for (const name of ["read", ...outcomes] as const) {
    const sum = report.tables.reduce((total, table) => total + table.counts[name], 0);
    if (sum > 0) counts[name] = sum;
  }
  const failures = report.tables.flatMap((table) =>
    table.failures.map(({ error }) => `${error.code}: ${error.message}`),
  );
  return { exit: replayExit(report), report, counts, failures };
}
