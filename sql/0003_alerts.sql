-- Alerts: what is open, and the events that tell of it, kept until they are delivered. Nothing wrote to the table that was here.

drop table alerts;

create table alerts (
  id bigint generated always as identity primary key,
  cause text not null,
  subject text not null,
  code text,
  place text not null,
  table_name text,
  folder text,
  message text not null,
  since timestamptz,
  raised_at timestamptz not null,
  cleared_at timestamptz,
  constraint alerts_cleared_after_raised check (cleared_at >= raised_at)
);

create unique index alerts_open on alerts (cause, subject) where cleared_at is null;

comment on table alerts is 'What somebody was told of. One row from its beginning to its end; open until cleared_at is set.';
comment on column alerts.subject is 'Code and place: of one cause and subject one alert is open at a time.';
comment on column alerts.place is 'The table, folder or run that it is about; empty: the source or the loading as a whole.';
comment on column alerts.message is 'As it was told.';
comment on column alerts.since is 'When it began, where that is known; raised_at is when a run found it.';

create table alert_events (
  event_id uuid primary key,
  position bigint generated always as identity,
  kind text not null constraint alert_events_kind check (kind in ('raised', 'cleared', 'daily')),
  cause text,
  code text,
  day date,
  body jsonb not null,
  created_at timestamptz not null,
  attempts integer not null default 0 constraint alert_events_attempts check (attempts >= 0),
  next_attempt_at timestamptz not null,
  fault text,
  delivered_at timestamptz,
  given_up_at timestamptz,
  constraint alert_events_one_end check (delivered_at is null or given_up_at is null),
  constraint alert_events_cause check ((kind = 'daily') = (cause is null)),
  constraint alert_events_day check ((kind = 'daily') = (day is not null)),
  constraint alert_events_body check (coalesce(body #>> '{drayage,event_id}' = event_id::text, false)),
  constraint alert_events_tried check (delivered_at is null or attempts > 0)
);

create unique index alert_events_daily on alert_events (day) where kind = 'daily';
create index alert_events_open on alert_events (position) where delivered_at is null and given_up_at is null;

comment on table alert_events is 'What is posted to alerts.webhook, in this order. At least once: a crash after the post repeats it with the same event_id.';
comment on column alert_events.body is 'Fixed when it was made; the same at each attempt.';
comment on column alert_events.day is 'Of a daily summary: one a day, however many runs there are.';
comment on column alert_events.fault is 'Of the last attempt that failed.';
comment on column alert_events.given_up_at is 'When it was too old to be of use.';

-- Whose work a backfill is: one that nobody runs needs somebody.

alter table backfills add column run_id bigint references runs (run_id) on delete set null;

comment on column backfills.run_id is 'Its last run; when that run''s lock is free, nobody works on it.';
