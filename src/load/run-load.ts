/** One pass: list what is new, load each table, wait for what others hold, say what became of everything. */
import type { Config } from "../config/config.ts";
import { didYouMean } from "../config/suggest.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { noteBackfillRun } from "../warehouse/backfills.ts";
import { listingSplits } from "../warehouse/listing-splits.ts";
import { type Again, LoadHistory, type OpenObject } from "../warehouse/load-history.ts";
import { migrate } from "../warehouse/migrate.ts";
import { type Dropped, dropOld } from "../warehouse/retention.ts";
import { startRun } from "../warehouse/runs.ts";
import { Session } from "../warehouse/session.ts";
import { dropLostShadows } from "../warehouse/shadow.ts";
import { isConnectionLost, warehouseError } from "../warehouse/warehouse-error.ts";
import { CopiedSource } from "./copied-source.ts";
import { type DiscoveredTable, discover, type PageFilter, type SourceObject, type TableFilter } from "./discover.ts";
import { endFailedRun, endRun } from "./end-run.ts";
import { reach } from "./failpoint.ts";
import { exitOfCode } from "./load-errors.ts";
import type { LoadSettings } from "./load-settings.ts";
import { loadTables } from "./load-tables.ts";
import { retryPolicy } from "./next-unit.ts";
import { Sightings } from "./note-run.ts";
import { noteReplay } from "./note-unit.ts";
import { exitOf, newTableReport, type RunReport, sumCounts, type TableReport } from "./report.ts";
import { replayWaiting } from "./run-replay.ts";
import { TableListing } from "./table-listing.ts";
import { noteVanished, OpenBefore } from "./vanished-objects.ts";

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
  /** A backfill: what it selects is loaded again, whatever became of it. */
  readonly again?: (Again & { selects(object: SourceObject): boolean }) | undefined;
  /** Only what failed before, for whatever reason. */
  readonly failedOnly?: boolean | undefined;
  /** Somebody said that objects which seem to be copies are to be loaded. */
  readonly copiesToo?: boolean | undefined;
  readonly concurrency: number;
  readonly allowDeletes: boolean;
  readonly rejectLimit: number | undefined;
  readonly signal: AbortSignal | undefined;
  /** By which a full load counts as complete; the clock, unless a test says otherwise. */
  readonly now?: (() => Date) | undefined;
  readonly lane?: LoadSettings["lane"];
  readonly onStart?: ((work: RunWork) => void) | undefined;
  readonly onBytes?: LoadSettings["onBytes"];
  readonly onRecords?: LoadSettings["onRecords"];
  readonly onUnit?: LoadSettings["onUnit"];
  readonly onObject?: LoadSettings["onObject"];
  /** What went wrong beside the load (alerts, heartbeat, retention). Neither stops nor changes anything. */
  readonly onWarning?: ((error: DrayageError) => void) | undefined;
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
      if (settings.again !== undefined)
        await noteBackfillRun(control, config.warehouse.stateSchema, settings.again.backfill, runId);
      await dropLostShadows(control, config.warehouse.stateSchema);
      const sightings = new Sightings();
      const report = await loadEverything(control, runId, settings, sightings);
      const dropped = await dropWhatIsOld(control, settings);
      const exit = exitOf(report, exitOfCode);
      const attention = await endRun(control, settings, {
        runId,
        good: exit === 0 || exit === 3,
        counts: runCounts(report.tables),
        seen: sightings.of(report, scopeOf(settings)),
      });
      return {
        ...report,
        attention,
        dropped,
        milliseconds: performance.now() - began,
        peakRssBytes: process.resourceUsage().maxRSS * 1024,
      };
    } catch (error) {
      const aborted = settings.signal?.aborted === true;
      const known = aborted ? error : warehouseError(error, "load");
      const code = !aborted && known instanceof DrayageError ? known.code : undefined;
      await endFailedRun(control, settings, runId, code);
      throw known;
    }
  } finally {
    await control.close();
  }
}

/** By the run that listed the whole source: one of them is enough. Never the run's failure: the next one drops what is left. */
async function dropWhatIsOld(control: Session, settings: RunSettings): Promise<Dropped | undefined> {
  if (scopeOf(settings) !== "source" || settings.signal?.aborted === true) return undefined;
  const { retention, warehouse } = settings.config;
  try {
    const dropped = await dropOld(control, warehouse.stateSchema, retention);
    return Object.values(dropped).some((rows) => rows > 0) ? dropped : undefined;
  } catch (error) {
    settings.onWarning?.(warehouseError(error, "drop what is older than `retention` says"));
    return undefined;
  }
}

/** What the run's listing says something about. */
function scopeOf({ wanted, objects, again, failedOnly }: RunSettings): "source" | "tables" | "objects" {
  if (objects.length > 0 || again !== undefined || failedOnly === true) return "objects";
  return wanted === undefined ? "source" : "tables";
}

function runCounts(tables: readonly TableReport[]): Record<string, number> {
  const counts = sumCounts(tables.flatMap((table) => table.objects));
  return {
    objects: tables.reduce((sum, table) => sum + table.objects.length, 0),
    failed: tables.reduce((sum, table) => sum + table.failures.length, 0),
    ...counts,
  };
}

