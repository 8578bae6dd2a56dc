-- Generations: what is known of a newer full load before it is applied, and what it removed.

alter table load_history add column seen_sha256 bytea;
alter table load_history add column rows_removed bigint;

comment on column load_history.generation is 'Of the table: which full load it is part of, or came after. Above tables.generation: it waits to be applied.';
comment on column load_history.seen_sha256 is 'Of a full load that waits: of its bytes, read once to tell whether they are others than those that are loaded.';
comment on column load_history.rows_removed is 'Rows that a newer full load lacked and that were removed when it was applied; noted at its first object. In no bucket of the balance.';
comment on column tables.generation_began is 'When the first object of the current full load came into the source.';
