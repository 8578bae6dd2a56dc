/** The queue of what is told about alerts: each event stays until it is delivered, or too old to be of use. */
import { lockClass } from "./advisory-locks.ts";
import { ident } from "./identifier.ts";
import type { Session } from "./session.ts";

export interface NewAlertEvent {
  /** A uuid. */
  readonly eventId: string;
  readonly kind: "raised" | "cleared" | "daily";
  /** undefined: of a summary. */
  readonly cause: string | undefined;
  readonly code: string | undefined;
  /** `2026-03-01`: of a summary, and of nothing else. */
  readonly day: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** In this order. A second summary of a day is left out. */
export async function queueEvents(
  session: Session,
  stateSchema: string,
  events: readonly NewAlertEvent[],
  now: Date,
): Promise<void> {
  if (events.length === 0) return;
  await session.query(
    `insert into ${ident(stateSchema)}.alert_events (event_id, kind, cause, code, day, body, created_at, next_attempt_at)
     select e.event_id, e.kind, e.cause, e.code, e.day, e.body, $7, $7
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::date[], $6::jsonb[]) with ordinality
       as e (event_id, kind, cause, code, day, body, position)
     order by e.position
     on conflict (day) where kind = 'daily' do nothing`,
    [
      events.map((event) => event.eventId),
      events.map((event) => event.kind),
      events.map((event) => event.cause ?? null),
      events.map((event) => event.code ?? null),
      events.map((event) => event.day ?? null),
      events.map((event) => JSON.stringify(event.body)),
      now,
    ],
  );
}

export async function hasSummary(session: Session, stateSchema: string, day: string): Promise<boolean> {
  const { rows } = await session.query(
    `select from ${ident(stateSchema)}.alert_events where kind = 'daily' and day = $1::date`,
    [day],
  );
  return rows.length > 0;
}

/** One deliverer at a time in the whole database: two that read the same queue would send twice. Tried, never waited for. */
export async function tryDelivery(session: Session, stateSchema: string): Promise<boolean> {
  const { had } = await session.one<{ had: boolean }>("select pg_try_advisory_lock($1, hashtext($2)) as had", [
    lockClass.delivery,
    stateSchema,
  ]);
  return had;
}

export async function endDelivery(session: Session, stateSchema: string): Promise<void> {
  await session.query("select pg_advisory_unlock($1, hashtext($2))", [lockClass.delivery, stateSchema]);
}

export interface DueEvent {
  readonly eventId: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** That failed. */
  readonly attempts: number;
}

/**
 * The oldest that is due. Of one cause and code an event waits for the one before it: "over" must not arrive before "began". One
 * that the webhook does not take holds up nothing else.
 */
export async function nextDueEvent(
  session: Session,
  stateSchema: string,
  now: Date,
  /** Event ids. */
  tried: readonly string[],
): Promise<DueEvent | undefined> {
  const events = `${ident(stateSchema)}.alert_events`;
  const { rows } = await session.query<DueEvent>(
    `select e.event_id as "eventId", e.body, e.attempts from ${events} e
     where e.delivered_at is null and e.given_up_at is null and e.next_attempt_at <= $1 and e.event_id <> all($2::uuid[])
       and not exists (
         select from ${events} b
         where b.delivered_at is null and b.given_up_at is null and b.position < e.position
           and b.cause is not distinct from e.cause and b.code is not distinct from e.code
       )
     order by e.position limit 1`,
    [now, tried],
  );
  return rows[0];
}

export async function noteDelivered(session: Session, stateSchema: string, eventId: string): Promise<void> {
  await session.query(
    `update ${ident(stateSchema)}.alert_events set delivered_at = now(), attempts = attempts + 1, fault = null
     where event_id = $1 and delivered_at is null`,
    [eventId],
  );
}

/** `fault` names no address. */
export async function noteUndelivered(
  session: Session,
  stateSchema: string,
  eventId: string,
  fault: string,
  nextAttemptAt: Date,
): Promise<void> {
  await session.query(
    `update ${ident(stateSchema)}.alert_events set attempts = attempts + 1, fault = $2, next_attempt_at = $3
     where event_id = $1 and delivered_at is null`,
    [eventId, fault, nextAttemptAt],
  );
}

/** Gives up what was made before that moment and not delivered since; returns how many. */
export async function giveUpEvents(session: Session, stateSchema: string, before: Date, now: Date): Promise<number> {
  const { count } = await session.query(
    `update ${ident(stateSchema)}.alert_events set given_up_at = $2
     where delivered_at is null and given_up_at is null and created_at < $1`,
    [before, now],
  );
  return count;
}

export interface UndeliveredAlerts {
  readonly events: number;
  readonly since: Date;
  readonly fault: string;
  readonly givenUp: number;
}

/** What was tried in vain, and what was given up since the webhook last took anything. */
export async function undeliveredAlerts(session: Session, stateSchema: string): Promise<UndeliveredAlerts | undefined> {
  const events = `${ident(stateSchema)}.alert_events`;
  const { rows } = await session.query<UndeliveredAlerts>(
    `select count(*)::integer as events, min(created_at) as since, count(given_up_at)::integer as "givenUp",
            coalesce((array_agg(fault order by position desc) filter (where fault is not null))[1], 'was never called') as fault
     from ${events}
     where delivered_at is null
       and (case when given_up_at is null then attempts > 0
            else given_up_at > coalesce((select max(delivered_at) from ${events}), '-infinity') end)
     having count(*) > 0`,
  );
  return rows[0];
}
