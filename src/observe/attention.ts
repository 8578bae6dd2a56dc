/** What needs somebody, and the facts that it is decided from (evaluate.ts). */
import { alertCauses } from "../config/alert-causes.ts";

/** In the order of the list: what stops data from arriving first. That alerts are not delivered is itself not alerted. */
export const attentionCauses = [...alertCauses, "alerts"] as const;

export type AttentionCause = (typeof attentionCauses)[number];

export function isAttentionCause(text: string): text is AttentionCause {
  return (attentionCauses as readonly string[]).includes(text);
}

export interface Attention {
  readonly cause: AttentionCause;
  /** Name in the state schema; absent when it concerns a run, a folder or the whole source. */
  readonly table?: string | undefined;
  /** Of `unclaimed`. */
  readonly folder?: string | undefined;
  /** Of `held` and `lost_run`. */
  readonly run?: string | undefined;
  /** What tells one kind of the cause from another: an error code, a word. */
  readonly code?: string | undefined;
  readonly since?: Date | undefined;
  /** Objects, records or tables, as the message says. */
  readonly count?: number | undefined;
  /** One sentence without table, time or command. Safe to send anywhere. */
  readonly message: string;
  /** What mends it: a command to type, or what to change. */
  readonly command: string;
}

export interface TableFacts {
  readonly table: string;
  /** False: the config reads it no more; nothing about it needs anybody. */
  readonly configured: boolean;
  readonly expectEveryMs: number | undefined;
  /** Beyond expectEveryMs, or beyond the usual cadence. */
  readonly lateAfterMs: number | undefined;
  /** Median gap of its last change objects. */
  readonly usualEveryMs: number | undefined;
  /** When its newest object came into the source. */
  readonly lastObjectAt: Date | undefined;
  /** When something of it was last loaded. */
  readonly lastLoadedAt: Date | undefined;
  readonly paused:
    | {
        readonly since: Date;
        readonly until: Date | undefined;
        readonly reason: string | undefined;
        /** Objects that a run noted and that wait for its end. */
        readonly waiting?: number;
      }
    | undefined;
  readonly failed:
    | {
        readonly objects: number;
        readonly since: Date | undefined;
        /** Of most of them. */
        readonly code: string;
        /** Whether each run tries all of them again. */
        readonly passing: boolean;
        readonly key: string;
        /** What comes after it waits: rows of an append table have no guard. */
        readonly holdsTable?: boolean | undefined;
      }
    | undefined;
  readonly rejects: { readonly records: number; readonly since: Date } | undefined;
  /** Values in `_rescued` because a column could not grow. */
  readonly rescued?:
    | {
        readonly columns: readonly string[];
        readonly reason: string;
        readonly since: Date;
        /** Whether the next load may bring them home. */
        readonly passing: boolean;
        /** What brings them home. */
        readonly statements: readonly string[];
      }
    | undefined;
}

export interface StatusFacts {
  readonly source: {
    readonly expectEveryMs: number;
    /** When the whole source was last listed to its end. */
    readonly listedAt: Date | undefined;
    /** When the first run was: before it nobody could have seen anything. */
    readonly firstRunAt: Date | undefined;
  };
  readonly tables: readonly TableFacts[];
  /** Values of the last day that were changed so that PostgreSQL can hold them. They need nobody, but are said. */
  readonly repairs?: readonly { readonly table: string; readonly column: string; readonly count: number }[] | undefined;
  readonly unclaimed: readonly { readonly folder: string; readonly objects: number; readonly since: Date }[];
  readonly decisions: readonly {
    readonly table: string;
    readonly code: string;
    readonly message: string;
    readonly since: Date;
  }[];
  /** Live runs that hold objects for longer than lock_wait. */
  readonly holds: readonly {
    readonly runId: string;
    readonly where: string;
    readonly since: Date;
    readonly tables: readonly string[];
    readonly objects: number;
  }[];
  /** Ended without a word, and no run finished since. */
  /** `found`: a later run has started since. */
  readonly lostRun:
    | { readonly runId: string; readonly where: string; readonly since: Date; readonly found: boolean }
    | undefined;
  /** Backfills that did not come to their end and can go on. */
  readonly backfills: readonly {
    readonly table: string;
    /** As typed. */
    readonly words: string;
    readonly since: Date;
    /** Whether a run works on it. */
    readonly running: boolean;
  }[];
  /** Events that the webhook did not take; undefined: it took every one. */
  readonly undelivered:
    | {
        readonly events: number;
        readonly since: Date;
        /** Of the last attempt, as the end of a sentence. */
        readonly fault: string;
        /** How many of them are tried no more. */
        readonly givenUp: number;
      }
    | undefined;
  /** The last run, when an error ended it as a whole. */
  readonly failedRun: { readonly runId: string; readonly code: string; readonly at: Date } | undefined;
}