function listingOf(listings: Map<string, TableListing>, table: string): TableListing {
  const known = listings.get(table) ?? new TableListing();
  listings.set(table, known);
  return known;
}

type Open = Map<string, OpenObject<SourceObject>[]>;

async function loadEverything(
  control: Session,
  runId: bigint,
  settings: RunSettings,
  sightings: Sightings,
): Promise<Omit<RunReport, "attention" | "dropped" | "milliseconds" | "peakRssBytes">> {
  const { config } = settings;
  const { again } = settings;
  const named = settings.objects.length > 0;
  const open: Open = new Map();
  const before = await OpenBefore.read(control, settings);
  const copied = new CopiedSource(control, config.warehouse.stateSchema);
  const listings = new Map<string, TableListing>();
  const listed = new Set<string>();
  const seen: string[] = [];
  const keep: PageFilter = async (spec, objects) => {
    settings.signal?.throwIfAborted();
    sightings.add(spec, objects);
    listingOf(listings, spec.name).add(objects);
    before.list(objects);
    if (named && seen.length < mostSeen) seen.push(...objects.map(({ path }) => path));
    const asked = named
      ? objects.filter((object) => isAsked(object, settings.objects, listed))
      : objects.filter((object) => again?.selects(object) ?? true);
    const history = new LoadHistory(control, config.warehouse.stateSchema, spec.name);
    const every = await history.open(asked, retryPolicy(config, spec, isForced(settings), again));
    if (!isForced(settings) && settings.copiesToo !== true)
      await copied.add(
        spec.name,
        every.filter((one) => !one.noted).map((one) => one.object),
      );
    const page = settings.failedOnly === true ? every.filter(hasFailed) : every;
    const known = open.get(spec.name);
    if (known === undefined) open.set(spec.name, page);
    else known.push(...page);
    return page.map((one) => one.object);
  };
  const splits = await listingSplits(control, config.warehouse.stateSchema);
  const discovery = await discover(config, settings.source, settings.wanted, keep, splits);
  await reach("after_list");
  const missing = settings.objects.find((key) => !listed.has(key));
  if (missing !== undefined) throw unknownObject(missing, seen);
  await copied.check([...open.keys()], (settings.now ?? (() => new Date()))());
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
  const listing = (table: string) => listingOf(listings, table);
  const loaded = await loadTables(work, open, listing, settings.concurrency, settings.command, {
    config,
    source: settings.source,
    runId,
    signal: settings.signal,
    allowDeletes: settings.allowDeletes,
    rejectLimit: settings.rejectLimit,
    force: isForced(settings),
    now: settings.now ?? (() => new Date()),
    again,
    lane: settings.lane,
    onBytes: settings.onBytes,
    onRecords: settings.onRecords,
    onUnit: settings.onUnit,
    onObject: settings.onObject,
  });
  if (!named && again === undefined) await replayWaitingRecords(control, runId, settings, discovery.tables, loaded);
  const isWhole = discovery.whole && scopeOf(settings) !== "objects";
  const tables = isWhole ? await noteVanished(control, before, loaded, { ...settings, fullLoads: listings }) : loaded;
  return {
    runId,
    tables,
    listed: discovery.listed,
    ignored: discovery.ignored,
    unclaimed: discovery.unclaimed,
    hints: discovery.hints,
  };
}

/** Names that a mistyped one is compared with. */
const mostSeen = 20_000;

function unknownObject(name: string, seen: readonly string[]): DrayageError {
  const near = didYouMean(name, seen);
  const message = `No object with that key was listed for a configured table${near}`;
  return new DrayageError("OBJECT_UNKNOWN", { message, place: { object: name } });
}

/** What it did is added to the tables' reports; that it could not is no failure of the run: the next one tries again. */
async function replayWaitingRecords(
  control: Session,
  runId: bigint,
  { config, source, signal }: RunSettings,
  discovered: readonly DiscoveredTable[],
  reports: TableReport[],
): Promise<void> {
  const specs = new Map(discovered.map(({ spec }) => [spec.name, spec]));
  const replays = await replayWaiting(control, { config, source, runId, signal }, new Set(specs.keys())).catch(
    (error: unknown) => {
      if (isConnectionLost(error) && signal?.aborted !== true) return [];
      throw error;
    },
  );
  for (const replay of replays) {
    const spec = specs.get(replay.table);
    if (spec === undefined) continue;
    let report = reports.find((one) => one.table === replay.table);
    if (report === undefined) {
      report = newTableReport(spec.name, spec.target);
      reports.push(report);
    }
    noteReplay(report, replay);
  }
}

/** Somebody asked for objects, or changed a limit: what waits for a change is tried too. */
function isForced({ objects, again, failedOnly, rejectLimit }: RunSettings): boolean {
  return objects.length > 0 || again !== undefined || failedOnly === true || rejectLimit !== undefined;
}

function hasFailed({ state, errorCode }: OpenObject<SourceObject>): boolean {
  return state === "claimable" && errorCode !== undefined;
}

/** Whether the command line names the object, by its key or its path below source.url; what it names is added to `listed`. */
function isAsked(object: SourceObject, names: readonly string[], listed: Set<string>): boolean {
  const own = names.filter((name) => name === object.key || name === object.path);
  for (const name of own) listed.add(name);
  return own.length > 0;
}
