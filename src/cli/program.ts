/** The command line: commands in four groups, global options, and the one place where an error becomes text and an exit code. */
import { Command, CommanderError, Option } from "commander";
import { didYouMean } from "../config/suggest.ts";
import { DrayageError } from "../errors.ts";
import { loadStatuses } from "../warehouse/object-life.ts";
import { type GlobalOptions, type Host, Interrupted, programVersion, terminalOf } from "./context.ts";
import { mendingCommands, wholeNumber } from "./mending-commands.ts";
import { asKnown, errorJson, errorText, traceText } from "./print-error.ts";
import { rejectsCommands } from "./rejects-commands.ts";
import { setUpCommands } from "./set-up-commands.ts";

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
    .addOption(new Option("--status <status>", "only this status").choices(loadStatuses))
    .action(
      run(async (names: string[], _: unknown, command: Command) =>
        (await import("./history-command.ts")).runHistory(host, names, options(command)),
      ),
    );

  program
    .command("explain <table> [column]")
    .description("where a column comes from: path, type and why, first object, changes, what is rescued")
    .action(
      run(async (name: string, column: string | undefined, _: unknown, command: Command) =>
        (await import("./explain-command.ts")).runExplain(host, name, column, options(command)),
      ),
    );

  setUpCommands(program, host, run);
  return program;
}

function loadOptions(command: Command): Command {
  return command
    .option("--object <key...>", "only these objects, also when they wait for a change")
    .option("--concurrency <n>", "tables at a time", wholeNumber)
    .option("--reject-limit <n>", "most rejected records of an object", wholeNumber)
    .option("--allow-deletes", "do not stop at delete_limit_pct");
}
