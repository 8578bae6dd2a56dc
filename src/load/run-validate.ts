/** `validate` of one or many tables, one after another on one connection: what each holds beside what its objects say. */
import type { Config } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { hasStateSchema } from "../warehouse/migrate.ts";
import { warehouseError } from "../warehouse/warehouse-error.ts";
import { type DiscoveredTable, discover, type SourceObject, type TableFilter } from "./discover.ts";
import { worstExit } from "./report.ts";
import type { TableSpec } from "./table-spec.ts";
import { validateTable } from "./validate-table.ts";
import { isRight, type TableValidation } from "./validation.ts";
import { Worker } from "./worker.ts";

export interface RunValidateSettings {
  readonly config: Config;
  readonly source: ObjectSource;
  readonly wanted: TableFilter | undefined;
  readonly limit: number;
  readonly sample: number | undefined;
  readonly extremes: boolean;
  /** Rows in the source database by table, in whatever spelling. */
  readonly counts: ReadonlyMap<string, number> | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onStart?: ((bytes: number) => void) | undefined;
  readonly onBytes?: ((bytes: number) => void) | undefined;
  readonly onRecords?: ((count: number) => void) | undefined;
}

export interface ValidationReport {
  readonly tables: readonly TableValidation[];
  /** Names of `--counts` that no table bears. */
  readonly unmatched: readonly string[];
  readonly milliseconds: number;
}

export async function runValidate(settings: RunValidateSettings): Promise<ValidationReport> {
  const began = performance.now();
  const { config, counts, onBytes, onRecords } = settings;
  const found = await listTables(settings);
  settings.onStart?.(found.flatMap(({ objects }) => objects).reduce((sum, { size }) => sum + size, 0));
  const worker = await Worker.start(config, "validate");
  try {
    if (!(await hasStateSchema(worker.session, config.warehouse.stateSchema))) throw neverLoaded();
    const tables: TableValidation[] = [];
    const matched = new Set<string>();
    for (const { spec, objects } of found) {
      settings.signal?.throwIfAborted();
      const name = namesOf(spec).find((one) => counts?.has(one));
      if (name !== undefined) matched.add(name);
      tables.push(
        await validateTable(worker, spec, {
          ...{ config, source: settings.source, signal: settings.signal, onBytes, onRecords },
          list: listerOf(settings, spec, objects),
          limit: settings.limit,
          sample: settings.sample,
          extremes: settings.extremes,
          sourceCount: name === undefined ? undefined : counts?.get(name),
        }),
      );
    }
    const unmatched = [...(counts?.keys() ?? [])].filter((name) => !matched.has(name));
    return { tables, unmatched, milliseconds: performance.now() - began };
  } catch (error) {
    throw settings.signal?.aborted === true ? error : warehouseError(error, "validate");
  } finally {
    await worker.close();
  }
}

export function validationExit({ tables, unmatched }: ValidationReport): number {
  return worstExit([
    ...tables.map((table) => (table.error !== undefined ? table.error.exit : isRight(table) ? 0 : 7)),
    ...(unmatched.length > 0 ? [7] : []),
  ]);
}

type Listing = Pick<RunValidateSettings, "config" | "source" | "wanted">;

/** With every object that is listed, whatever became of it. */
export async function listTables({ config, source, wanted }: Listing): Promise<readonly DiscoveredTable[]> {
  const { tables } = await discover(config, source, wanted, async (_, objects) => objects);
  return tables;
}

/** The first time what is listed already; then what is there by then. */
export function listerOf(
  { config, source, wanted }: Listing,
  spec: TableSpec,
  first: readonly SourceObject[],
): () => Promise<readonly SourceObject[]> {
  let next: readonly SourceObject[] | undefined = first;
  return async () => {
    const had = next;
    next = undefined;
    if (had !== undefined) return had;
    const only: TableFilter = {
      wants: (table, folder) => table.name === spec.name && (wanted?.wants(table, folder) ?? true),
      listed: () => undefined,
    };
    const tables = await listTables({ config, source, wanted: only });
    return tables.find((table) => table.spec.name === spec.name)?.objects ?? [];
  };
}

/** What somebody may call the table in a list of counts: its own names, and those of its folder. */
function namesOf({ name, target, config }: TableSpec): string[] {
  const folders = config.prefixes.flatMap((prefix) => [prefix, prefix.split("/").slice(-2).join(".")]);
  return [name, `${target.schema}.${target.table}`, config.name, ...folders, target.table];
}

export function neverLoaded(): DrayageError {
  return new DrayageError("USAGE", {
    message: "Nothing was ever loaded into this warehouse: there is nothing to compare",
    next: "Run `drayage load`.",
  });
}
