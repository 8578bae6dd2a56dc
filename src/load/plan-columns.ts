/** The columns that `plan` shows, gathered over the units that it read, and what it proposes for them. */
import { didYouMean } from "../config/suggest.ts";
import { isSameName } from "../rows/known-names.ts";
import type { CellStatistics } from "../warehouse/plan-clone.ts";
import type { StoredColumn } from "../warehouse/table-state.ts";
import type { Feed } from "./bind-columns.ts";
import { ruleFor, type TableSpec } from "./table-spec.ts";

export interface PlannedColumn {
  /** Source column, or document path joined by dots. */
  readonly path: string;
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
}

/** A path whose keys are this many, each in few documents, is a map with open-ended keys. */
const mapKeys = 20;
const mapPresence = 0.25;

export class PlanColumns {
  readonly #columns = new Map<string, Gathered>();
  readonly #overflow = new Map<string, number>();
  #key: readonly string[] = [];

  has(path: string): boolean {
    return this.#columns.has(path);
  }

  add(feed: Feed, of: CellStatistics, proposed: string | undefined): void {
    const known = this.#columns.get(feed.path);
    if (known === undefined) {
      this.#columns.set(feed.path, { feed, ...of, proposed });
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
      lines.push({
        path: `${path}.*`,
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
      column: one.feed.column,
      type: one.feed.type,
      isKey: this.#key.includes(one.feed.column),
      isNew: one.feed.main === undefined,
      nullShare: one.records === 0 ? 0 : 1 - one.filled / one.records,
      maxLength: one.maxLength,
      sample: one.sample,
    };
  }

  /** Lines to paste under `columns:`, each with its evidence. Never applied by guess. */
  proposals(spec: TableSpec): { path: string; line: string; why: string }[] {
    const maps = this.#maps();
    const proposals = maps.map(({ path, keys }) => ({
      path,
      line: `${yamlKey(path)}: jsonb`,
      why: `${keys} different keys, each in few documents: a map, not columns`,
    }));
    for (const { feed, proposed, filled } of this.#columns.values()) {
      const path = shownPath(feed);
      if (proposed === undefined || proposed === "text" || ruleFor(spec.config, path.split(".")) !== undefined)
        continue;
      if (maps.some((map) => path.startsWith(`${map.path}.`))) continue;
      proposals.push({ path, line: `${yamlKey(path)}: ${proposed}`, why: `all ${filled} values are ${proposed}` });
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
  #maps(): { path: string; keys: number }[] {
    const children = new Map<string, Map<string, { filled: number; records: number }>>();
    const note = (path: readonly string[], filled: number, records: number) => {
      for (let depth = 1; depth < path.length; depth++) {
        const parent = path.slice(0, depth).join(".");
        const keys = children.get(parent) ?? new Map<string, { filled: number; records: number }>();
        children.set(parent, keys);
        const key = path[depth] ?? "";
        const known = keys.get(key);
        // The fullest column below a key says how often the key is there.
        if (known === undefined || known.filled < filled) keys.set(key, { filled, records });
      }
    };
    for (const { feed, filled, records } of this.#columns.values()) {
      if (feed.from.kind === "path") note(feed.from.column.path, filled, records);
    }
    const found: { path: string; keys: number }[] = [];
    for (const [path, keys] of [...children].sort(([a], [b]) => a.length - b.length)) {
      if (found.some((map) => path.startsWith(`${map.path}.`))) continue;
      const presence =
        [...keys.values()].reduce((sum, { filled, records }) => sum + filled / Math.max(1, records), 0) / keys.size;
      const overflowed = [...this.#overflow.keys()].filter(
        (parent) => parent === path || parent.startsWith(`${path}.`),
      ).length;
      if (keys.size >= mapKeys && presence <= mapPresence) found.push({ path, keys: keys.size + overflowed });
    }
    return found;
  }
}

function shownPath(feed: Feed): string {
  return feed.from.kind === "path" ? feed.from.column.path.join(".") : feed.path;
}

function yamlKey(path: string): string {
  return /^[A-Za-z_][\w.]*$/.test(path) ? path : JSON.stringify(path);
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
