/** `drayage doctor`: source, warehouse and rights, one line each, with what mends it. Changes nothing. */
import { randomUUID } from "node:crypto";
import { readEnvironment } from "../config/environment.ts";
import { checkSetup, type Finding } from "../load/check-setup.ts";
import { openSource } from "../source/open-source.ts";
import { configOf, type GlobalOptions, type Host, terminalOf } from "./context.ts";
import { printResult, safeText, type Terminal, type Tone, tone } from "./terminal.ts";

const words: Readonly<Record<Finding["level"], readonly [word: string, tone: Tone]>> = {
  good: ["ok", "good"],
  note: ["note", "warn"],
  bad: ["bad", "bad"],
};

/** 7 when something would stop a load. */
export async function runDoctor(
  host: Host,
  options: GlobalOptions & { readonly sendTestAlert?: boolean },
): Promise<number> {
  const terminal = terminalOf(host, options);
  const config = configOf(host, options);
  const env = readEnvironment(config.file, host.env);
  const findings = await checkSetup(
    config,
    () => openSource(config.source, env),
    () => new Date(),
    options.sendTestAlert === true ? { newId: randomUUID, now: new Date() } : undefined,
  );
  const exit = findings.some(({ level }) => level === "bad") ? 7 : 0;
  if (terminal.json)
    host.stdout.write(`${JSON.stringify({ format: 1, command: "doctor", exit, findings }, undefined, 2)}\n`);
  else printResult(terminal, findingsText(terminal, findings));
  return exit;
}

function findingsText(terminal: Terminal, findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map(({ check, level, text, fix }) => {
    const [word, kind] = words[level];
    const line = `${tone(terminal, kind, word.padEnd(4))}  ${check.padEnd(width)}  ${safeText(text)}`;
    return fix === undefined ? line : `${line}\n      ${tone(terminal, "dim", "fix".padEnd(width))}  ${safeText(fix)}`;
  });
  const bad = findings.filter(({ level }) => level === "bad").length;
  const last =
    bad === 0
      ? tone(terminal, "good", "Nothing stands in the way of a load.")
      : `${bad === 1 ? "1 thing" : `${bad} things`} would stop a load.`;
  return [...lines, "", last].join("\n");
}
