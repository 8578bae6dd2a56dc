-- The hour: what an hourly service and its watchers need beside the load history. One section each.

-- Status: what each run saw, so that what needs somebody is told without listing the source again.

alter table runs add column listed_at timestamptz;
alter table runs add column error_code text;

comment on column runs.listed_at is 'When the run had listed the whole source; null when it listed a part, or failed before.';
comment on column runs.error_code is 'Of the error that ended the run as a whole.';

alter table tables add column folder text;
alter table tables add column last_modified timestamptz;
alter table tables add column last_file_time timestamptz;
alter table tables add column last_seen_at timestamptz;
alter table tables add column last_loaded_at timestamptz;

comment on column tables.folder is 'Below source.url, as last listed: which entry of the config reads it.';
comment on column tables.last_modified is 'When its newest object came into the source.';
comment on column tables.last_file_time is 'The latest time in the name of an object.';
comment on column tables.last_seen_at is 'When a run first listed that newest object.';
comment on column tables.last_loaded_at is 'When a run last loaded an object of it.';

create index load_history_file_time on load_history (table_name, file_time desc) where kind = 'change';

create table unclaimed (
  folder text primary key,
  objects bigint not null,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now()
);

comment on table unclaimed is 'Folders that no table reads, as the last run that listed the whole source found them.';

create table decisions (
  table_name text not null references tables (table_name) on delete cascade,
  code text not null,
  message text not null,
  object text,
  run_id bigint references runs (run_id) on delete set null,
  first_seen timestamptz not null default now(),
  primary key (table_name, code)
);

comment on table decisions is 'What waits for somebody: exit 6 of the last run that worked on the table.';

-- Backfill and mark: what is loaded again, how far it is, and what somebody decided by hand.

create table backfills (
  id bigint generated always as identity primary key,
  table_name text not null references tables (table_name) on delete cascade,
  selector text not null,
  config_hash text not null,
  from_time timestamptz,
  to_time timestamptz,
  began_at timestamptz not null default now(),
  finished_at timestamptz
);

comment on table backfills is 'Ranges that were asked to be loaded again. One that is not finished goes on when the same command is given again.';
comment on column backfills.selector is 'As typed.';
comment on column backfills.config_hash is 'Of the table''s config: under another one everything is loaded again.';

alter table load_history add column backfill bigint references backfills (id) on delete set null;
alter table load_history add column note text;

comment on column load_history.backfill is 'Which backfill took it last.';
comment on column load_history.note is 'What was decided about it by hand, with mark.';

create index load_history_backfill on load_history (backfill) where backfill is not null;
