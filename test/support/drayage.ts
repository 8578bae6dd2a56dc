/** Runs the built program as a process of its own, as a person or a cron would. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

/** What `npm run build` makes; `npm test` builds first. */
export const program = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

export interface RunOptions {
  readonly cwd: string;
  /** The whole environment but PATH: nothing of this machine's settings or credentials gets in. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Milliseconds after which it is killed. Default 60,000. */
  readonly timeout?: number | undefined;
  /** A module that is carried out before the program: what arms its failpoints. */
  readonly before?: string | undefined;
}

export interface Ran {
  /** -1 when it was killed. */
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that is still going. */
export interface RunningDrayage {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** Its standard output up to now. */
  said(): string;
  /** Its standard error up to now. */
  complained(): string;
  readonly ended: Promise<Ran>;
}

export function runDrayage(args: readonly string[], options: RunOptions): Promise<Ran> {
  return startDrayage(args, options).ended;
}

export function startDrayage(args: readonly string[], options: RunOptions): RunningDrayage {
  const before =
    options.before === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(options.before)}`];
  const child = spawn(process.execPath, [...before, program, ...args], {
    cwd: options.cwd,
    // A machine role would be asked for over the network, and ~/.aws would be read.
    env: { PATH: process.env.PATH, HOME: tmpdir(), AWS_EC2_METADATA_DISABLED: "true", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeout ?? 60_000,
    killSignal: "SIGKILL",
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({
        exit: code ?? -1,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: Buffer.concat(stderr).toString("utf8"),
      });
    });
  });
  return {
    pid: child.pid ?? -1,
    kill: (signal) => void child.kill(signal),
    said: () => Buffer.concat(stdout).toString("utf8"),
    complained: () => Buffer.concat(stderr).toString("utf8"),
    ended,
  };
}
