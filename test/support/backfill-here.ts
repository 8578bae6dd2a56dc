/** Runs a backfill in this process, on a workplace's config. */
import { selectTables } from "../../src/config/table-names.ts";
import { exitOfCode } from "../../src/load/load-errors.ts";
import { exitOf, type RunReport, sumCounts } from "../../src/load/report.ts";
import {
  type BackfillSelector,
  type BackfillSurvey,
  runBackfill,
  surveyBackfill,
} from "../../src/load/run-backfill.ts";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { openSource } from "../../src/source/open-source.ts";
import type { RecordCounts } from "../../src/warehouse/record-counts.ts";
import { configHere } from "./load-here.ts";
import type { Workplace } from "./workplace.ts";

export interface BackfillHereOptions {
  readonly words?: string;
  readonly restart?: boolean;
  readonly through?: (source: ObjectSource) => ObjectSource;
  /** Called before each unit's report is taken in. */
  readonly onUnit?: () => void;
  readonly signal?: AbortSignal;
}

export interface BackfilledHere {
  readonly exit: number;
  readonly survey: BackfillSurvey;
  readonly report: RunReport;
  readonly forms: readonly string[];
  readonly failures: readonly string[];
  /** Of all objects; outcomes that are zero are left out. */
  readonly counts: Partial<RecordCounts>;
}

export async function backfillHere(
  place: Workplace,
  table: string,
  selector: BackfillSelector,
  options: BackfillHereOptions = {},
): Promise<BackfilledHere> {
  const config = configHere(place);
  const plain = await openSource(config.source, {});
  const source = options.through?.(plain) ?? plain;
  const select = selectTables(config.tables, [table]);
  const settings = {
    config,
    source,
    wanted: {
      wants: (spec: { config: (typeof config.tables)[number]; name: string }, folder: string) =>
        select(spec.config, spec.name, folder),
      listed: () => select.requireAllFound(),
    },
    selector,
    words: options.words ?? selector.kind,
    restart: options.restart ?? false,
    signal: options.signal,
  };
  const survey = await surveyBackfill(settings);
  const forms: string[] = [];
  const report = await runBackfill(settings, survey, {
    config,
    source,
    command: "backfill",
    version: "0.0.0",
    host: "test",
    pid: process.pid,
    concurrency: 1,
    allowDeletes: true,
    rejectLimit: undefined,
    signal: options.signal,
    onUnit: (_table, _unit, merged) => {
      forms.push(merged.form);
      options.onUnit?.();
    },
  });
  const objects = report.tables.flatMap((one) => one.objects);
  return {
    exit: exitOf(report, exitOfCode),
    survey,
    report,
    forms,
    failures: report.tables.flatMap((one) => one.failures.map(({ error }) => `${error.code}: ${error.message}`)),
    counts: Object.fromEntries(Object.entries(sumCounts(objects)).filter(([, count]) => count > 0)),
  };
}
