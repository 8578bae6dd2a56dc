/** `drayage plan <url>`: what lies there, before there is a config. */
import { readEnvironment } from "../config/environment.ts";
import { startingConfig } from "../config/starting-config.ts";
import { DrayageError, type ErrorCode } from "../errors.ts";
import { planUrl, type UrlPlan } from "../load/plan-url.ts";
import { worstExit } from "../load/report.ts";
import { nearestFolder, readSourceUrl } from "../load/source-url.ts";
import type { ObjectSource } from "../source/object-source.ts";
import { openSource } from "../source/open-source.ts";
import { configFile, type GlobalOptions, type Host, terminalOf, withSignals } from "./context.ts";
import { printTraces } from "./print-error.ts";
import { planSql, planYaml, type Samples } from "./render-plan.ts";
import { urlPlanJson, urlPlanText } from "./render-url-plan.ts";
import { printResult } from "./terminal.ts";

export interface UrlPlanOptions extends GlobalOptions {
  readonly limit?: number;
  readonly full?: boolean;
  readonly sql?: boolean;
  readonly yaml?: boolean;
  readonly samples?: Samples;
}

/** Tables that are read, unless --full. */
const mostTables = 5;
/** A hundred pages of a listing: some seconds. */
export const mostObjects = 100_000;

export async function runUrlPlan(host: Host, names: readonly string[], options: UrlPlanOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const [name = "", ...more] = names;
  if (more.length > 0)
    throw new DrayageError("USAGE", {
      message: "A plan takes one URL, or names of tables",
      next: "Give one URL; it may hold many tables.",
    });
  const full = options.full === true;
  const plan = await withSignals((signal) =>
    withUrl(host, options, name, (opened) =>
      planUrl({
        ...opened,
        mostTables: full ? Number.MAX_SAFE_INTEGER : mostTables,
        mostObjects: full ? Number.MAX_SAFE_INTEGER : mostObjects,
        mostRecords: options.limit ?? 10_000,
        signal,
      }),
    ),
  );
  const exit = exitOf(plan);
  const samples = options.samples ?? (terminal.interactive ? "full" : "masked");
  const report = {
    tables: plan.tables.map((table) => ({ ...table.plan, constraints: [] })),
    unclaimed: plan.others,
    hints: [],
    listed: plan.listed,
    milliseconds: plan.milliseconds,
  };
  if (terminal.json) host.stdout.write(`${JSON.stringify(urlPlanJson(plan, exit, samples), undefined, 2)}\n`);
  else if (options.sql === true) printResult(terminal, planSql(report));
  else if (options.yaml === true) printResult(terminal, planYaml(report));
  else printResult(terminal, urlPlanText(terminal, plan, samples));
  printTraces(
    terminal,
    plan.tables.flatMap(({ plan: { errors } }) => errors),
  );
  return exit;
}

type Opened = Pick<Parameters<typeof planUrl>[0], "config" | "source" | "url">;

/** Opens the source that a URL on the command line names; AWS settings come from the environment and a `.env` here. */
export async function withUrl<T>(
  host: Host,
  options: GlobalOptions,
  text: string,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const env = readEnvironment(configFile(host, options), host.env);
  const url = readSourceUrl(text);
  const config = startingConfig(url.url, env);
  const source = await openSource(config.source, env);
  try {
    return await work({ config, source, url });
  } catch (error) {
    throw await ofUrl(error, url, (other) => openSource({ ...config.source, url: other }, env));
  } finally {
    source.close();
  }
}

const nexts: Partial<Record<ErrorCode, string>> = {
  S3_BUCKET_MISSING: "Check the URL, AWS_REGION, and AWS_ENDPOINT_URL where the store is not AWS's.",
  S3_UNREACHABLE: "Check AWS_REGION, AWS_ENDPOINT_URL, and the network from this machine.",
  SOURCE_DIRECTORY_MISSING: "Check the URL.",
};

/** Where nothing is configured yet, nothing in the config is to be checked. */
async function ofUrl(
  error: unknown,
  url: ReturnType<typeof readSourceUrl>,
  open: (url: string) => Promise<ObjectSource>,
): Promise<unknown> {
  if (!(error instanceof DrayageError)) return error;
  const { code, message, place, lines, cause } = error;
  const isMissing = code === "SOURCE_EMPTY" || code === "SOURCE_DIRECTORY_MISSING";
  const near = isMissing ? await nearestFolder(url, open).catch(() => undefined) : undefined;
  const next = near === undefined ? (nexts[code] ?? error.next) : `Did you mean ${near}?`;
  return new DrayageError(code, { message, place, lines, next, cause });
}

/** As a load would end, once the config says what the plan proposes. */
function exitOf({ tables }: UrlPlan): number {
  return worstExit(
    tables.flatMap(({ plan }) => [...plan.errors.map((error) => error.exit), ...(plan.counts.rejected > 0 ? [3] : [])]),
  );
}
