/** Runs the built program as a process of its own, as a person or a cron would. */
import { spawn } from "node:child_process";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../src/cli/program.ts";

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

/**
 * The same in this process: all that main.ts does is to hand the process over. Starting one costs a second; what is about the
 * process itself (its signals, its memory, its environment's credentials) starts one.
 */
export async function runHere(args: readonly string[], options: RunOptions): Promise<Ran> {
  const [stdout, stderr] = [new KeptStream(), new KeptStream()];
  const env = { DRAYAGE_CONFIG: join(options.cwd, "drayage.yaml"), HOME: tmpdir(), ...options.env };
  const exit = await runProgram({
    argv: args,
    env,
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
    pid: process.pid,
    hostname: hostname(),
  });
  return { exit, stdout: stdout.text(), stderr: stderr.text() };
}

class KeptStream extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString("utf8");
  }
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
