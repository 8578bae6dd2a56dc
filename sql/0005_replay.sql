-- Replay and repairs: what a rejected record needs to be read by itself, and what was mended lately.

alter table load_history add column header bytea;

comment on column load_history.header is 'Of an object with rejects: its bytes before the first record. It names the fields of their records.';

create index load_history_repaired on load_history (finished_at) where repairs <> '{}';
