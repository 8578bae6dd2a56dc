/** What the config expects beside what the state schema knows: the facts that attention is decided from. */
import type { Config, TableConfig } from "../config/config.ts";
import { isPattern } from "../config/folder-names.ts";
import { claimTable, targetOf } from "../config/table-names.ts";
import type { StatusFacts, TableFacts } from "../observe/attention.ts";
import type { RescuedStatusRow } from "../warehouse/rescued.ts";
import type { Session } from "../warehouse/session.ts";
import { readStatusRows, type StatusRows, type TableStatusRow } from "../warehouse/status-rows.ts";
import { homeStatements, notLocked } from "../warehouse/widening.ts";
import { namedTables } from "./discover.ts";

export interface FactsNow {
  readonly facts: StatusFacts;
  /** The warehouse's clock, as all times of the facts but those of objects. */
  readonly now: Date;
}

/** `ending`: the run that asks at its end. */
export async function readStatusFacts(session: Session, config: Config, ending?: bigint): Promise<FactsNow> {
  const rows = await readStatusRows(session, config.warehouse.stateSchema, {
    maxAttempts: config.warehouse.maxAttempts,
    heldForMs: config.warehouse.lockWaitMs,
    ending,
  });
  return { facts: factsOf(rows, config), now: rows.now };
}

function factsOf(rows: StatusRows, config: Config): StatusFacts {
  const named = new Map(namedTables(config).map((spec) => [spec.name, spec.config]));
  const patterns = config.tables.some((table) => table.enabled && table.prefixes.some(isPattern));
  const tables = rows.tables.map((row): TableFacts => {
    const entry = entryOf(row, config, named);
    // Never listed, and no entry by name: one of the patterns may read it.
    const facts = tableFacts(row, entry, entry !== undefined || (row.folder === null && patterns));
    return { ...facts, rescued: rescuedFacts(rows.rescued.filter(({ table }) => table === row.table_name)) };
  });
  const known = new Set(rows.tables.map((row) => row.table_name));
  for (const [name, entry] of named) if (!known.has(name)) tables.push(neverSeen(name, entry));
  const { runs } = rows;
  return {
    source: {
      expectEveryMs: config.source.expectEveryMs,
      listedAt: runs.listed_at ?? undefined,
      firstRunAt: runs.first_at ?? undefined,
    },
    tables,
    unclaimed: rows.unclaimed,
    decisions: rows.decisions,
    backfills: rows.backfills,
    // Without a webhook nothing waits to be delivered.
    repairs: rows.repairs,
    undelivered: config.alerts.webhook === undefined ? undefined : rows.undelivered,
    holds: rows.holds.map(({ host, pid, ...hold }) => ({ ...hold, where: `${host}:${pid}` })),
    lostRun:
      runs.lost_id === null || runs.lost_at === null
        ? undefined
        : {
            runId: runs.lost_id,
            where: `${runs.lost_host}:${runs.lost_pid}`,
            since: runs.lost_at,
            found: runs.lost_found === true,
          },
    failedRun:
      runs.failed_id === null || runs.failed_code === null || runs.failed_at === null
        ? undefined
        : { runId: runs.failed_id, code: runs.failed_code, at: runs.failed_at },
  };
}

/** The entry that reads the table today. */
export function entryOf(
  row: Pick<TableStatusRow, "table_name" | "folder">,
  config: Config,
  named: ReadonlyMap<string, TableConfig>,
): TableConfig | undefined {
  if (row.folder === null) return named.get(row.table_name);
  const entry = claimTable(config.tables, row.folder);
  const isRead =
    entry?.enabled === true && targetOf(entry, row.folder, config.warehouse.schema).name === row.table_name;
  return isRead ? entry : named.get(row.table_name);
}

function tableFacts(row: TableStatusRow, entry: TableConfig | undefined, configured: boolean): TableFacts {
  return {
    table: row.table_name,
    configured,
    expectEveryMs: entry?.expectEveryMs,
    lateAfterMs: entry?.lateAfterMs,
    usualEveryMs: row.usual_seconds === null ? undefined : row.usual_seconds * 1000,
    lastObjectAt: row.last_modified ?? undefined,
    lastLoadedAt: row.last_loaded_at ?? undefined,
    paused:
      row.paused && row.paused_at !== null
        ? {
            since: row.paused_at,
            until: row.paused_until ?? undefined,
            reason: row.paused_reason ?? undefined,
            waiting: row.waiting,
          }
        : undefined,
    failed:
      row.failed === 0
        ? undefined
        : {
            objects: row.failed,
            since: row.failed_at ?? undefined,
            code: row.failed_code ?? "INTERNAL",
            passing: row.failed_passing === true,
            key: row.failed_key ?? "",
            holdsTable: entry?.writeMode === "append",
          },
    rejects: row.rejects === 0 || row.rejects_at === null ? undefined : { records: row.rejects, since: row.rejects_at },
  };
}

function rescuedFacts(rows: readonly RescuedStatusRow[]): TableFacts["rescued"] {
  const [first] = rows;
  if (first === undefined) return undefined;
  return {
    columns: rows.map(({ column }) => column),
    reason: first.reason,
    since: first.since,
    passing: rows.every((row) => row.reason === notLocked),
    statements: rows.flatMap((row) => homeStatements({ schema: row.schema, table: row.name }, row)),
  };
}

function neverSeen(table: string, entry: TableConfig): TableFacts {
  return {
    table,
    configured: true,
    expectEveryMs: entry.expectEveryMs,
    lateAfterMs: entry.lateAfterMs,
    usualEveryMs: undefined,
    lastObjectAt: undefined,
    lastLoadedAt: undefined,
    paused: undefined,
    failed: undefined,
    rejects: undefined,
  };
}
