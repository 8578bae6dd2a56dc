/** Feeds the readers of CSV and documents with bytes that nobody meant, for as long as asked: npm run fuzz -- --minutes 10. */
import { spawn } from "node:child_process";
import { Command, InvalidArgumentError } from "commander";

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return number;
}

const { minutes, seed } = new Command("fuzz")
  .option("--minutes <n>", "how long, for both readers together", positive, 10)
  .option(
    "--seed <n>",
    "the inputs of a run are those of its seed; one that fails prints it",
    positive,
    Date.now() % 2 ** 31,
  )
  .parse()
  .opts<{ minutes: number; seed: number }>();

process.stdout.write(`fuzz: ${minutes} minutes, seed ${seed}\n`);
spawn("npx", ["vitest", "run", "--project", "unit", "test/rows/fuzz.test.ts"], {
  stdio: "inherit",
  env: { ...process.env, FUZZ_MINUTES: String(minutes), FUZZ_SEED: String(seed) },
}).on("exit", (code) => process.exit(code ?? 1));
