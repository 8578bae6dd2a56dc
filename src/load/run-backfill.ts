/** Loads a range of one table again: what it is about is looked at first, then it is loaded as `load` loads, under the same locks. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import {
  type Backfill,
  type BackfillRequest,
  beginBackfill,
  earlierEntries,
  finishBackfill,
  pastSpeed,
  unfinishedBackfill,
} from "../warehouse/backfills.ts";
import { hasStateSchema, migrate } from "../warehouse/migrate.ts";
import { Session } from "../warehouse/session.ts";
import { readTableState } from "../warehouse/table-state.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { isArchived } from "./archived-objects.ts";
import { discover, type SourceObject, type TableFilter } from "./discover.ts";
import { exitOfCode } from "./load-errors.ts";
import { pausedText } from "./note-unit.ts";
import { exitOf, type RunReport } from "./report.ts";
import { type RunSettings, runLoad } from "./run-load.ts";
import { configHash, type TableSpec } from "./table-spec.ts";

/** Exactly one way to say what is loaded again. */
export type BackfillSelector =
  /** Change objects by file time, half-open. */
  | { readonly kind: "range"; readonly from: Date | undefined; readonly to: Date | undefined }
  /** Full keys or paths below source.url. */
  | { readonly kind: "objects"; readonly names: readonly string[] }
  | { readonly kind: "full_load" }
  | { readonly kind: "all" };

export interface BackfillSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly wanted: TableFilter;
  readonly selector: BackfillSelector;
  /** As typed: by the same words an unfinished one goes on. */
  readonly words: string;
  /** Begin anew, though one is unfinished. */
  readonly restart: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What a backfill is about, before anything is loaded. */
export interface BackfillSurvey {
  readonly spec: TableSpec;
  /** To load. */
  readonly objects: readonly SourceObject[];
  readonly bytes: number;
  /** undefined: the table never loaded anything that could tell. */
  readonly expectedMs: number | undefined;
  /** Left as they are: their bytes cannot be read. */
  readonly archived: readonly SourceObject[];
  /** Left to `load`, which finds them new. */
  readonly unseen: number;
  /** Left: a newer full load stands above them. */
  readonly superseded: number;
  /** Loaded already by the unfinished backfill that this one goes on with. */
  readonly done: number;
  readonly resumes: Backfill | undefined;
}

interface Found {
  readonly spec: TableSpec;
  readonly objects: SourceObject[];
  readonly archived: SourceObject[];
  readonly resumes: Backfill | undefined;
  unseen: number;
  superseded: number;
  done: number;
}

/** Lists and looks up; loads nothing. Throws TABLE_UNKNOWN, OBJECT_UNKNOWN, USAGE (several tables, a paused one). */
export async function surveyBackfill(settings: BackfillSettings): Promise<BackfillSurvey> {
  const { config, source, wanted } = settings;
  const { stateSchema } = config.warehouse;
  const session = await Session.connect(config.warehouse, "backfill", config.source.timezone);
  try {
    if (!(await hasStateSchema(session, stateSchema))) throw neverLoaded();
    await migrate(session, stateSchema);
    const found = new Map<string, Found>();
    const listed = new Set<string>();
    await discover(config, source, wanted, async (spec, objects) => {
      settings.signal?.throwIfAborted();
      let table = found.get(spec.name);
      if (table === undefined) {
        table = await begin(session, spec, settings);
        found.set(spec.name, table);
      }
      const selects = selectorOf(settings.selector, table.resumes, listed);
      await sort(session, stateSchema, table, objects.filter(selects), settings.selector.kind === "objects");
      return [];
    });
    const [table, other] = found.values();
    if (other !== undefined) throw severalTables([...found.keys()]);
    if (table === undefined) throw neverLoaded();
    if (settings.selector.kind === "objects") {
      const missing = settings.selector.names.find((name) => !listed.has(name));
      if (missing !== undefined) throw new DrayageError("OBJECT_UNKNOWN", { place: { object: missing } });
    }
    const bytes = table.objects.reduce((sum, object) => sum + object.size, 0);
    const speed = await pastSpeed(session, stateSchema, table.spec.name);
    return { ...table, bytes, expectedMs: speed === undefined ? undefined : bytes / speed };
  } catch (error) {
    throw settings.signal?.aborted === true ? error : warehouseError(error, "look at what is to be loaded again");
  } finally {
    await session.close();
  }
}

