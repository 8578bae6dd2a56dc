/** What a unit staged, and which of its cells feeds which column of the main table, or goes to `_rescued`. */
import type { PathColumn } from "../rows/path-column.ts";
import type { MainColumn } from "../warehouse/catalog.ts";

/** What one unit staged, by cell. */
export interface StagedColumns {
  readonly fields: readonly StagedField[];
  readonly paths: readonly StagedPath[];
  /** Paths that need a column though the unit may not hold them: those of later objects of a new table, and what waits in `_rescued`. */
  readonly expected: readonly ExpectedPath[];
  /** Cell of the rescued paths, when there were any. */
  readonly rescued: number | undefined;
  /** Columns that may still be added to an existing table in this run. */
  readonly room: number;
  /** Why none can be added at all, as half a sentence. */
  readonly closed: string | undefined;
}

/** What this run has done to the main table, and could not do: that is not tried again before the next. */
export interface RunChanges {
  /** Columns added. */
  readonly added: number;
  /** Columns that could not grow, each with what stood in the way. */
  readonly narrow: ReadonlyMap<string, string>;
  /** Why no column can be added: whoever reads the table waits behind each attempt. */
  readonly closed: string | undefined;
}

export const noChanges: RunChanges = { added: 0, narrow: new Map(), closed: undefined };

/** Of an object of whose records nothing was read. */
export const noPaths: Omit<StagedColumns, "fields"> = {
  paths: [],
  expected: [],
  rescued: undefined,
  room: Number.POSITIVE_INFINITY,
  closed: undefined,
};

export interface StagedField {
  /** Position in the record: cell c(index + 1). */
  readonly index: number;
  readonly name: string;
  readonly role: "op" | "timestamp" | "column" | "document";
}

export interface StagedPath {
  /** The document's source column. */
  readonly document: string;
  readonly column: PathColumn;
}

export interface ExpectedPath {
  /** As in `columns.path`. */
  readonly path: string;
  readonly kinds: number;
}

export interface Feed {
  /** As in `columns.path` of the state schema. */
  readonly path: string;
  /** As rules and names know it. */
  readonly segments: readonly string[];
  readonly column: string;
  readonly from:
    | { readonly kind: "field"; readonly index: number }
    | { readonly kind: "path"; readonly column: PathColumn }
    | { readonly kind: "absent" };
  /** Type that the column has, or gets. */
  readonly type: string;
  /** Everything that the path is known to hold. */
  readonly kinds: number;
  readonly timezone: string | undefined;
  /** Of the config's rule. */
  readonly hash: boolean;
  readonly using: string | undefined;
  /** Whether drayage made the column and may widen it. */
  readonly made: boolean;
  readonly main: MainColumn | undefined;
}

/** Cells without a place in a column: under `key` in `_rescued`. */
export interface Rescue {
  readonly key: string;
  /** As in `columns.path`. */
  readonly path: string;
  /** The column whose type does not take them, or that could not be made yet; undefined: there is none to be. */
  readonly column: string | undefined;
  /** Why it could not be made. */
  readonly late?: string | undefined;
  readonly from:
    | { readonly kind: "field"; readonly index: number }
    | { readonly kind: "path"; readonly column: PathColumn }
    | { readonly kind: "strange"; readonly column: PathColumn };
  /** Type that a column needs to take them. */
  readonly type: string;
}

export interface Binding {
  readonly feeds: readonly Feed[];
  readonly rescues: readonly Rescue[];
  /** Paths that the contract leaves out. */
  readonly discarded: readonly string[];
  /** New columns that were too many for one run: they are among the rescues. */
  readonly tooMany: readonly Rescue[];
  /** Columns of the key, in its order. */
  readonly key: readonly string[];
  readonly opIndex: number | undefined;
  readonly timestampIndex: number | undefined;
  /** The source column that order_by names, when the object has it. */
  readonly order: { readonly column: string; readonly index: number } | undefined;
  /** Of a column with a before image: index of that, by the column's own index. Before images feed no column. */
  readonly before: ReadonlyMap<number, number>;
  readonly rescued: number | undefined;
  /** Whether the source has documents. */
  readonly hasDocuments: boolean;
}
