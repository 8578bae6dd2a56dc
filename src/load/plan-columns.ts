/** The columns that `plan` shows, gathered over the units that it read, and what it proposes for them. */
import { didYouMean } from "../config/suggest.ts";
import { isSameName } from "../rows/known-names.ts";
import type { CellStatistics } from "../warehouse/plan-clone.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import type { Feed } from "./binding.ts";
import { storedRule } from "./stored-path.ts";
import type { TableSpec } from "./table-spec.ts";
import { yamlKey } from "./yaml-key.ts";

export interface PlannedColumn {
  /** Source column, or document path joined by dots. */
  readonly path: string;
  readonly segments: readonly string[];
  readonly column: string;
  readonly type: string;
  readonly isKey: boolean;
  readonly isNew: boolean;
  /** 0 to 1, of the records that are no deletes. */
  readonly nullShare: number;
  readonly maxLength: number;
  readonly sample: string | undefined;
}

interface Gathered {
  readonly feed: Feed;
  records: number;
  filled: number;
  maxLength: number;
  sample: string | undefined;
  proposed: string | undefined;
  /** Values that the proposal rests on. */
  readonly looked: number;
}

/** What the drivers of applications write beside the data. */
const bookkeepingOf: ReadonlyMap<string, string> = new Map([
  ["__v", "Mongoose's own version counter"],
  ["_class", "Spring's own class name"],
]);

/** Values that are looked at for a proposal. */
export const mostLooked = 1_000;

/** A path whose keys are this many, each in few documents, is a map with open-ended keys. */
const mapKeys = 20;
const mapPresence = 0.25;

export class PlanColumns {
  readonly #columns = new Map<string, Gathered>();
  readonly #overflow = new Map<string, number>();
  #key: readonly string[] = [];
  #live: ReadonlySet<string> = new Set();

  /** Columns that the table has before anything is loaded. */
  exist(columns: readonly string[]): void {
    this.#live = new Set(columns);
  }

  isNew(feed: Feed): boolean {
    return !this.#live.has(feed.column);
  }

  has(path: string): boolean {
    const known = this.#columns.get(path);
    return known !== undefined && known.feed.from.kind !== "absent";
  }

  add(feed: Feed, of: CellStatistics, proposed: string | undefined): void {
    const known = this.#columns.get(feed.path);
    if (known === undefined || (known.feed.from.kind === "absent" && feed.from.kind !== "absent")) {
      this.#columns.set(feed.path, { feed, ...of, proposed, looked: Math.min(of.filled, mostLooked) });
      return;
    }
    known.records += of.records;
    known.filled += of.filled;
    known.maxLength = Math.max(known.maxLength, of.maxLength);
    known.sample ??= of.sample;
  }

  overflow(paths: ReadonlyMap<string, number>): void {
    for (const [path, count] of paths) this.#overflow.set(path, (this.#overflow.get(path) ?? 0) + count);
  }

  markKey(key: readonly string[]): void {
    this.#key = key;
  }

  /** Columns below a path that looks like a map are one line. */
  list(): PlannedColumn[] {
    const maps = this.#maps();
    const mapOf = (path: string) => maps.find((map) => path.startsWith(`${map.path}.`));
    const collapsed = new Map<string, Gathered[]>();
    const lines: PlannedColumn[] = [];
    for (const one of this.#columns.values()) {
      const map = mapOf(shownPath(one.feed));
      if (map === undefined) lines.push(this.#line(one));
      else collapsed.set(map.path, [...(collapsed.get(map.path) ?? []), one]);
    }
    for (const [path, members] of collapsed) {
      const depth = maps.find((map) => map.path === path)?.depth ?? 1;
      lines.push({
        path: `${path}.*`,
        segments: [...(members[0] === undefined ? [path] : members[0].feed.segments.slice(0, depth)), "*"],
        column: `(${members.length} columns)`,
        type: "",
        isKey: false,
        isNew: true,
        nullShare: members.reduce((sum, one) => sum + 1 - one.filled / Math.max(1, one.records), 0) / members.length,
        maxLength: Math.max(...members.map((one) => one.maxLength)),
        sample: members[0]?.sample,
      });
    }
    return lines;
  }

  #line(one: Gathered): PlannedColumn {
    return {
      path: shownPath(one.feed),
      segments: one.feed.segments,
      column: one.feed.column,
      type: one.feed.type,
      isKey: this.#key.includes(one.feed.column),
      isNew: this.isNew(one.feed),
      nullShare: one.records > 0 ? 1 - one.filled / one.records : one.feed.from.kind === "absent" ? 1 : 0,
      maxLength: one.maxLength,
      sample: one.sample,
    };
  }

