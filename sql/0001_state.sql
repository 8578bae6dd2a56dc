-- The state schema: what ran, what each object became, what could not be loaded. Applied with search_path set to it.
-- Readable with psql, and meant to be: docs/state.md explains it. Never edit a migration that was released; add the next number.

create table runs (
  run_id bigint generated always as identity primary key,
  command text not null,
  started_at timestamptz not null default now(),
  finished_at timestamptz,
  status text not null default 'running'
    constraint runs_status check (status in ('running', 'done', 'failed', 'lost')),
  host text not null,
  pid integer not null,
  version text not null,
  counts jsonb not null default '{}',
  constraint runs_finished check ((status = 'running') = (finished_at is null))
);

comment on table runs is 'One row a pass. A running one whose advisory lock is free is lost; the next run says so.';

create table tables (
  table_name text primary key,
  table_id integer generated always as identity unique,
  main_schema name not null,
  main_table name not null,
  main_oid oid,
  generation integer not null default 1 constraint tables_generation check (generation > 0),
  generation_began timestamptz,
  floor numeric(38),
  dialect jsonb not null default '{}',
  paused_at timestamptz,
  paused_until timestamptz,
  paused_reason text,
  created_at timestamptz not null default now(),
  unique (main_schema, main_table)
);

comment on table tables is 'One row a main table that drayage loads. table_id is the key of its advisory lock and of its tombstones table.';
comment on column tables.main_oid is 'The main table as it was last loaded: another oid means that it was dropped or re-created.';
comment on column tables.floor is 'At or below this _version a record may update a row, never insert one.';
comment on column tables.dialect is 'What was decided on evidence and holds from then on: {"nulls": ["NULL"], "header": true}.';

create table load_history (
  id bigint generated always as identity primary key,
  table_name text not null references tables (table_name),
  bucket text not null,
  key text not null,
  etag text not null,
  size bigint not null,
  last_modified timestamptz not null,
  kind text not null constraint load_history_kind check (kind in ('full_load', 'change')),
  file_time timestamptz,
  generation integer not null default 1,
  status text not null constraint load_history_status check (
    status in ('pending', 'loading', 'loaded', 'loaded_with_rejects', 'failed', 'skipped', 'superseded')
  ),
  retry text constraint load_history_retry check (retry in ('auto', 'after_change')),
  attempts integer not null default 0,
  error_code text,
  error text,
  config_hash text,
  sha256 bytea,
  run_id bigint references runs (run_id),
  started_at timestamptz,
  finished_at timestamptz,
  rows_read bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_unchanged bigint,
  rows_deleted bigint,
  rows_superseded bigint,
  rows_stale bigint,
  rows_ignored bigint,
  rows_rejected bigint,
  repairs jsonb not null default '{}',
  bytes bigint,
  timings jsonb not null default '{}',
  constraint load_history_object unique (table_name, bucket, key, etag, size, last_modified),
  constraint load_history_change_has_time check (kind <> 'change' or file_time is not null),
  constraint load_history_loading_has_run check (status <> 'loading' or run_id is not null),
  constraint load_history_failed_says_why check (
    (status = 'failed') = (error_code is not null) and (status = 'failed') = (retry is not null)
  ),
  constraint load_history_loaded_balances check (
    status not in ('loaded', 'loaded_with_rejects')
    or coalesce(
      rows_read = rows_inserted + rows_updated + rows_unchanged + rows_deleted
        + rows_superseded + rows_stale + rows_ignored + rows_rejected,
      false
    )
  ),
  constraint load_history_rejects_are_said check (status <> 'loaded' or rows_rejected = 0)
);

create index load_history_open on load_history (table_name, status)
  where status in ('pending', 'loading', 'failed');
create index load_history_run on load_history (run_id);
create index load_history_keys on load_history (table_name, bucket, key);

comment on table load_history is 'One row an object version. It becomes loaded in the transaction that merged its rows.';
comment on column load_history.rows_read is 'Records after the header, unreadable ones included.';
comment on column load_history.config_hash is 'Of the table''s config when it failed: another hash lets an after_change failure be tried again.';

create table load_attempts (
  history_id bigint not null references load_history (id) on delete cascade,
  attempt integer not null,
  run_id bigint references runs (run_id),
  started_at timestamptz not null,
  finished_at timestamptz not null default now(),
  status text not null constraint load_attempts_status check (status in ('loaded', 'loaded_with_rejects', 'failed', 'skipped')),
  error_code text,
  counts jsonb not null default '{}',
  primary key (history_id, attempt)
);

create table rejects (
  id bigint generated always as identity primary key,
  history_id bigint not null references load_history (id) on delete cascade,
  table_name text not null,
  record_no bigint not null constraint rejects_record_no check (record_no > 0),
  byte_offset bigint,
  byte_length bigint,
  reason text not null,
  column_name text,
  constraint_name text,
  sqlstate text,
  message text,
  record bytea constraint rejects_record_size check (octet_length(record) <= 65536),
  created_at timestamptz not null default now(),
  replayed_at timestamptz
);

create index rejects_history on rejects (history_id);
create index rejects_open on rejects (table_name, reason) where replayed_at is null;

comment on table rejects is 'Records that could not be loaded. message and record hold cell values; nothing else in this schema does.';
comment on column rejects.record_no is 'From 1, the header not counted.';
comment on column rejects.byte_offset is 'Of the record in the object''s bytes, after gunzip.';

create table columns (
  table_name text not null references tables (table_name),
  path text not null,
  column_name name not null,
  type text not null,
  made boolean not null,
  kinds integer not null default 0,
  first_seen timestamptz not null default now(),
  object bigint references load_history (id),
  primary key (table_name, path),
  unique (table_name, column_name)
);

comment on table columns is 'Which column of the main table a source column or a document path feeds. Once stored, a path keeps its column.';
comment on column columns.kinds is 'Of a document path: which kinds of values it held, as bits; with them the type is the same in any order of arrival.';
comment on column columns.made is 'Whether drayage made the column and may widen its type.';

create table schema_changes (
  id bigint generated always as identity primary key,
  table_name text not null references tables (table_name),
  run_id bigint references runs (run_id),
  changed_at timestamptz not null default now(),
  statement text not null
);

create table alerts (
  event_id uuid primary key default gen_random_uuid(),
  cause text not null,
  table_name text,
  raised_at timestamptz not null default now(),
  cleared_at timestamptz,
  delivered_at timestamptz,
  unique (cause, table_name, raised_at)
);

create view tombstones as
  select null::text as table_name, null::jsonb as key, null::numeric as version, null::bigint as record, null::timestamptz as deleted_at
  where false;

comment on view tombstones is 'Deleted keys of all tables, so that a late older record does not bring them back. Made anew when a table gets its tombstones.';
