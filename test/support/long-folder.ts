/** A folder of very many change objects, a minute apart: computed, so that nobody has to hold them. And a server of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const longFolder = "life/long";
/** Of every object. */
export const longBody = Buffer.from("Op,id,v\nU,1,b\n");

export function longModified(i: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + i * 60_000);
}

export function longKey(i: number): string {
  const name = longModified(i)
    .toISOString()
    .replaceAll(/[-:.Z]/g, "")
    .replace("T", "-");
  return `${longFolder}/${name}.csv`;
}

/** Of the first of so many keys that comes after this one. */
export function positionAfter(count: number, key: string): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (longKey(middle) <= key) from = middle + 1;
    else to = middle;
  }
  return from;
}

export interface LongServer {
  readonly endpoint: string;
  /** Of each object. */
  readonly size: number;
  stop(): Promise<void>;
}

/** In a process of its own; `pauseMs` before each page. */
export async function serveLongFolder(count: number, pauseMs: number): Promise<LongServer> {
  const entry = fileURLToPath(new URL("./serve-listing.ts", import.meta.url));
  const args = ["--import", import.meta.resolve("tsx"), entry, String(count), String(pauseMs)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    endpoint: `http://127.0.0.1:${line.toString().trim()}`,
    size: longBody.length,
    async stop() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}
