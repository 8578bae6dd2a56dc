/** Validates one table: its rows against what its objects say, in temporary tables, under no lock but ACCESS SHARE. */
import { DrayageError } from "../errors.ts";
import { mainTableSql, readMainTable } from "../warehouse/catalog.ts";
import { type ColumnFigures, readFigures } from "../warehouse/column-figures.ts";
import { type CompareJob, compareRows, type DifferenceCount, isSoft } from "../warehouse/compare-rows.ts";
import { countByObject } from "../warehouse/count-rows.ts";
import { countColumns, listDifference } from "../warehouse/list-difference.ts";
import { temporaryShadow } from "../warehouse/shadow.ts";
import { readStoredColumns } from "../warehouse/table-state.ts";
import { spelledTypes } from "../warehouse/type-names.ts";
import { type CompareSettings, TableComparison } from "./compare-table.ts";
import { explainRow, ObjectNames } from "./explain-rows.ts";
import { asDrayageError } from "./load-errors.ts";
import { storedSegments } from "./stored-path.ts";
import { ruleFor, type TableSpec } from "./table-spec.ts";
import type { ComparedColumn, ComparedTable, TableValidation } from "./validation.ts";
import type { Worker } from "./worker.ts";

export interface ValidateSettings extends Omit<CompareSettings, "shadow"> {
  /** Rows of each kind that are listed. */
  readonly limit: number;
  /** Keys to compare, about; undefined: all. */
  readonly sample: number | undefined;
  /** Least and greatest cells too. */
  readonly extremes: boolean;
  readonly sourceCount: number | undefined;
}

export async function validateTable(
  worker: Worker,
  spec: TableSpec,
  settings: ValidateSettings,
): Promise<TableValidation> {
  const began = performance.now();
  const base = {
    table: spec.name,
    target: `${spec.target.schema}.${spec.target.table}`,
    sourceCount: settings.sourceCount,
  };
  const notes: string[] = [];
  const ended = (found: Partial<Pick<TableValidation, "compared" | "counted" | "error">>): TableValidation => ({
    ...base,
    compared: undefined,
    counted: undefined,
    error: undefined,
    ...found,
    notes,
    milliseconds: performance.now() - began,
  });
  try {
    if (spec.config.writeMode === "append") {
      const { stateSchema } = settings.config.warehouse;
      const main = await readMainTable(worker.session, spec.target.schema, spec.target.table);
      const counted =
        main === undefined ? undefined : await countByObject(worker.session, stateSchema, spec.name, main);
      notes.push(
        counted === undefined
          ? "nothing to compare: an append table without rows, or without _object"
          : "an append table has no key: its rows are counted by object",
      );
      return ended({ counted });
    }
    const oneIn = await sampleOf(worker, spec, settings);
    const comparison = new TableComparison(worker, spec, {
      ...settings,
      oneIn,
      shadow: () => temporaryShadow(worker.session),
    });
    if (!(await comparison.build())) {
      notes.push("nothing to compare: no object of the table was ever loaded");
      return ended({});
    }
    const compared = await comparison.atOneMoment(
      async () => {
        await worker.session.query("set transaction isolation level repeatable read");
      },
      async (job) => {
        const counts = await compareRows(worker.session, job);
        return describe(worker, comparison, job, { counts, limit: settings.limit, extremes: settings.extremes });
      },
    );
    await comparison.latest.drop();
    if (comparison.state.paused) notes.push("the table is paused: what it stood for when it was paused is compared");
    return ended({ compared });
  } catch (error) {
    if (settings.signal?.aborted === true) throw error;
    return ended({ error: asDrayageError(error, spec, "validate the table") });
  }
}

/** By the server's estimate: exact enough for a sample. */
async function sampleOf(worker: Worker, spec: TableSpec, { sample }: ValidateSettings): Promise<number | undefined> {
  if (sample === undefined) return undefined;
  const main = await readMainTable(worker.session, spec.target.schema, spec.target.table);
  if (main === undefined) return undefined;
  const { rows } = await worker.session.one<{ rows: string }>(`select count(*) as rows from ${mainTableSql(main)}`);
  const oneIn = Math.floor(Number(rows) / Math.max(1, sample));
  return oneIn > 1 ? oneIn : undefined;
}

