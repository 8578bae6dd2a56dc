/** The command line: commands in four groups, global options, and the one place where an error becomes text and an exit code. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { didYouMean } from "../config/suggest.ts";
import { DrayageError } from "../errors.ts";
import { rejectEntries } from "../warehouse/reject-reasons.ts";
import { type GlobalOptions, type Host, Interrupted, programVersion, terminalOf } from "./context.ts";
import { asKnown, errorJson, errorText, traceText } from "./print-error.ts";
import { type Run, setUpCommands } from "./set-up-commands.ts";

/** Runs the command line; resolves with the exit code. */
export async function runProgram(host: Host): Promise<number> {
  let exit = 0;
  const program = buildProgram(host, (code) => {
    exit = code;
  });
  try {
    // Without a word the help is the answer, not an error.
    await program.parseAsync(host.argv.length === 0 ? ["--help"] : [...host.argv], { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof Interrupted) return error.exit;
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === "commander.help"))
      return error.exitCode === 0 ? 0 : 2;
    const known = error instanceof CommanderError ? usageError(error) : asKnown(error);
    // A command line that was not understood may have left its options unread.
    const json = host.argv.includes("--json") ? { json: true } : {};
    const terminal = terminalOf(host, { ...program.opts<GlobalOptions>(), ...json });
    if (terminal.json)
      host.stdout.write(`${JSON.stringify({ format: 1, exit: known.exit, error: errorJson(known) }, undefined, 2)}\n`);
    else
      host.stderr.write(
        `${errorText({ ...terminal, colour: terminal.colour && host.stderr.isTTY === true }, known)}\n`,
      );
    if (terminal.verbose) host.stderr.write(`${traceText(known)}\n`);
    return known.exit;
  }
}

function usageError(error: CommanderError): DrayageError {
  const message = withChoice(error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " "));
  return new DrayageError("USAGE", { message: message.charAt(0).toUpperCase() + message.slice(1) });
}

/** Commander lists what an option takes; the one that was meant stands first. */
function withChoice(message: string): string {
  const [, given, choices] = /'([^']*)' is invalid.* Allowed choices are (.*)\.$/.exec(message) ?? [];
  return given === undefined
    ? message
    : message + didYouMean(given, (choices ?? "").split(", ")).replace("; did", " Did");
}

function buildProgram(host: Host, setExit: (code: number) => void): Command {
  const program = new Command("drayage");
  program
    .description("Loads what AWS DMS drops in S3 into PostgreSQL: typed, flat, every record accounted for.")
    .version(programVersion(), "--version", "print the version")
    .helpOption("--help", "print help")
    .helpCommand(false)
    .addOption(new Option("--config <file>", "config file").env("DRAYAGE_CONFIG").default(undefined, "drayage.yaml"))
    .option("--json", "one JSON document on standard output")
    .option("--verbose", "more log, and where an error came from")
    .option("--quiet", "errors alone")
    .option("--no-color", "no colour (also NO_COLOR)")
    .option("--yes", "answer every question with yes")
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
      // Printed where every error is: see runProgram.
      outputError: () => undefined,
    });

  const run =
    <A extends unknown[]>(work: (...args: A) => Promise<number>) =>
    async (...args: A) =>
      setExit(await work(...args));
  const options = (command: Command) => command.optsWithGlobals();

  program.commandsGroup("Every day:");
  loadOptions(
    program.command("load [table...]").description("load everything new, and what failed for a passing reason"),
  )
    .option("--dry-run", "the same as plan")
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./load-command.ts")).runLoadCommand(host, names, options(command)),
      ),
    );
  program
    .command("plan [table...]")
    .description("dry run: columns, types, statements and rejects; of a URL without a config or a warehouse")
    .option("--limit <n>", "records read of each table", wholeNumber, 10_000)
    .option("--full", "read every record")
    .option("--sql", "print the statements alone")
    .option("--yaml", "print lines to paste into the config")
    .addOption(new Option("--samples <kind>", "sample values").choices(["full", "masked", "none"]))
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./plan-command.ts")).runPlan(host, names, options(command)),
      ),
    );

  program
    .command("status [table...]")
    .description("what needs attention first, each with the command that mends it")
    .option("--watch", "draw it anew every 5 seconds")
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./status-command.ts")).runStatus(host, names, options(command)),
      ),
    );

  program
    .command("schedule")
    .description("the service: load whenever schedule.cron says so, until a signal")
    .action(
      run(async (_: unknown, command: Command) =>
        (await import("./schedule-command.ts")).runSchedule(host, options(command)),
      ),
    );

  program.commandsGroup("When something is wrong:");
  mendingCommands(program, host, run);
  rejectsCommands(program, host, run);

  program.commandsGroup("Look closer:");
  program
    .command("history [table...]")
    .description("objects and what became of them, newest first")
    .option("--limit <n>", "how many to list", wholeNumber, 30)
    .option("--runs", "runs instead of objects")
    .option("--since <time>", "from this time on: 3d, or 2026-03-01T10:00 (UTC)")
    .option("--object <glob>", "only objects whose key matches")
    .addOption(
      new Option("--status <status>", "only this status").choices([
        "pending",
        "loading",
        "loaded",
        "loaded_with_rejects",
        "failed",
        "skipped",
        "superseded",
      ]),
    )
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./history-command.ts")).runHistory(host, names, options(command)),
      ),
    );

  setUpCommands(program, host, run);
  return program;
}

function mendingCommands(program: Command, host: Host, run: Run): void {
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

function loadOptions(command: Command): Command {
  return command
    .option("--object <key...>", "only these objects, also when they wait for a change")
    .option("--concurrency <n>", "tables at a time", wholeNumber)
    .option("--reject-limit <n>", "most rejected records of an object", wholeNumber)
    .option("--allow-deletes", "do not stop at delete_limit_pct");
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

function knownReason(text: string): string {
  const reasons = Object.keys(rejectEntries);
  if (reasons.includes(text)) return text;
  const near = didYouMean(text, reasons).replace("; did", " Did");
  throw new InvalidArgumentError(near === "" ? `It must be one of ${reasons.join(", ")}.` : `No reject has it.${near}`);
}

function rejectsCommands(program: Command, host: Host, run: Run): void {
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
