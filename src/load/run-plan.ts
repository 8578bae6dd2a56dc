/** `plan` of many tables: what `load` would find new, table by table, with no lock but ACCESS SHARE and no state written. */
import type { Config } from "../config/config.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { listingSplits } from "../warehouse/listing-splits.ts";
import { LoadHistory } from "../warehouse/load-history.ts";
import { hasStateSchema } from "../warehouse/migrate.ts";
import { discover, type PageFilter, type TableFilter } from "./discover.ts";
import { retryPolicy } from "./next-unit.ts";
import { planTable, type TablePlan } from "./plan-table.ts";
import { Worker } from "./worker.ts";

export interface RunPlanSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly wanted: TableFilter | undefined;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

export interface PlanReport {
  readonly tables: readonly TablePlan[];
  readonly unclaimed: ReadonlyMap<string, number>;
  /** Folders in the config that have no object, and what they may be meant for. */
  readonly hints: readonly string[];
  readonly listed: number;
  readonly milliseconds: number;
}

export async function runPlan(settings: RunPlanSettings): Promise<PlanReport> {
  const began = performance.now();
  const { config } = settings;
  const worker = await Worker.start(config, "plan");
  try {
    const hasState = await hasStateSchema(worker.session, config.warehouse.stateSchema);
    const splits = hasState ? await listingSplits(worker.session, config.warehouse.stateSchema) : [];
    const keep: PageFilter = async (spec, objects) => {
      if (!hasState) return objects;
      const history = new LoadHistory(worker.session, config.warehouse.stateSchema, spec.name);
      const open = await history.open(objects, retryPolicy(config, spec, true));
      return open.filter((one) => one.state === "claimable").map((one) => one.object);
    };
    const discovery = await discover(config, settings.source, settings.wanted, keep, splits);
    const tables: TablePlan[] = [];
    for (const { spec, objects } of discovery.tables) {
      tables.push(
        await planTable(worker, spec, objects, {
          config,
          source: settings.source,
          hasState,
          limit: settings.limit,
          signal: settings.signal,
        }),
      );
    }
    return {
      tables,
      unclaimed: discovery.unclaimed,
      hints: discovery.hints,
      listed: discovery.listed,
      milliseconds: performance.now() - began,
    };
  } finally {
    await worker.close();
  }
}
