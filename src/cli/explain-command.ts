/** `drayage explain`: where a column comes from. */
import {
  type ExplainedColumn,
  type ExplainedRescue,
  type ExplainedTable,
  explainTable,
} from "../load/explain-table.ts";
import { formatCount } from "../observe/progress.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { stateNames, withState } from "./state-session.ts";
import { printResult, renderTable, safeText, type Terminal, tone } from "./terminal.ts";

export async function runExplain(
  host: Host,
  name: string,
  column: string | undefined,
  options: GlobalOptions,
): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const found = await withState(config, "explain", async (session) => {
    const tables: ExplainedTable[] = [];
    for (const table of await stateNames(session, config, [name])) {
      const explained = await explainTable(session, config, table, column);
      if (explained !== undefined) tables.push(explained);
    }
    return tables;
  });
  const tables = found ?? [];
  if (terminal.json)
    host.stdout.write(`${JSON.stringify({ format: 1, command: "explain", exit: 0, tables }, undefined, 2)}\n`);
  else if (found === undefined)
    printResult(terminal, "Nothing was ever loaded: there is no state schema yet. Run `drayage load`.");
  else printResult(terminal, tables.map((table) => tableText(terminal, table)).join("\n\n"));
  return 0;
}

function tableText(terminal: Terminal, { target, columns, rescued, changes }: ExplainedTable): string {
  const parts = [tone(terminal, "strong", safeText(target))];
  if (columns.length > 0) parts.push(columnsTable(terminal, columns));
  parts.push(...rescued.map((one) => rescueText(terminal, one)));
  if (changes.length > 0) {
    const lines = changes.map(({ at, run, statement }) =>
      [`  ${when(at)}`, run === null ? "" : `run ${run}`, safeText(statement.replaceAll(/\s+/g, " "))].join("  "),
    );
    parts.push(`${tone(terminal, "dim", "changes of the main table (UTC)")}\n${lines.join("\n")}`);
  }
  return parts.join("\n\n");
}

function columnsTable(terminal: Terminal, columns: readonly ExplainedColumn[]): string {
  return renderTable(
    ["column", "path", "type", "why", "first seen (UTC)", "in"].map((name) => tone(terminal, "dim", name)),
    columns.map((one) => [
      safeText(one.column),
      safeText(one.path),
      (one.type ?? "").replace("timestamp with time zone", "timestamptz"),
      safeText(one.why),
      when(one.firstSeen),
      safeText(one.object ?? "no object yet"),
    ]),
    [],
  );
}

function rescueText(terminal: Terminal, one: ExplainedRescue): string {
  const count = one.rows === undefined ? "" : `, ${formatCount(one.rows)} ${one.rows === 1 ? "row" : "rows"}`;
  const head = `${tone(terminal, "warn", "rescued")}  ${safeText(one.key)} (${one.type}${count}): ${safeText(one.reason)}`;
  const first = `  since ${when(one.firstSeen)}${one.object === undefined ? "" : `, ${safeText(one.object)}`}`;
  return [head, first, ...one.statements.map((statement) => `  ${safeText(statement)};`)].join("\n");
}

function when(time: Date): string {
  return time.toISOString().slice(0, 19).replace("T", " ");
}
