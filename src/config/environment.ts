/** The environment that a config is expanded with: the real one, over the `.env` beside the config. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parse } from "dotenv";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Text of a file; throws what node:fs throws. */
export type ReadFile = (path: string) => string;

export function readText(path: string): string {
  return readFileSync(path, "utf8");
}

/**
 * `env` with what only `.env` sets. Nothing is written to either: who wants to hand the AWS settings of `.env` to the SDK takes
 * them from the result. No `.env` is no error; one that cannot be read throws.
 */
export function readEnvironment(configFile: string, env: Environment, readFile: ReadFile = readText): Environment {
  let text: string;
  try {
    text = readFile(join(dirname(resolve(configFile)), ".env"));
  } catch (error) {
    if (isMissing(error)) return env;
    throw error;
  }
  const merged: Record<string, string | undefined> = { ...parse(text) };
  for (const [name, value] of Object.entries(env)) if (value !== undefined) merged[name] = value;
  return merged;
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
