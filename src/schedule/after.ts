/** What runs when a pass has loaded something: shell commands and webhooks, one run of them at a time, never in a pass's way. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { AfterStep } from "../config/config.ts";
import { DrayageError } from "../errors.ts";
import type { Logger } from "../observe/logger.ts";
import { callWebhook } from "../observe/webhook.ts";

/** What was loaded since the steps last began. */
export interface Loaded {
  readonly runId: bigint;
  readonly tables: readonly string[];
}

export interface AfterSettings {
  readonly steps: readonly AfterStep[];
  /** Where commands run: the config's directory. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  /** Milliseconds before a webhook that failed is called again, each once. */
  readonly webhookPausesMs?: readonly number[] | undefined;
}

const longestLine = 2_000;
const webhookTimeoutMs = 30_000;
const usualPausesMs = [1_000, 5_000];

export class After {
  readonly #settings: AfterSettings;
  readonly #stop = new AbortController();
  #waiting: Loaded | undefined;
  #running: Promise<void> | undefined;
  #child: ChildProcess | undefined;

  constructor(settings: AfterSettings) {
    this.#settings = settings;
  }

  /** Begins the steps, or begins them again when those in progress have ended: what was loaded meanwhile is not forgotten. */
  loaded(loaded: Loaded): void {
    if (this.#settings.steps.length === 0 || this.#stop.signal.aborted) return;
    const tables = new Set([...(this.#waiting?.tables ?? []), ...loaded.tables]);
    this.#waiting = { runId: loaded.runId, tables: [...tables].sort() };
    if (this.#running !== undefined)
      this.#settings.log.warn("after: the steps still run, and run again when they end", run(loaded));
    else
      this.#running = this.#drain().finally(() => {
        this.#running = undefined;
      });
  }

  /** Ends what runs; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#waiting = undefined;
    this.#stop.abort();
    this.kill("SIGTERM");
    await this.#running;
  }

  /** The command with everything that it started. */
  kill(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It ended by itself.
    }
  }

  async #drain(): Promise<void> {
    for (let loaded = this.#waiting; loaded !== undefined; loaded = this.#waiting) {
      this.#waiting = undefined;
      for (const [i, step] of this.#settings.steps.entries()) {
        if (this.#stop.signal.aborted) return;
        await this.#step(step, i + 1, loaded);
      }
    }
  }

  /** Never rejects. Steps are known by their number: their texts may hold secrets. */
  async #step(step: AfterStep, number: number, loaded: Loaded): Promise<void> {
    const { log } = this.#settings;
    const fields = { ...run(loaded), step: number };
    log.info("after: step begins", fields);
    const fault = await (step.kind === "command"
      ? this.#command(step.command, number, loaded)
      : this.#webhook(step.url, loaded));
    if (fault === undefined) {
      log.info("after: step ended", fields);
      return;
    }
    const error = new DrayageError("AFTER_FAILED", { message: `Step ${number} of schedule.after ${fault}` });
    log.error(error.message, { ...fields, code: error.code, next: error.next });
  }

  async #command(command: string, number: number, loaded: Loaded): Promise<string | undefined> {
    const child = spawn(command, {
      shell: true,
      // A process group of its own, so that a stop reaches what the shell started.
      detached: true,
      cwd: this.#settings.directory,
      env: { ...this.#settings.env, DRAYAGE_RUN_ID: loaded.runId.toString(), DRAYAGE_TABLES: loaded.tables.join(",") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.#logLines(child.stdout, "stdout", number, loaded);
    this.#logLines(child.stderr, "stderr", number, loaded);
    try {
      return await new Promise<string | undefined>((resolve) => {
        child.once("error", (error: NodeJS.ErrnoException) =>
          resolve(`could not be started (${error.code ?? "unknown"})`),
        );
        child.once("exit", (code, signal) => {
          const fault = code === null ? `was ended by ${signal ?? "a signal"}` : `ended with exit code ${code}`;
          const end = () => resolve(code === 0 ? undefined : fault);
          // Its last lines; but something that it left in the background may hold its output open for ever.
          child.once("close", end);
          setTimeout(end, 1_000).unref();
        });
      });
    } finally {
      this.#child = undefined;
    }
  }

  #logLines(stream: Readable, name: "stdout" | "stderr", number: number, loaded: Loaded): void {
    createInterface({ input: stream }).on("line", (line) => {
      const text = line.replaceAll(/\p{Cc}\[[\d;]*m|\p{Cc}/gu, "");
      if (text !== "")
        this.#settings.log.info(`after: ${text.slice(0, longestLine)}`, { ...run(loaded), step: number, stream: name });
    });
  }

  async #webhook(url: string, { runId, tables }: Loaded): Promise<string | undefined> {
    const body = { format: 1, event: "loaded", run_id: Number(runId), tables };
    let fault = "";
    for (let attempt = 0; ; attempt++) {
      const found = await callWebhook({ url, body, timeoutMs: webhookTimeoutMs, signal: this.#stop.signal });
      if (found === undefined) return undefined;
      fault = found;
      const pause = (this.#settings.webhookPausesMs ?? usualPausesMs)[attempt];
      if (pause === undefined || this.#stop.signal.aborted) return fault;
      await sleep(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}

function run(loaded: Loaded): { run: string } {
  return { run: loaded.runId.toString() };
}
