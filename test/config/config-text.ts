/** Makes configs out of text, without a disk. */

import type { Config, TableConfig } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { DrayageError } from "../../src/errors.ts";

export interface Surroundings {
  readonly env?: Record<string, string | undefined>;
  /** By path; the config is `/etc/drayage/drayage.yaml`. */
  readonly files?: Record<string, string>;
}

export const configFile = "/etc/drayage/drayage.yaml";

export function configFrom(text: string, { env = {}, files = {} }: Surroundings = {}): Config {
  const all: Record<string, string> = { ...files, [configFile]: text };
  return loadConfig({
    file: configFile,
    env,
    readFile(path) {
      const found = all[path];
      if (found === undefined) throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
      return found;
    },
  });
}

/** The sections that every config needs, before `rest`. Three lines. */
export function minimal(rest: string): string {
  return `source: {url: "s3://lake/dms"}\nwarehouse: {url: "postgresql://u@h/db"}\n${rest}`;
}

export function tablesFrom(tables: string, before = ""): readonly TableConfig[] {
  return configFrom(minimal(`${before}tables:\n${tables}`)).tables;
}

/** The problem lines, without the file's name. */
export function problemsOf(text: string, surroundings?: Surroundings): string[] {
  return failureOf(text, surroundings).lines.map((line) => line.replace(`${configFile}:`, ""));
}

export function failureOf(text: string, surroundings?: Surroundings): DrayageError {
  try {
    configFrom(text, surroundings);
  } catch (error) {
    if (error instanceof DrayageError) return error;
    throw error;
  }
  throw new Error("the config was accepted");
}
