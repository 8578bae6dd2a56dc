/** The life of an object as a table, state by event: the statements of the history take their conditions from it, tests walk each cell. */

/** What an entry's `status` column can say; `none` has no entry. */
export const loadStatuses = [
  "pending",
  "loading",
  "loaded",
  "loaded_with_rejects",
  "failed",
  "skipped",
  "superseded",
] as const;
export type LoadStatus = (typeof loadStatuses)[number];

/** In the order of the columns below. */
export const lifeStates = [
  "none",
  "pending",
  "loading",
  "reloading",
  "lost",
  "worn_out",
  "passing",
  "lasting",
  "changed",
  "given_up",
  "away",
  "loaded",
  "rejects",
  "skipped",
  "superseded",
] as const;

export type LifeState = (typeof lifeStates)[number];

export interface StateFacts {
  readonly status: LoadStatus | undefined;
  readonly retry: "auto" | "after_change" | undefined;
  /** What `load` does when it lists the object. `held`: it waits for the run that has it, up to `lock_wait`. */
  readonly load: "takes" | "waits" | "held" | "final";
  /** Cause of what `status` says of it. */
  readonly says: "failed" | "held" | "lost_run" | "rejects" | undefined;
  readonly means: string;
}

export const stateFacts: Readonly<Record<LifeState, StateFacts>> = {
  none: {
    status: undefined,
    retry: undefined,
    load: "takes",
    says: undefined,
    means: "listed or not, no run has claimed it: there is no entry",
  },
  pending: {
    status: "pending",
    retry: undefined,
    load: "takes",
    says: undefined,
    means: "given back by a run that was told to end, or marked so",
  },
  loading: { status: "loading", retry: undefined, load: "held", says: "held", means: "a live run has it" },
  reloading: {
    status: "loading",
    retry: undefined,
    load: "held",
    says: "held",
    means: "a live backfill has it; it was final before",
  },
  lost: {
    status: "loading",
    retry: undefined,
    load: "takes",
    says: "lost_run",
    means: "the run that has it ended without a word: the lock of its run is free",
  },
  worn_out: {
    status: "loading",
    retry: undefined,
    load: "waits",
    says: "failed",
    means: "lost `max_attempts` times: it may be what ends its loaders",
  },
  passing: {
    status: "failed",
    retry: "auto",
    load: "takes",
    says: "failed",
    means: "failed for a reason that passes: network, lock, disk",
  },
  lasting: {
    status: "failed",
    retry: "after_change",
    load: "waits",
    says: "failed",
    means: "failed for a reason that stays until somebody changes something",
  },
  changed: {
    status: "failed",
    retry: undefined,
    load: "takes",
    says: "failed",
    means: "failed, and its table's config is another since",
  },
  given_up: {
    status: "failed",
    retry: "auto",
    load: "waits",
    says: "failed",
    means: "failed `max_attempts` times for reasons that pass",
  },
  away: {
    status: "failed",
    retry: "after_change",
    load: "waits",
    says: "failed",
    means: "gone from the source, or archived, before it was loaded: taken once it is there again",
  },
  loaded: { status: "loaded", retry: undefined, load: "final", says: undefined, means: "its rows are committed" },
  rejects: {
    status: "loaded_with_rejects",
    retry: undefined,
    load: "final",
    says: "rejects",
    means: "its rows are committed, some of its records are in `rejects`",
  },
  skipped: {
    status: "skipped",
    retry: undefined,
    load: "final",
    says: undefined,
    means: "equal bytes were loaded before, or somebody marked it",
  },
  superseded: {
    status: "superseded",
    retry: undefined,
    load: "final",
    says: undefined,
    means: "a newer full load of the table stands for it",
  },
};

/** `=`: nothing changes. */
type Cell = LifeState | "=";
/** One cell a state: the compiler finds a missing one. */
type CellsOf<States extends readonly unknown[]> = { readonly [K in keyof States]: Cell };
type Cells = CellsOf<typeof lifeStates>;

/**
 * An event of a run is that of the run which has the object; from any other it changes nothing, in whatever state (the fence).
 * A run whose lock broke goes on: what was taken for lost may still be merged by it, until another run claims it.
 */
