/** The commands about records that could not be loaded: what they are called, what they take. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../config/suggest.ts";
import { rejectEntries } from "../warehouse/reject-reasons.ts";
import type { Host } from "./context.ts";
import { wholeNumber } from "./mending-commands.ts";
import type { Run } from "./set-up-commands.ts";

export function rejectsCommands(program: Command, host: Host, run: Run): void {
  const rejects = program.command("rejects").description("records that could not be loaded");
  selecting(rejects.command("list [table...]", { isDefault: true }))
    .description("by table, reason and object; no cell values")
    .option("--limit <n>", "how many to list", wholeNumber, 50)
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./rejects-command.ts")).runRejectsList(host, names, command.optsWithGlobals()),
      ),
    );
  rejects
    .command("show <id>")
    .description("one reject: place, reason, what to do; no cell values")
    .option("--record", "with its record and the server's words")
    .action(
      run(async (id: string, _: unknown, command: Command) =>
        (await import("./rejects-command.ts")).runRejectsShow(host, id, command.optsWithGlobals()),
      ),
    );
  selecting(rejects.command("replay [table...]"))
    .description("after the fix: read the records again and load them")
    .option("--id <n...>", "only these rejects")
    .option("--allow-deletes", "do not stop at delete_limit_pct")
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./replay-command.ts")).runRejectsReplay(host, names, command.optsWithGlobals()),
      ),
    );
  selecting(rejects.command("export [table...]"))
    .description("the records as DMS wrote them, or their keys, into a file; a file for each shape")
    .addOption(new Option("--format <format>", "how they are written").choices(["csv", "ndjson"]).default("csv"))
    .option("--out <file>", "where they go; - is standard output")
    .option("--keys", "their keys alone, to fetch the rows anew from the source")
    .option("--id <n...>", "only these rejects")
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./export-command.ts")).runRejectsExport(host, names, command.optsWithGlobals()),
      ),
    );
  rejects
    .command("purge [table...]")
    .description("delete rejects; says how many, and wants --yes")
    .option("--before <time>", "those that came before: 90d, or 2026-03-01T10:00 (UTC)")
    .option("--replayed", "those that are in")
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./purge-command.ts")).runRejectsPurge(host, names, command.optsWithGlobals()),
      ),
    );
}

function selecting(command: Command): Command {
  return command
    .option("--reason <reason>", "only this reason", knownReason)
    .option("--object <key>", "only of this object");
}

function knownReason(text: string): string {
  const reasons = Object.keys(rejectEntries);
  if (reasons.includes(text)) return text;
  const near = didYouMean(text, reasons).replace("; did", " Did");
  throw new InvalidArgumentError(near === "" ? `It must be one of ${reasons.join(", ")}.` : `No reject has it.${near}`);
}
