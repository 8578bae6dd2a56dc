/** `drayage schedule` of a workplace as a process of its own: its log as objects, its port, what it answers. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Ran, startDrayage } from "./drayage.ts";
import type { Workplace } from "./workplace.ts";

export interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly [name: string]: unknown;
}

export interface RunningSchedule {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Every line that is complete; throws when one is no JSON object. */
  log(): LogLine[];
  /** The first line for which `is` holds, once there is one. */
  line(is: (line: LogLine) => boolean): Promise<LogLine>;
  get(path: string, init?: RequestInit): Promise<Response>;
  /** SIGTERM, and what came of it. */
  stop(): Promise<Ran>;
  readonly ended: Promise<Ran>;
}

export function startSchedule(
  place: Workplace,
  options: { url?: string; env?: Readonly<Record<string, string>> } = {},
): RunningSchedule {
  const env = { HOME: place.dir, DATABASE_URL: options.url ?? place.url, ...options.env };
  const running = startDrayage(["schedule"], { cwd: place.dir, env });
  let ended = false;
  void running.ended.finally(() => {
    ended = true;
  });
  const log = () =>
    running
      .said()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  const line = async (is: (line: LogLine) => boolean): Promise<LogLine> => {
    for (;;) {
      const over = ended;
      const found = log().find(is);
      if (found !== undefined) return found;
      if (over) throw new Error(`it ended without such a line: ${running.said()}${(await running.ended).stderr}`);
      await sleep(20);
    }
  };
  return {
    pid: running.pid,
    kill: running.kill,
    log,
    line,
    async get(path, init) {
      const { port } = await line(({ message }) => message === "schedule started");
      return fetch(`http://127.0.0.1:${String(port)}${path}`, init ?? {});
    },
    stop() {
      running.kill("SIGTERM");
      return running.ended;
    },
    ended: running.ended,
  };
}

/** Asks again until it answers true. The test's own time-out ends a wait that is in vain. */
export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50);
}
