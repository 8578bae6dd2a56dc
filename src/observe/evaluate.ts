/** Which facts of the state schema and the config need somebody. Pure; `now` is a parameter. */
import { type ErrorCode, errorCodes } from "../errors.ts";
import { type Attention, attentionCauses, type StatusFacts, type TableFacts } from "./attention.ts";
import { latenessOf } from "./lateness.ts";
import { shellWord } from "./shell-word.ts";

const day = 86_400_000;

/** In the order of `attentionCauses`, then by table. */
export function evaluate(facts: StatusFacts, now: Date): Attention[] {
  const tables = facts.tables.filter((table) => table.configured);
  const known = new Set(tables.map((table) => table.table));
  const lateness = latenessOf(facts, now);
  const found: Attention[] = [
    ...ofRuns(facts),
    ...lateness,
    ...facts.decisions.filter(({ table }) => known.has(table)).map(ofDecision),
    ...tables.flatMap(ofTable),
    ...facts.backfills
      .filter(({ table, since, running }) => known.has(table) && !(running && now.getTime() - since.getTime() <= day))
      .map(ofBackfill),
    ...facts.unclaimed.map(
      ({ folder, objects, since }): Attention => ({
        cause: "unclaimed",
        folder,
        since,
        count: objects,
        message: `No table reads the ${objects === 1 ? "object" : `${objects} objects`} of this folder`,
        command:
          folder === ""
            ? "objects that belong to no table: add their names to source.ignore"
            : `add ${JSON.stringify(folder)} under tables, or to source.ignore`,
      }),
    ),
    ...ofAlerts(facts),
  ];
  return found.sort(byUrgency);
}

function byUrgency(a: Attention, b: Attention): number {
  const rank = attentionCauses.indexOf(a.cause) - attentionCauses.indexOf(b.cause);
  if (rank !== 0) return rank;
  const [left, right] = [a.table ?? a.folder ?? "", b.table ?? b.folder ?? ""];
  return left < right ? -1 : left > right ? 1 : 0;
}

function ofRuns({ failedRun, lostRun, holds }: StatusFacts): Attention[] {
  const found: Attention[] = [];
  if (failedRun !== undefined) {
    const entry = entryOf(failedRun.code);
    found.push({
      cause: "failed",
      code: failedRun.code,
      since: failedRun.at,
      message: `The last run, ${failedRun.runId}, ended with ${failedRun.code}${entry === undefined ? "" : `: ${entry.summary}`}`,
      command: "drayage load --verbose",
    });
  }
  if (lostRun !== undefined)
    found.push({
      cause: "lost_run",
      run: lostRun.runId,
      since: lostRun.since,
      message: `Run ${lostRun.runId} on ${lostRun.where} ended without a word; ${lostRun.found ? "a later one took over what it held" : "the next run takes over what it held"}`,
      command: lostRun.found ? "drayage history --runs" : "drayage load",
    });
  for (const hold of holds)
    found.push({
      cause: "held",
      run: hold.runId,
      table: hold.tables.length === 1 ? hold.tables[0] : undefined,
      since: hold.since,
      count: hold.objects,
      message: `Run ${hold.runId} on ${hold.where} still holds ${objectsText(hold.objects)}${hold.tables.length > 1 ? ` of ${hold.tables.length} tables` : ""}`,
      command: "drayage history --runs",
    });
  return found;
}

function ofDecision({ table, code, message, since }: StatusFacts["decisions"][number]): Attention {
  return {
    cause: code === "NEW_GENERATION" ? "new_generation" : "decision",
    table,
    code,
    since,
    message: `${code}: ${message}`,
    // The lines to paste are printed by both, and plan changes nothing.
    command: code === "NEW_GENERATION" ? `drayage history ${shellWord(table)}` : `drayage plan ${shellWord(table)}`,
  };
}

function ofTable({ table, paused, failed, rejects, rescued }: TableFacts): Attention[] {
  const found: Attention[] = [];
  if (failed !== undefined)
    found.push({
      cause: "failed",
      table,
      code: failed.code,
      since: failed.since,
      count: failed.objects,
      message: `${objectsText(failed.objects)} failed: ${failed.code}${failed.passing ? ", tried again by each run" : ""}${failed.holdsTable === true ? "; what came after waits, the table is append" : ""}`,
      command: failedCommand(table, failed),
    });
  if (paused !== undefined)
    found.push({
      cause: "paused",
      table,
      since: paused.since,
      message:
        `Paused${paused.until === undefined ? "" : ` until ${paused.until.toISOString().slice(0, 16)}Z`}` +
        `${paused.reason === undefined ? "" : `: ${paused.reason}`}` +
        `${paused.waiting === undefined || paused.waiting === 0 ? "" : `, ${objectsText(paused.waiting)} waiting`}`,
      command: `drayage resume ${shellWord(table)}`,
    });
  if (rejects !== undefined)
    found.push({
      cause: "rejects",
      table,
      since: rejects.since,
      count: rejects.records,
      message: `${rejects.records === 1 ? "1 record was" : `${rejects.records} records were`} rejected`,
      command: `drayage rejects list ${shellWord(table)}`,
    });
  if (rescued !== undefined) {
    const { columns, reason, since, passing, statements } = rescued;
    found.push({
      cause: "rescued",
      table,
      since,
      count: columns.length,
      message: passing
        ? `Values of ${columns.join(", ")} wait in _rescued until the table can be altered: ${reason}`
        : `Values that ${columns.join(", ")} cannot take are in _rescued: ${reason}`,
      command: passing
        ? `drayage load ${shellWord(table)}`
        : columns.length > 1
          ? `drayage explain ${shellWord(table)}`
          : statements.map((statement) => `${statement};`).join(" "),
    });
  }
  return found;
}

function ofBackfill({ table, words, since, running }: StatusFacts["backfills"][number]): Attention {
  return {
    cause: "backfill",
    table,
    since,
    message: running
      ? `The backfill ${words} has not come to its end`
      : `The backfill ${words} was broken off; the same command goes on with it`,
    command: running ? "drayage history --runs" : `drayage backfill ${shellWord(table)} ${words}`,
  };
}

function ofAlerts({ undelivered }: StatusFacts): Attention[] {
  if (undelivered === undefined) return [];
  const { events, since, fault, givenUp } = undelivered;
  const left = givenUp === 0 ? "each run tries again" : givenUp === events ? "given up" : `${givenUp} of them given up`;
  return [
    {
      cause: "alerts",
      since,
      count: events,
      message: `${events === 1 ? "1 alert was" : `${events} alerts were`} not delivered, ${left}: the webhook ${fault}`,
      command: "check alerts.webhook, then drayage load",
    },
  ];
}

function failedCommand(table: string, failed: NonNullable<TableFacts["failed"]>): string {
  if (failed.passing) return `drayage load ${shellWord(table)}`;
  if (failed.code === "DELETE_LIMIT") return `drayage load ${shellWord(table)} --allow-deletes`;
  if (failed.code === "REJECT_LIMIT") return `drayage plan ${shellWord(table)}`;
  // Named, an object is tried again whatever its failure was.
  return failed.objects === 1
    ? `drayage load ${shellWord(table)} --object ${shellWord(failed.key)}`
    : `drayage retry ${shellWord(table)}`;
}

function entryOf(code: string): { readonly summary: string } | undefined {
  return Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : undefined;
}

function objectsText(count: number): string {
  return count === 1 ? "1 object" : `${count} objects`;
}
