-- What somebody would write by hand: the bytes into a temporary text table, then one insert with casts.
set timezone to 'UTC';
create temporary table staging (op text, dms_ts text, id text, customer_id text, status text, amount text, note text, created_at text, paid text, card_token text);
copy staging from :'file' with (format csv, header true, null 'NULL');
insert into bench_psql.orders (id, customer_id, status, amount, note, created_at, paid, op_ts)
select id::bigint, customer_id::bigint, status, amount::numeric(12,2), note, created_at::timestamptz, paid::boolean, dms_ts::timestamptz
from staging;
