/** Where a command writes: results on standard output, everything else on standard error; colour on a terminal alone. */

import { styleText } from "node:util";
import Table from "cli-table3";

export type Tone = "good" | "bad" | "warn" | "dim" | "strong";

export interface Terminal {
  readonly out: NodeJS.WritableStream;
  readonly err: NodeJS.WritableStream;
  /** Whether somebody looks: a terminal on both streams, and no --json. */
  readonly interactive: boolean;
  readonly colour: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly width: number;
}

const tones: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  good: "green",
  bad: "red",
  warn: "yellow",
  dim: "dim",
  strong: "bold",
};

export function tone(terminal: Terminal, kind: Tone, text: string): string {
  return terminal.colour ? styleText(tones[kind], text, { validateStream: false }) : text;
}

/** What was asked for: --quiet leaves it. */
export function printResult(terminal: Terminal, text: string): void {
  terminal.out.write(`${text}\n`);
}

/** What a command tells by the way: --quiet leaves it out. */
export function print(terminal: Terminal, text: string): void {
  if (!terminal.quiet) terminal.out.write(`${text}\n`);
}

/** Names come from strangers: control characters would move the cursor or fake a line. */
export function safeText(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** A table without borders: columns two spaces apart, numbers to the right. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const none = {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
  };
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, i) => (right.includes(i) ? "right" : "left")),
    chars: { ...none, left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "", middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
