/** `plan` of one table without a warehouse: columns, types, dialect and what its structure would reject, from the heads of its objects. */
import { DrayageError } from "../errors.ts";
import { noCounts } from "../warehouse/record-counts.ts";
import { bindColumns } from "./bind-columns.ts";
import type { Binding, Feed } from "./binding.ts";
import { decideContract } from "./contract.ts";
import { checkOverflow } from "./contract-limits.ts";
import { type HeadSettings, sampleHeads } from "./head-sample.ts";
import { type KeyEvidence, keyEvidence } from "./key-evidence.ts";
import { asDrayageError } from "./load-errors.ts";
import { bindForDisplay } from "./plan-cells.ts";
import { PlanColumns } from "./plan-columns.ts";
import type { HeadSample } from "./seen-heads.ts";
import type { TableFolder } from "./table-folders.ts";
import type { TablePlan } from "./table-plan.ts";
import type { TableSpec } from "./table-spec.ts";

export interface HeadPlan {
  readonly folder: string;
  readonly plan: TablePlan;
  /** What the config would have to name, with its evidence; undefined: nothing says it, or it needs no naming. */
  readonly key: KeyEvidence | undefined;
  /** Bytes asked of the source. */
  readonly bytes: number;
}

export async function planHeads(spec: TableSpec, table: TableFolder, settings: HeadSettings): Promise<HeadPlan> {
  const sample = await sampleHeads(spec, table.samples, settings);
  const { fullLoads, changes, bytes } = table;
  const columns = sampledColumns(spec, sample);
  const errors: DrayageError[] = [...sample.errors];
  const counts = { ...noCounts(), read: sample.records, rejected: sample.unstaged.length };
  const key = keyEvidence(table.folder.split("/").at(-1) ?? "", sample);
  const keyed: TableSpec = key === undefined ? spec : { ...spec, config: { ...spec.config, primaryKey: key.key } };
  let binding: Binding | undefined;
  let statements: readonly string[] = [];
  try {
    checkOverflow(spec, sample.overflow, undefined);
    if (sample.staged.fields.length > 0) {
      binding = bindColumns(keyed, sample.staged, [], undefined);
      columns.markKey(binding.key);
      ({ statements } = decideContract(keyed, binding, undefined));
    }
  } catch (error) {
    // That the config has to name a key is what `key` says; there is no config yet.
    if (!(error instanceof DrayageError) || error.code !== "KEY_MISSING")
      errors.push(asDrayageError(error, spec, "plan the table"));
  }
  const rejects = new Map<string, number>();
  for (const { reason, column } of sample.unstaged) {
    const name = column === undefined ? reason : `${reason} (${column})`;
    rejects.set(name, (rejects.get(name) ?? 0) + 1);
  }
  const plan: TablePlan = {
    table: spec.name,
    entry: spec.name,
    target: `${spec.target.schema}.${spec.target.table}`,
    exists: false,
    objects: { fullLoads, changes, bytes },
    read: { objects: sample.objects.length, records: sample.records },
    key: binding?.key ?? [],
    columns: columns.list(),
    proposals: columns.proposals(spec),
    statements,
    rescued: [],
    counts,
    rejects,
    dialect: sample.evidence,
    notes: [],
    errors: merged(errors),
  };
  return { folder: table.folder, plan, key, bytes: sample.bytes };
}

/** Every column that the sample would feed, with what its cells say. */
export function sampledColumns(spec: TableSpec, sample: HeadSample): PlanColumns {
  const columns = new PlanColumns();
  const feeds: readonly Feed[] = bindForDisplay(spec, sample.staged, { stored: [], main: undefined });
  for (const feed of feeds) {
    const index =
      feed.from.kind === "field" ? feed.from.index : feed.from.kind === "path" ? feed.from.column.index : undefined;
    const cells = index === undefined ? undefined : sample.columns[index];
    if (cells === undefined) continue;
    const isPath = feed.from.kind === "path";
    // A path that came late was absent from the documents before it.
    columns.add(feed, cells.statistics(isPath ? sample.kept : undefined), isPath ? undefined : cells.type);
  }
  columns.overflow(sample.overflow);
  return columns;
}

/** Two objects that fail alike are one error. */
function merged(errors: readonly DrayageError[]): DrayageError[] {
  const seen = new Map<string, DrayageError>();
  for (const error of errors) {
    const id = `${error.code}\0${error.message}`;
    if (!seen.has(id)) seen.set(id, error);
  }
  return [...seen.values()];
}
