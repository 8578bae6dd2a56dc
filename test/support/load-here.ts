/** Runs load and plan in this process, on a workplace's config: a test can force a lane, cut the stream, look at each unit. */
import { join } from "node:path";
import { Readable } from "node:stream";
import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import type { DrayageError } from "../../src/errors.ts";
import { exitOfCode } from "../../src/load/load-errors.ts";
import { exitOf, type RunReport, sumCounts } from "../../src/load/report.ts";
import { runLoad } from "../../src/load/run-load.ts";
import { type PlanReport, runPlan } from "../../src/load/run-plan.ts";
import type { Lane } from "../../src/load/staged-unit.ts";
import type { ObjectSource } from "../../src/source/object-source.ts";
import { openSource } from "../../src/source/open-source.ts";
import type { RecordCounts } from "../../src/warehouse/record-counts.ts";
import type { Workplace } from "./workplace.ts";

export interface LoadHereOptions {
  readonly lane?: Lane | undefined;
  /** Puts something between the loader and its source. */
  readonly through?: ((source: ObjectSource) => ObjectSource) | undefined;
  readonly objects?: readonly string[] | undefined;
  readonly allowDeletes?: boolean | undefined;
  /** Default 1. */
  readonly concurrency?: number | undefined;
  readonly rejectLimit?: number | undefined;
  /** What goes wrong beside the load is put here. */
  readonly warnings?: DrayageError[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `--yes`. */
  readonly copiesToo?: boolean | undefined;
  /** The clock by which full loads settle. */
  readonly now?: Date | undefined;
}

export interface LoadedHere {
  readonly exit: number;
  readonly report: RunReport;
  /** `CODE: message` of what failed, in order. */
  readonly failures: readonly string[];
  /** Lane of each loaded object, in order. */
  readonly lanes: readonly (Lane | undefined)[];
  /** Form of the merge of each unit, in order. */
  readonly forms: readonly string[];
  /** Of all objects; outcomes that are zero are left out. */
  readonly counts: Partial<RecordCounts>;
}

export function configHere(place: Workplace): Config {
  return loadConfig({ file: join(place.dir, "drayage.yaml"), env: { DATABASE_URL: place.url } });
}

export async function loadHere(place: Workplace, options: LoadHereOptions = {}): Promise<LoadedHere> {
  const config = configHere(place);
  const source = await openSource(config.source, {});
  const forms: string[] = [];
  const report = await runLoad({
    config,
    source: options.through?.(source) ?? source,
    command: "load",
    version: "0.0.0",
    host: "test",
    pid: process.pid,
    wanted: undefined,
    objects: options.objects ?? [],
    concurrency: options.concurrency ?? 1,
    allowDeletes: options.allowDeletes ?? false,
    rejectLimit: options.rejectLimit,
    signal: options.signal,
    copiesToo: options.copiesToo,
    now: options.now === undefined ? undefined : () => options.now as Date,
    lane: options.lane,
    onWarning: (error) => options.warnings?.push(error),
    onUnit: (_table, _unit, merged) => forms.push(merged.form),
  });
  const objects = report.tables.flatMap((table) => table.objects);
  return {
    exit: exitOf(report, exitOfCode),
    report,
    failures: report.tables.flatMap((table) => table.failures.map(({ error }) => `${error.code}: ${error.message}`)),
    lanes: objects.map((object) => object.lane),
    forms,
    counts: Object.fromEntries(Object.entries(sumCounts(objects)).filter(([, count]) => count > 0)),
  };
}

export async function planHere(
  place: Workplace,
  options: { limit?: number; through?: (source: ObjectSource) => ObjectSource } = {},
): Promise<PlanReport> {
  const config = configHere(place);
  const source = await openSource(config.source, {});
  return runPlan({
    config,
    source: options.through?.(source) ?? source,
    wanted: undefined,
    limit: options.limit ?? Number.MAX_SAFE_INTEGER,
    signal: undefined,
  });
}

/** The same source, its bodies handed out in pieces of the size that `pieceAt` says for each offset. */
export function cutInto(
  source: ObjectSource,
  pieceAt: (offset: number) => number,
  pause?: () => Promise<unknown>,
): ObjectSource {
  async function* pieces(body: Readable, from: number): AsyncGenerator<Buffer> {
    let offset = from;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      for (let at = 0; at < chunk.length; ) {
        const end = Math.min(chunk.length, at + Math.max(1, pieceAt(offset)));
        await pause?.();
        // A copy: the loader must not lean on a buffer that the source uses again.
        yield Buffer.from(chunk.subarray(at, end));
        offset += end - at;
        at = end;
      }
    }
  }
  return {
    ...source,
    open: (object, options = {}) => Readable.from(pieces(source.open(object, options), options.from ?? 0)),
  };
}
