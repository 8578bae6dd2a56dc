/** More columns than a table, or a run, may get: what went to `_rescued`, and the lines that decide about it. */
import { DrayageError } from "../errors.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import type { Rescue } from "./binding.ts";
import type { TableSpec } from "./table-spec.ts";

/** The path as a key of `columns:` in YAML. */
export function ruleKey(path: string): string {
  const key = path.replace(/^[^:]*:/, "");
  return /^[A-Za-z_][\w.]*$/.test(key) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(key)
    ? key
    : JSON.stringify(key);
}

/** More new columns than a run may add: they went to `_rescued`, and somebody has to decide. */
export function tooManyError(table: TableSpec, tooMany: readonly Rescue[], added: number): DrayageError {
  const { maxNewColumns } = table.config.contract;
  return new DrayageError("CONTRACT", {
    message: `The source has ${tooMany.length} new columns at once; contract.max_new_columns is ${maxNewColumns}: they went to _rescued`,
    place: { table: table.name },
    lines: [
      "contract:",
      `  max_new_columns: ${added + tooMany.length}`,
      "# or, under columns:, `jsonb` for the path that holds them:",
      ...parents(tooMany),
    ],
    next: "Add one of the lines printed above to the table's config. With the first the next load brings home what was rescued; `drayage backfill` does after any.",
  });
}

/** The paths that hold the most new columns, as lines to paste. */
function parents(tooMany: readonly Rescue[]): string[] {
  const counts = new Map<string, number>();
  for (const { from } of tooMany) {
    if (from.kind !== "path") continue;
    const parent = from.column.path.slice(0, -1);
    for (let depth = 1; depth <= parent.length; depth++) {
      const path = parent.slice(0, depth).join(".");
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return [...counts]
    .filter(([, count]) => count > 5)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([path, count]) => `  ${JSON.stringify(path)}: jsonb   # ${count} new columns below it`);
}

/** A map with open-ended keys must not make a new table of hundreds of columns: nothing is made before somebody decided. */
export function checkOverflow(
  table: TableSpec,
  overflow: ReadonlyMap<string, number>,
  main: MainTable | undefined,
): void {
  if (overflow.size === 0 || main !== undefined) return;
  throw overflowError(table, overflow, `Flattening would make more than ${table.config.flatten.maxColumns} columns`);
}

export function overflowError(table: TableSpec, overflow: ReadonlyMap<string, number>, message: string): DrayageError {
  const paths = [...overflow].filter(([path]) => ![...overflow.keys()].some((other) => path.startsWith(`${other}.`)));
  const worst = paths.sort((a, b) => b[1] - a[1]).slice(0, 3);
  return new DrayageError("TOO_MANY_COLUMNS", {
    message,
    place: { table: table.name },
    lines: [
      "columns:",
      ...worst.map(
        ([path, count]) => `  ${JSON.stringify(path)}: jsonb   # ${count} values below it had no column left`,
      ),
    ],
  });
}
