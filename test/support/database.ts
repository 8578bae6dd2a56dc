/** A database of its own for a test, on the server of the run. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";

export interface FreshDatabase {
  readonly url: string;
  readonly client: pg.Client;
  /** Ends the client and every other connection, and drops the database. */
  drop(): Promise<void>;
}

/** An empty UTF-8 database from template0, with a connected client. `server`: another than that of the run. */
export async function freshDatabase(server = inject("postgresUrl")): Promise<FreshDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await onServer(server, `create database ${name} template template0 encoding 'UTF8'`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  // `drop` ends connections from the server's side; without a listener that would end the test run.
  client.on("error", () => undefined);
  await client.connect();
  return {
    url: url.href,
    client,
    async drop() {
      await client.end();
      await onServer(server, `drop database if exists ${name} with (force)`);
    },
  };
}

/** The same around a function: dropped when it ends or throws. */
export async function withDatabase<T>(run: (database: FreshDatabase) => Promise<T>): Promise<T> {
  const database = await freshDatabase();
  try {
    return await run(database);
  } finally {
    await database.drop();
  }
}

/** On a connection of its own. */
export async function onServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
