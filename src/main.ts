#!/usr/bin/env node
/** The program: the process's arguments, environment and streams in, an exit code out. */
import { hostname } from "node:os";
import { runProgram } from "./cli/program.ts";

// A reader that went away (`drayage history | head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

// The SDK's notice about its own future is nothing that the person on call can act on.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  pid: process.pid,
  hostname: hostname(),
});
