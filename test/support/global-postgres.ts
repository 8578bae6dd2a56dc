/** One PostgreSQL server for a whole run of the `pg` tests; DRAYAGE_TEST_PG names another to use instead. */
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
  const server = await startPostgres({ durable: false });
  project.provide("postgresUrl", server.url);
  return () => server.stop();
}
