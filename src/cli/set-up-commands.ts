/** The commands that set drayage up: the last group of `drayage --help`. */
import type { Command } from "commander";
import type { Host } from "./context.ts";

/** What a command does, and its exit code. */
export type Run = <A extends unknown[]>(work: (...args: A) => Promise<number>) => (...args: A) => Promise<void>;

export function setUpCommands(program: Command, host: Host, run: Run): void {
  program.commandsGroup("Set up:");
  program
    .command("init [url]")
    .description("look at what lies below a URL and write drayage.yaml for it")
    .option("--columns <file>", "names, types and keys: an export of information_schema.columns")
    .option("--add", "append folders found since to the config that is there; touch nothing else in it")
    .action(
      run(async (url: string | undefined, own: { add?: boolean }, command: Command) =>
        own.add === true
          ? (await import("./init-add.ts")).runInitAdd(host, url, command.optsWithGlobals())
          : (await import("./init-command.ts")).runInit(host, url, command.optsWithGlobals()),
      ),
    );
  program
    .command("demo")
    .description("three hours of objects from S3 into a real PostgreSQL, both started here")
    .option("--keep", "leave both servers running and print their addresses")
    .action(
      run(async (_: unknown, command: Command) =>
        (await import("./demo-command.ts")).runDemo(host, command.optsWithGlobals()),
      ),
    );
  program
    .command("doctor")
    .option("--send-test-alert", "post a message to alerts.webhook, to see it arrive")
    .description("source, warehouse and rights: what would stop a load, with what mends it")
    .action(
      run(async (_: unknown, command: Command) =>
        (await import("./doctor-command.ts")).runDoctor(host, command.optsWithGlobals()),
      ),
    );
  program
    .command("migrate")
    .description("bring the state schema to this version (load does it by itself)")
    .action(
      run(async (_: unknown, command: Command) =>
        (await import("./migrate-command.ts")).runMigrate(host, command.optsWithGlobals()),
      ),
    );
}