// biome-ignore format: a table is read by its columns
const cells = {
  //                    none          pending       loading       reloading     lost          worn_out      passing       lasting       changed       given_up      away          loaded        rejects       skipped       superseded
  listed:               ["=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  claimed:              ["loading",    "loading",    "=",          "=",          "loading",    "=",          "loading",    "=",          "loading",    "=",          "=",          "=",          "=",          "=",          "="],
  claimed_by_name:      ["loading",    "loading",    "=",          "=",          "loading",    "loading",    "loading",    "loading",    "loading",    "loading",    "loading",    "=",          "=",          "=",          "="],
  claimed_by_backfill:  ["=",          "=",          "=",          "=",          "loading",    "loading",    "loading",    "loading",    "loading",    "loading",    "loading",    "reloading",  "reloading",  "reloading",  "="],
  loader_lost:          ["=",          "=",          "lost",       "lost",       "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  failed_passing:       ["=",          "=",          "passing",    "passing",    "passing",    "given_up",   "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  failed_lasting:       ["=",          "=",          "lasting",    "lasting",    "lasting",    "lasting",    "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  config_changed:       ["=",          "=",          "=",          "=",          "=",          "=",          "changed",    "changed",    "=",          "changed",    "=",          "=",          "=",          "=",          "="],
  attempts_used_up:     ["=",          "=",          "=",          "=",          "worn_out",   "=",          "given_up",   "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  merged:               ["=",          "=",          "loaded",     "loaded",     "loaded",     "loaded",     "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  merged_with_rejects:  ["=",          "=",          "rejects",    "rejects",    "rejects",    "rejects",    "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  commit_unanswered:    ["=",          "=",          "loaded",     "loaded",     "loaded",     "loaded",     "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  commit_never_came:    ["=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  fenced:               ["=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  released:             ["=",          "=",          "pending",    "loaded",     "pending",    "pending",    "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  equal_bytes:          ["=",          "=",          "skipped",    "skipped",    "skipped",    "skipped",    "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  archived:             ["=",          "=",          "away",       "away",       "away",       "away",       "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  vanished:             ["=",          "away",       "=",          "=",          "away",       "away",       "away",       "away",       "away",       "away",       "=",          "=",          "=",          "=",          "="],
  came_back:            ["=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "pending",    "=",          "=",          "=",          "="],
  replaced:             ["=",          "superseded", "=",          "=",          "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "=",          "=",          "=",          "="],
  overwritten:          ["=",          "superseded", "=",          "=",          "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "=",          "=",          "=",          "="],
  covered:              ["superseded", "superseded", "=",          "=",          "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "=",          "=",          "=",          "="],
  noted:                ["pending",    "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  copied:               ["=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  generation_raised:    ["=",          "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "superseded", "="],
  generation_applied:   ["=",          "=",          "loaded",     "loaded",     "loaded",     "loaded",     "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "="],
  replayed:             ["=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "=",          "loaded",     "=",          "="],
  marked_loaded:        ["skipped",    "skipped",    "=",          "=",          "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "=",          "=",          "=",          "="],
  marked_skipped:       ["skipped",    "skipped",    "=",          "=",          "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "=",          "=",          "=",          "="],
  marked_pending:       ["=",          "=",          "=",          "=",          "pending",    "pending",    "pending",    "pending",    "pending",    "pending",    "pending",    "pending",    "pending",    "pending",    "pending"],
  taken_back:            ["=",          "=",          "=",          "pending",    "=",          "=",          "=",          "=",          "=",          "=",          "=",          "pending",    "pending",    "=",          "="],
  left_out:              ["skipped",    "skipped",    "=",          "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "skipped",    "=",          "="],
} satisfies Record<string, Cells>;

export type LifeEvent = keyof typeof cells;

export const lifeEvents: Readonly<Record<LifeEvent, string>> = {
  listed: "`load` lists it",
  claimed: "`load` takes it",
  claimed_by_name: "`retry`, or `load --object`, takes it",
  claimed_by_backfill: "`backfill` takes it",
  loader_lost: "its run ends without a word",
  failed_passing: "it fails for a reason that passes",
  failed_lasting: "it fails for a reason that stays",
  config_changed: "the config of its table changes",
  attempts_used_up: "`max_attempts` is reached",
  merged: "its unit commits",
  merged_with_rejects: "its unit commits, with rejects",
  commit_unanswered: "its unit commits, the answer is lost",
  commit_never_came: "the connection breaks before the COMMIT",
  fenced: "a run that lost it to another one comes to its merge",
  released: "its run is told to end",
  equal_bytes: "its bytes were loaded before",
  archived: "it is in an archived storage class",
  vanished: "it is gone from the source, and nothing stands for it",
  came_back: "it is listed again, or restored",
  replaced: "it is gone from the source, and something newer stands for it",
  overwritten: "its key comes with other bytes, a full load's",
  covered: "it is found to be part of an older full load, or of one that covers it",
  noted: "it is part of a newer full load that is still arriving",
  copied: "its bytes are listed under another key, too",
  generation_raised: "a newer full load is applied that it is no part of",
  generation_applied: "the newer full load that it is part of is applied",
  replayed: "the last of its rejects is loaded",
  marked_loaded: "`mark loaded`",
  marked_skipped: "`mark skipped`",
  marked_pending: "`mark pending`",
  taken_back: "`refresh --as-of` takes it back",
  left_out: "`refresh --without` names it",
};

export function afterEvent(state: LifeState, event: LifeEvent): LifeState {
  const cell = cells[event][lifeStates.indexOf(state)] as Cell;
  return cell === "=" ? state : cell;
}
