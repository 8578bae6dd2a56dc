/** `drayage migrate`: the state schema, by itself. */
import { migrate } from "../warehouse/migrate.ts";
import { Session } from "../warehouse/session.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { printResult } from "./terminal.ts";

export async function runMigrate(host: Host, options: GlobalOptions): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const session = await Session.connect(config.warehouse, "migrate", config.source.timezone);
  try {
    const applied = await migrate(session, config.warehouse.stateSchema);
    if (terminal.json) host.stdout.write(`${JSON.stringify({ format: 1, command: "migrate", exit: 0, applied })}\n`);
    else if (applied.length === 0)
      printResult(terminal, `The state schema ${config.warehouse.stateSchema} is up to date.`);
    else printResult(terminal, `Applied to the state schema ${config.warehouse.stateSchema}: ${applied.join(", ")}`);
    return 0;
  } finally {
    await session.close();
  }
}
