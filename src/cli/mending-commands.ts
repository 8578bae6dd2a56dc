/** The commands for when something is wrong: what they are called, what they take. */
import { Argument, type Command, InvalidArgumentError, Option } from "commander";
import type { Host } from "./context.ts";
import type { Run } from "./set-up-commands.ts";

export function mendingCommands(program: Command, host: Host, run: Run): void {
  program
    .command("retry [table...]")
    .description("objects that failed for a lasting reason, after the fix")
    .option("--concurrency <n>", "tables at a time", wholeNumber)
    .option("--reject-limit <n>", "most rejected records of an object", wholeNumber)
    .option("--allow-deletes", "do not stop at delete_limit_pct")
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./load-command.ts")).runRetry(host, names, command.optsWithGlobals()),
      ),
    );
  program
    .command("backfill <table>")
    .description("load a range again: one of --from/--to, --object, --full-load, --all")
    .option("--from <time>", "changes from this file time on: 3d, or 2026-03-01T10:00 (UTC)")
    .option("--to <time>", "changes before this file time")
    .option("--object <key...>", "these objects")
    .option("--full-load", "the full load")
    .option("--all", "everything that was loaded")
    .option("--dry-run", "say what it would load, and end")
    .option("--restart", "begin anew, not where the same backfill was broken off")
    .option("--reject-limit <n>", "most rejected records of an object", wholeNumber)
    .option("--allow-deletes", "do not stop at delete_limit_pct")
    .action(
      run(async (name: string, _: unknown, command: Command) =>
        (await import("./backfill-command.ts")).runBackfillCommand(host, name, command.optsWithGlobals()),
      ),
    );
  program
    .command("validate <table...>")
    .description("compare tables with what their objects say; changes nothing")
    .option("--sample <n>", "compare about so many keys", wholeNumber)
    .option("--counts <file>", "rows in the source database: a CSV of table,count")
    .option("--report <file>", "one HTML page, without cell values")
    .option("--limit <n>", "rows of each difference to list", wholeNumber, 20)
    .addOption(new Option("--samples <kind>", "keys, least and greatest cells").choices(["full", "masked", "none"]))
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./validate-command.ts")).runValidateCommand(host, names, command.optsWithGlobals()),
      ),
    );
  program
    .command("refresh <table>")
    .description("make a table what its objects say, by the difference, in one commit")
    .option("--dry-run", "print the difference, and end: as validate")
    .option("--as-of <time>", "as it was then: 3d, or 2026-03-01T10:00 (UTC); later objects wait, the table is paused")
    .option("--without <key...>", "as if these objects had never come; they are marked skipped")
    .option("--reason <text>", "why, for whoever sees it")
    .option("--allow-deletes", "do not stop at delete_limit_pct")
    .option("--limit <n>", "rows of each difference to list", wholeNumber, 20)
    .addOption(new Option("--samples <kind>", "keys, least and greatest cells").choices(["full", "masked", "none"]))
    .action(
      run(async (name: string, _: unknown, command: Command) =>
        (await import("./refresh-command.ts")).runRefreshCommand(host, name, command.optsWithGlobals()),
      ),
    );
  program
    .command("pause <table>")
    .description("loads leave the table alone, and say so")
    .option("--reason <text>", "why, for whoever sees it")
    .option("--until <time>", "when it ends by itself: 3d, or 2026-03-01T10:00 (UTC)")
    .action(
      run(async (name: string, _: unknown, command: Command) =>
        (await import("./pause-command.ts")).runPause(host, name, command.optsWithGlobals()),
      ),
    );
  program
    .command("resume <table>")
    .description("end a pause")
    .action(
      run(async (name: string, _: unknown, command: Command) =>
        (await import("./pause-command.ts")).runResume(host, name, command.optsWithGlobals()),
      ),
    );
  program
    .command("mark")
    .description("say of objects that they are loaded, pending or skipped")
    .addArgument(new Argument("<status>", "what they are from now on").choices(["loaded", "pending", "skipped"]))
    .argument("<table>")
    .option("--object <key...>", "these objects")
    .option("--before <time>", "those with an earlier file time (full loads: that came earlier)")
    .action(
      run(async (mark: "loaded" | "pending" | "skipped", name: string, _: unknown, command: Command) =>
        (await import("./mark-command.ts")).runMark(host, mark, name, command.optsWithGlobals()),
      ),
    );
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}
