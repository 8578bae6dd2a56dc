/** Runs refresh in this process, on a workplace's config. */
import { DrayageError } from "../../src/errors.ts";
import type { Refreshed } from "../../src/load/refresh-table.ts";
import { runRefresh } from "../../src/load/run-refresh.ts";
import { openSource } from "../../src/source/open-source.ts";
import { resumeTable } from "../../src/warehouse/marks.ts";
import { Session } from "../../src/warehouse/session.ts";
import { configHere } from "./load-here.ts";
import type { Workplace } from "./workplace.ts";

export interface RefreshHereOptions {
  readonly dryRun?: boolean;
  readonly allowDeletes?: boolean;
  readonly without?: readonly string[];
  readonly asOf?: Date | undefined;
  readonly reason?: string;
}

export async function refreshHere(place: Workplace, options: RefreshHereOptions = {}): Promise<Refreshed> {
  const config = configHere(place);
  return runRefresh({
    config,
    source: await openSource(config.source, {}),
    wanted: undefined,
    limit: 20,
    extremes: false,
    signal: undefined,
    allowDeletes: options.allowDeletes ?? false,
    without: options.without ?? [],
    reason: options.reason,
    asOf: options.asOf,
    onFound: () => undefined,
    dryRun: options.dryRun ?? false,
    version: "0.0.0",
    host: "test",
    pid: process.pid,
  });
}

/** The code that it ends with; undefined: it was done. */
export async function refusedHere(place: Workplace, options: RefreshHereOptions = {}): Promise<string | undefined> {
  try {
    await refreshHere(place, options);
    return undefined;
  } catch (error) {
    if (error instanceof DrayageError) return error.code;
    throw error;
  }
}

export async function resumeHere(place: Workplace, table: string): Promise<void> {
  const session = await Session.connect(configHere(place).warehouse, "resume", "UTC");
  try {
    await resumeTable(session, "drayage", table);
  } finally {
    await session.close();
  }
}
