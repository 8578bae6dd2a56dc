/** `rejects replay` over tables, and the replay of what waits for its foreign key at the end of a load. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { migrate } from "../warehouse/migrate.ts";
import { rejectedObjects, tablesRejecting } from "../warehouse/open-rejects.ts";
import { outcomes } from "../warehouse/record-counts.ts";
import type { RejectSelection } from "../warehouse/reject-selection.ts";
import { finishRun, startRun } from "../warehouse/runs.ts";
import { Session } from "../warehouse/session.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { type KnownObject, placeKnown } from "./known-objects.ts";
import type { TableReplay } from "./replay-report.ts";
import { type ReplaySettings, replayTable } from "./replay-table.ts";
import { worstExit } from "./report.ts";
import type { TableSpec } from "./table-spec.ts";
import { Worker } from "./worker.ts";

export interface RunReplaySettings extends Omit<ReplaySettings, "runId" | "most"> {
  readonly version: string;
  readonly host: string;
  readonly pid: number;
}

export interface ReplayReport {
  readonly runId: bigint;
  readonly tables: readonly TableReplay[];
  /** Open rejects of the selection whose table, or object, the config reads no more. */
  readonly elsewhere: number;
}

export async function runReplay(settings: RunReplaySettings): Promise<ReplayReport> {
  const { config, selection } = settings;
  const { stateSchema } = config.warehouse;
  const control = await Session.connect(config.warehouse, "rejects replay", config.source.timezone);
  try {
    await migrate(control, stateSchema);
    const runId = await startRun(control, stateSchema, { ...settings, command: "rejects replay" });
    try {
      const found = await rejectedObjects(control, stateSchema, selection);
      const placed = await placeKnown(config, settings.source, found);
      const read = new Set(placed.map((one) => one.known));
      const elsewhere = found.filter((one) => !read.has(one)).reduce((sum, one) => sum + one.records, 0);
      const most = Number.MAX_SAFE_INTEGER;
      const tables = await replayTables(placed, { ...settings, runId, most }, "rejects replay");
      const exit = replayExit({ tables, elsewhere });
      await finishRun(control, stateSchema, runId, exit === 0 || exit === 3 ? "done" : "failed", replayCounts(tables));
      return { runId, tables, elsewhere };
    } catch (error) {
      const aborted = settings.signal?.aborted === true;
      const known = aborted ? error : warehouseError(error, "replay rejects");
      const code = !aborted && known instanceof DrayageError ? known.code : undefined;
      await finishRun(control, stateSchema, runId, "failed", {}, code).catch(() => undefined);
      throw known;
    }
  } finally {
    await control.close();
  }
}

export function replayExit({ tables, elsewhere }: Pick<ReplayReport, "tables" | "elsewhere">): number {
  return worstExit([
    ...tables.flatMap((table) => table.failures.map(({ error }) => error.exit)),
    ...(elsewhere > 0 || tables.some((table) => table.counts.rejected + table.left > 0) ? [3] : []),
  ]);
}

function replayCounts(tables: readonly TableReplay[]): Record<string, number> {
  const counts: Record<string, number> = { objects: 0, failed: 0, read: 0 };
  for (const table of tables) {
    counts.failed = (counts.failed ?? 0) + table.failures.length;
    for (const name of ["read", ...outcomes] as const) counts[name] = (counts[name] ?? 0) + table.counts[name];
  }
  return counts;
}

/** One table after another on one connection: replays are few and small. */
async function replayTables(
  placed: readonly KnownObject[],
  settings: ReplaySettings,
  purpose: string,
): Promise<TableReplay[]> {
  if (placed.length === 0) return [];
  const worker = await Worker.start(settings.config, purpose);
  try {
    const byTable = new Map<TableSpec, KnownObject[]>();
    for (const one of placed) byTable.set(one.spec, [...(byTable.get(one.spec) ?? []), one]);
    const reports: TableReplay[] = [];
    for (const [spec, objects] of byTable) {
      settings.signal?.throwIfAborted();
      reports.push(await replayTable(worker, spec, objects, settings));
    }
    return reports;
  } finally {
    await worker.close();
  }
}

/** Rejects of a table that one run tries again. */
const waitingPerTable = 10_000;

/**
 * DMS gives no order between tables, so a row may come before the one that it refers to. Each run tries those again that wait,
 * once everything new is in.
 */
export async function replayWaiting(
  control: Session,
  settings: { config: Config; source: ObjectSource; runId: bigint; signal: AbortSignal | undefined },
  wanted: ReadonlySet<string>,
): Promise<TableReplay[]> {
  const { stateSchema } = settings.config.warehouse;
  const tables = (await tablesRejecting(control, stateSchema, "foreign_key")).filter((name) => wanted.has(name));
  if (tables.length === 0) return [];
  const selection: RejectSelection = { tables, reason: "foreign_key", object: undefined, ids: [] };
  const placed = await placeKnown(
    settings.config,
    settings.source,
    await rejectedObjects(control, stateSchema, selection),
  );
  return replayTables(placed, { ...settings, selection, most: waitingPerTable, allowDeletes: false }, "load");
}