/** Everything that a person looks at, read at the moment at which the rows were compared. */
export async function describe(
  worker: Worker,
  comparison: TableComparison,
  job: CompareJob,
  { counts, limit, extremes }: { counts: readonly DifferenceCount[]; limit: number; extremes: boolean },
): Promise<ComparedTable> {
  const { session } = worker;
  const { latest, made } = comparison;
  const shadow = latest.shadow;
  if (shadow === undefined) throw new DrayageError("INTERNAL");
  const all = [...job.key, ...job.columns];
  const of = { columns: all, key: job.key, soft: isSoft(job), oneIn: job.oneIn, extremes };
  const source = await readFigures(session, shadow, of);
  // Where no row differs the cells are the same, by each row: to read them once more would prove nothing, and takes a fifth of the time.
  const table = counts.length === 0 ? source : await readFigures(session, job.main, of);
  const names = new ObjectNames(session, job.stateSchema, comparison.spec, latest.claims);
  const listed = await listDifference(session, job, limit);
  await names.learn(listed);
  const objects = [...latest.claims.values()].map((claim) => claim.object);
  const fullLoads = objects.filter((object) => object.kind === "full_load").length;
  return {
    key: job.key,
    objects: {
      fullLoads,
      changes: objects.length - fullLoads,
      bytes: objects.reduce((sum, object) => sum + object.size, 0),
    },
    records: latest.records,
    rejected: latest.rejected,
    rows: { source: source.rows, table: table.rows },
    counts,
    listed: listed.map((row) => explainRow(row, names)),
    columns: await compareColumns(worker, comparison, job, {
      source: source.columns,
      table: table.columns,
      differing: counts.some(({ verdict }) => verdict === "updated") ? await countColumns(session, job) : new Map(),
    }),
    statements: latest.statements,
    gone: made.gone.map((entry) => names.pathOf(entry.key)),
    waiting: made.waiting.map((object) => object.path),
    skipped: made.skipped.map((object) => object.path),
    oneIn: job.oneIn,
  };
}

type FiguresByColumn = ReadonlyMap<string, ColumnFigures>;

async function compareColumns(
  { session }: Worker,
  { spec, latest }: TableComparison,
  job: CompareJob,
  figures: { source: FiguresByColumn; table: FiguresByColumn; differing: ReadonlyMap<string, number> },
): Promise<ComparedColumn[]> {
  const expected = new Map((latest.shadow?.columns ?? []).map((column) => [column.name, column.type]));
  const stored = await readStoredColumns(session, job.stateSchema, spec.name);
  const said = stored.flatMap(({ path, column, type }) => {
    const rule = ruleFor(spec.config, storedSegments(path) ?? [path]);
    return rule?.kind === "column" && rule.type !== undefined ? [{ column, type: rule.type }] : [{ column, type }];
  });
  const spelled = await spelledTypes(
    session,
    said.map(({ type }) => type),
  );
  for (const [i, { column }] of said.entries()) {
    const type = spelled[i];
    // What the source's own cells need is more than what was noted once.
    const main = job.main.columns.find(({ name }) => name === column)?.type;
    if (type !== undefined && expected.get(column) === main) expected.set(column, type);
  }
  const keys = new Set(job.key);
  return [...job.key, ...job.columns].flatMap((name): ComparedColumn[] => {
    const column = job.main.columns.find((one) => one.name === name);
    const source = figures.source.get(name);
    const table = figures.table.get(name);
    if (column === undefined || source === undefined || table === undefined) return [];
    const type = expected.get(name);
    const isNullableKey = keys.has(name) && !column.notNull;
    return [
      {
        column: name,
        isKey: keys.has(name),
        type: column.type,
        expectedType: type === undefined || type === column.type ? undefined : type,
        nullable: !column.notNull,
        nullability: isNullableKey ? "nullable key" : undefined,
        source,
        table,
        differing: figures.differing.get(name) ?? 0,
        equal: source.checksum === table.checksum && source.nulls === table.nulls,
      },
    ];
  });
}
