/** A directory with a config and a folder of objects beside a database of its own, where the built program is run. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { inject } from "vitest";
import { type FreshDatabase, freshDatabase, onServer } from "./database.ts";
import { type Ran, runDrayage, runHere } from "./drayage.ts";

export interface Workplace extends Pick<FreshDatabase, "client"> {
  readonly dir: string;
  /** file:// of the folder of objects. */
  readonly source: string;
  /** Of the database, for the role that `drayage` signs in as: it owns the database and is no superuser. */
  readonly url: string;
  readonly role: string;
  /** Writes drayage.yaml. */
  config(yaml: string): void;
  /** Writes an object; `path` is below the source. */
  put(path: string, body: Uint8Array | string): void;
  /** Runs the program on the workplace, in this process; DATABASE_URL is `url`. */
  run(args: readonly string[], env?: Readonly<Record<string, string | undefined>>): Promise<Ran>;
  /** The same in a process of its own. */
  runApart(args: readonly string[], env?: Readonly<Record<string, string | undefined>>): Promise<Ran>;
  end(): Promise<void>;
}

/** `password`: of the role, which lives as long as the workplace; `server`: another than that of the run. */
export async function openWorkplace(
  password = randomBytes(8).toString("hex"),
  server = inject("postgresUrl"),
): Promise<Workplace> {
  const database = await freshDatabase(server);
  const name = new URL(database.url).pathname.slice(1);
  const role = `role_${name}`;
  await database.client.query(`create role ${role} login password '${password}'`);
  await database.client.query(`alter database ${name} owner to ${role}`);
  const url = new URL(database.url);
  url.username = role;
  url.password = password;
  const dir = mkdtempSync(join(tmpdir(), "drayage-test-"));
  const drops = join(dir, "drops");
  mkdirSync(drops);
  return {
    dir,
    source: pathToFileURL(drops).href,
    url: url.href,
    role,
    client: database.client,
    config: (yaml) => writeFileSync(join(dir, "drayage.yaml"), yaml),
    put(path, body) {
      mkdirSync(dirname(join(drops, path)), { recursive: true });
      writeFileSync(join(drops, path), body);
    },
    run: (args, env = {}) => runHere(args, { cwd: dir, env: { HOME: dir, DATABASE_URL: url.href, ...env } }),
    runApart: (args, env = {}) => runDrayage(args, { cwd: dir, env: { HOME: dir, DATABASE_URL: url.href, ...env } }),
    async end() {
      rmSync(dir, { recursive: true, force: true });
      await database.drop();
      await onServer(server, `drop role if exists ${role}`);
    },
  };
}
