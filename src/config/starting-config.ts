/** The config of somebody who has none yet: every default, one source, no warehouse. */
import { DrayageError } from "../errors.ts";
import type { Config, TableConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import { loadConfig } from "./load-config.ts";

/** `url` is checked as source.url is; throws CONFIG_INVALID. */
export function startingConfig(url: string, env: Environment): Config {
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const text = JSON.stringify({
    source: { url: escaped(url), ...(endpoint ? { endpoint: escaped(endpoint) } : {}) },
    warehouse: { url: "postgresql://none" },
    tables: { "*": {} },
  });
  const file = "the command line";
  return loadConfig({
    file,
    env: {},
    readFile(path) {
      if (path === file) return text;
      throw Object.assign(new Error("there is no other file"), { code: "ENOENT" });
    },
  });
}

/** The entry that would be written for that folder. */
export function startingTable(config: Config, folder: string): TableConfig {
  const [every] = config.tables;
  if (every === undefined) throw new DrayageError("INTERNAL");
  return { ...every, name: folder, prefixes: [folder] };
}

/** Nothing in a URL of the command line is a variable. */
function escaped(text: string): string {
  return text.replaceAll("${", () => "$${");
}
