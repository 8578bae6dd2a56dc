/** What is to become of a table's open objects: loaded one after another, applied as a newer full load, left, or final without a look. */
import type { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { FullLoads } from "../warehouse/full-loads.ts";
import type { OpenObject } from "../warehouse/load-history.ts";
import type { Session } from "../warehouse/session.ts";
import type { TableState } from "../warehouse/table-state.ts";
import { isArchived } from "./archived-objects.ts";
import type { SourceObject } from "./discover.ts";
import { type Judged, judgeFullLoads, type NextGeneration } from "./generations.ts";
import { newGeneration, noteSuperseded, noteWaiting, untrustedGeneration } from "./note-unit.ts";
import { coveredChanges } from "./older-changes.ts";
import type { TableReport } from "./report.ts";
import { type ListedFullLoad, lookAtFullLoads } from "./returned-objects.ts";
import type { TableListing } from "./table-listing.ts";
import type { TableSpec } from "./table-spec.ts";

export interface SortSettings {
  readonly spec: TableSpec;
  readonly state: TableState;
  readonly stateSchema: string;
  readonly source: ObjectSource;
  readonly listing: TableListing;
  readonly now: Date;
  readonly report: TableReport;
  /** A backfill: nothing is applied or left out by it. */
  readonly isBackfill: boolean;
  /** Whether the main table is there, whoever made it. */
  readonly hasMain: boolean;
}

export interface SortedObjects {
  /** To load as they are. */
  readonly fresh: readonly SourceObject[];
  /** Full loads with the bytes that are loaded: to be noted as skipped. */
  readonly equal: readonly ListedFullLoad[];
  readonly next: NextToApply | undefined;
  /** Another live run has them, or has a part of what they belong to. */
  readonly held: readonly SourceObject[];
}

export interface NextToApply {
  readonly members: readonly ListedFullLoad[];
  readonly began: Date;
  readonly changesFrom: Date;
}

type Open = readonly OpenObject<SourceObject>[];

export async function sortObjects(session: Session, open: Open, settings: SortSettings): Promise<SortedObjects> {
  const sorter = new Sorter(session, settings);
  return sorter.sort(await sorter.reopened(open));
}

class Sorter {
  readonly #settings: SortSettings;
  readonly #fullLoads: FullLoads;

  constructor(session: Session, settings: SortSettings) {
    this.#settings = settings;
    this.#fullLoads = new FullLoads(session, settings.stateSchema, settings.spec.name);
  }

  /** What failed because it could not be had, and can by now. */
  async reopened(open: Open): Promise<Open> {
    const mayBeBack = ({ state, errorCode, object }: OpenObject<SourceObject>) =>
      state === "waiting" && (errorCode === "OBJECT_GONE" || errorCode === "OBJECT_ARCHIVED") && !isArchived(object);
    const back = await this.#fullLoads.reopen(open.filter(mayBeBack).map((one) => one.object));
    return open.map((one) => (mayBeBack(one) && back.has(one.object.key) ? { ...one, state: "claimable" } : one));
  }

  async sort(open: Open): Promise<SortedObjects> {
    const { report, isBackfill } = this.#settings;
    const left = isBackfill ? open : await this.#withoutCovered(open);
    noteWaiting(
      report,
      left.filter((one) => one.state === "waiting"),
    );
    const of = (state: string, kind: string) =>
      left.filter((one) => one.state === state && one.object.kind === kind).map((one) => one.object);
    const changes = { fresh: of("claimable", "change"), held: of("held", "change") };
    if (!left.some((one) => one.object.kind === "full_load")) return { ...changes, equal: [], next: undefined };
    const fullLoads = await this.#sortFullLoads(left.filter((one) => one.object.kind === "full_load"));
    // In the order in which they were given.
    const fresh = new Set([...changes.fresh, ...fullLoads.fresh]);
    return {
      fresh: left.map((one) => one.object).filter((object) => fresh.has(object)),
      equal: fullLoads.equal,
      next: fullLoads.next,
      held: [...changes.held, ...fullLoads.held],
    };
  }

  /** Changes that the full load covers are final without a look at them. */
  async #withoutCovered(open: Open): Promise<Open> {
    const { spec, state, listing, report } = this.#settings;
    const began = state.generationBegan ?? this.#firstBegan();
    if (began !== undefined && state.generationBegan === undefined) await this.#fullLoads.noteBegan(began);
    const changes = open.filter((one) => one.state !== "held" && one.object.kind === "change").map((one) => one.object);
    const by = { generation: state.generation, began, changesFrom: spec.config.changesFrom };
    const { covered, doubtful } = coveredChanges(changes, by, listing);
    const again =
      state.generation > 1 ? await this.#fullLoads.changesOfOlder(changes, state.generation) : new Set<number>();
    const older = new Set([...covered, ...changes.filter((_, i) => again.has(i))]);
    if (older.size > 0) {
      const gone = await this.#fullLoads.supersede([...older], "closed before the full load");
      noteSuperseded(report, gone.length, "closed before the full load");
    }
    const applied = doubtful.filter((object) => !older.has(object)).length;
    if (applied > 0)
      report.notes.push(
        `${applied} ${applied === 1 ? "change object seems" : "change objects seem"} older than the full load, but the source was copied, so its times cannot tell: applied; changes_from decides`,
      );
    return open.filter((one) => !older.has(one.object));
  }

  #firstBegan(): Date | undefined {
    const { spec, listing } = this.#settings;
    return spec.config.fullLoad === "changes" ? undefined : listing.firstFullLoad;
  }

  async #sortFullLoads(open: Open): Promise<SortedObjects> {
    const { spec, listing, source, isBackfill } = this.#settings;
    const isChanges = spec.config.fullLoad === "changes";
    const listed = isChanges || isBackfill ? open.map((one) => one.object) : listing.fullLoads;
    const versions = await lookAtFullLoads(this.#fullLoads, source, listed, isBackfill);
    const stateOf = new Map(open.map((one) => [one.object.key, one.state]));
    const can = (version: ListedFullLoad) => (stateOf.get(version.key) ?? "claimable") === "claimable";
    if (isChanges) {
      const free = versions.filter(can);
      const isEqual = (version: ListedFullLoad) => version.bytes === "equal" || version.bytes === "old";
      return {
        fresh: free.filter((version) => !isEqual(version)).map((version) => version.object),
        equal: free.filter(isEqual),
        next: undefined,
        held: open.filter((one) => one.state === "held").map((one) => one.object),
      };
    }
    if (isBackfill) return this.#ofBackfill(open, versions);
    return this.#ofGenerations(open, versions, can);
  }

  /** A newer full load is no backfill's: it is refused, and the others are loaded. */
  async #ofBackfill(open: Open, versions: readonly ListedFullLoad[]): Promise<SortedObjects> {
    const { report, spec } = this.#settings;
    const isOpen = (version: ListedFullLoad) => !version.final;
    const newer = versions.filter((version) => isOpen(version) && version.bytes === "other");
    const equal = versions.filter((version) => isOpen(version) && version.bytes === "equal");
    const [first] = newer;
    const refused = newer.map((version) => version.object);
    if (first !== undefined) report.failures.push({ key: first.key, error: newGeneration(spec, refused) });
    const whole = newer.length === 0 ? await this.#wholeAgain(open, versions) : undefined;
    const apart = new Set([...newer, ...equal, ...(whole?.members ?? [])].map((version) => version.key));
    const rest = open.filter((one) => !apart.has(one.object.key));
    const of = (state: string) => rest.filter((one) => one.state === state).map((one) => one.object);
    return { fresh: of("claimable"), equal: whole === undefined ? equal : [], next: whole, held: of("held") };
  }

  /**
   * A reloaded table's rows that were equal kept the version and the record number of the older full load: row by row some would seem
   * newer than their own record. All of its objects are applied as they were the first time.
   */
  async #wholeAgain(open: Open, versions: readonly ListedFullLoad[]): Promise<NextToApply | undefined> {
    const { state, listing, spec } = this.#settings;
    const { changesFrom, writeMode, orderBy } = spec.config;
    const began = state.generationBegan;
    if (state.generation <= 1 || began === undefined || writeMode === "append") return undefined;
    // Versions by a column do not say when: what came after the full load cannot be told from what it covers.
    if (orderBy !== undefined) return undefined;
    const entries = await this.#fullLoads.entries(listing.fullLoads);
    const current = listing.fullLoads.filter((_, i) => entries[i]?.status !== "superseded");
    const asked = new Set(open.filter((one) => one.state === "claimable").map((one) => one.object.key));
    if (!current.every((object) => asked.has(object.key))) return undefined;
    const members = versions.map((version) => ({ ...version, final: false }));
    return { members, began, changesFrom: changesFrom === undefined ? began : new Date(changesFrom) };
  }

  async #ofGenerations(
    open: Open,
    versions: readonly ListedFullLoad[],
    can: (version: ListedFullLoad) => boolean,
  ): Promise<SortedObjects> {
    const { spec, state, listing, now, report, hasMain } = this.#settings;
    await this.#noteOverwritten();
    const judged = judgeFullLoads(versions, {
      now,
      settleMs: spec.config.reloadSettleMs,
      newestChange: listing.newestChange,
      replacesFirst: spec.config.writeMode === "replace" && hasMain && !versions.some((version) => version.final),
    });
    const old = judged.old.filter(can).map((version) => version.object);
    noteSuperseded(report, (await this.#fullLoads.supersede(old, "the bytes of an older full load")).length, "older");
    const left = leftBehind(judged, state.generation);
    await this.#fullLoads.supersede(
      left.filter(can).map((version) => version.object),
      "its full load was written over",
    );
    const asked = new Set(open.map((one) => one.object.key));
    const isAsked = (version: ListedFullLoad) => can(version) && asked.has(version.key);
    const sorted = {
      fresh: judged.merge
        .filter((version) => isAsked(version) && !left.includes(version))
        .map((version) => version.object),
      equal: judged.equal.filter(isAsked),
      held: open.filter((one) => one.state === "held").map((one) => one.object),
    };
    const { next } = judged;
    if (next === undefined) return { ...sorted, next };
    const members = next.members.filter((version) => !version.final);
    const free = members.filter(can);
    // Noted first: one that is written over before it is applied is told by it.
    await this.#fullLoads.noteWaiting(free, state.generation + 1);
    if (await this.#waits(next)) return { ...sorted, next: undefined };
    if (free.length < members.length) {
      // Held by another run, it is waited for; what failed is among what waits.
      const others = members.some((version) => sorted.held.includes(version.object));
      return {
        ...sorted,
        next: undefined,
        held: others ? [...sorted.held, ...free.map((one) => one.object)] : sorted.held,
      };
    }
    const { changesFrom } = spec.config;
    return {
      ...sorted,
      next: {
        members: next.members,
        began: next.began,
        changesFrom: changesFrom === undefined ? next.began : new Date(changesFrom),
      },
    };
  }

  /** Whether it is not to be applied now; the report says why. */
  async #waits(next: NextGeneration<ListedFullLoad>): Promise<boolean> {
    const { spec, listing, report } = this.#settings;
    const { config } = spec;
    const objects = next.members.filter((version) => !version.final).map((version) => version.object);
    const [first] = objects;
    const refuse = (error: DrayageError) => {
      report.failures.push({ key: first?.key, error });
      return true;
    };
    if (config.writeMode === "append") return refuse(newGeneration(spec, objects, "append"));
    if (config.orderBy !== undefined) return refuse(newGeneration(spec, objects, "order_by"));
    if (config.onReload === "hold" && config.fullLoad === "once") return refuse(newGeneration(spec, objects));
    if (config.changesFrom === undefined && listing.isNative([]) === false)
      return refuse(untrustedGeneration(spec, next.began, first?.key));
    if (next.settled) return false;
    report.settlesAt = next.settlesAt;
    report.notes.push(
      `a full load is arriving: ${objects.length} ${objects.length === 1 ? "object" : "objects"} so far, settled at ${clock(next.settlesAt)}`,
    );
    return true;
  }

  async #noteOverwritten(): Promise<void> {
    const { listing, state, report } = this.#settings;
    const lost = await this.#fullLoads.supersedeOverwritten(listing.fullLoads, state.generation);
    const [first] = lost.sort((a, b) => a.getTime() - b.getTime());
    if (first !== undefined)
      report.notes.push(`a full load that began at ${clock(first)} was written over before it was applied`);
  }
}

/** What waited as part of a full load that was written over in part, long before the newer one began: it is part of neither. */
function leftBehind({ merge, next }: Judged<ListedFullLoad>, generation: number): ListedFullLoad[] {
  if (next === undefined) return [];
  return merge.filter(({ entry, lastModified }) => (entry.generation ?? 0) > generation && lastModified < next.began);
}

function clock(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
