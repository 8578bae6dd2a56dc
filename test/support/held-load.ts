/** A load that stands still at a message of its choice, and the backends behind it. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { expect } from "vitest";
import { lockClass } from "../../src/warehouse/advisory-locks.ts";
import type { RunningDrayage } from "./drayage.ts";
import { type FrontendMessage, startPostgresProxy, type Verdict } from "./postgres-proxy.ts";
import { faultsOf, type Stage } from "./scene.ts";

export interface HeldLoad {
  readonly run: RunningDrayage;
  /** Lets the message through. */
  letGo(): void;
  end(): Promise<void>;
}

/** Starts a load and resolves when its first such message is held back: the server does not get it until `letGo`. */
export async function holdLoad(
  stage: Stage,
  at: (message: FrontendMessage) => boolean,
  args: readonly string[] = [],
): Promise<HeldLoad> {
  let reached = (): void => undefined;
  let letGo = (): void => undefined;
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const open = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let first = true;
  const proxy = await startPostgresProxy(stage.database.url, async (message): Promise<Verdict> => {
    if (first && at(message)) {
      first = false;
      reached();
      await open;
    }
    return "pass";
  });
  const run = stage.start({ url: proxy.url, args });
  const held: HeldLoad = {
    run,
    letGo,
    async end() {
      letGo();
      run.kill("SIGKILL");
      await run.ended;
      await proxy.stop();
    },
  };
  try {
    await Promise.race([there, run.ended.then((ran) => expect.fail(`it ended: ${faultsOf(ran).join("; ")}`))]);
  } catch (error) {
    await held.end();
    throw error;
  }
  return held;
}

/** Backends by what they do, as a condition on `pg_stat_activity a`. */
export const backends = {
  all: "true",
  /** The one that holds the lock of the run. */
  run: `exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and l.classid = ${lockClass.run})`,
  /** Those that load. */
  loading: `not exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and l.classid = ${lockClass.run})`,
} as const;

/** Ends backends of drayage and waits until they are gone, and their locks with them; returns how many they were. */
export async function terminate(client: pg.Client, where: string): Promise<number> {
  const { rows } = await client.query<{ pid: number }>(
    `select a.pid, pg_terminate_backend(a.pid) from pg_stat_activity a
     where a.datname = current_database() and a.application_name like 'drayage%' and ${where}`,
  );
  const pids = rows.map((row) => row.pid);
  for (;;) {
    const { rowCount } = await client.query("select from pg_stat_activity where pid = any($1)", [pids]);
    if (rowCount === 0) return pids.length;
    await sleep(5);
  }
}
