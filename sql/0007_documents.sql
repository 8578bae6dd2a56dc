-- Documents: what has no place in a column, and how it comes home.

create table rescued (
  table_name text not null references tables (table_name) on delete cascade,
  path text not null,
  key text not null,
  column_name name,
  type text not null,
  reason text not null,
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  object bigint references load_history (id) on delete set null,
  primary key (table_name, path)
);

comment on table rescued is 'Paths with values in _rescued of their main table, and why. What was brought home is taken out by the next load of the table.';
comment on column rescued.key is 'In _rescued; ends in .* for whatever lies below a path.';
comment on column rescued.column_name is 'The column whose type does not take the values; null: the path has none.';
comment on column rescued.type is 'Type that a column needs to take all of them.';
