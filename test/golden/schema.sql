-- What is posted to alerts.webhook, in this order. At least once: a crash after the post repeats it with the same event_id.
table alert_events (
  event_id uuid not null
  position bigint not null generated always as identity
  kind text not null
  cause text
  code text
  day date -- Of a daily summary: one a day, however many runs there are.
  body jsonb not null -- Fixed when it was made; the same at each attempt.
  created_at timestamp with time zone not null
  attempts integer not null default 0
  next_attempt_at timestamp with time zone not null
  fault text -- Of the last attempt that failed.
  delivered_at timestamp with time zone
  given_up_at timestamp with time zone -- When it was too old to be of use.
  constraint alert_events_attempts CHECK ((attempts >= 0))
  constraint alert_events_body CHECK (COALESCE(((body #>> '{drayage,event_id}'::text[]) = (event_id)::text), false))
  constraint alert_events_cause CHECK (((kind = 'daily'::text) = (cause IS NULL)))
  constraint alert_events_day CHECK (((kind = 'daily'::text) = (day IS NOT NULL)))
  constraint alert_events_kind CHECK ((kind = ANY (ARRAY['raised'::text, 'cleared'::text, 'daily'::text])))
  constraint alert_events_one_end CHECK (((delivered_at IS NULL) OR (given_up_at IS NULL)))
  constraint alert_events_pkey PRIMARY KEY (event_id)
  constraint alert_events_tried CHECK (((delivered_at IS NULL) OR (attempts > 0)))
)
CREATE INDEX alert_events_open ON state.alert_events USING btree ("position") WHERE ((delivered_at IS NULL) AND (given_up_at IS NULL));
CREATE UNIQUE INDEX alert_events_daily ON state.alert_events USING btree (day) WHERE (kind = 'daily'::text);

-- What somebody was told of. One row from its beginning to its end; open until cleared_at is set.
table alerts (
  id bigint not null generated always as identity
  cause text not null
  subject text not null -- Code and place: of one cause and subject one alert is open at a time.
  code text
  place text not null -- The table, folder or run that it is about; empty: the source or the loading as a whole.
  table_name text
  folder text
  message text not null -- As it was told.
  since timestamp with time zone -- When it began, where that is known; raised_at is when a run found it.
  raised_at timestamp with time zone not null
  cleared_at timestamp with time zone
  constraint alerts_cleared_after_raised CHECK ((cleared_at >= raised_at))
  constraint alerts_pkey PRIMARY KEY (id)
)
CREATE UNIQUE INDEX alerts_open ON state.alerts USING btree (cause, subject) WHERE (cleared_at IS NULL);

-- Ranges that were asked to be loaded again. One that is not finished goes on when the same command is given again.
table backfills (
  id bigint not null generated always as identity
  table_name text not null
  selector text not null -- As typed.
  config_hash text not null -- Of the table's config: under another one everything is loaded again.
  from_time timestamp with time zone
  to_time timestamp with time zone
  began_at timestamp with time zone not null default now()
  finished_at timestamp with time zone
  run_id bigint -- Its last run; when that run's lock is free, nobody works on it.
  constraint backfills_pkey PRIMARY KEY (id)
  constraint backfills_run_id_fkey FOREIGN KEY (run_id) REFERENCES state.runs(run_id) ON DELETE SET NULL
  constraint backfills_table_name_fkey FOREIGN KEY (table_name) REFERENCES state.tables(table_name) ON DELETE CASCADE
)

-- Which column of the main table a source column or a document path feeds. Once stored, a path keeps its column.
table columns (
  table_name text not null
  path text not null
  column_name name not null
  type text not null
  made boolean not null -- Whether drayage made the column and may widen its type.
  kinds integer not null default 0 -- Of a document path: which kinds of values it held, as bits; with them the type is the same in any order of arrival.
  first_seen timestamp with time zone not null default now()
  object bigint
  constraint columns_object_fkey FOREIGN KEY (object) REFERENCES state.load_history(id)
  constraint columns_pkey PRIMARY KEY (table_name, path)
  constraint columns_table_name_column_name_key UNIQUE (table_name, column_name)
  constraint columns_table_name_fkey FOREIGN KEY (table_name) REFERENCES state.tables(table_name)
)

-- What waits for somebody: exit 6 of the last run that worked on the table.
table decisions (
  table_name text not null
  code text not null
  message text not null
  object text
  run_id bigint
  first_seen timestamp with time zone not null default now()
  constraint decisions_pkey PRIMARY KEY (table_name, code)
  constraint decisions_run_id_fkey FOREIGN KEY (run_id) REFERENCES state.runs(run_id) ON DELETE SET NULL
  constraint decisions_table_name_fkey FOREIGN KEY (table_name) REFERENCES state.tables(table_name) ON DELETE CASCADE
)

table load_attempts (
  history_id bigint not null
  attempt integer not null
  run_id bigint
  started_at timestamp with time zone not null
  finished_at timestamp with time zone not null default now()
  status text not null
  error_code text
  counts jsonb not null default '{}'::jsonb
  constraint load_attempts_history_id_fkey FOREIGN KEY (history_id) REFERENCES state.load_history(id) ON DELETE CASCADE
  constraint load_attempts_pkey PRIMARY KEY (history_id, attempt)
  constraint load_attempts_run_id_fkey FOREIGN KEY (run_id) REFERENCES state.runs(run_id) ON DELETE CASCADE
  constraint load_attempts_status CHECK ((status = ANY (ARRAY['loaded'::text, 'loaded_with_rejects'::text, 'failed'::text, 'skipped'::text])))
)
CREATE INDEX load_attempts_run ON state.load_attempts USING btree (run_id);

-- One row an object version. It becomes loaded in the transaction that merged its rows.
table load_history (
  id bigint not null generated always as identity
  table_name text not null
  bucket text not null
  key text not null
  etag text not null
  size bigint not null
  last_modified timestamp with time zone not null
  kind text not null
  file_time timestamp with time zone
  generation integer not null default 1 -- Of the table: which full load it is part of, or came after. Above tables.generation: it waits to be applied.
  status text not null
  retry text
  attempts integer not null default 0
  error_code text
  error text
  config_hash text -- Of the table's config when it failed: another hash lets an after_change failure be tried again.
  sha256 bytea
  run_id bigint -- Null when retention.runs dropped the run.
  started_at timestamp with time zone
  finished_at timestamp with time zone
  rows_read bigint -- Records after the header, unreadable ones included.
  rows_inserted bigint
  rows_updated bigint
  rows_unchanged bigint
  rows_deleted bigint
  rows_superseded bigint
  rows_stale bigint
  rows_ignored bigint
  rows_rejected bigint
  repairs jsonb not null default '{}'::jsonb
  bytes bigint
  timings jsonb not null default '{}'::jsonb
  backfill bigint -- Which backfill took it last.
  note text -- What was decided about it by hand, with mark.
  header bytea -- Of an object with rejects: its bytes before the first record. It names the fields of their records.
  seen_sha256 bytea -- Of a full load that waits: of its bytes, read once to tell whether they are others than those that are loaded.
  rows_removed bigint -- Rows that a newer full load lacked and that were removed when it was applied; noted at its first object. In no bucket of the balance.
  constraint load_history_backfill_fkey FOREIGN KEY (backfill) REFERENCES state.backfills(id) ON DELETE SET NULL
  constraint load_history_change_has_time CHECK (((kind <> 'change'::text) OR (file_time IS NOT NULL)))
  constraint load_history_failed_says_why CHECK ((((status = 'failed'::text) = (error_code IS NOT NULL)) AND ((status = 'failed'::text) = (retry IS NOT NULL))))
  constraint load_history_kind CHECK ((kind = ANY (ARRAY['full_load'::text, 'change'::text])))
  constraint load_history_loaded_balances CHECK (((status <> ALL (ARRAY['loaded'::text, 'loaded_with_rejects'::text])) OR COALESCE((rows_read = (((((((rows_inserted + rows_updated) + rows_unchanged) + rows_deleted) + rows_superseded) + rows_stale) + rows_ignored) + rows_rejected)), false)))
  constraint load_history_loading_has_run CHECK (((status <> 'loading'::text) OR (run_id IS NOT NULL)))
  constraint load_history_object UNIQUE (table_name, bucket, key, etag, size, last_modified)
  constraint load_history_pkey PRIMARY KEY (id)
  constraint load_history_rejects_are_said CHECK (((status <> 'loaded'::text) OR (rows_rejected = 0)))
  constraint load_history_retry CHECK ((retry = ANY (ARRAY['auto'::text, 'after_change'::text])))
  constraint load_history_run_id_fkey FOREIGN KEY (run_id) REFERENCES state.runs(run_id) ON DELETE SET NULL
  constraint load_history_status CHECK ((status = ANY (ARRAY['pending'::text, 'loading'::text, 'loaded'::text, 'loaded_with_rejects'::text, 'failed'::text, 'skipped'::text, 'superseded'::text])))
  constraint load_history_table_name_fkey FOREIGN KEY (table_name) REFERENCES state.tables(table_name)
)
CREATE INDEX load_history_backfill ON state.load_history USING btree (backfill) WHERE (backfill IS NOT NULL);
CREATE INDEX load_history_file_time ON state.load_history USING btree (table_name, file_time DESC) WHERE (kind = 'change'::text);
CREATE INDEX load_history_keys ON state.load_history USING btree (table_name, bucket, key);
CREATE INDEX load_history_open ON state.load_history USING btree (table_name, status) WHERE (status = ANY (ARRAY['pending'::text, 'loading'::text, 'failed'::text]));
CREATE INDEX load_history_repaired ON state.load_history USING btree (finished_at) WHERE (repairs <> '{}'::jsonb);
CREATE INDEX load_history_run ON state.load_history USING btree (run_id);

table migrations (
  number integer not null
  name text not null
  checksum text not null
  applied_at timestamp with time zone not null default now()
  constraint migrations_pkey PRIMARY KEY (number)
)

-- Records that could not be loaded. message and record hold cell values; nothing else in this schema does.
table rejects (
  id bigint not null generated always as identity
  history_id bigint not null
  table_name text not null
  record_no bigint not null -- From 1, the header not counted.
  byte_offset bigint -- Of the record in the object's bytes, after gunzip.
  byte_length bigint
  reason text not null
  column_name text
  constraint_name text
  sqlstate text
  message text
  record bytea
  created_at timestamp with time zone not null default now()
  replayed_at timestamp with time zone
  constraint rejects_history_id_fkey FOREIGN KEY (history_id) REFERENCES state.load_history(id) ON DELETE CASCADE
  constraint rejects_pkey PRIMARY KEY (id)
  constraint rejects_record_no CHECK ((record_no > 0))
  constraint rejects_record_size CHECK ((octet_length(record) <= 65536))
)
CREATE INDEX rejects_created ON state.rejects USING btree (created_at);
CREATE INDEX rejects_history ON state.rejects USING btree (history_id);
CREATE INDEX rejects_open ON state.rejects USING btree (table_name, reason) WHERE (replayed_at IS NULL);

-- Paths with values in _rescued of their main table, and why. What was brought home is taken out by the next load of the table.
table rescued (
  table_name text not null
  path text not null
  key text not null -- In _rescued; ends in .* for whatever lies below a path.
  column_name name -- The column whose type does not take the values; null: the path has none.
  type text not null -- Type that a column needs to take all of them.
  reason text not null
  first_seen timestamp with time zone not null default now()
  last_seen timestamp with time zone not null default now()
  object bigint
  constraint rescued_object_fkey FOREIGN KEY (object) REFERENCES state.load_history(id) ON DELETE SET NULL
  constraint rescued_pkey PRIMARY KEY (table_name, path)
  constraint rescued_table_name_fkey FOREIGN KEY (table_name) REFERENCES state.tables(table_name) ON DELETE CASCADE
)

-- One row a pass. A running one whose advisory lock is free is lost; the next run says so.
table runs (
  run_id bigint not null generated always as identity
  command text not null
  started_at timestamp with time zone not null default now()
  finished_at timestamp with time zone
  status text not null default 'running'::text
  host text not null
  pid integer not null
  version text not null
  counts jsonb not null default '{}'::jsonb
  listed_at timestamp with time zone -- When the run had listed the whole source; null when it listed a part, or failed before.
  error_code text -- Of the error that ended the run as a whole.
  constraint runs_finished CHECK (((status = 'running'::text) = (finished_at IS NULL)))
  constraint runs_pkey PRIMARY KEY (run_id)
  constraint runs_status CHECK ((status = ANY (ARRAY['running'::text, 'done'::text, 'failed'::text, 'lost'::text])))
)

table schema_changes (
  id bigint not null generated always as identity
  table_name text not null
  run_id bigint
  changed_at timestamp with time zone not null default now()
  statement text not null
  constraint schema_changes_pkey PRIMARY KEY (id)
  constraint schema_changes_run_id_fkey FOREIGN KEY (run_id) REFERENCES state.runs(run_id) ON DELETE SET NULL
  constraint schema_changes_table_name_fkey FOREIGN KEY (table_name) REFERENCES state.tables(table_name)
)

-- One row a main table that drayage loads. table_id is the key of its advisory lock and of its tombstones table.
table tables (
  table_name text not null
  table_id integer not null generated always as identity
  main_schema name not null
  main_table name not null
  main_oid oid -- The main table as it was last loaded: another oid means that it was dropped or re-created.
  generation integer not null default 1
  generation_began timestamp with time zone -- When the first object of the current full load came into the source.
  floor numeric -- At or below this _version a record may update a row, never insert one.
  dialect jsonb not null default '{}'::jsonb -- What was decided on evidence and holds from then on: {"nulls": ["NULL"], "header": true}.
  paused_at timestamp with time zone
  paused_until timestamp with time zone
  paused_reason text
  created_at timestamp with time zone not null default now()
  folder text -- Below source.url, as last listed: which entry of the config reads it.
  last_modified timestamp with time zone -- When its newest object came into the source.
  last_file_time timestamp with time zone -- The latest time in the name of an object.
  last_seen_at timestamp with time zone -- When a run first listed that newest object.
  last_loaded_at timestamp with time zone -- When a run last loaded an object of it.
  tombstones_checked_at timestamp with time zone -- Of a large table: when its tombstones were last looked through for old ones.
  constraint tables_generation CHECK ((generation > 0))
  constraint tables_main_schema_main_table_key UNIQUE (main_schema, main_table)
  constraint tables_pkey PRIMARY KEY (table_name)
  constraint tables_table_id_key UNIQUE (table_id)
)

-- Folders that no table reads, as the last run that listed the whole source found them.
table unclaimed (
  folder text not null
  objects bigint not null
  first_seen timestamp with time zone not null default now()
  last_seen timestamp with time zone not null default now()
  constraint unclaimed_pkey PRIMARY KEY (folder)
)

-- Deleted keys of all tables, so that a late older record does not bring them back. Made anew when a table gets its tombstones.
view tombstones as
 SELECT NULL::text AS table_name,
    NULL::jsonb AS key,
    NULL::numeric AS version,
    NULL::bigint AS record,
    NULL::timestamp with time zone AS deleted_at
  WHERE false;
