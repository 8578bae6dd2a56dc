/** One PostgreSQL server for a whole run of the `pg` tests; DRAYAGE_TEST_PG names another to use instead, DRAYAGE_TEST_PG_PACKAGE the programs of another version. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../src/demo/postgres-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of a role that may create databases, to a database that stays empty. */
    postgresUrl: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.DRAYAGE_TEST_PG;
  if (given) {
    project.provide("postgresUrl", given);
    return async () => undefined;
  }
  const directory = process.env.DRAYAGE_TEST_PG_PACKAGE;
  const server = await startPostgres({
    durable: false,
    // Two files at a time: the long crash matrix has two programs with a connection for each of its fifty tables.
    connections: 300,
    ...(directory ? { package: resolve(directory) } : {}),
  });
  if (directory) await checkVersion(server.url, directory);
  project.provide("postgresUrl", server.url);
  return () => server.stop();
}

/** A test of another version that ran on the usual one would say nothing. */
async function checkVersion(url: string, directory: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as { version: string };
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query("show server_version").finally(() => client.end());
  if (Number.parseInt(rows[0].server_version, 10) !== Number.parseInt(version, 10))
    throw new Error(`PostgreSQL ${version} was meant, ${rows[0].server_version} answers`);
}
