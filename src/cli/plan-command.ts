/** `drayage plan`: the dry run. */
import { worstExit } from "../load/report.ts";
import { type PlanReport, runPlan as planTables } from "../load/run-plan.ts";
import { isUrl } from "../load/source-url.ts";
import { configOf, type GlobalOptions, type Host, terminalOf, withSignals, withSource } from "./context.ts";
import { printTraces } from "./print-error.ts";
import { planJson, planSql, planText, planYaml, type Samples } from "./render-plan.ts";
import { printResult } from "./terminal.ts";
import { wantedTables } from "./wanted-tables.ts";

export interface PlanOptions extends GlobalOptions {
  readonly limit?: number;
  readonly full?: boolean;
  readonly sql?: boolean;
  readonly yaml?: boolean;
  readonly samples?: Samples;
}

export async function runPlan(host: Host, names: readonly string[], options: PlanOptions): Promise<number> {
  if (names.some(isUrl)) return (await import("./url-plan-command.ts")).runUrlPlan(host, names, options);
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const wanted = wantedTables(config, names);
  const limit = options.full === true ? Number.MAX_SAFE_INTEGER : (options.limit ?? 10_000);
  const report = await withSignals((signal) =>
    withSource(config, host, (source) => planTables({ config, source, wanted, limit, signal })),
  );
  const exit = planExit(report);
  const samples = options.samples ?? (terminal.interactive ? "full" : "masked");
  if (terminal.json) host.stdout.write(`${JSON.stringify(planJson(report, exit, samples), undefined, 2)}\n`);
  else if (options.sql === true) printResult(terminal, planSql(report));
  else if (options.yaml === true) printResult(terminal, planYaml(report));
  else printResult(terminal, planText(terminal, report, samples));
  printTraces(
    terminal,
    report.tables.flatMap((table) => table.errors),
  );
  return exit;
}

/** As `load` would end. */
function planExit(report: PlanReport): number {
  return worstExit(
    report.tables.flatMap((table) => [
      ...table.errors.map((error) => error.exit),
      ...(table.counts.rejected > 0 ? [3] : []),
    ]),
  );
}
