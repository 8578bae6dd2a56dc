-- Retention: what old rows leave behind when a run drops them. The load history itself stays: it is what "new" means.

alter table load_history drop constraint load_history_run_id_fkey;
alter table load_history add constraint load_history_run_id_fkey
  foreign key (run_id) references runs (run_id) on delete set null;
alter table schema_changes drop constraint schema_changes_run_id_fkey;
alter table schema_changes add constraint schema_changes_run_id_fkey
  foreign key (run_id) references runs (run_id) on delete set null;
alter table load_attempts drop constraint load_attempts_run_id_fkey;
alter table load_attempts add constraint load_attempts_run_id_fkey
  foreign key (run_id) references runs (run_id) on delete cascade;

comment on column load_history.run_id is 'Null when retention.runs dropped the run.';

create index load_attempts_run on load_attempts (run_id);
create index rejects_created on rejects (created_at);

-- A version by order_by has digits after the point, which numeric(38) would round.
alter table tables alter column floor type numeric;
alter table tables add column tombstones_checked_at timestamptz;

comment on column tables.tombstones_checked_at is 'Of a large table: when its tombstones were last looked through for old ones.';
