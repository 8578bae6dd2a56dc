/** More columns than a table, or a run, may get: what went to `_rescued`, and the lines that decide about it. */
import type { TableConfig } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { MainTable } from "../warehouse/catalog.ts";
import type { Rescue } from "./binding.ts";
import { ruleSegments } from "./stored-path.ts";
import type { TableSpec } from "./table-spec.ts";
import { yamlKey } from "./yaml-key.ts";

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
      ...parents(table.config, tooMany),
    ],
    next: "Add one of the lines printed above to the table's config. With the first the next load brings home what was rescued; `drayage backfill` does after any.",
  });
}

/** The paths that hold the most new columns, as lines to paste. */
function parents(config: TableConfig, tooMany: readonly Rescue[]): string[] {
  const counts = new Map<string, number>();
  for (const { path } of tooMany) {
    const parent = ruleSegments(config, path).slice(0, -1);
    for (let depth = 1; depth <= parent.length; depth++) {
      const path = parent.slice(0, depth).join(".");
      counts.set(path, (counts.get(path) ?? 0) + 1);
    }
  }
  return [...counts]
    .filter(([, count]) => count > 5)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([path, count]) => `  ${yamlKey(path)}: jsonb   # ${count} new columns below it`);
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
  const { maxColumns } = table.config.flatten;
  const paths = [...overflow].filter(([path]) => ![...overflow.keys()].some((other) => path.startsWith(`${other}.`)));
  const worst = paths.sort((a, b) => b[1] - a[1]).slice(0, 3);
  // A document's own keys have no path that `jsonb` could be said of.
  const top = worst.find(([path]) => path === "");
  const below = worst.filter(([path]) => path !== "");
  return new DrayageError("TOO_MANY_COLUMNS", {
    message,
    place: { table: table.name },
    lines: [
      ...(below.length > 0 ? ["columns:"] : []),
      ...below.map(([path, count]) => `  ${yamlKey(path)}: jsonb   # ${count} values below it had no column left`),
      ...(top === undefined
        ? []
        : [
            "flatten:",
            `  max_columns: ${Math.min(1500, maxColumns * 2)}   # ${top[1]} values at the top had no column left`,
          ]),
    ],
  });
}
