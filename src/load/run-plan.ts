/** `plan` of many tables: what `load` would find new, table by table, with no lock but ACCESS SHARE and no state written. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { readMainTable } from "../warehouse/catalog.ts";
import { listingSplits } from "../warehouse/listing-splits.ts";
import { LoadHistory } from "../warehouse/load-history.ts";
import { hasStateSchema } from "../warehouse/migrate.ts";
import { discover, type PageFilter, type TableFilter } from "./discover.ts";
import { retryPolicy } from "./next-unit.ts";
import { planTable } from "./plan-table.ts";
import { preflight } from "./preflight.ts";
import { nothingYet } from "./table-knowledge.ts";
import type { TablePlan } from "./table-plan.ts";
import type { TableSpec } from "./table-spec.ts";
import { Worker } from "./worker.ts";

export interface RunPlanSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly wanted: TableFilter | undefined;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

/** A plan of a table, and what of its main table may refuse a record. */
export interface PlannedTable extends TablePlan {
  readonly constraints: readonly string[];
}

export interface PlanReport {
  readonly tables: readonly PlannedTable[];
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
    const tables: PlannedTable[] = [];
    for (const { spec, objects } of discovery.tables) {
      const plan = await planTable(worker, spec, objects, {
        config,
        source: settings.source,
        hasState,
        limit: settings.limit,
        signal: settings.signal,
      });
      tables.push(
        objects.length === 0 ? { ...plan, constraints: [] } : await withPreflight(worker, spec, plan, config),
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

/** What would stop `load` before it reads an object stands beside what the objects say. */
async function withPreflight(worker: Worker, spec: TableSpec, plan: TablePlan, config: Config): Promise<PlannedTable> {
  const main = await readMainTable(worker.session, spec.target.schema, spec.target.table);
  try {
    const known = { spec, main, stored: [], pinned: {}, ...nothingYet };
    return { ...plan, constraints: await preflight(worker.session, known, config) };
  } catch (error) {
    if (!(error instanceof DrayageError)) throw error;
    const isSaid = plan.errors.some(({ code }) => code === error.code);
    return { ...plan, constraints: [], errors: isSaid ? plan.errors : [...plan.errors, error] };
  }
}
