/** Runs validate in this process, on a workplace's config, and says in a line each what it found. */
import { runValidate, type ValidationReport, validationExit } from "../../src/load/run-validate.ts";
import type { TableValidation } from "../../src/load/validation.ts";
import { codeOf } from "../../src/load/validation.ts";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { openSource } from "../../src/source/open-source.ts";
import { configHere } from "./load-here.ts";
import type { Workplace } from "./workplace.ts";

export interface ValidatedHere {
  readonly exit: number;
  readonly report: ValidationReport;
  readonly table: TableValidation;
  /** `CODE why rows`, in order. */
  readonly counts: readonly string[];
  /** `CODE object record column,column`: the object's name without its folder. */
  readonly rows: readonly string[];
}

export interface ValidateHereOptions {
  readonly through?: ((source: ObjectSource) => ObjectSource) | undefined;
  readonly sample?: number | undefined;
  readonly counts?: ReadonlyMap<string, number> | undefined;
}

export async function validateHere(place: Workplace, options: ValidateHereOptions = {}): Promise<ValidatedHere> {
  const config = configHere(place);
  const source = await openSource(config.source, {});
  const report = await runValidate({
    config,
    source: options.through?.(source) ?? source,
    wanted: undefined,
    limit: 20,
    sample: options.sample,
    extremes: false,
    counts: options.counts,
    signal: undefined,
  });
  const [table] = report.tables;
  if (table === undefined) throw new Error("no table was validated");
  return {
    exit: validationExit(report),
    report,
    table,
    counts: (table.compared?.counts ?? []).map(({ verdict, why, count }) => `${codeOf[verdict]} ${why} ${count}`),
    rows: (table.compared?.listed ?? []).map((row) => {
      const object = row.object ?? row.rowObject;
      return [row.code, object?.replace(/^.*\//, "") ?? "-", row.record ?? row.rowRecord ?? "-", row.columns.join(",")]
        .join(" ")
        .trim();
    }),
  };
}
