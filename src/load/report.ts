/** What a run says at its end, for people and as JSON: every object and every record in exactly one place. */
import type { DrayageError } from "../errors.ts";
import type { Attention } from "../observe/attention.ts";
import { noCounts, outcomes, type RecordCounts } from "../warehouse/record-counts.ts";
import type { Dropped } from "../warehouse/retention.ts";

export interface ObjectReport {
  readonly key: string;
  readonly kind: "full_load" | "change";
  readonly status: "loaded" | "loaded_with_rejects" | "skipped";
  readonly lane: "raw" | "decoded" | undefined;
  readonly counts: RecordCounts;
  readonly bytes: number;
}

export interface ObjectFailure {
  readonly key: string | undefined;
  readonly error: DrayageError;
}

/** An object that this run left alone. */
export interface ObjectLeft {
  readonly key: string;
  /** The code of its last failure, or of what holds it. */
  readonly code: string;
  readonly reason: string;
}

export interface TableReport {
  readonly table: string;
  readonly target: string;
  readonly objects: ObjectReport[];
  readonly failures: ObjectFailure[];
  /** Failed in an earlier run, and nothing changed since. */
  readonly waiting: ObjectLeft[];
  /** Another live run has them. */
  readonly held: ObjectLeft[];
  readonly reasons: Map<string, number>;
  readonly repairs: Map<string, number>;
  readonly ddl: string[];
  /** Rejects of earlier runs that waited for their foreign key, and what became of them now. */
  replayed: RecordCounts | undefined;
  /** Things to know that are no failure: a pause, rescued paths. */
  readonly notes: string[];
  /** What of the main table may refuse a record: for `--verbose`. */
  constraints: readonly string[];
  paused: boolean;
  /** Rows that a newer full load lacked. They are in no object's balance. */
  removed: number;
  /** Objects that are final without being loaded: a full load covers them. */
  superseded: number;
  /** A full load is arriving: when it will be quiet for long enough. */
  settlesAt: Date | undefined;
  milliseconds: number;
}

export interface RunReport {
  readonly runId: bigint;
  readonly tables: readonly TableReport[];
  readonly listed: number;
  readonly ignored: number;
  readonly unclaimed: ReadonlyMap<string, number>;
  /** Folders in the config that have no object, and what they may be meant for. */
  readonly hints: readonly string[];
  /** What needs somebody now, whichever run it came from; the exit code is this run's own. */
  readonly attention: readonly Attention[];
  /** Old rows of the state schema that this run dropped; undefined: none. */
  readonly dropped: Dropped | undefined;
  readonly milliseconds: number;
  /** Peak resident memory of the process. */
  readonly peakRssBytes: number;
}

export function newTableReport(table: string, target: { schema: string; table: string }): TableReport {
  return {
    table,
    target: `${target.schema}.${target.table}`,
    objects: [],
    failures: [],
    waiting: [],
    held: [],
    reasons: new Map(),
    repairs: new Map(),
    ddl: [],
    replayed: undefined,
    notes: [],
    constraints: [],
    paused: false,
    removed: 0,
    superseded: 0,
    settlesAt: undefined,
    milliseconds: 0,
  };
}

export function sumCounts(objects: readonly ObjectReport[]): RecordCounts {
  const sum = noCounts();
  for (const { counts } of objects) {
    sum.read += counts.read;
    for (const outcome of outcomes) sum[outcome] += counts[outcome];
  }
  return sum;
}

/** Every table that is paused, whether this run had anything for it or not: a pause is said by each run. */
export function pausedTables({ tables, attention }: Pick<RunReport, "tables" | "attention">): string[] {
  const names = tables.filter((table) => table.paused).map((table) => table.table);
  for (const { cause, table } of attention) if (cause === "paused" && table !== undefined) names.push(table);
  return [...new Set(names)].sort();
}

/** The worst wins, in the order of design §4: 2, 1, 5, 6, 7, 4, 3, 0. */
const severity = [2, 1, 5, 6, 7, 4, 3, 0] as const;

export function worstExit(codes: Iterable<number>): number {
  let worst: number = severity.length - 1;
  for (const code of codes) {
    const rank = severity.indexOf(code as (typeof severity)[number]);
    if (rank >= 0 && rank < worst) worst = rank;
  }
  return severity[worst] ?? 0;
}

export function exitOf(report: Pick<RunReport, "tables">, exitOfCode: (code: string) => number): number {
  const codes: number[] = [];
  for (const table of report.tables) {
    for (const failure of table.failures) codes.push(failure.error.exit);
    // What waits behind a failed object says no more than that object does.
    for (const { code } of table.waiting) if (code !== "TABLE_HELD") codes.push(exitOfCode(code));
    if (table.held.length > 0) codes.push(4);
    if (table.objects.some((object) => object.status === "loaded_with_rejects")) codes.push(3);
  }
  return worstExit(codes);
}
