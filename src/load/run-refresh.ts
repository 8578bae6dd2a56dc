/** `refresh` of one table as a run of its own: noted in the state schema, its shadow named by it. A dry run notes nothing. */
import { DrayageError } from "../errors.ts";
import { hasStateSchema, migrate } from "../warehouse/migrate.ts";
import { finishRun, startRun } from "../warehouse/runs.ts";
import { Session } from "../warehouse/session.ts";
import { dropLostShadows } from "../warehouse/shadow.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import type { DiscoveredTable } from "./discover.ts";
import { asDrayageError } from "./load-errors.ts";
import { type Refreshed, type RefreshSettings, refreshTable } from "./refresh-table.ts";
import { listerOf, listTables, neverLoaded, type RunValidateSettings } from "./run-validate.ts";
import { Worker } from "./worker.ts";

export interface RunRefreshSettings
  extends Pick<RunValidateSettings, "config" | "source" | "wanted" | "limit" | "extremes" | "signal">,
    Pick<RunValidateSettings, "onStart" | "onBytes" | "onRecords">,
    Pick<RefreshSettings, "allowDeletes" | "without" | "reason" | "asOf" | "onFound"> {
  readonly dryRun: boolean;
  readonly version: string;
  readonly host: string;
  readonly pid: number;
}

export async function runRefresh(settings: RunRefreshSettings): Promise<Refreshed> {
  const { config, dryRun } = settings;
  const table = onlyTable(await listTables(settings));
  settings.onStart?.(table.objects.reduce((sum, { size }) => sum + size, 0));
  const control = await Session.connect(config.warehouse, "refresh", config.source.timezone);
  try {
    if (!(await hasStateSchema(control, config.warehouse.stateSchema))) throw neverLoaded();
    return dryRun ? await refresh(table, settings, undefined) : await asRun(control, table, settings);
  } catch (error) {
    throw settings.signal?.aborted === true ? error : warehouseError(error, "refresh");
  } finally {
    await control.close();
  }
}

async function asRun(control: Session, table: DiscoveredTable, settings: RunRefreshSettings): Promise<Refreshed> {
  const { stateSchema } = settings.config.warehouse;
  await migrate(control, stateSchema);
  const runId = await startRun(control, stateSchema, { ...settings, command: "refresh" });
  try {
    await dropLostShadows(control, stateSchema);
    const done = await refresh(table, settings, runId);
    const { removed = 0, updated = 0, inserted = 0 } = done.applied ?? {};
    await finishRun(control, stateSchema, runId, "done", {
      removed,
      updated,
      inserted,
      taken_back: done.takenBack.length,
    });
    return done;
  } catch (error) {
    const code = error instanceof DrayageError ? error.code : undefined;
    await finishRun(control, stateSchema, runId, "failed", {}, code).catch(() => undefined);
    throw error;
  }
}

async function refresh(
  { spec, objects }: DiscoveredTable,
  settings: RunRefreshSettings,
  runId: bigint | undefined,
): Promise<Refreshed> {
  const worker = await Worker.start(settings.config, "refresh");
  try {
    return await refreshTable(worker, spec, { ...settings, runId, list: listerOf(settings, spec, objects) });
  } catch (error) {
    throw settings.signal?.aborted === true ? error : asDrayageError(error, spec, "refresh the table");
  } finally {
    await worker.close();
  }
}

function onlyTable(tables: readonly DiscoveredTable[]): DiscoveredTable {
  const [table, other] = tables;
  if (other !== undefined)
    throw new DrayageError("USAGE", {
      message: `A refresh is about one table; these are ${tables.length}: ${tables
        .slice(0, 5)
        .map(({ spec }) => spec.name)
        .join(", ")}`,
      next: "Name one of them.",
    });
  if (table === undefined)
    throw new DrayageError("USAGE", {
      message: "No object of the table was found below source.url",
      next: "Check the table's prefix and source.url.",
    });
  return table;
}
