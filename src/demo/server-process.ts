/** Runs a server so that it ends with its parent, however the parent ends, and takes its directory along. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { UnprivilegedUser } from "./unprivileged-user.ts";

/**
 * The shell around the server. A reader waits on a pipe whose other end only the parent holds: when the parent is gone, by
 * SIGKILL too, the pipe ends, the server is shut down and the directory removed. A word in the pipe ends the server and leaves
 * the directory, and so does a crash, because the log in it says why.
 * Arguments: directory, `keep` or `bound`, `remove` or `leave`, then the server's program and arguments.
 */
const wrapper = `
dir=$1 life=$2 end=$3; shift 3
exec 3<&0 </dev/null
"$@" 3<&- & server=$!
trap ': >"$dir/abandoned"; kill -INT "$server"' TERM
if [ "$life" = bound ]; then
  (
    trap - TERM
    read -r order <&3 || { order=fast; : >"$dir/abandoned"; }
    if [ "$order" = crash ]; then kill -QUIT "$server"; else kill -INT "$server"; fi
  ) & reader=$!
fi
while kill -0 "$server" 2>/dev/null; do wait "$server"; code=$?; done
[ "$life" = bound ] && kill "$reader" 2>/dev/null
if [ "$end" = remove ] && [ -e "$dir/abandoned" ]; then cd / && rm -rf -- "$dir"; fi
exit "\${code:-0}"
`;

export interface ServerProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** The server's directory: its log goes there as `log`. */
  readonly dir: string;
  readonly user: UnprivilegedUser | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** It outlives this process, until SIGTERM to `pid`. */
  readonly keep: boolean;
  /** Remove the directory when the parent is gone, or at SIGTERM. */
  readonly removeDirectory: boolean;
}

export interface ServerProcess {
  /** SIGTERM to it shuts the server down and removes the directory. */
  readonly pid: number;
  readonly hasEnded: () => boolean;
  /** Ends the server and waits for it; the directory stays, but not that of a kept one. `crash` leaves it in need of recovery. */
  stop(how: "fast" | "crash"): Promise<void>;
}

export function startServerProcess(options: ServerProcessOptions): ServerProcess {
  const { program, args, dir, user, env, keep, removeDirectory } = options;
  const log = openSync(join(dir, "log"), "a");
  const life = keep ? "keep" : "bound";
  const child = spawn(
    "/bin/sh",
    ["-c", wrapper, "sh", dir, life, removeDirectory ? "remove" : "leave", program, ...args],
    {
      // A session of its own: ^C in the terminal is for the parent, which still needs the server to finish its work.
      detached: true,
      cwd: dir,
      env,
      stdio: [keep ? "ignore" : "pipe", log, log],
      ...user,
    },
  );
  closeSync(log);
  const ended = once(child, "close");
  // The wait in `stop` sees a failure to start; without a listener it would end the process.
  ended.catch(() => undefined);
  // A parent that forgets `stop` can still come to its end, and the server with it.
  child.unref();
  (child.stdin as Socket | null)?.unref();
  child.stdin?.on("error", () => undefined);
  return {
    pid: child.pid ?? 0,
    hasEnded: () => hasEnded(child),
    async stop(how) {
      if (hasEnded(child)) return;
      child.ref();
      if (child.stdin === null) child.kill("SIGTERM");
      else child.stdin.end(`${how}\n`);
      await ended;
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
