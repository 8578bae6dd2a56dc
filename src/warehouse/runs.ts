/** Runs: one row and one session advisory lock each. A run whose lock is free is lost, whatever its row says. */
import { lockClass, runIsAlive, runLockKey } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface RunStart {
  readonly command: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
}

/** The lock is taken before the row is visible: a row without its lock would be taken for lost. It lives as long as the session. */
export async function startRun(session: Session, stateSchema: string, run: RunStart): Promise<bigint> {
  const state = ident(stateSchema);
  return session.transaction(async () => {
    const { run_id } = await session.one<{ run_id: string }>(
      `insert into ${state}.runs (command, host, pid, version) values ($1, $2, $3, $4) returning run_id`,
      [run.command, run.host, run.pid, run.version],
    );
    const runId = BigInt(run_id);
    await session.query("select pg_advisory_lock($1, $2)", [lockClass.run, runLockKey(runId)]);
    await session.query(
      `update ${state}.runs r set status = 'lost', finished_at = now()
       where r.status = 'running' and r.run_id <> $1 and not ${runIsAlive("r.run_id")}`,
      [run_id],
    );
    return runId;
  });
}

/** Also of a run that another took for lost while its connection was broken. */
export async function finishRun(
  session: Session,
  stateSchema: string,
  runId: bigint,
  status: "done" | "failed",
  counts: Readonly<Record<string, number>>,
  /** Of the error that ended the run as a whole. */
  errorCode?: string | undefined,
): Promise<void> {
  await session.query(
    `update ${ident(stateSchema)}.runs set status = $2, finished_at = now(), counts = $3, error_code = $4 where run_id = $1 and status in ('running', 'lost')`,
    [runId.toString(), status, JSON.stringify(counts), errorCode ?? null],
  );
}
