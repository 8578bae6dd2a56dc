/** The alerts that are open: compared under a lock, so that loaders that end together tell of each thing once. */
import { lockClass } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import { mergedStatuses } from "./life-conditions.ts";
import type { Session } from "./session.ts";

export interface AlertRow {
  readonly cause: string;
  /** Code and place: of one cause and subject one alert is open at a time. */
  readonly subject: string;
  readonly code: string | undefined;
  readonly place: string;
  readonly table: string | undefined;
  readonly folder: string | undefined;
  readonly message: string;
  readonly since: Date | undefined;
}

export interface OpenAlert extends AlertRow {
  readonly id: string;
  readonly raisedAt: Date;
}

/** Of the transaction: who compares after it sees what this one opened and closed. */
export async function lockAlerts(session: Session, stateSchema: string): Promise<void> {
  // A comparison takes milliseconds: whoever holds this for longer is stuck, and no run waits for an alert.
  await session.query("set local lock_timeout = '5s'");
  await session.query("select pg_advisory_xact_lock($1, hashtext($2))", [lockClass.alerts, stateSchema]);
}

export async function openAlerts(session: Session, stateSchema: string): Promise<OpenAlert[]> {
  const { rows } = await session.query<{
    id: string;
    cause: string;
    subject: string;
    code: string | null;
    place: string;
    table_name: string | null;
    folder: string | null;
    message: string;
    since: Date | null;
    raised_at: Date;
  }>(
    `select id, cause, subject, code, place, table_name, folder, message, since, raised_at
     from ${ident(stateSchema)}.alerts where cleared_at is null order by id`,
  );
  return rows.map(({ table_name, raised_at, ...row }) => ({
    ...row,
    code: row.code ?? undefined,
    table: table_name ?? undefined,
    folder: row.folder ?? undefined,
    since: row.since ?? undefined,
    raisedAt: raised_at,
  }));
}

export async function raiseAlerts(
  session: Session,
  stateSchema: string,
  alerts: readonly AlertRow[],
  now: Date,
): Promise<void> {
  if (alerts.length === 0) return;
  await session.query(
    `insert into ${ident(stateSchema)}.alerts (cause, subject, code, place, table_name, folder, message, since, raised_at)
     select a.cause, a.subject, a.code, a.place, a.table_name, a.folder, a.message, a.since, $9
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
       as a (cause, subject, code, place, table_name, folder, message, since)`,
    [
      alerts.map((alert) => alert.cause),
      alerts.map((alert) => alert.subject),
      alerts.map((alert) => alert.code ?? null),
      alerts.map((alert) => alert.place),
      alerts.map((alert) => alert.table ?? null),
      alerts.map((alert) => alert.folder ?? null),
      alerts.map((alert) => alert.message),
      alerts.map((alert) => alert.since?.toISOString() ?? null),
      now,
    ],
  );
}

export async function clearAlerts(
  session: Session,
  stateSchema: string,
  alerts: readonly OpenAlert[],
  now: Date,
): Promise<void> {
  if (alerts.length === 0) return;
  // Two clocks of one warehouse, before and after a failover, may disagree.
  await session.query(
    `update ${ident(stateSchema)}.alerts set cleared_at = greatest($2, raised_at) where id = any($1::bigint[])`,
    [alerts.map((alert) => alert.id), now],
  );
}

export interface DayLoaded {
  readonly objects: number;
  readonly records: number;
  readonly rejected: number;
}

/** What was loaded in the time between. */
export async function loadedBetween(session: Session, stateSchema: string, from: Date, to: Date): Promise<DayLoaded> {
  return session.one<DayLoaded>(
    `select count(*)::integer as objects, coalesce(sum(rows_read), 0)::float8 as records,
            coalesce(sum(rows_rejected), 0)::float8 as rejected
     from ${ident(stateSchema)}.load_history
     where status in (${mergedStatuses}) and finished_at > $1 and finished_at <= $2`,
    [from, to],
  );
}