async function begin(session: Session, spec: TableSpec, settings: BackfillSettings): Promise<Found> {
  const { stateSchema } = settings.config.warehouse;
  const state = await readTableState(session, stateSchema, spec.name);
  if (state?.paused === true) {
    throw new DrayageError("USAGE", {
      message: `The table is ${pausedText(state.pausedReason, 0).split(";")[0]}`,
      place: { table: spec.name },
      next: `Run \`drayage resume ${spec.name}\` first.`,
    });
  }
  const resumes = settings.restart
    ? undefined
    : await unfinishedBackfill(session, stateSchema, requestOf(settings, spec));
  return { spec, objects: [], archived: [], resumes, unseen: 0, superseded: 0, done: 0 };
}

/** Puts each selected object of a page where it belongs. */
async function sort(
  session: Session,
  stateSchema: string,
  table: Found,
  objects: readonly SourceObject[],
  named: boolean,
): Promise<void> {
  if (objects.length === 0) return;
  const entries = await earlierEntries(session, stateSchema, table.spec.name, objects, table.resumes?.id);
  for (const [i, object] of objects.entries()) {
    const entry = entries[i];
    const isNew = entry?.status === undefined || (entry.status === "pending" && !entry.wasLoaded);
    if (entry?.done === true) table.done++;
    else if (entry?.status === "superseded") table.superseded++;
    else if (isNew && !named) table.unseen++;
    else if (isArchived(object)) table.archived.push(object);
    else table.objects.push(object);
  }
}

/** Loads what the survey found. The report's exit code is that of a load. */
export async function runBackfill(
  settings: BackfillSettings,
  survey: BackfillSurvey,
  run: Omit<RunSettings, "again" | "objects" | "wanted">,
): Promise<RunReport> {
  const { config } = settings;
  const { stateSchema } = config.warehouse;
  const withSession = async <T>(work: (session: Session) => Promise<T>): Promise<T> => {
    const session = await Session.connect(config.warehouse, "backfill", config.source.timezone);
    try {
      return await work(session);
    } finally {
      await session.close();
    }
  };
  const backfill =
    survey.resumes ??
    (await withSession((session) => beginBackfill(session, stateSchema, requestOf(settings, survey.spec))));
  const selects = selectorOf(settings.selector, backfill, new Set());
  const report = await runLoad({
    ...run,
    wanted: settings.wanted,
    objects: [],
    again: {
      backfill: backfill.id,
      unseen: settings.selector.kind === "objects",
      // An archived object that was loaded once would become one that failed.
      selects: (object) => selects(object) && !isArchived(object),
    },
  });
  const exit = exitOf(report, exitOfCode);
  if ((exit === 0 || exit === 3) && survey.archived.length === 0)
    await withSession((session) => finishBackfill(session, stateSchema, backfill.id));
  return report;
}

function requestOf({ selector, words }: BackfillSettings, spec: TableSpec): BackfillRequest {
  const range = selector.kind === "range" ? selector : { from: undefined, to: undefined };
  return {
    table: spec.name,
    selector: words,
    configHash: configHash(spec.config),
    from: range.from,
    to: range.to,
  };
}

/** `3d` means what it meant when the backfill began. What the command line names is added to `listed`. */
function selectorOf(
  selector: BackfillSelector,
  resumes: Backfill | undefined,
  listed: Set<string>,
): (object: SourceObject) => boolean {
  if (selector.kind === "all") return () => true;
  if (selector.kind === "full_load") return (object) => object.kind === "full_load";
  if (selector.kind === "objects") {
    return (object) => {
      const own = selector.names.filter((name) => name === object.key || name === object.path);
      for (const name of own) listed.add(name);
      return own.length > 0;
    };
  }
  const { from, to } = resumes ?? selector;
  return ({ fileTime }) =>
    fileTime !== undefined && (from === undefined || fileTime >= from) && (to === undefined || fileTime < to);
}

function neverLoaded(): DrayageError {
  return new DrayageError("USAGE", {
    message: "No object of the table was ever loaded: there is nothing to load again",
    next: "Run `drayage load`.",
  });
}

function severalTables(names: readonly string[]): DrayageError {
  return new DrayageError("USAGE", {
    message: `A backfill is about one table; these are ${names.length}: ${names.slice(0, 5).join(", ")}`,
    next: "Name one of them.",
  });
}
