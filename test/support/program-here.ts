/** Runs the command line in this process, on a workplace: what a process of its own would print, without the second that it takes to start. */
import { join } from "node:path";
import { Writable } from "node:stream";
import type { Host } from "../../src/cli/context.ts";
import { runProgram } from "../../src/cli/program.ts";
import type { Ran } from "./drayage.ts";
import type { Workplace } from "./workplace.ts";

/** Files that the arguments name are relative to this process's directory. */
export async function programHere(place: Workplace, ...args: readonly string[]): Promise<Ran> {
  const stdout = kept();
  const stderr = kept();
  const host: Host = {
    argv: [...args, "--config", join(place.dir, "drayage.yaml")],
    env: { DATABASE_URL: place.url },
    stdout: stdout.stream,
    stderr: stderr.stream,
    pid: process.pid,
    hostname: "test",
  };
  const exit = await runProgram(host);
  return { exit, stdout: stdout.said(), stderr: stderr.said() };
}

function kept(): { readonly stream: NodeJS.WriteStream; said(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream: stream as NodeJS.WriteStream, said: () => Buffer.concat(chunks).toString("utf8") };
}