  /** Lines to paste under `columns:`, each with its evidence. Never applied by guess. */
  proposals(spec: TableSpec): { path: string; line: string; why: string }[] {
    const maps = this.#maps();
    const proposals = maps.map(({ path, keys, more }) => ({
      path,
      line: `${yamlKey(path)}: jsonb`,
      why: `${more ? "more than " : ""}${keys} different keys, each in few documents: a map, not columns`,
    }));
    for (const { feed, proposed, looked } of this.#columns.values()) {
      const path = shownPath(feed);
      if (storedRule(spec, feed.path) !== undefined || maps.some((map) => path.startsWith(`${map.path}.`))) continue;
      const bookkeeping =
        feed.from.kind === "path" && this.isNew(feed) ? bookkeepingOf.get(feed.from.column.path.join(".")) : undefined;
      if (bookkeeping !== undefined) proposals.push({ path, line: `${yamlKey(path)}: ignore`, why: bookkeeping });
      else if (proposed !== undefined && proposed !== "text")
        proposals.push({ path, line: `${yamlKey(path)}: ${proposed}`, why: whyType(proposed, looked) });
    }
    return proposals;
  }

  /** Names below `columns` that nothing read bears: misspelled, or of a column that is not there now. */
  unmatched({ config }: TableSpec): string[] {
    const paths = [...this.#columns.values()].map(({ feed }) => shownPath(feed));
    return [...config.columns].flatMap(([name, rule]) => {
      // What is ignored feeds no column, so that it cannot be seen here.
      if (rule.kind === "ignore" || rule.line === 0 || name.includes("*") || paths.length === 0) return [];
      const isThere = paths.some((path) => path === name || path.startsWith(`${name}.`) || isSameName(path, name));
      return isThere ? [] : [`columns: ${name} is nowhere in what was read${didYouMean(name, paths)}`];
    });
  }

  /** The topmost paths with open-ended keys. */
  #maps(): { path: string; depth: number; keys: number; more: boolean }[] {
    const children = new Map<string, Map<string, { filled: number; records: number }>>();
    const depths = new Map<string, number>();
    const note = (path: readonly string[], filled: number, records: number) => {
      for (let depth = 1; depth < path.length; depth++) {
        const parent = path.slice(0, depth).join(".");
        const keys = children.get(parent) ?? new Map<string, { filled: number; records: number }>();
        children.set(parent, keys);
        depths.set(parent, depth);
        const key = path[depth] ?? "";
        const known = keys.get(key);
        // The fullest column below a key says how often the key is there.
        if (known === undefined || known.filled < filled) keys.set(key, { filled, records });
      }
    };
    for (const { feed, filled, records } of this.#columns.values()) {
      if (feed.from.kind === "path") note(feed.segments, filled, records);
    }
    const found: { path: string; depth: number; keys: number; more: boolean }[] = [];
    for (const [path, keys] of [...children].sort(([a], [b]) => a.length - b.length)) {
      if (found.some((map) => path.startsWith(`${map.path}.`))) continue;
      const presence =
        [...keys.values()].reduce((sum, { filled, records }) => sum + filled / Math.max(1, records), 0) / keys.size;
      // Values without a column, past max_columns: each is a key more, at the least.
      const overflowed = [...this.#overflow]
        .filter(([parent]) => parent === path || parent.startsWith(`${path}.`))
        .reduce((sum, [, count]) => sum + count, 0);
      if (keys.size > 1 && keys.size + overflowed >= mapKeys && presence <= mapPresence) {
        const depth = depths.get(path) ?? 1;
        found.push({ path, depth, keys: keys.size, more: overflowed > 0 });
      }
    }
    return found;
  }
}

function shownPath(feed: Feed): string {
  return feed.segments.join(".");
}

function whyType(type: string, looked: number): string {
  return looked === mostLooked
    ? `each of ${mostLooked} values that were looked at is ${type}`
    : `all ${looked} values are ${type}`;
}

/** As the state schema takes them in: a path that is known keeps its column, takes the new type, adds its kinds. */
export function withColumns(stored: readonly StoredColumn[], columns: readonly StoredColumn[]): StoredColumn[] {
  const byPath = new Map(stored.map((column) => [column.path, column]));
  for (const column of columns) {
    const before = byPath.get(column.path);
    byPath.set(column.path, { ...column, ...before, type: column.type, kinds: (before?.kinds ?? 0) | column.kinds });
  }
  return [...byPath.values()];
}
