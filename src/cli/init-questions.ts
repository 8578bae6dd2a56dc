/** What the data cannot answer: asked on a terminal, else the default is taken and the file says so. */
import { createInterface } from "node:readline/promises";
import { type Host, Interrupted } from "./context.ts";
import type { Answer } from "./init-text.ts";

export interface Question {
  readonly text: string;
  /** The first is the default. */
  readonly choices: readonly string[];
}

export const fullLoadQuestion: Question = {
  text: `What does a set of LOAD objects hold?
  once      the tables as they were when DMS began; changes come as objects of their own
  snapshot  the whole table, again and again: hourly or nightly full loads
  changes   only rows that are new or changed since the set before`,
  choices: ["once", "snapshot", "changes"],
};

export const deletesQuestion: Question = {
  text: `What shall become of a row that is deleted in the source?
  hard      it is deleted here, too
  soft      it stays, with the time in _deleted_at
  ignore    it stays as it is`,
  choices: ["hard", "soft", "ignore"],
};

/** Asks until one of the choices, or its first letters, was typed. */
export async function ask(host: Host, { text, choices }: Question): Promise<Answer> {
  const [first = ""] = choices;
  host.stdout.write(`\n${text}\n`);
  for (;;) {
    const typed = (await line(host, `${choices.join(", ")} [${first}]: `)).trim().toLowerCase();
    if (typed === "") return { value: first, asked: true };
    const fitting = choices.filter((choice) => choice.startsWith(typed));
    if (fitting.length === 1 && fitting[0] !== undefined) return { value: fitting[0], asked: true };
    host.stdout.write(`That is none of ${choices.join(", ")}.\n`);
  }
}

export async function confirm(host: Host, text: string): Promise<boolean> {
  return /^y(?:es)?$/i.test((await line(host, `${text} [y/N]: `)).trim());
}

async function line(host: Host, prompt: string): Promise<string> {
  if (host.stdin === undefined) return "";
  const reader = createInterface({ input: host.stdin, output: host.stdout });
  const interrupted = new AbortController();
  reader.once("SIGINT", () => interrupted.abort());
  // The end of the input is no answer either.
  reader.once("close", () => interrupted.abort());
  try {
    return await reader.question(prompt, { signal: interrupted.signal });
  } catch {
    host.stdout.write("\n");
    throw new Interrupted(130);
  } finally {
    reader.close();
  }
}
