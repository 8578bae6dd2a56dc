/** One pass: list what is new, load each table, wait for what others hold, say what became of everything. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { LoadHistory, type OpenObject } from "../warehouse/load-history.ts";
import { migrate } from "../warehouse/migrate.ts";
import { finishRun, startRun } from "../warehouse/runs.ts";
import { Session } from "../warehouse/session.ts";
import { isConnectionLost, warehouseError } from "../warehouse/warehouse-error.ts";
import { type DiscoveredTable, discover, type SourceObject, type TableFilter } from "./discover.ts";
import { exitOfCode } from "./load-errors.ts";
import { type LoadSettings, loadTable } from "./load-table.ts";
import { retryPolicy } from "./next-unit.ts";
import { exitOf, type RunReport, sumCounts, type TableReport } from "./report.ts";
import { Worker } from "./worker.ts";

export interface RunSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  /** As typed, for `runs.command`. */
  readonly command: string;
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  /** undefined: every table. */
  readonly wanted: TableFilter | undefined;
  /** Full keys or paths below source.url; empty: everything new. */
  readonly objects: readonly string[];
  readonly concurrency: number;
  readonly allowDeletes: boolean;
  readonly rejectLimit: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly lane?: LoadSettings["lane"];
  readonly onStart?: ((work: RunWork) => void) | undefined;
  readonly onBytes?: LoadSettings["onBytes"];
  readonly onRecords?: LoadSettings["onRecords"];
  readonly onUnit?: LoadSettings["onUnit"];
}

/** What a run found to do. */
export interface RunWork {
  readonly runId: bigint;
  readonly tables: readonly { readonly table: string; readonly objects: number; readonly bytes: number }[];
}

export async function runLoad(settings: RunSettings): Promise<RunReport> {
  const began = performance.now();
  const { config } = settings;
  const control = await Session.connect(config.warehouse, settings.command, config.source.timezone);
  try {
    await migrate(control, config.warehouse.stateSchema);
    const runId = await startRun(control, config.warehouse.stateSchema, settings).catch((error: unknown) => {
      throw warehouseError(error, "start a run");
    });
    try {
      const report = await loadEverything(control, runId, settings);
      const exit = exitOf(report, exitOfCode);
      await endRun(control, settings, runId, exit === 0 || exit === 3 ? "done" : "failed", runCounts(report.tables));
      return {
        ...report,
        milliseconds: performance.now() - began,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
      };
    } catch (error) {
      await finishRun(control, config.warehouse.stateSchema, runId, "failed", {}).catch(() => undefined);
      throw settings.signal?.aborted === true ? error : warehouseError(error, "load");
    }
  } finally {
    await control.close();
  }
}

/** The run's own connection idled while the others loaded: that it broke takes back nothing of what is loaded. */
async function endRun(
  control: Session,
  { config, command }: RunSettings,
  runId: bigint,
  status: "done" | "failed",
  counts: Record<string, number>,
): Promise<void> {
  const { stateSchema } = config.warehouse;
  try {
    await finishRun(control, stateSchema, runId, status, counts);
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    const fresh = await Session.connect(config.warehouse, command, config.source.timezone);
    try {
      await finishRun(fresh, stateSchema, runId, status, counts);
    } finally {
      await fresh.close();
    }
  }
}

function runCounts(tables: readonly TableReport[]): Record<string, number> {
  const counts = sumCounts(tables.flatMap((table) => table.objects));
  return {
    objects: tables.reduce((sum, table) => sum + table.objects.length, 0),
    failed: tables.reduce((sum, table) => sum + table.failures.length, 0),
    ...counts,
  };
}

type Open = Map<string, OpenObject<SourceObject>[]>;

async function loadEverything(
  control: Session,
  runId: bigint,
  settings: RunSettings,
): Promise<Omit<RunReport, "milliseconds" | "peakRssBytes">> {
  const { config } = settings;
  const force = settings.objects.length > 0;
  const open: Open = new Map();
  const listed = new Set<string>();
  const discovery = await discover(config, settings.source, settings.wanted, async (spec, objects) => {
    settings.signal?.throwIfAborted();
    const asked = force ? objects.filter((object) => isAsked(object, settings.objects, listed)) : objects;
    const history = new LoadHistory(control, config.warehouse.stateSchema, spec.name);
    const page = await history.open(asked, retryPolicy(config, spec, force));
    const known = open.get(spec.name);
    if (known === undefined) open.set(spec.name, page);
    else known.push(...page);
    return page.map((one) => one.object);
  });
  const missing = settings.objects.find((key) => !listed.has(key));
  if (missing !== undefined) throw new DrayageError("OBJECT_UNKNOWN", { place: { object: missing } });
  const work = discovery.tables.filter((table) => (open.get(table.spec.name)?.length ?? 0) > 0);
  settings.onStart?.({
    runId,
    tables: work.map(({ spec }) => {
      const claimable = (open.get(spec.name) ?? []).filter((one) => one.state === "claimable");
      return {
        table: spec.name,
        objects: claimable.length,
        bytes: claimable.reduce((sum, one) => sum + one.object.size, 0),
      };
    }),
  });
  const tables = await loadTables(runId, work, open, settings);
  return { runId, tables, listed: discovery.listed, ignored: discovery.ignored, unclaimed: discovery.unclaimed };
}

/** Whether the command line names the object, by its key or its path below source.url; what it names is added to `listed`. */
function isAsked(object: SourceObject, names: readonly string[], listed: Set<string>): boolean {
  const own = names.filter((name) => name === object.key || name === object.path);
  for (const name of own) listed.add(name);
  return own.length > 0;
}

/** Tables side by side, each on a connection of its own; objects of one table in order. */
async function loadTables(
  runId: bigint,
  work: readonly DiscoveredTable[],
  open: Open,
  settings: RunSettings,
): Promise<TableReport[]> {
  const reports: TableReport[] = [];
  const queue = [...work];
  const lanes = Math.max(1, Math.min(settings.concurrency, queue.length));
  const runs = Array.from({ length: queue.length === 0 ? 0 : lanes }, async () => {
    const worker = await Worker.start(settings.config, settings.command);
    try {
      for (let table = queue.shift(); table !== undefined; table = queue.shift()) {
        settings.signal?.throwIfAborted();
        // The listing's order is not the order of loading.
        const ranks = new Map(table.objects.map((object, i) => [object, i]));
        const ordered = [...(open.get(table.spec.name) ?? [])].sort(
          (a, b) => (ranks.get(a.object) ?? 0) - (ranks.get(b.object) ?? 0),
        );
        reports.push(
          await loadTable(worker, table.spec, ordered, {
            config: settings.config,
            source: settings.source,
            runId,
            signal: settings.signal,
            allowDeletes: settings.allowDeletes,
            rejectLimit: settings.rejectLimit,
            force: settings.objects.length > 0,
            lane: settings.lane,
            onBytes: settings.onBytes,
            onRecords: settings.onRecords,
            onUnit: settings.onUnit,
          }),
        );
      }
    } finally {
      await worker.close();
    }
  });
  const results = await Promise.allSettled(runs);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return reports.sort((a, b) => (a.table < b.table ? -1 : 1));
}
